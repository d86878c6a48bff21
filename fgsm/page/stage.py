"""What the stage is sent for one face: its pixels, how they move, and the recogniser's answer at every epsilon.

The browser draws from this alone, so that dragging epsilon needs no server. Arrays travel as base64.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ..attacks import Attack
from ..attacks.attack import aimed
from ..attacks.fgsm import FGSM
from ..faces.prepare import as_picture
from ..measures.needed import Standing
from ..measures.outcomes import verdict_key
from ..measures.report import TOP, aim_at
from ..measures.smallest import smallest_epsilons
from ..measures.sweep import distinct_8bit
from ..recognizers.enrolled import SHARPNESS
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import ranked, score
from .messages import StageMessage
from .photographs import encode

PART = 16  # epsilons scored between two messages: two CPU cores are slower at much smaller batches
PART_OF_STEPS = 3  # epsilons, each of many gradients
PART_SIZE = 112  # pixels of a face's side, for these parts: larger faces take as much longer
LARGE = 2 * 10**7  # weights of a network that takes about three times as long for a face


def perform(
    recognizer: Recognizer,
    face: Tensor,
    epsilons: Sequence[float],
    epsilon: float,
    label: int | None = None,
    attack: Attack = FGSM,
    target: int | None = None,
    photograph_of: Callable[[str], str | None] = lambda label: None,
    standing_of: Callable[[float], Standing | None] = lambda epsilon: None,
) -> Iterator[StageMessage]:
    """Messages for the stage, each a whole one that holds more than the one before.

    `face` is an 8-bit picture (3, H, W) as `faces.prepare` makes it, attacked on class index `label` or, without one,
    on the recogniser's own clean prediction; with a `target`, towards that class index; see `report.aim_at` for a face
    that is nobody's. The first message has the
    scores at 0 and at `epsilon`, the others follow from there to both sides; the last one has the `smallest` epsilons,
    and what `standing_of` says of one that fools.
    `epsilons` starts with 0 and rises. Raises Refused for a target that is attacked.
    """
    image = face.unsqueeze(0).to(recognizer.device)
    aim, unknown = aim_at(recognizer, score(recognizer, image)[0], label, target, attack), recognizer.config.unknown
    moves = aimed(attack, recognizer, image, aim)
    sign = moves.sign
    same_8bit = distinct_8bit(epsilons) if attack.one_direction else list(range(len(epsilons)))
    message: StageMessage = {
        "model": recognizer.name,
        "size": face.shape[-1],
        "labels": recognizer.labels,
        "attack": {"change": attack.change, "offers": attack.offers},
        "attacked": aim.attacked,
        "target": aim.target,
        "unknown": unknown,
        "threshold": recognizer.config.threshold,
        "sharpness": SHARPNESS,
        "epsilons": list(epsilons),
        "pixels": encode(np.asarray(as_picture(face))),
        "sign": None if sign is None else encode(pack_signs(sign[0].permute(1, 2, 0).cpu().numpy())),
        "images": {},
        "same_8bit": same_8bit,
        "scores": {"float": [], "8-bit": []},
        "verdicts": {},
        "references": {},
        "smallest": None,
        "standing": None,
    }
    predicted: dict[str, dict[int, int]] = {"float": {}, "8-bit": {}}  # class indices, by position
    for positions in scoring_order(epsilons, epsilon, part_of(recognizer, attack)):
        firsts = dict.fromkeys(same_8bit[at] for at in positions)  # in steps: `positions`, in their order
        files = [at for at in firsts if at not in predicted["8-bit"]]
        batch, images = [], message["images"]
        if attack.one_direction:
            batch.append(moves.at([epsilons[at] for at in positions]))
            if files:
                batch.append(moves.both_at([epsilons[at] for at in files])[1])
        else:
            batch += moves.both_at([epsilons[at] for at in positions])
            rows = zip(positions, batch[1][:, 0], strict=True)
            images = images | {str(at): encode(np.asarray(as_picture(row))) for at, row in rows}
        probabilities = score(recognizer, torch.cat(batch).flatten(0, 1))
        scores, verdicts = dict(message["scores"]), dict(message["verdicts"])
        parts = probabilities.split([len(positions), len(files)])
        for scoring, chosen, answers in zip(scores, (positions, files), parts, strict=True):
            if chosen:
                scores[scoring] = [*scores[scoring], (chosen, encode(answers.cpu().numpy()))]
                predicted[scoring] |= zip(chosen, answers.argmax(1).tolist(), strict=True)
        for at in positions:
            verdicts[str(at)] = verdict_key(aim, predicted["float"][at], unknown, epsilons[at])
        seen = {recognizer.labels[index] for index in ranked(probabilities, TOP).unique().tolist()}
        seen |= set() if aim.target is None else {recognizer.labels[aim.target]}
        references = {label: photograph_of(label) for label in sorted(seen - message["references"].keys())}
        new = {"images": images, "scores": scores, "verdicts": verdicts}
        # A new dict each time: messages already sent stay as they were.
        message = cast(StageMessage, {**message, **new, "references": message["references"] | references})
        yield message
    smallest = smallest_epsilons(recognizer, image, sign, epsilons, predicted, aim)
    fools = smallest["float"] if sign is not None and aim.target is None else None
    yield {**message, "smallest": smallest, "standing": standing_of(fools["epsilon"]) if fools else None}


def part_of(recognizer: Recognizer, attack: Attack) -> int:
    """How many epsilons are scored between two messages."""
    part = (PART if attack.one_direction else PART_OF_STEPS) * PART_SIZE**2 // recognizer.input_size**2
    if sum(weights.numel() for weights in recognizer.parameters()) > LARGE:
        part = part // 3
    return max(1, part)


def scoring_order(epsilons: Sequence[float], epsilon: float, part: int) -> list[list[int]]:
    """The positions in `epsilons`: those of 0 and next to `epsilon`, then, from there, lists of `part` at a time."""
    count = len(epsilons)
    nearest = min(range(count), key=lambda at: abs(epsilons[at] - epsilon))
    order = sorted(range(count), key=lambda at: (at not in (0, nearest), abs(at - nearest)))
    starts = [0, *range(min(2, count), count, part)]
    return [order[first:last] for first, last in zip(starts, [*starts[1:], count], strict=True)]


def pack_signs(sign: np.ndarray) -> np.ndarray:
    """Signs in {-1, 0, 1} as base-3 digits 0, 1, 2, five to a byte (3^5 = 243), the first the lowest."""
    digits = (sign.reshape(-1) + 1).astype(np.uint8)
    fives = np.pad(digits, (0, -len(digits) % 5)).reshape(-1, 5)
    packed: np.ndarray = fives @ np.array([1, 3, 9, 27, 81], dtype=np.uint8)
    return packed
