"""What programs ask of the page by name: /attack. (/curve and /transfer are the buttons of their tabs.)"""

import io
from typing import Any

from PIL import Image
from torch import Tensor

from ..attacks import Attack
from ..faces.detect import detect
from ..faces.framing import about_frame, frame
from ..faces.prepare import prepare
from ..measures.epsilons import known_epsilon
from ..measures.names import known_attack, known_target
from ..measures.report import attack_report
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
    picture = service.decoder.picture(service.uploads.take(photo, event.session), event.caller)
    faces = detect(picture)
    face = prepare(picture, *shown, frame(picture, faces, *shown))
    seconds = expected(View(chosen, attack=chosen_attack))[1]
    asked = (service, chosen, face, epsilon, chosen_attack, aimed_at)
    report, image = service.once(event.caller, seconds, report_on, *asked)
    file = io.BytesIO()
    image.save(file, "PNG")
    path = service.uploads.hand_out(file.getvalue(), "adversarial.png", event.session)
    return {**report, "framing": about_frame(picture, faces, *shown)}, path
