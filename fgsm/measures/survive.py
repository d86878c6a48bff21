"""What is left of an adversarial face after what happens to pictures: saving, sending, resizing, blurring."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from ..faces.prepare import as_picture, as_tensor
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score

BLUR = 0.7  # standard deviation in pixels of the recogniser's input


@dataclass(frozen=True)
class Survivor:
    """A face after a treatment, one of TREATMENTS: the picture, its top label, and that one's probability."""

    treatment: str
    picture: Image.Image
    label: str
    probability: float


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


def survival(recognizer: Recognizer, adversarial: Tensor) -> list[Survivor]:
    """What each of TREATMENTS leaves of an 8-bit face, (3, H, W) in [0, 1]."""
    pictures = {name: treat(as_picture(adversarial)) for name, treat in TREATMENTS.items()}
    batch = torch.stack([as_tensor(picture) for picture in pictures.values()]).to(recognizer.device)
    best = score(recognizer, batch).max(1)
    answers = zip(pictures.items(), best.indices.tolist(), best.values.tolist(), strict=True)
    return [
        Survivor(treatment, picture, recognizer.labels[index], probability)
        for (treatment, picture), index, probability in answers
    ]
