"""What the page's stage is sent for one face: its pixels, how they move, and the model's answer at every epsilon.

The browser draws from this alone, so that dragging epsilon needs no server. Arrays travel as base64.
"""

import base64
import functools
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .attack import as_8bit, perturb, perturb_8bit
from .config import Config
from .dataset import path_of, people_if_any, text_of
from .faces import PROJECT, as_picture, prepare
from .methods import FGSM, SEVERAL_STEPS, Aim, gradients, moved_in_steps, sign_of
from .pictures import open_picture
from .recognizer import Recognizer
from .report import TOP, aim_at
from .sweep import distinct_8bit, ranked, score, sweep
from .texts import Refused

PART = 16  # epsilons scored between two messages: two CPU cores are slower at much smaller batches
PART_OF_SEVERAL = 3  # epsilons, each of many gradients
PART_SIZE = 112  # pixels of a face's side, for these parts: larger faces take as much longer
LARGE = 2 * 10**7  # weights of a network that takes about three times as long for a face
REFINED = 1e-5  # epsilon
ABOVE = 1e-6  # epsilon by which the 8-bit image has changed for certain
REFERENCE_SIZE = 96  # pixels


def perform(
    recognizer: Recognizer,
    face: Tensor,
    epsilons: Sequence[float],
    epsilon: float,
    label: int | None = None,
    attack: str = FGSM,
    target: int | None = None,
) -> Iterator[dict]:
    """Messages for the stage, each a whole one that holds more than the one before.

    `face` is an 8-bit picture (3, H, W) as `faces.prepare` makes it, attacked on class index `label` or, without one,
    on the recogniser's own clean prediction, by one of methods.ATTACKS; with a `target`, towards that class index. The
    first message has the scores at 0 and at `epsilon`, the others follow from there outwards; the last one has the
    `smallest` epsilons. `epsilons` starts with 0 and rises. Raises Refused for a target that is attacked.

    A message holds, besides what names itself: `pixels`, uint8 (H, W, 3); of an attack in one step the `sign`, packed
    by `pack_signs`, of the same shape; of one in several steps its `images`, pixels for positions in epsilons;
    `gradients`, how many the whole takes; `same_8bit`, for every epsilon the first one with the same 8-bit image;
    `scores`, for both scorings a list of [positions in epsilons, float32 probabilities (len(positions), C)];
    `references`, a photograph of each person who is among the first five anywhere; `smallest`, see `smallest_epsilons`.
    """
    image = face.unsqueeze(0).to(recognizer.device)
    aim = aim_at(recognizer, attack, int(score(recognizer, image).argmax()) if label is None else label, target)
    several = attack in SEVERAL_STEPS
    sign = None if several else sign_of(recognizer, image, aim)
    same_8bit = list(range(len(epsilons))) if several else distinct_8bit(epsilons)
    message = {
        "model": recognizer.name,
        "size": face.shape[-1],
        "labels": recognizer.labels,
        "attack": attack,
        "attacked": aim.attacked,
        "target": target,
        "epsilons": list(epsilons),
        "gradients": gradients(attack, len(epsilons) - 1),
        "pixels": encode(np.asarray(as_picture(face))),
        "sign": None if several else encode(pack_signs(sign[0].permute(1, 2, 0).cpu().numpy())),
        "images": {},
        "same_8bit": same_8bit,
        "scores": {"float": [], "8-bit": []},
        "references": {},
        "smallest": None,
    }
    predicted = {"float": {}, "8-bit": {}}  # class indices, by position
    part = (PART_OF_SEVERAL if several else PART) * PART_SIZE**2 // face.shape[-1] ** 2
    if sum(weights.numel() for weights in recognizer.parameters()) > LARGE:
        part = part // 3
    for positions in outwards(epsilons, epsilon, max(1, part)):
        files = sorted({same_8bit[i] for i in positions} - predicted["8-bit"].keys())
        if several:
            moved = moved_in_steps(recognizer, image, [epsilons[i] for i in positions], aim)
            stored = as_8bit(moved)
            pictures = {str(i): encode(np.asarray(as_picture(row))) for i, row in zip(positions, stored, strict=True)}
            message = message | {"images": message["images"] | pictures}
            batch, files = [moved, stored], positions
        else:
            batch = [perturb(image, sign, epsilons[i]) for i in positions]
            batch += [perturb_8bit(image, sign, epsilons[i]) for i in files]
        probabilities = score(recognizer, torch.cat(batch))
        references = message["references"] | reference_photographs(recognizer, probabilities)
        scores = dict(message["scores"])
        for scoring, chosen, rows in zip(
            scores, (positions, files), probabilities.split([len(positions), len(files)]), strict=True
        ):
            if chosen:
                scores[scoring] = [*scores[scoring], [chosen, encode(rows.cpu().numpy())]]
                predicted[scoring] |= zip(chosen, rows.argmax(1).tolist(), strict=True)
        # A new dict each time: messages already sent stay as they were.
        message = message | {"scores": scores, "references": references}
        yield message
    yield message | {"smallest": smallest_epsilons(recognizer, image, sign, epsilons, predicted, aim)}


def smallest_epsilons(
    recognizer: Recognizer,
    image: Tensor,
    sign: Tensor | None,
    epsilons: Sequence[float],
    predicted: dict[str, dict[int, int]],
    aim: Aim,
) -> dict[str, dict | None]:
    """For the float and the 8-bit image the smallest epsilon found that reaches `aim`; None where none does.

    `predicted` has the class index at every position of `epsilons`. The first position that reaches the aim is found
    there; with a `sign`, the step before it is refined: for the float image by bisection to REFINED, for the 8-bit one
    wherever it changes. FGSM is not monotone, so a smaller epsilon may hide between two positions. Each result is a
    dict of `epsilon` and `again`, the first position after it where the aim is missed, or None.
    """

    def reached(scored: Tensor) -> Tensor:
        return aim.reached(score(recognizer, scored).argmax(1))

    found = {}
    for scoring, answers in predicted.items():
        rising = sorted(answers)
        hits = aim.reached(torch.tensor([answers[i] for i in rising])).tolist()
        if not any(hits):
            found[scoring] = None
            continue
        first = hits.index(True)
        again = next((i for i, hit in zip(rising[first:], hits[first:], strict=True) if not hit), None)
        epsilon = epsilons[rising[first]]
        if sign is not None and first > 0:
            before = epsilons[rising[first - 1]]
            if scoring == "float":
                while epsilon - before > REFINED:
                    middle = (before + epsilon) / 2
                    if reached(perturb(image, sign, middle)).item():
                        epsilon = middle
                    else:
                        before = middle
            else:
                changes = changes_8bit(before, epsilon)
                between = torch.cat([perturb_8bit(image, sign, change) for change in changes])
                epsilon = next((at for at, hit in zip(changes, reached(between), strict=True) if hit), epsilon)
        found[scoring] = {"epsilon": epsilon, "again": None if again is None else epsilons[again]}
    return found


def changes_8bit(before: float, last: float) -> list[float]:
    """The epsilons after `before`, up to `last`, that give each 8-bit image there is in between; `last` is one of them.

    A value turns to the next grey level above (n - 1/2)/255, an even or odd one, as ties go, at it.
    """
    halves = [(n - 0.5) / 255 for n in range(math.floor(255 * before), math.ceil(255 * last) + 2)]
    changes = {epsilon for half in halves for epsilon in (half, half + ABOVE) if before < epsilon < last}
    return sorted(changes | {last})


def last_recognised(recognizer: Recognizer, face: Tensor, label: int, epsilons: Sequence[float]) -> float:
    """The last of the rising `epsilons` before `face` is taken by FGSM for somebody other than class index `label`.

    Every tenth is tried, then those before the first that fools: a flip back and forth in between is not seen.
    """
    image = face.unsqueeze(0).to(recognizer.device)
    sign = sign_of(recognizer, image, Aim(FGSM, label))

    def first_fooled(positions: Sequence[int]) -> int:
        fooled = sweep(recognizer, image, sign, [epsilons[i] for i in positions])[:, 0].argmax(1) != label
        return positions[int(fooled.int().argmax())] if fooled.any() else len(epsilons)

    coarse = first_fooled(range(0, len(epsilons), 10))
    return epsilons[max(0, first_fooled(range(max(0, coarse - 9), min(coarse + 1, len(epsilons)))) - 1)]


def outwards(epsilons: Sequence[float], epsilon: float, part: int) -> list[list[int]]:
    """The positions in `epsilons`: those of 0 and next to `epsilon`, then, from there, lists of `part` at a time."""
    count = len(epsilons)
    nearest = min(range(count), key=lambda i: abs(epsilons[i] - epsilon))
    order = sorted(range(count), key=lambda i: (i not in (0, nearest), abs(i - nearest)))
    starts = [0, *range(min(2, count), count, part)]
    return [order[first:last] for first, last in zip(starts, [*starts[1:], count], strict=True)]


def pack_signs(sign: np.ndarray) -> np.ndarray:
    """Signs in {-1, 0, 1} as base-3 digits 0, 1, 2, five to a byte (3^5 = 243), the first the lowest."""
    digits = (sign.reshape(-1) + 1).astype(np.uint8)
    digits = np.pad(digits, (0, -len(digits) % 5)).reshape(-1, 5)
    return digits @ np.array([1, 3, 9, 27, 81], dtype=np.uint8)


def encode(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def reference_photographs(recognizer: Recognizer, probabilities: Tensor) -> dict[str, str | None]:
    """A photograph, as data URL, of everyone among the first five in a row of `probabilities`, (E, C)."""
    seen = ranked(probabilities, TOP).unique().tolist()
    labels = [recognizer.labels[index] for index in seen]
    return {label: reference_photograph(recognizer.config, label) for label in labels}


def reference_photograph(config: Config, label: str) -> str | None:
    """Data URL of the first photograph of the person `label` that a recogniser with this config is not tested on.

    None where there is none on this machine.
    """
    return _reference_photograph(PROJECT / path_of(config.faces), config.tested, label)


@functools.cache
def _reference_photograph(root: Path, tested: frozenset[str], label: str) -> str | None:
    for photograph in _people(root).get(label, []):
        if text_of(photograph.relative_to(root)) not in tested:
            with suppress(Refused):  # a file that is no picture: the next one
                return data_url(as_picture(prepare(open_picture(photograph), REFERENCE_SIZE)).quantize())
    return None


def forget_photographs() -> None:
    """Look at the folders of faces anew."""
    _reference_photograph.cache_clear()
    _people.cache_clear()


_people = functools.cache(people_if_any)


def data_url(picture: Image.Image) -> str:
    """`picture` as a PNG that a page can hold."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
