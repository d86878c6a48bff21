"""What is left of an adversarial face after what happens to pictures: saving, sending, resizing, blurring."""

import io
from collections.abc import Callable

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from .faces import as_picture, as_tensor
from .recognizer import Recognizer
from .stage import data_url
from .sweep import score

BLUR = 0.7  # standard deviation in pixels of the recogniser's input


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


def survival(recognizer: Recognizer, adversarial: Tensor) -> list[dict]:
    """For each of TREATMENTS of an 8-bit face (3, H, W): its name, the picture, the top label and its probability."""
    pictures = {name: treat(as_picture(adversarial)) for name, treat in TREATMENTS.items()}
    batch = torch.stack([as_tensor(picture) for picture in pictures.values()]).to(recognizer.device)
    best = score(recognizer, batch).max(1)
    return [
        {
            "treatment": name,
            "picture": data_url(picture),
            "label": recognizer.labels[index],
            "probability": probability,
        }
        for (name, picture), probability, index in zip(
            pictures.items(), best.values.tolist(), best.indices.tolist(), strict=True
        )
    ]
