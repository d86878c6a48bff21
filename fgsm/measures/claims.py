"""A claim of robustness: what was attacked, how, and what is left; one JSON file for each recogniser.

In the manner of RobustBench's model_info: Croce et al., "RobustBench: a Standardized Adversarial Robustness Benchmark"
(NeurIPS Datasets and Benchmarks 2021).
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from ..recognizers.weights import read_json
from ..texts import Refused
from .intervals import wilson_interval

CLEAN, WORST = "clean", "worst case"
EXACTLY = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)  # of what a file may say


@dataclass
class Tried:
    """One attack of an evaluation, `method` in words, from a library of this name.

    `seen` faces of the test set, in order, are done with, because the attack was tried on them (`attacked`) or because
    one before had fooled them. `queries` are those of a `black_box` attack, which sees answers alone; `gains` are the
    faces that each restart was the first to fool.
    """

    __pydantic_config__: ClassVar[ConfigDict] = EXACTLY
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


@dataclass(frozen=True)
class Share:
    """Of `total` faces, those still named right after an attack and all before it, with its 95% interval."""

    __pydantic_config__: ClassVar[ConfigDict] = EXACTLY
    after: str
    right: int
    total: int
    accuracy: float
    low: float
    high: float


@dataclass
class Claim:
    """What an evaluation has found so far.

    `weights` is the recogniser's checksum. `fooled_by` has for each of `photographs` the first attack that
    fooled it, CLEAN where it was not recognised in the first place, and None where it stands. Attacks are `tried` in
    order, each on the faces that still stand. `limit_minutes` is what the last call was given.
    """

    __pydantic_config__: ClassVar[ConfigDict] = EXACTLY
    model: str
    architecture: str
    weights: str
    data: str
    split: str
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
    limit_minutes: float | None = None
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

    def shares(self) -> list[Share]:
        """What is left after each attack that is done with every face and, when all are, in the WORST case."""
        shares, right = [], self.total
        for tried in self.tried:
            right -= tried.fooled
            if tried.seen < self.total:
                break
            shares.append(self._share(tried.attack, right))
        return [*shares, self._share(WORST, self.fooled_by.count(None))] if self.complete else shares

    def _share(self, after: str, right: int) -> Share:
        return Share(after, right, self.total, right / self.total, *wilson_interval(right, self.total))

    def asks(self) -> dict[str, object]:
        """What is asked and of whom: a claim goes on where all of this is the same."""
        names = ("model", "weights", "photographs", "epsilon", "seed", "effort", "versions", "norm", "precision")
        attacks = [(tried.attack, tried.method) for tried in self.tried]
        return {name: getattr(self, name) for name in names} | {"attacks": attacks}


def claim_file(folder: Path, model: str) -> Path:
    """Where the claim of the recogniser `model` stands in a folder of results."""
    return folder / f"claim_{model}.json"


def write_claim(claim: Claim, folder: Path) -> None:
    """Write the file of `claim`, whole or not at all."""
    left = [asdict(share) for share in claim.shares()]
    text = json.dumps({**asdict(claim), "accuracy": left}, indent=1, ensure_ascii=False) + "\n"
    file = claim_file(folder, claim.model)
    scratch = file.with_suffix(".part")
    scratch.write_text(text, "utf-8")
    os.replace(scratch, file)


def read_claim(folder: Path, model: str) -> Claim | None:
    """The claim of the recogniser `model` in a folder; None where there is no file.

    Raises Refused for a file that holds no claim, or one whose counts contradict each other, and OSError.
    """
    file = claim_file(folder, model)
    if not file.exists():
        return None
    try:
        said = read_json(file)
        left = TypeAdapter(list[Share]).validate_json(json.dumps(said.pop("accuracy")))
        claim = TypeAdapter(Claim).validate_json(json.dumps(said))
        sound = claim.model == model and _counts_fit(claim) and left == claim.shares()
    except (ValueError, TypeError, KeyError, AttributeError):
        sound = False
    if not sound:
        raise Refused("refused.no_claim", file=file.name)
    return claim


def _counts_fit(claim: Claim) -> bool:
    """Whether each attack has fooled as many faces as it says, tried on those that the ones before left."""
    names = [tried.attack for tried in claim.tried]
    place = {name: at for at, name in enumerate(names)} | {None: len(names)}
    return (
        len(claim.fooled_by) == claim.total > 0
        and len(set(names)) == len(names)
        and set(claim.fooled_by) <= set(place)
        and all(
            0 <= tried.seen <= claim.total
            and min(tried.seconds, tried.queries, *tried.gains, 0) == 0
            and tried.fooled == claim.fooled_by.count(tried.attack)
            and tried.attacked == sum(place[fooled] >= at for fooled in claim.fooled_by[: tried.seen])
            for at, tried in enumerate(claim.tried)
        )
    )
