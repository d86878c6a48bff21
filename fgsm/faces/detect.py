"""Where the faces are in a picture: a box and five points of each, found by the three networks in mtcnn.py."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .mtcnn import mtcnn

SEARCHED = 640  # pixels on the longer side of the picture that is searched
LEAST_SEARCHED = 160  # pixels on its shorter side, to which small pictures are enlarged
SMALLEST_FACE = 0.07  # of the picture's shorter side
BORDER = 0.2  # of the shorter side, repeated around the picture: a face that touches the edge is found, too
CELL = 12  # pixels of a face that the first network sees
SHRINK = 0.709  # from one size of the picture to the next: half as many pixels
LIKELY = (0.6, 0.7, 0.9)  # how likely a face must be, after each of the three networks
MOST_PROPOSED = 400  # boxes that are looked at more closely

_turn = threading.Lock()  # so that many pictures at once do not take every core from what else is computed


@dataclass(frozen=True)
class Detection:
    """A face in a picture, in its pixels: `box` is left, top, right, bottom; `likelihood` lies in [0, 1].

    `points` are five of x and y: the eyes, the tip of the nose, the corners of the mouth, left ones as seen first.
    """

    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...]
    likelihood: float

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2

    @property
    def size(self) -> float:
        """The side of a square as large as the box."""
        left, top, right, bottom = self.box
        return float(((right - left) * (bottom - top)) ** 0.5)


def detect(picture: Image.Image) -> list[Detection]:
    """The faces in an upright RGB picture: of those that are as likely the largest first.

    Raises nothing: where there is no face, the list is empty.
    """
    scale = min(SEARCHED / max(picture.size), max(1.0, LEAST_SEARCHED / min(picture.size)))
    small = [max(1, round(scale * side)) for side in picture.size]
    searched = picture.resize(small, Image.Resampling.BILINEAR, reducing_gap=2.0)
    border = round(BORDER * min(searched.size))
    padded = Image.fromarray(np.pad(np.asarray(searched), ((border, border), (border, border), (0, 0)), mode="edge"))
    with _turn, torch.inference_mode(), _one_thread():
        boxes = _proposed(padded, max(20.0, SMALLEST_FACE * min(searched.size)))
        boxes, _ = _refined(padded, boxes)
        boxes, points, likely = _pointed(padded, boxes)
    shrunk = np.array(searched.size) / picture.size
    boxes, points = (boxes.reshape(-1, 2, 2) - border) / shrunk, (points - border) / shrunk
    found = [
        Detection(tuple(box.ravel().tolist()), tuple(map(tuple, five.tolist())), one)
        for box, five, one in zip(boxes, points, likely.tolist(), strict=True)
    ]
    return sorted(found, key=lambda face: (-round(face.likelihood, 1), -face.size))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: hundreds of small convolutions on a busy machine wait for each other on several.

    OpenMP counts threads for each thread that asks, so this limits nobody else, as torch.set_num_threads would.
    """
    torch.get_num_threads()  # has PyTorch set this thread's count, which it would do later otherwise
    threads = _threads()
    with threads.limit(limits=1, user_api="openmp") if threads else nullcontext():
        yield


@functools.cache
def _threads() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:  # faces are found all the same
        return None
    return ThreadpoolController()


def _proposed(picture: Image.Image, smallest: float) -> np.ndarray:
    """Boxes (N, 4) where the first network sees a face of at least `smallest` pixels, made square."""
    scale, boxes, scores = CELL / smallest, [np.empty((0, 4))], [np.empty(0)]
    while scale * min(picture.size) >= CELL:
        size = [round(scale * side) for side in picture.size]
        logits, shifts = mtcnn().proposer(_as_input([picture.resize(size, Image.Resampling.BILINEAR)]))
        likely = logits[0].softmax(0)[1].numpy()
        rows, columns = np.nonzero(likely > LIKELY[0])
        corner = 2 * np.stack([columns, rows, columns, rows], 1) + np.array([0, 0, CELL, CELL])
        shrunk = np.array([*size, *size]) / [*picture.size, *picture.size]
        here = (corner + CELL * shifts[0].numpy()[:, rows, columns].T) / shrunk
        kept = _apart(here, likely[rows, columns], 0.5)
        boxes.append(here[kept])
        scores.append(likely[rows, columns][kept])
        scale *= SHRINK
    every, score = np.concatenate(boxes), np.concatenate(scores)
    return _square(every[_apart(every, score, 0.7)[:MOST_PROPOSED]])


def _refined(picture: Image.Image, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    logits, shifts = mtcnn().refiner(_cut(picture, boxes, 24))
    likely = logits.softmax(1)[:, 1].numpy()
    sure = likely > LIKELY[1]
    boxes, likely = _shifted(boxes[sure], shifts.numpy()[sure]), likely[sure]
    kept = _apart(boxes, likely, 0.7)
    return _square(boxes[kept]), likely[kept]


def _pointed(picture: Image.Image, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (N, 4), points (N, 5, 2) and likelihoods (N,)."""
    logits, shifts, points = mtcnn().pointer(_cut(picture, boxes, 48))
    likely = logits.softmax(1)[:, 1].numpy()
    sure = likely > LIKELY[2]
    sides = boxes[sure, 2:] - boxes[sure, :2]
    at = points.numpy()[sure].reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[sure, None, :2]
    boxes, likely = _shifted(boxes[sure], shifts.numpy()[sure]), likely[sure]
    kept = _apart(boxes, likely, 0.7, of_smaller=True)
    return boxes[kept], at[kept], likely[kept]


def _as_input(pictures: list[Image.Image]) -> Tensor:
    """Pictures of one size as (N, 3, H, W) with values in [-1, 1]."""
    values = np.stack([np.asarray(picture) for picture in pictures]).astype(np.float32)
    return torch.from_numpy((values - 127.5) / 128).permute(0, 3, 1, 2)


def _cut(picture: Image.Image, boxes: np.ndarray, size: int) -> Tensor:
    """What lies in each box, black beyond the picture, at `size` x `size` pixels."""
    if not len(boxes):
        return torch.empty(0, 3, size, size)
    whole = [(round(left), round(top), round(right), round(bottom)) for left, top, right, bottom in boxes.tolist()]
    return _as_input([picture.crop(box).resize((size, size), Image.Resampling.BILINEAR) for box in whole])


def _shifted(boxes: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Boxes with their edges moved by `shifts`, in shares of their sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    moved: np.ndarray = boxes + shifts * np.concatenate([sides, sides], 1)
    return moved


def _square(boxes: np.ndarray) -> np.ndarray:
    """Boxes made square about their centres, as long as their longer sides."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], 1)


def _apart(boxes: np.ndarray, scores: np.ndarray, most: float, of_smaller: bool = False) -> np.ndarray:
    """Positions of the boxes that remain, the best first, when those go that share more than `most` with a better one.

    What they share is measured against both together or, with `of_smaller`, against the smaller one.
    """
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    left, kept = np.argsort(-scores, kind="stable"), []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        low = np.maximum(boxes[first, :2], boxes[left, :2])
        shared = (np.minimum(boxes[first, 2:], boxes[left, 2:]) - low).clip(0).prod(1)
        other = np.minimum(area[first], area[left]) if of_smaller else area[first] + area[left] - shared
        left = left[shared <= most * other]
    return np.array(kept, dtype=int)
