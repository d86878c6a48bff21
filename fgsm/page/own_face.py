"""The face of somebody whom a visit has enrolled: a small picture in memory, which nobody else sees."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from ..faces.detect import Detection
from ..faces.framing import FRAMINGS, Square, frame

SIDE = 256  # pixels, at most: 200 kB, and more than any recogniser is shown of a face


@dataclass(frozen=True, eq=False)
class OwnFace:
    """A face with what surrounds it: `squares` has the square of `picture` for each framing.

    `small` is its aligned square as a data URL, for lists. `address` is where the picture came from.
    """

    picture: Image.Image
    squares: Mapping[str, Square]
    small: str
    address: str


def squares_of(face: Detection, picture: Image.Image) -> dict[str, Square]:
    """The square around one face in an upright picture, for each framing."""
    return {framing: frame(picture, [face], 0, framing) for framing in FRAMINGS}


def cut_out(picture: Image.Image, squares: Mapping[str, Square]) -> tuple[Image.Image, dict[str, Square]]:
    """The part of an upright RGB picture that holds all of some `squares`, at most SIDE pixels a side.

    With the squares, in the pixels of that part.
    """
    boxes = [_box_around(square) for square in squares.values()]
    left, top = (max(0, math.floor(min(box[axis] for box in boxes))) for axis in (0, 1))
    right, bottom = (
        min(most, math.ceil(max(box[2 + axis] for box in boxes))) for axis, most in enumerate(picture.size)
    )
    scale = min(1.0, SIDE / max(right - left, bottom - top))
    size = round(scale * (right - left)), round(scale * (bottom - top))
    part = picture.resize(size, Image.Resampling.BICUBIC, (left, top, right, bottom))
    moved = {
        framing: Square(scale * (square.x - left), scale * (square.y - top), scale * square.side, square.turn)
        for framing, square in squares.items()
    }
    return part, moved


def _box_around(square: Square) -> tuple[float, float, float, float]:
    """The upright box around a square that may be turned."""
    turn = math.radians(square.turn)
    half = square.side / 2 * (abs(math.cos(turn)) + abs(math.sin(turn)))
    x, y = square.centre
    return x - half, y - half, x + half, y + half
