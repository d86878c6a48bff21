"""What is left of an adversarial face after what happens to pictures: saving, sending, resizing, blurring."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from ..attacks import Aim
from ..faces.prepare import as_picture, as_tensor
from ..recognizers.enrolled import distances_in
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score
from .outcomes import outcome_of

BLUR = 0.7  # standard deviation in pixels of the recogniser's input


@dataclass(frozen=True)
class Survivor:
    """A face after a treatment, one of TREATMENTS: the picture, the class index it is taken for, how probable that is.

    Where faces are compared, `distance` is how far that person's template lies. `outcome` is what has become of the
    face, by `outcome_of`.
    """

    treatment: str
    picture: Image.Image
    taken_for: int
    probability: float
    distance: float | None
    outcome: str


def saved_as(picture: Image.Image, file_format: str, **settings: int) -> Image.Image:
    """`picture` as read back from a file."""
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **settings)
    return Image.open(buffer).convert("RGB")


def halved(picture: Image.Image) -> Image.Image:
    """`picture` at half its size, and enlarged to its own again."""
    half = picture.resize([max(1, side // 2) for side in picture.size], Image.Resampling.BICUBIC)
    return half.resize(picture.size, Image.Resampling.BICUBIC)


TREATMENTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "png": lambda picture: saved_as(picture, "PNG"),
    "jpeg95": lambda picture: saved_as(picture, "JPEG", quality=95),
    "jpeg75": lambda picture: saved_as(picture, "JPEG", quality=75),
    "jpeg50": lambda picture: saved_as(picture, "JPEG", quality=50),
    "half": halved,
    "blur": lambda picture: picture.filter(ImageFilter.GaussianBlur(BLUR)),
}


def survival(recognizer: Recognizer, adversarial: Tensor, aim: Aim) -> list[Survivor]:
    """What each of TREATMENTS leaves of an 8-bit face, (3, H, W) in [0, 1], that was attacked with `aim`."""
    pictures = {name: treat(as_picture(adversarial)) for name, treat in TREATMENTS.items()}
    batch = torch.stack([as_tensor(picture) for picture in pictures.values()]).to(recognizer.device)
    config, answers = recognizer.config, score(recognizer, batch)
    best = answers.max(1)
    apart: list[float | None] = [None] * len(pictures)
    if config.threshold is not None:
        apart = distances_in(answers, config.threshold).gather(1, best.indices.unsqueeze(1)).squeeze(1).tolist()
    found = zip(pictures.items(), best.indices.tolist(), best.values.tolist(), apart, strict=True)
    return [
        Survivor(treatment, picture, index, probability, distance, outcome_of(aim, index, config.unknown))
        for (treatment, picture), index, probability, distance in found
    ]
