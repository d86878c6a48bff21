"""What programs ask of the page by name: /attack and /verify. (/curve and /transfer are the buttons of their tabs.)"""

import io
from typing import Any

from PIL import Image
from torch import Tensor

from ..attacks import Attack
from ..faces.prepare import Framed, framed
from ..measures.epsilons import known_epsilon
from ..measures.names import known_attack, known_target
from ..measures.report import attack_report
from ..measures.verify import Verification, verification
from ..recognizers.enrol import check_comparing
from ..texts import Refused
from .controls import View
from .event import Event
from .lent_gpu import on_gpu
from .service import Chosen, Service
from .staging import expected


@on_gpu
def report_on(
    service: Service, chosen: Chosen, face: Tensor, epsilon: float, attack: Attack, target: int | None
) -> tuple[dict[str, Any], Image.Image]:
    """What `attack_report` says."""
    return attack_report(service.network(chosen), face, epsilon, None, attack, target)


def answer(event: Event, photo: str | None, model: Any, epsilon: Any, attack: Any, target: Any) -> tuple[Any, str]:
    """Attack a picture on the recogniser's own clean prediction, or towards the person named `target`.

    Returns the report and the path of the adversarial face as 8-bit PNG. The picture itself goes with the answer.
    """
    service = event.service
    epsilon, chosen_attack, chosen = known_epsilon(epsilon), known_attack(attack), service.choose(model)
    shown = chosen.config.input_size, chosen.config.framing
    aimed_at = known_target(chosen.config.people, target, chosen_attack)
    if photo is None:
        raise Refused("refused.no_picture")
    [brought] = service.uploads.take(event.session, photo)
    face, about, *_ = framed(service.decoder.picture(brought, event.caller), *shown)
    seconds = expected(View(chosen, attack=chosen_attack))[1]
    asked = (service, chosen, face, epsilon, chosen_attack, aimed_at)
    report, image = service.once(event.caller, seconds, report_on, *asked)
    file = io.BytesIO()
    image.save(file, "PNG")
    path = service.uploads.hand_out(file.getvalue(), "adversarial.png", event.session)
    return {**report, "framing": about}, path


@on_gpu
def verified(
    service: Service, chosen: Chosen, first: Framed, second: Framed, epsilon: float | None, attack: Attack
) -> Verification:
    """What `verification` finds."""
    return verification(service.network(chosen), first, second, epsilon, attack)[0]


def verify(event: Event, first: str | None, second: str | None, model: Any, epsilon: Any, attack: Any) -> Verification:
    """Compare two pictures and, with an epsilon, attack the first. The pictures themselves go with the answer."""
    service = event.service
    asked = None if epsilon is None or epsilon == "" else known_epsilon(epsilon)
    chosen_attack, chosen = known_attack(attack), service.choose(model)
    check_comparing(chosen.name, chosen.config)
    if first is None or second is None:
        raise Refused("refused.no_pictures")
    brought = service.uploads.take(event.session, first, second)
    config = chosen.config
    one, other = (
        framed(service.decoder.picture(data, event.caller), config.input_size, config.framing) for data in brought
    )
    seconds = expected(View(chosen, attack=chosen_attack))[1]
    return service.once(event.caller, seconds, verified, service, chosen, one, other, asked, chosen_attack)
