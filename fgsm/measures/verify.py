"""Do two pictures show one person? A distance, a threshold, and what an attack on the first picture makes of them."""

from typing import TypedDict

from PIL import Image
from torch import Tensor

from ..attacks import Aim, Attack
from ..attacks.attack import aimed
from ..attacks.fgsm import FGSM
from ..faces.prepare import Framed, as_picture
from ..recognizers.enrol import distances_to, pair_with
from ..recognizers.recognizer import Recognizer
from ..texts import say


class Compared(TypedDict):
    """How far one face is from another, whether they count as one person's, and a sentence that says so."""

    distance: float
    same: bool
    verdict: str


class Verification(Compared):
    """What is found out about two pictures, of which `framing` says how each was framed.

    Two faces count as one person's up to a distance of `threshold`. `attacked` compares the attacked first picture with
    the second, as a "float" image and as an "8-bit" one; it is empty where nothing was attacked.
    """

    model: str
    threshold: float
    framing: list[str]
    attack: str | None
    epsilon: float | None
    attacked: dict[str, Compared]


def verification(
    recognizer: Recognizer, first: Framed, second: Framed, epsilon: float | None = None, attack: Attack = FGSM
) -> tuple[Verification, Image.Image | None]:
    """Compare two pictures, framed for `recognizer`, which compares embeddings.

    With an `epsilon`, in [0, 1], the first is attacked: away from the second where they count as one person's, towards
    it where they do not. The attacked picture, 8-bit, comes with it. The threshold is that of one person enrolled.
    Raises Refused for a recogniser that was trained to name its people.
    """
    pair = pair_with(recognizer, second.face)
    image = first.face.unsqueeze(0).to(pair.device)
    clean = compared(pair, image)
    found: Verification = {
        "model": recognizer.name,
        **clean,
        "threshold": threshold_of(pair),
        "framing": [first.about, second.about],
        "attack": None if epsilon is None else attack.name,
        "epsilon": epsilon,
        "attacked": {},
    }
    if epsilon is None:
        return found, None
    aim = Aim(0 if clean["same"] else 1)  # of two labels, away from the one is towards the other
    moved, file = (images[0] for images in aimed(attack, pair, image, aim).both_at([epsilon]))
    found["attacked"] = {"float": compared(pair, moved), "8-bit": compared(pair, file)}
    return found, as_picture(file[0])


def threshold_of(recognizer: Recognizer) -> float:
    """The threshold of a recogniser that has one."""
    return recognizer.config.threshold or 0.0


def compared(pair: Recognizer, image: Tensor) -> Compared:
    """How an image, (1, 3, 150, 150) in [0, 1], compares with the one face that `pair` knows."""
    distance, threshold = distances_to(pair, image).item(), threshold_of(pair)
    same = distance <= threshold
    numbers = {"distance": f"{distance:.3f}", "threshold": f"{threshold:g}"}
    return {"distance": distance, "same": same, "verdict": say(f"same.{'same' if same else 'different'}", **numbers)}
