"""How hard an evaluation tries, where nothing else is asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """PGD's restarts, Square's queries for one face, the targets of APGD-T and FAB-T.

    Queries and targets are those of AutoAttack's standard version.
    """

    restarts: int = 10
    queries: int = 5000
    targets: int = 9
