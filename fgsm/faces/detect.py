"""Where the faces are in a picture, and the square of it that a recogniser is shown.

The detector is OpenCV's cascade of boosted Haar features (Viola & Jones, "Rapid Object Detection Using a Boosted
Cascade of Simple Features", CVPR 2001; Lienhart & Maydt, ICIP 2002), which its Python package carries along.
"""

import functools
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..texts import ENGLISH, say

SEARCHED = 640  # pixels on the longer side of the picture that is searched
SMALLEST_FACE = 0.07  # of the picture's shorter side
BORDER = 0.12  # of the shorter side, repeated around the picture: a cascade misses faces at the very edge
# On the 400 built-in photographs the detector's box is, in the median, 0.95 times as wide as the centre square that
# recognisers are trained on, and its centre lies 0.06 squares below that of the square.
BOX_TO_SQUARE = 0.95
SQUARE_ABOVE_BOX = 0.06
# Where the square would be nearly as large as the picture, or the picture is as small as a face, it is a portrait that
# somebody has framed already.
PORTRAIT = 0.75
SMALLEST_SEARCHED = 128  # pixels on the shorter side

_turn = threading.Lock()  # a cascade serves one thread at a time


@dataclass(frozen=True)
class Square:
    """A square in a picture: its upper left corner and its side, in pixels."""

    x: float
    y: float
    side: float


def centre_square(picture: Image.Image) -> Square:
    """The largest square in the middle of `picture`."""
    side = min(picture.size)
    return Square((picture.width - side) / 2, (picture.height - side) / 2, side)


def find_faces(picture: Image.Image) -> list[Square]:
    """A square around every face in an upright RGB picture, framed like the built-in faces; the largest face first."""
    if min(picture.size) < SMALLEST_SEARCHED:
        return []
    scale = min(1.0, SEARCHED / max(picture.size))
    grey = picture.convert("L").resize([max(1, round(scale * side)) for side in picture.size], reducing_gap=2.0)
    border = round(BORDER * min(grey.size))
    smallest = max(24, round(SMALLEST_FACE * min(grey.size)))
    with _turn:
        boxes = _cascade().detectMultiScale(
            np.pad(np.asarray(grey), border, mode="edge"), scaleFactor=1.1, minNeighbors=6, minSize=(smallest, smallest)
        )
    squares = [_square_around((box - np.array([border, border, 0, 0])) / scale, picture) for box in boxes]
    return sorted(squares, key=lambda square: -square.side)


def frame(picture: Image.Image, faces: list[Square], size: int) -> Square:
    """The square of an upright picture that recognisers are shown: the largest of its `faces`, or the centre square.

    A portrait, which the face fills already, is left as it is framed, and so is a picture of just the input `size`:
    somebody has saved an adversarial face and opens it again.
    """
    return faces[0] if faces and not _is_portrait(picture, faces, size) else centre_square(picture)


def framing(picture: Image.Image, faces: list[Square], size: int, language: str = ENGLISH) -> str:
    """A sentence about what `frame` does with a picture in which these `faces` were found."""
    if min(picture.size) < SMALLEST_SEARCHED or _is_portrait(picture, faces, size):
        return say("framing.portrait", language)
    if len(faces) > 1:
        return say("framing.several", language, count=len(faces))
    return say("framing.one" if faces else "framing.none", language)


def _is_portrait(picture: Image.Image, faces: list[Square], size: int) -> bool:
    filled = bool(faces) and faces[0].side >= PORTRAIT * min(picture.size)
    return filled or picture.size == (size, size)


def _square_around(box: np.ndarray, picture: Image.Image) -> Square:
    x, y, width, height = box.tolist()
    side = min(width / BOX_TO_SQUARE, *picture.size)
    left = x + width / 2 - side / 2
    top = y + height / 2 - side * (0.5 + SQUARE_ABOVE_BOX)
    return Square(min(max(0.0, left), picture.width - side), min(max(0.0, top), picture.height - side), side)


@functools.cache
def _cascade() -> Any:
    import cv2  # here because the page's start need not wait for it

    cv2.setNumThreads(1)  # its threads would fight PyTorch's
    files: str = cv2.data.haarcascades  # type: ignore[attr-defined]
    return cv2.CascadeClassifier(files + "haarcascade_frontalface_alt2.xml")
