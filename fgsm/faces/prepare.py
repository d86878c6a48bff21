"""The one way from a picture to model input."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from ..texts import ENGLISH
from .detect import detect
from .framing import PLAIN, Square, about_frame, cut, frame
from .picture import open_picture
from .upright import upright_rgb


def prepare(picture: Image.Image, size: int, framing: str = PLAIN, square: Square | None = None) -> torch.Tensor:
    """Any picture as model input: upright, RGB, a square of it at `size` x `size` pixels.

    Without a `square` of the upright picture it is that of the likeliest face, plain or aligned as `framing` says, see
    `framing.frame`; a picture of just that size keeps its pixels. Returns float32 of shape (3, size, size) in [0, 1];
    every value is n/255, so the tensor is an 8-bit picture. The one way in, for training, test sets, enrolment and
    visitors alike.
    """
    picture = upright_rgb(picture)
    square = square or frame(picture, detect(picture), size, framing)
    return as_tensor(cut(picture, square, size))


class Framed(NamedTuple):
    """A picture as model input, a sentence about how it was framed, how many faces were found, which of them it is."""

    face: torch.Tensor
    about: str
    faces: int
    at: int


def framed(picture: Image.Image, size: int, framing: str = PLAIN, language: str = ENGLISH, meant: int = 0) -> Framed:
    """What `prepare` makes of an upright RGB picture without a square, and `about_frame` says of that.

    Of several faces the one in place `meant` is used, as often round as it takes.
    """
    faces = detect(picture)
    at = meant % len(faces) if faces else 0
    face = prepare(picture, size, square=frame(picture, faces[at:], size, framing))
    return Framed(face, about_frame(picture, faces, size, framing, language), len(faces), at)


def as_tensor(picture: Image.Image) -> torch.Tensor:
    """An RGB picture as float32 of shape (3, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float() / 255


def as_picture(face: torch.Tensor) -> Image.Image:
    """An 8-bit picture of shape (3, H, W) in [0, 1] as a Pillow image."""
    return Image.fromarray((255 * face).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy())


def load_faces(photographs: Iterable[Path], size: int, framing: str = PLAIN) -> torch.Tensor:
    """Photographs as one float32 batch of shape (N, 3, size, size) in [0, 1]."""
    return torch.stack([prepare(open_picture(photograph), size, framing) for photograph in photographs])
