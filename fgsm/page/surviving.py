"""What survives saving, shrinking and blurring: the cards under the stage."""

from torch import Tensor

from ..attacks import Aim
from ..attacks.attack import aimed
from ..measures.outcomes import OTHER, RECOGNISED, TARGET, UNKNOWN
from ..measures.report import aim_at, sureness
from ..measures.survive import Survivor, survival
from ..recognizers.config import Config
from ..recognizers.scoring import score
from ..texts import Refused, say, title
from .controls import View, called
from .lent_gpu import on_gpu
from .messages import Card, CardsMessage
from .photographs import data_url
from .service import Service
from .staging import expected
from .visit import StageEvent, label_of, prepared


@on_gpu
def survivors_of(service: Service, view: View, face: Tensor, label: int | None) -> tuple[Aim, list[Survivor]]:
    """What the attack is to do, and what each treatment leaves of the adversarial face.

    Raises Refused for a face that is nobody's already and is moved towards nobody.
    """
    network = service.network(view.model)
    image = face.unsqueeze(0).to(network.device)
    aim = aim_at(network, score(network, image)[0], label, label_of(view.model, view.target), view.attack)
    if aim.target is None and aim.attacked == view.model.config.unknown:  # random signs aim at nobody
        raise Refused("refused.already_unknown")
    adversarial = aimed(view.attack, network, image, aim).both_at([view.epsilon])[1][0, 0]
    return aim, survival(network, adversarial, aim)


def survive(event: StageEvent) -> CardsMessage:
    """The adversarial face on the stage, treated as pictures are treated."""
    view, service, language = event.view(), event.service, event.language
    face = event.face(view)
    if face is None:
        raise Refused("refused.no_picture")
    if view.missing is not None:
        raise Refused("refused.no_target")
    label, asker, shown = label_of(view.model, face.person), event.caller, event.visit.attack
    image, seconds = prepared(service, view.model, face, asker), expected(view)[1]
    outcome = service.once(asker, seconds, survivors_of, service, view, image, label)
    return cards_of(view, *outcome, shown, language)


def cards_of(view: View, aim: Aim, survivors: list[Survivor], shown: int, language: str) -> CardsMessage:
    """A card for each of `survivors`, the first of which is the face as it is, and how many reach their `aim`.

    `shown` is the stage's number of the face.
    """
    config = view.model.config
    target = None if aim.target is None else config.labels[aim.target]
    outcomes = [one.outcome for one in survivors]
    reached = [outcome in ((OTHER, UNKNOWN) if aim.target is None else (TARGET,)) for outcome in outcomes]
    cards: list[Card] = [
        {
            "picture": data_url(one.picture),
            "treatment": say(f"survive.{one.treatment}", language),
            "kind": one.outcome,
            "outcome": say(f"survive.{_word(one.outcome, outcomes[0], aim)}", language, target=target),
            "who": _who(config, one, language),
            "fooled": fooled,
        }
        for one, fooled in zip(survivors, reached, strict=True)
    ]
    about = {
        "person": called(config, aim.attacked, language),
        "target": target,
        "recogniser": title(view.model.name, language),
        "attack": say(view.attack.title, language),
        "epsilon": f"{view.epsilon:g}",
        "fooled": sum(reached),
        "unknown": outcomes.count(UNKNOWN),
        "other": outcomes.count(OTHER),
        "all": len(outcomes),
    }
    if aim.target is not None:
        sentence = "title_target" if reached[0] else "target_fools_nobody"
    elif reached[0]:
        sentence = "title" if config.unknown is None else "title_apart"
    else:
        sentence = "fools_nobody"
    title_said = say(f"survive.{sentence}", language, **about)
    return {"id": shown, "epsilon": view.epsilon, "title": title_said, "cards": cards}


def _who(config: Config, survivor: Survivor, language: str) -> str:
    """Whom a face is taken for, and how surely."""
    name = called(config, survivor.taken_for, language)
    if survivor.taken_for == config.unknown:
        return name
    return f"{name}, {sureness(survivor.probability, survivor.distance, language)}"


def _word(outcome: str, untreated: str, aim: Aim) -> str:
    """The key of a text for what has become of a face, given what had become of it before a treatment."""
    if outcome == RECOGNISED:
        return "not_fooled" if untreated == RECOGNISED else "recognised"
    return "fooled" if outcome == OTHER and aim.target is None else outcome
