"""One attack on one face, in words and numbers: what the command line prints and the API answers."""

from typing import Any

from PIL import Image
from torch import Tensor

from ..attacks import Aim, Attack
from ..attacks.attack import aimed
from ..attacks.fgsm import FGSM
from ..faces.prepare import as_picture
from ..recognizers.enrolled import distances_in
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import ranked, score
from ..texts import ENGLISH, Refused, say
from .outcomes import outcome_of, verdict_key

TOP = 5


def attack_report(
    recognizer: Recognizer,
    face: Tensor,
    epsilon: float,
    label: int | None = None,
    attack: Attack = FGSM,
    target: int | None = None,
) -> tuple[dict[str, Any], Image.Image]:
    """An `attack` at `epsilon`, in [0, 1], on an 8-bit `face`, (3, H, W), as `faces.prepare` makes it.

    `label` is the class index attacked; without it, the recogniser's own clean prediction. With a `target`, a class
    index, the attack aims at that; see `aim_at` for faces that are nobody's. Returns the top labels of the clean face
    and of both adversarial ones, float and 8-bit, each of these with its outcome and a verdict; and that 8-bit picture.
    Raises Refused for a target of an attack that may not aim, and for one that is attacked.
    """
    if target is not None and not attack.may_aim:
        raise Refused("refused.aimless")
    image = face.unsqueeze(0).to(recognizer.device)
    clean = score(recognizer, image)[0]
    aim = aim_at(recognizer, clean, label, target, attack)
    attacked = recognizer.labels[aim.attacked]
    report: dict[str, Any] = {
        "model": recognizer.name,
        "attack": attack.name,
        "epsilon": epsilon,
        "attacked_on": attacked + (" (its own clean prediction)" if label is None else ""),
        "target": None if aim.target is None else recognizer.labels[aim.target],
        "threshold": recognizer.config.threshold,
        "clean": {"top": _top(recognizer, clean)},
    }
    moved, file = (images[0] for images in aimed(attack, recognizer, image, aim).both_at([epsilon]))
    for scoring, scored in (("float", moved), ("8-bit", file)):
        probabilities = score(recognizer, scored)[0]
        predicted = int(probabilities.argmax())
        report[scoring] = {
            "top": _top(recognizer, probabilities),
            "outcome": outcome_of(aim, predicted, recognizer.config.unknown),
            "verdict": verdict(recognizer, probabilities, aim, epsilon),
        }
        if aim.target is not None:
            report[scoring] |= {"dodged": predicted != aim.attacked, "impersonated": predicted == aim.target}
    return report, as_picture(file[0])


def aim_at(
    recognizer: Recognizer, clean: Tensor, label: int | None = None, target: int | None = None, attack: Attack = FGSM
) -> Aim:
    """What `attack` is to do to a face with these `clean` probabilities, (C,), in class indices of `recognizer`.

    It is attacked on `label` or, without one, on the clean prediction. A face that is nobody's cannot be dodged: it is
    moved towards the `target` or, without one, towards the person nearest to it. Raises Refused for a `target` that is
    attacked, and for one that is nobody.
    """
    unknown = recognizer.config.unknown
    attacked = int(clean.argmax()) if label is None else label
    if target is not None and target in (attacked, unknown):
        raise Refused("refused.target_attacked", name=recognizer.labels[target])
    if target is None and attacked == unknown and attack.may_aim:
        target = nearest_person(clean, unknown)
    return Aim(attacked, target)


def nearest_person(probabilities: Tensor, unknown: int) -> int:
    """The class index of the likeliest person, `unknown` being none."""
    return int(ranked(probabilities[:unknown], 1)[0])


def verdict(recognizer: Recognizer, probabilities: Tensor, aim: Aim, epsilon: float, language: str = ENGLISH) -> str:
    """One sentence: whom a face that was attacked with `aim` and has these `probabilities`, (C,), is taken for."""
    config, predicted = recognizer.config, int(probabilities.argmax())
    values = {"epsilon": f"{epsilon:g}", "levels": f"{255 * epsilon:.1f}", "attacked": recognizer.labels[aim.attacked]}
    distance = None
    if config.unknown is not None and config.threshold is not None:
        apart = distances_in(probabilities, config.threshold)
        nearest = nearest_person(probabilities, config.unknown)
        values |= {"nearest": recognizer.labels[nearest], "distance": f"{apart[nearest]:.2f}"}
        values |= {"threshold": f"{config.threshold:.2f}"}
        distance = float(apart[predicted])
    confidence = sureness(float(probabilities[predicted]), distance, language)
    key = f"verdict.{verdict_key(aim, predicted, config.unknown, epsilon)}"
    return say(key, language, taken=recognizer.labels[predicted], confidence=confidence, **values)


def sureness(probability: float, distance: float | None, language: str = ENGLISH) -> str:
    """How surely a face is taken for somebody: in percent or, where faces are compared, as a `distance`."""
    return f"{probability:.0%}" if distance is None else say("verdict.distance", language, distance=f"{distance:.2f}")


def _top(recognizer: Recognizer, probabilities: Tensor) -> list[dict[str, Any]]:
    first = ranked(probabilities, TOP).tolist()
    top = [{"label": recognizer.labels[index], "probability": probabilities[index].item()} for index in first]
    if recognizer.config.threshold is not None:
        apart = distances_in(probabilities, recognizer.config.threshold)
        return [{**place, "distance": apart[index].item()} for place, index in zip(top, first, strict=True)]
    return top
