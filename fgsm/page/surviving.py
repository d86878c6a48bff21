"""What survives saving, shrinking and blurring: the cards under the stage."""

from torch import Tensor

from ..attacks import Aim
from ..attacks.attack import aimed
from ..measures.report import aim_at
from ..measures.survive import Survivor, survival
from ..recognizers.scoring import score
from ..texts import Refused, say, title
from .controls import View
from .lent_gpu import on_gpu
from .messages import Card, CardsMessage
from .photographs import data_url
from .service import Service
from .staging import expected
from .visit import StageEvent, label_of, prepared

OUTCOMES = {  # keys of texts for an aim reached, lost again, never reached; for the whole, then and else; by targeted
    False: ("fooled", "recognised", "not_fooled", "title", "fools_nobody"),
    True: ("target_reached", "target_missed", "target_never", "title_target", "target_fools_nobody"),
}


@on_gpu
def survivors_of(service: Service, view: View, face: Tensor, label: int | None) -> tuple[Aim, list[Survivor]]:
    """What the attack is to do, and what each treatment leaves of the adversarial face."""
    network = service.network(view.model)
    image = face.unsqueeze(0).to(network.device)
    aim = aim_at(network, score(network, image)[0], label, label_of(view.model, view.target), view.attack)
    return aim, survival(network, aimed(view.attack, network, image, aim).both_at([view.epsilon])[1][0, 0])


def survive(event: StageEvent) -> CardsMessage:
    """The adversarial face on the stage, treated as pictures are treated."""
    view, service, language = event.view(), event.service, event.language
    face = event.face(view)
    if face is None:
        raise Refused("refused.no_picture")
    if view.missing is not None:
        raise Refused("refused.no_target")
    label, asker = label_of(view.model, face.person), event.caller
    image, seconds = prepared(service, view.model, face, asker), expected(view)[1]
    aim, survivors = service.once(asker, seconds, survivors_of, service, view, image, label)
    attacked = view.model.config.labels[aim.attacked]
    reached = [one.label != attacked if view.target is None else one.label == view.target for one in survivors]
    yes, lost, never, title_of, nobody = OUTCOMES[view.target is not None]
    no = lost if reached[0] else never  # as PNG it is what it was
    cards: list[Card] = [
        {
            "picture": data_url(one.picture),
            "treatment": say(f"survive.{one.treatment}", language),
            "outcome": say(f"survive.{yes if fooled else no}", language, target=view.target),
            "who": f"{one.label}, {one.probability:.0%}",
            "fooled": fooled,
        }
        for one, fooled in zip(survivors, reached, strict=True)
    ]
    about = {
        "person": attacked,
        "target": view.target,
        "recogniser": title(view.model.name, language),
        "attack": say(view.attack.title, language),
        "epsilon": f"{view.epsilon:g}",
        "fooled": sum(reached),
        "all": len(reached),
    }
    return {"title": say(f"survive.{title_of if reached[0] else nobody}", language, **about), "cards": cards}
