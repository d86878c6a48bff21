"""What has been measured of recognisers before: claims, smallest epsilons, curves, where the weights are the same."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..places import ASSETS
from ..recognizers.survey import Checkpoint, checksum
from ..texts import Refused
from .claims import Claim, read_claim
from .curve import Snapshot
from .made import Made, read_made
from .needed import Needed
from .tables import curves_in, matrix_in, needed_in
from .transfer import Matrix

SHIPPED = ASSETS / "results"
T = TypeVar("T")


class Evidence:
    """The results in a folder. What is not there, cannot be read, or is about other weights is no evidence: None."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self.folder = folder
        self._checksum = functools.cache(_checksum)  # by checkpoint, whose version changes with its files

    def claim(self, checkpoint: Checkpoint) -> Claim | None:
        """What an evaluation has found, when it was finished."""
        try:
            claim = read_claim(self.folder, checkpoint.name)
        except (Refused, OSError):
            return None
        return claim if claim and claim.complete and claim.weights == self._checksum(checkpoint) else None

    def needed(self, checkpoint: Checkpoint, attack: str, goal: str) -> Needed | None:
        """The smallest epsilons over the test faces."""
        found = self._needed.get((checkpoint.name, attack, goal))
        return found if found and self._checksum(checkpoint).startswith(found.weights) else None

    def curves(self, installed: Mapping[str, Checkpoint]) -> tuple[Made, list[Snapshot]] | None:
        """The accuracy curves, where all their recognisers are `installed`, and how they were measured."""
        if (found := self._published("accuracy.csv", curves_in)) is None:
            return None
        made, curves = found
        if not all(self._is_same(made, curve.model, installed) for curve in curves):
            return None
        return made, [replace(curve, threshold=installed[curve.model].config.threshold) for curve in curves]

    def matrix(self, installed: Mapping[str, Checkpoint]) -> tuple[Made, Matrix] | None:
        """The matrix of transfer, where all its recognisers are `installed`, and how it was measured."""
        if (found := self._published("transfer.csv", matrix_in)) is None:
            return None
        made, matrix = found
        return found if all(self._is_same(made, model, installed) for model in matrix.models) else None

    def _published(self, name: str, read: Callable[[str], T]) -> tuple[Made, T] | None:
        """What a table says, as `read` has it, and how it was made."""
        table = self.folder / name
        try:
            return read_made(table), read(table.read_text("utf-8"))
        except (ValueError, OSError):
            return None

    def _is_same(self, made: Made, model: str, installed: Mapping[str, Checkpoint]) -> bool:
        """Whether the weights that were measured are the installed ones."""
        weights = made.weights.get(model)
        return weights is not None and model in installed and self._checksum(installed[model]).startswith(weights)

    @functools.cached_property
    def _needed(self) -> dict[tuple[str, str, str], Needed]:
        try:
            found = needed_in((self.folder / "smallest.csv").read_text("utf-8"))
        except (ValueError, OSError):
            return {}
        return {(needed.model, needed.attack, needed.goal): needed for needed in found}


def _checksum(checkpoint: Checkpoint) -> str:
    try:
        return checksum(checkpoint)
    except (Refused, OSError):
        return ""
