"""How little it takes: the smallest epsilon that fools, for each test face.

Its median is what robustness is compared by in RobFR: Yang et al., "RobFR: Benchmarking Adversarial Robustness on Face
Recognition" (2020), section 3.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from ..attacks import Attack
from ..attacks.attack import Moves
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score
from .smallest import REFINED

DODGING, IMPERSONATION = "dodging", "impersonation"
GOALS = (DODGING, IMPERSONATION)
LARGEST = 0.1  # epsilon that is tried: as far as the page's slider goes at first
GRID = [round(LARGEST * step / 100, 6) for step in range(101)]
FIRST = 1 / 255  # epsilon that walks start with
NEAR = 0.07  # of itself, to which a walk's epsilon is known
TOGETHER = 20  # faces in a batch
DIGITS = 5  # after the point, that are kept
SHORT = 12  # letters of a checksum, that are kept
SHORT_CHECKSUM = re.compile(rf"[0-9a-f]{{{SHORT}}}")

Reached = Callable[[Tensor, Tensor], Tensor]  # of rows, (M,), and epsilons, (M,): where the goal is reached, (M,)


@dataclass(frozen=True)
class Needed:
    """The smallest epsilon found for the first of `photographs`; infinite where none to LARGEST reaches the goal.

    `weights` is the beginning of the recogniser's checksum. To impersonate, each face is moved towards the next person
    in the list of people, the last one's towards the first; with one person alone, nobody is impersonated.
    """

    model: str
    weights: str
    attack: str
    goal: str
    photographs: list[str]
    epsilons: list[float]

    def quantile(self, share: float) -> float:
        """The smallest of the epsilons that reach the goal for at least this `share` of the faces."""
        return sorted(self.epsilons)[max(0, math.ceil(share * len(self.epsilons)) - 1)]


class Standing(TypedDict):
    """Of `total` test faces, those that need a larger epsilon than one face does, and those that need a smaller one."""

    harder: int
    easier: int
    total: int


def standing(needed: Needed, epsilon: float) -> Standing | None:
    """Where a face that is fooled at `epsilon` stands among the test faces; None where these were not tried so far."""
    if epsilon > LARGEST:
        return None
    others, epsilon = needed.epsilons, round(epsilon, DIGITS)
    return {
        "harder": sum(e > epsilon for e in others),
        "easier": sum(e < epsilon for e in others),
        "total": len(others),
    }


def needed_epsilons(
    recognizer: Recognizer, images: Tensor, labels: Tensor, attack: Attack, goal: str
) -> Iterator[list[float]]:
    """For batches of test faces, (N, 3, H, W) in [0, 1], of class indices `labels`, (N,), the smallest epsilons found.

    Along one direction the first position of GRID that reaches the goal is found, and refined to REFINED. A walk of
    several steps starts at FIRST, which is doubled or halved until the goal lies between, and bisected to NEAR. Both
    may miss a smaller one: no attack is monotone.
    """
    people = len(recognizer.config.people)
    for first in range(0, len(images), TOGETHER):
        faces, theirs = (part[first : first + TOGETHER].to(recognizer.device) for part in (images, labels))
        aims = (theirs + 1) % people if goal == IMPERSONATION else theirs
        positions = range(first, first + len(faces))
        moves = attack.moves(recognizer, faces, aims, positions, goal == IMPERSONATION)
        reached = _asked(recognizer, moves, aims, goal)
        if attack.one_direction:
            low, high = _on_grid(reached, len(faces))
            yield _narrowed(reached, low, high, lambda high: torch.full_like(high, REFINED))
        else:
            low, high = _by_doubling(reached, len(faces))
            yield _narrowed(reached, low, high, lambda high: (NEAR * high).clamp(min=REFINED))


def goals_of(recognizer: Recognizer, attack: Attack) -> list[str]:
    """What `attack` can be asked to do with each of the test faces."""
    may_aim = attack.may_aim and len(recognizer.config.people) > 1
    return list(GOALS) if may_aim else [DODGING]


def _asked(recognizer: Recognizer, moves: Moves, aims: Tensor, goal: str) -> Reached:
    def reached(rows: Tensor, epsilons: Tensor) -> Tensor:
        predicted = score(recognizer, moves.each_at(epsilons, rows)).argmax(1)
        hit = predicted == aims[rows] if goal == IMPERSONATION else predicted != aims[rows]
        return hit.cpu()

    return reached


def _on_grid(reached: Reached, count: int) -> tuple[Tensor, Tensor]:
    """For each row the first position of GRID that reaches the goal, and the one before."""
    low, high = torch.zeros(count), torch.full((count,), math.inf)
    for before, epsilon in zip([0.0, *GRID], GRID, strict=False):
        rows = torch.where(high.isinf())[0]
        if not len(rows):
            break
        hit = rows[reached(rows, torch.full((len(rows),), epsilon))]
        low[hit], high[hit] = before, epsilon
    return low, high


def _by_doubling(reached: Reached, count: int) -> tuple[Tensor, Tensor]:
    """For each row an epsilon that reaches the goal, and one of half its size or 0 that does not."""
    low, high = torch.zeros(count), torch.full((count,), math.inf)
    rows = torch.arange(count)
    clean = reached(rows, torch.zeros(count))
    high[clean] = 0.0
    epsilons = torch.full((count,), FIRST)
    rows = rows[~clean]
    while len(rows):
        tried = epsilons[rows]
        hit = reached(rows, tried)
        high[rows[hit]], low[rows[~hit]] = tried[hit], tried[~hit]
        epsilons[rows] = torch.where(hit, tried / 2, (2 * tried).clamp(max=LARGEST))
        between = high[rows].isfinite() & (low[rows] > 0)
        given_up = (tried >= LARGEST) & ~hit | (high[rows] < REFINED)
        rows = rows[~between & ~given_up]
    return low, high


def _narrowed(reached: Reached, low: Tensor, high: Tensor, enough: Callable[[Tensor], Tensor]) -> list[float]:
    """`high`, bisected down to `low` until it is known to `enough`."""
    while len(rows := torch.where(high.isfinite() & (high - low > enough(high)))[0]):
        middle = (low[rows] + high[rows]) / 2
        hit = reached(rows, middle)
        high[rows[hit]], low[rows[~hit]] = middle[hit], middle[~hit]
    return [round(epsilon, DIGITS) for epsilon in high.tolist()]
