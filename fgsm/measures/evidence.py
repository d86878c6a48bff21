"""What has been measured of recognisers before: claims and smallest epsilons, where the weights are the same."""

import functools
from pathlib import Path

from ..places import ASSETS
from ..recognizers.survey import Checkpoint, checksum
from ..texts import Refused
from .claims import Claim, read_claim
from .needed import Needed
from .tables import needed_in

SHIPPED = ASSETS / "results"


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
