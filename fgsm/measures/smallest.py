"""The smallest epsilon that fools, as a float image and as an 8-bit file, and the last one that does not."""

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn

from ..attacks import Aim
from ..attacks.gradient import sign_gradient
from ..attacks.pixels import perturb, perturb_8bit
from ..recognizers.scoring import score
from .sweep import sweep

REFINED = 1e-5  # epsilon
ABOVE = 1e-6  # epsilon by which the 8-bit image has changed for certain


class Smallest(TypedDict):
    """The smallest epsilon found that reaches an aim, and the first position after it where that is missed again."""

    epsilon: float
    again: float | None


def smallest_epsilons(
    model: nn.Module,
    image: Tensor,
    sign: Tensor | None,
    epsilons: Sequence[float],
    predicted: Mapping[str, Mapping[int, int]],
    aim: Aim,
) -> dict[str, Smallest | None]:
    """For the float and the 8-bit image the smallest epsilon found that reaches `aim`; None where none does.

    `predicted` has the class index at every position of `epsilons`, by "float" and "8-bit". The first position that
    reaches the aim is found there; with a `sign`, the step before it is refined: for the float image by bisection to
    REFINED, for the 8-bit one wherever it changes. FGSM is not monotone, so a smaller epsilon may hide between two
    positions.
    """

    def reached(scored: Tensor) -> Tensor:
        return aim.reached(score(model, scored).argmax(1))

    def refined(scoring: str, before: float, epsilon: float) -> float:
        if sign is None:
            return epsilon
        if scoring == "8-bit":
            changes = changes_8bit(before, epsilon)
            between = torch.cat([perturb_8bit(image, sign, change) for change in changes])
            return next((at for at, hit in zip(changes, reached(between), strict=True) if hit), epsilon)
        while epsilon - before > REFINED:
            middle = (before + epsilon) / 2
            if reached(perturb(image, sign, middle)).item():
                epsilon = middle
            else:
                before = middle
        return epsilon

    found: dict[str, Smallest | None] = {}
    for scoring, answers in predicted.items():
        rising = sorted(answers)
        hits = aim.reached(torch.tensor([answers[at] for at in rising])).tolist()
        if not any(hits):
            found[scoring] = None
            continue
        first = hits.index(True)
        again = next((epsilons[at] for at, hit in zip(rising[first:], hits[first:], strict=True) if not hit), None)
        epsilon = epsilons[rising[first]]
        if first > 0:
            epsilon = refined(scoring, epsilons[rising[first - 1]], epsilon)
        found[scoring] = {"epsilon": epsilon, "again": again}
    return found


def changes_8bit(before: float, last: float) -> list[float]:
    """The epsilons after `before`, up to `last`, that give each 8-bit image there is in between; `last` is one of them.

    A value turns to the next grey level above (n - 1/2)/255, an even or odd one, as ties go, at it.
    """
    halves = [(n - 0.5) / 255 for n in range(math.floor(255 * before), math.ceil(255 * last) + 2)]
    changes = {epsilon for half in halves for epsilon in (half, half + ABOVE) if before < epsilon < last}
    return sorted(changes | {last})


def last_recognised(model: nn.Module, face: Tensor, label: int, epsilons: Sequence[float]) -> float:
    """The last of the rising `epsilons` before `face`, (3, H, W), is taken by FGSM for other than class index `label`.

    Every tenth is tried, then those before the first that fools: a flip back and forth in between is not seen.
    """
    image = face.unsqueeze(0)
    sign = sign_gradient(model, image, torch.tensor([label], device=image.device))

    def first_fooled(positions: Sequence[int]) -> int:
        fooled = sweep(model, image, sign, [epsilons[at] for at in positions])[:, 0].argmax(1) != label
        return positions[int(fooled.int().argmax())] if fooled.any() else len(epsilons)

    coarse = first_fooled(range(0, len(epsilons), 10))
    return epsilons[max(0, first_fooled(range(max(0, coarse - 9), min(coarse + 1, len(epsilons)))) - 1)]
