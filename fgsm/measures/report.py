"""One attack on one face, in words and numbers: what the command line prints and the API answers."""

from typing import Any

from PIL import Image
from torch import Tensor

from ..attacks import Aim, Attack
from ..attacks.attack import aimed
from ..attacks.fgsm import FGSM
from ..faces.prepare import as_picture
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import ranked, score
from ..texts import Refused, say

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
    index, the attack aims at that. Returns the top labels of the clean face and of both adversarial ones, float and
    8-bit, each of these with a verdict; and that 8-bit picture. Raises Refused for a target of an attack that
    may not aim, and for one that is attacked.
    """
    if target is not None and not attack.may_aim:
        raise Refused("refused.aimless")
    image = face.unsqueeze(0).to(recognizer.device)
    clean = score(recognizer, image)[0]
    aim = aim_at(recognizer, int(clean.argmax()) if label is None else label, target)
    attacked = recognizer.labels[aim.attacked]
    aimed_at = None if target is None else recognizer.labels[target]
    report: dict[str, Any] = {
        "model": recognizer.name,
        "attack": attack.name,
        "epsilon": epsilon,
        "attacked_on": attacked + (" (its own clean prediction)" if label is None else ""),
        "target": aimed_at,
        "clean": {"top": _top(recognizer, clean)},
    }
    moved, file = (images[0] for images in aimed(attack, recognizer, image, aim).both_at([epsilon]))
    for scoring, scored in (("float", moved), ("8-bit", file)):
        top = _top(recognizer, score(recognizer, scored)[0])
        report[scoring] = {"top": top, "verdict": verdict(top[0], attacked, epsilon)}
        if aimed_at is not None:
            report[scoring] |= {"dodged": top[0]["label"] != attacked, "impersonated": top[0]["label"] == aimed_at}
    return report, as_picture(file[0])


def aim_at(recognizer: Recognizer, attacked: int, target: int | None) -> Aim:
    """An Aim by class indices of `recognizer`. Raises Refused for a `target` that is `attacked`."""
    if attacked == target:
        raise Refused("refused.target_attacked", name=recognizer.labels[attacked])
    return Aim(attacked, target)


def outcome(is_attacked: bool, epsilon: float) -> str:
    """The one source of a verdict: which sentence it is, given whether the top label is still the one attacked."""
    if epsilon == 0:
        return "unchanged" if is_attacked else "taken_unchanged"
    return "still" if is_attacked else "taken"


def verdict(first: dict[str, Any], attacked: str, epsilon: float) -> str:
    """One sentence: whom the face is taken for, `first` being the top label and its probability."""
    return say(
        f"verdict.{outcome(first['label'] == attacked, epsilon)}",
        attacked=attacked,
        taken=first["label"],
        confidence=f"{first['probability']:.0%}",
        epsilon=f"{epsilon:g}",
        levels=f"{255 * epsilon:.1f}",
    )


def _top(recognizer: Recognizer, probabilities: Tensor) -> list[dict[str, Any]]:
    first = ranked(probabilities, TOP).tolist()
    return [{"label": recognizer.labels[index], "probability": probabilities[index].item()} for index in first]
