"""What a published table says of itself, in a file beside it: the command, the day and the weights measured."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .needed import SHORT_CHECKSUM


@dataclass(frozen=True)
class Made:
    """How a table was made: by which `command`, on which `date` (year-month-day), of which `weights`.

    These are short checksums, by recogniser.
    """

    command: str
    date: str
    weights: dict[str, str]


def write_made(made: Made, table: Path) -> None:
    """Say beside `table` how it was made."""
    _beside(table).write_text(json.dumps(asdict(made), indent=1) + "\n", "utf-8")


def forget_made(table: Path) -> None:
    """`table` is being measured anew, and is no longer what was said of it."""
    _beside(table).unlink(missing_ok=True)


def read_made(table: Path) -> Made:
    """What `write_made` has said of `table`. Raises OSError where there is nothing, ValueError for anything else."""
    try:
        entries = json.loads(_beside(table).read_text("utf-8"))
    except RecursionError:
        raise ValueError("another file") from None
    if not isinstance(entries, dict) or entries.keys() != Made.__annotations__.keys():
        raise ValueError("another file")
    weights = entries["weights"]
    texts = [entries["command"], entries["date"], *(weights.values() if isinstance(weights, dict) else [None])]
    if not all(isinstance(text, str) for text in texts) or not all(map(SHORT_CHECKSUM.fullmatch, weights.values())):
        raise ValueError("another file")
    return Made(**entries)


def _beside(table: Path) -> Path:
    return table.with_suffix(".json")
