"""Which square of a picture a recogniser is shown: the plain one around a face, or the one aligned with its points."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..texts import ENGLISH, say

if TYPE_CHECKING:  # what only names framings need not wait for PyTorch
    from .detect import Detection

PLAIN, ALIGNED = "plain", "aligned"
FRAMINGS = (PLAIN, ALIGNED)
# On the 400 built-in photographs the detector's box is, in the median, 0.86 times as large as the centre square that
# recognisers are trained on, and its centre lies 0.07 squares below that of the square (benchmarks/enrolment.py).
BOX_TO_SQUARE = 0.86
SQUARE_ABOVE_BOX = 0.07
# Where the square would be nearly as large as the picture it is a portrait that somebody has framed already.
PORTRAIT = 0.75
SMALLEST, LARGEST = 0.06, 2.0  # sides of a square that somebody draws, in shares of the picture's shorter side
# Where the eyes, the nose and the corners of the mouth lie in an aligned square of side 1.
TEMPLATE = np.array([(48.2, 43.7), (101.8, 43.7), (75.0, 79.0), (53.0, 103.0), (97.0, 103.0)]) / 150


@dataclass(frozen=True)
class Square:
    """A square in a picture: upper left corner and side, in pixels, turned about its centre by `turn` degrees.

    It turns clockwise, as one sees it. It may reach beyond the picture, whose border is repeated there.
    """

    x: float
    y: float
    side: float
    turn: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.side / 2, self.y + self.side / 2


def centre_square(picture: Image.Image) -> Square:
    """The largest square in the middle of `picture`."""
    side = min(picture.size)
    return Square((picture.width - side) / 2, (picture.height - side) / 2, side)


def square_of(face: Detection, picture: Image.Image, framing: str) -> Square:
    """The square of `picture` around one face in it, plain or aligned."""
    return aligned(face.points) if framing == ALIGNED else plain(face, picture)


def plain(face: Detection, picture: Image.Image) -> Square:
    """The upright square around a face, framed like the built-in faces, that lies within `picture`."""
    left, top, right, bottom = face.box
    side = min(face.size / BOX_TO_SQUARE, *picture.size)
    x, y = (left + right - side) / 2, (top + bottom - side) / 2 - SQUARE_ABOVE_BOX * side
    return Square(min(max(0.0, x), picture.width - side), min(max(0.0, y), picture.height - side), side)


def aligned(points: Sequence[tuple[float, float]]) -> Square:
    """The square in which a face's five `points` lie as nearly as possible where they do in TEMPLATE.

    Least squares over all turns, sizes and places (Umeyama, "Least-Squares Estimation of Transformation Parameters
    Between Two Point Patterns", IEEE TPAMI 13(4), 1991). In two dimensions, with points as complex numbers, that is a
    linear regression: its slope is the side, turned, and its intercept the corner.
    """
    there, here = (np.asarray(five, dtype=float) @ np.array([1, 1j]) for five in (TEMPLATE, points))
    middle = there.mean()
    slope = np.vdot(there - middle, here - here.mean()) / np.vdot(there - middle, there - middle)
    side = max(1.0, float(abs(slope)))
    centre = complex(here.mean() + slope * (0.5 + 0.5j - middle))  # browsers are sent Python's numbers alone
    turn = math.degrees(cmath.phase(slope))
    return Square(centre.real - side / 2, centre.imag - side / 2, side, turn)


def fitted(square: Square, picture: Image.Image) -> Square:
    """The square nearest to `square` whose centre lies in `picture`, not tiny nor all border; as in crop/square.js."""
    shorter = min(picture.size)
    side = min(max(SMALLEST * shorter, square.side), LARGEST * shorter)
    x, y = (min(max(0.0, at), most) for at, most in zip(square.centre, picture.size, strict=True))
    return Square(x - side / 2, y - side / 2, side, 180 - (180 - square.turn) % 360)


def frame(picture: Image.Image, faces: list[Detection], size: int, framing: str = PLAIN) -> Square:
    """The square of an upright picture that recognisers are shown: of the first of its `faces`, or the centre square.

    A picture of just the input `size` is left as it is: somebody has saved an adversarial face and opens it again. So
    is, where faces are not aligned, a portrait, which the face fills already.
    """
    if not faces or picture.size == (size, size):
        return centre_square(picture)
    square = square_of(faces[0], picture, framing)
    return centre_square(picture) if _is_portrait(picture, square, framing) else square


def about_frame(
    picture: Image.Image, faces: list[Detection], size: int, framing: str = PLAIN, language: str = ENGLISH
) -> str:
    """A sentence about what `frame` does with a picture in which these `faces` were found."""
    if picture.size == (size, size) or (
        faces and _is_portrait(picture, square_of(faces[0], picture, framing), framing)
    ):
        return say("framing.portrait", language)
    if len(faces) > 1:
        return say("framing.several", language, count=len(faces))
    return say("framing.one" if faces else "framing.none", language)


def _is_portrait(picture: Image.Image, square: Square, framing: str) -> bool:
    return framing == PLAIN and square.side >= PORTRAIT * min(picture.size)


def cut(picture: Image.Image, square: Square, size: int) -> Image.Image:
    """The `square` of an RGB picture, upright, at `size` x `size` pixels; beyond the picture its border is repeated."""
    right, bottom = square.x + square.side, square.y + square.side
    if square.turn == 0 and min(square.x, square.y) >= 0 and right <= picture.width and bottom <= picture.height:
        return picture.resize((size, size), Image.Resampling.BICUBIC, (square.x, square.y, right, bottom))
    cos, sin = math.cos(math.radians(square.turn)), math.sin(math.radians(square.turn))
    half = square.side / 2 * (abs(cos) + abs(sin))
    # The part of the picture around the square is brought to the final scale first: turning alone would alias.
    low = [max(0, math.floor(at - half)) for at in square.centre]
    high = [min(most, math.ceil(at + half)) for at, most in zip(square.centre, picture.size, strict=True)]
    scale = min(1.0, size / square.side)
    small = [max(1, round((end - start) * scale)) for start, end in zip(low, high, strict=True)]
    part = picture.resize((small[0], small[1]), Image.Resampling.BICUBIC, (low[0], low[1], high[0], high[1]))
    fx, fy = (pixels / (end - start) for pixels, start, end in zip(small, low, high, strict=True))
    border = math.ceil(2 * half * max(fx, fy)) + 2
    padded = Image.fromarray(np.pad(np.asarray(part), ((border, border), (border, border), (0, 0)), mode="edge"))
    step = square.side / size
    x, y = square.centre[0] - low[0], square.centre[1] - low[1]
    to_part = (
        (step * cos * fx, -step * sin * fx, (x - square.side / 2 * (cos - sin)) * fx + border),
        (step * sin * fy, step * cos * fy, (y - square.side / 2 * (sin + cos)) * fy + border),
    )
    coefficients = (*to_part[0], *to_part[1])
    return padded.transform((size, size), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
