"""A claim of robustness: what was attacked, how, and what is left; one JSON file for each recogniser.

In the manner of RobustBench's model_info: Croce et al., "RobustBench: a Standardized Adversarial Robustness Benchmark"
(NeurIPS Datasets and Benchmarks 2021).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..texts import Refused
from .intervals import wilson_interval

CLEAN = "clean"


@dataclass
class Tried:
    """One attack of an evaluation, `method` in words, from a library of this name and version.

    `seen` faces of the test set, in order, are done with, because the attack was tried on them (`attacked`) or because
    one before had fooled them. `queries` are those of an attack that sees answers alone; `gains` are the faces that
    each restart was the first to fool.
    """

    attack: str
    method: str
    source: str
    black_box: bool = False
    seen: int = 0
    attacked: int = 0
    fooled: int = 0
    seconds: float = 0.0
    queries: int = 0
    gains: list[int] = field(default_factory=list)


@dataclass
class Claim:
    """What an evaluation has found so far.

    `weights` is a checksum of the recogniser's. `fooled_by` has for each of `photographs` the first attack that fooled
    it, CLEAN where it was not recognised in the first place, and None where it stands. Attacks are `tried` in order,
    each on the faces that still stand.
    """

    model: str
    architecture: str
    weights: str
    data: str
    photographs: list[str]
    epsilon: float
    seed: int
    effort: dict[str, int]
    recipe: dict[str, float]
    training: str
    versions: dict[str, str]
    tried: list[Tried]
    fooled_by: list[str | None]
    warnings: list[str] = field(default_factory=list)
    norm: str = "Linf"
    threat: str = "white box, untargeted: whoever attacks knows weights and defence, and aims at any other answer"
    precision: str = "float32"

    @property
    def total(self) -> int:
        return len(self.photographs)

    @property
    def complete(self) -> bool:
        """Whether every attack is done with every face."""
        return all(tried.seen == self.total for tried in self.tried)

    @property
    def worst(self) -> int:
        """The faces that no attack has fooled."""
        return self.fooled_by.count(None)

    def right_after(self, at: int) -> int:
        """The faces still named right after the attack at this place and all before it, as far as they are done."""
        return self.total - sum(tried.fooled for tried in self.tried[: at + 1])

    def shares(self) -> list[dict[str, Any]]:
        """For the file's readers: the accuracy after each attack that is done, and in the worst case."""
        done = [(tried.attack, self.right_after(at)) for at, tried in enumerate(self.tried) if tried.seen == self.total]
        return [self._share(name, right) for name, right in [*done, *([("worst case", self.worst)] * self.complete)]]

    def _share(self, name: str, right: int) -> dict[str, Any]:
        low, high = wilson_interval(right, self.total)
        return {"after": name, "right": right, "accuracy": right / self.total, "interval": [low, high]}


def write_claim(claim: Claim, path: Path) -> None:
    """Write `claim` to `path`, whole or not at all."""
    text = json.dumps({**asdict(claim), "accuracy": claim.shares()}, indent=1, ensure_ascii=False) + "\n"
    scratch = path.with_suffix(".part")
    scratch.write_text(text, "utf-8")
    os.replace(scratch, path)


def read_claim(path: Path) -> Claim:
    """The claim in a file. Raises Refused where it holds none, or one whose counts contradict each other."""
    try:
        said = json.loads(path.read_bytes())
        said.pop("accuracy")
        claim = Claim(**{**said, "tried": [Tried(**tried) for tried in said["tried"]]})
        consistent = _consistent(claim)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        consistent = False
    if not consistent:
        raise Refused("refused.no_claim", file=path.name)
    return claim


def _consistent(claim: Claim) -> bool:
    """Whether the faces that each attack has fooled are as many as it says, and it was tried on no fewer."""
    names = [tried.attack for tried in claim.tried]
    return (
        len(claim.fooled_by) == claim.total > 0
        and len(set(names)) == len(names)
        and all(
            tried.fooled == claim.fooled_by.count(tried.attack) <= tried.attacked <= tried.seen <= claim.total
            for tried in claim.tried
        )
        and set(claim.fooled_by) <= {None, *names}
    )
