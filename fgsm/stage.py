"""What the page's stage is sent for one face: its pixels, the sign gradient, and the model's answer at every epsilon.

The browser draws from this alone, so that dragging epsilon needs no server. Arrays travel as base64.
"""

import base64
import functools
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .attack import perturb, perturb_8bit, sign_gradient
from .faces import PROJECT, list_people, open_picture, prepare
from .recognizer import Recognizer
from .report import TOP, as_picture
from .sweep import distinct_8bit, score, sweep

PART = 32  # epsilons scored between two messages: two CPU cores are slower at much smaller batches
REFERENCE_SIZE = 96  # pixels


def perform(
    recognizer: Recognizer, face: Tensor, epsilons: Sequence[float], epsilon: float, label: int | None = None
) -> Iterator[dict]:
    """Messages for the stage, each a whole one that holds more scores than the one before.

    `face` is an 8-bit picture (3, H, W) as `faces.prepare` makes it, attacked on class index `label` or, without one,
    on the recogniser's own clean prediction. The first message has the scores at 0 and at `epsilon`, the others follow
    from there outwards. `epsilons` starts with 0.

    A message holds, besides what names itself: `pixels`, uint8 (H, W, 3); `sign`, packed by `pack_signs`, of the same
    shape; `same_8bit`, for every epsilon the first one with the same 8-bit image; `scores`, for both scorings a list of
    [positions in epsilons, float32 probabilities (len(positions), C)]; `references`, a photograph of each person who
    is among the first five anywhere.
    """
    image = face.unsqueeze(0).to(recognizer.device)
    attacked = int(score(recognizer, image).argmax()) if label is None else label
    sign = sign_gradient(recognizer, image, torch.tensor([attacked], device=image.device))
    same_8bit = distinct_8bit(epsilons)
    face_part = {
        "model": recognizer.name,
        "size": face.shape[-1],
        "labels": recognizer.labels,
        "attacked": attacked,
        "epsilons": list(epsilons),
        "pixels": encode(np.asarray(as_picture(face))),
        "sign": encode(pack_signs(sign[0].permute(1, 2, 0).cpu().numpy())),
        "same_8bit": same_8bit,
    }
    scores = {"float": [], "8-bit": []}
    references = {}
    nearest = min(range(len(epsilons)), key=lambda i: abs(epsilons[i] - epsilon))
    outwards = sorted(range(len(epsilons)), key=lambda i: (i not in (0, nearest), abs(i - nearest)))
    for first, last in parts(len(epsilons)):
        positions = outwards[first:last]
        files = sorted({same_8bit[i] for i in positions} - {i for part, _ in scores["8-bit"] for i in part})
        batch = [perturb(image, sign, epsilons[i]) for i in positions]
        batch += [perturb_8bit(image, sign, epsilons[i]) for i in files]
        probabilities = score(recognizer, torch.cat(batch))
        references = references | reference_photographs(recognizer, probabilities)
        # New lists and dicts each time: messages already sent stay as they were.
        for scoring, chosen, rows in zip(
            scores, (positions, files), probabilities.split([len(positions), len(files)]), strict=True
        ):
            if chosen:
                scores = {**scores, scoring: [*scores[scoring], [chosen, encode(rows.cpu().numpy())]]}
        yield {**face_part, "scores": scores, "references": references}


def last_recognised(recognizer: Recognizer, face: Tensor, label: int, epsilons: Sequence[float]) -> float:
    """The last of the rising `epsilons` before `face` is taken for somebody other than class index `label`.

    Every tenth is tried, then those before the first that fools: a flip back and forth in between is not seen.
    """
    image = face.unsqueeze(0).to(recognizer.device)
    sign = sign_gradient(recognizer, image, torch.tensor([label], device=image.device))

    def first_fooled(positions: Sequence[int]) -> int:
        fooled = sweep(recognizer, image, sign, [epsilons[i] for i in positions])[:, 0].argmax(1) != label
        return positions[int(fooled.int().argmax())] if fooled.any() else len(epsilons)

    coarse = first_fooled(range(0, len(epsilons), 10))
    return epsilons[max(0, first_fooled(range(max(0, coarse - 9), min(coarse + 1, len(epsilons)))) - 1)]


def parts(count: int) -> list[tuple[int, int]]:
    """Ranges over `count` positions: the first two, then `PART` at a time."""
    starts = [0, *range(min(2, count), count, PART)]
    return list(zip(starts, [*starts[1:], count], strict=True))


def pack_signs(sign: np.ndarray) -> np.ndarray:
    """Signs in {-1, 0, 1} as base-3 digits 0, 1, 2, five to a byte (3^5 = 243), the first the lowest."""
    digits = (sign.reshape(-1) + 1).astype(np.uint8)
    digits = np.pad(digits, (0, -len(digits) % 5)).reshape(-1, 5)
    return digits @ np.array([1, 3, 9, 27, 81], dtype=np.uint8)


def encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def reference_photographs(recognizer: Recognizer, probabilities: Tensor) -> dict[str, str]:
    """A photograph, as data URL, of everyone among the first five in a row of `probabilities`, (E, C)."""
    seen = probabilities.topk(min(TOP, len(recognizer.labels))).indices.unique().tolist()
    labels = [recognizer.labels[index] for index in seen]
    return {label: reference_photograph(recognizer.config["faces"], label) for label in labels}


@functools.cache
def reference_photograph(faces: str, label: str) -> str:
    """Data URL of the first photograph, a training one, of the person `label` in the data set's folder `faces`."""
    picture = open_picture(_people(faces)[label][0])
    return data_url(as_picture(prepare(picture, REFERENCE_SIZE)).quantize())


@functools.cache
def _people(faces: str) -> dict[str, list[Path]]:
    return list_people(PROJECT / faces)


def data_url(picture: Image.Image) -> str:
    """`picture` as a PNG that a page can hold."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
