"""What commands print and write: tables in columns, pictures, and what is said when one is stopped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ..measures.intervals import wilson_interval
from ..texts import Refused


class Stopped(Exception):
    """A command was stopped by Ctrl-C; the message says what was saved."""


def printable(text: str) -> str:
    """`text` in one line, whatever a name in it holds."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def as_columns(rows: list[list[str]]) -> str:
    """`rows` of cells in columns, each as wide as its widest."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


@contextmanager
def written_when_stopped(table: Path, write: Callable[[], None]) -> Iterator[None]:
    """Whatever ends the measuring in here, Ctrl-C for example, what was counted until then is written to `table`."""
    try:
        yield
    except KeyboardInterrupt:
        write()
        raise Stopped(f"Stopped; {table} has what was counted until then.") from None


def make_folder(path: Path) -> None:
    """Make the folder `path`, where there is none. Raises Refused where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused("refused.no_folder_made", folder=path, reason=error.strerror) from None


def check_png(path: Path) -> None:
    """Raise Refused unless `path` names a PNG file."""
    if path.suffix.lower() != ".png":
        raise Refused("refused.no_png", file=path.name)


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write the adversarial picture, as PNG. Raises Refused where that cannot be."""
    try:
        picture.save(path)
    except OSError as error:
        raise Refused("refused.unwritable", file=path, reason=error.strerror) from None


def print_left_out(reasons: list[str]) -> None:
    """Say what is left out of a folder of people, and why."""
    if reasons:
        print("\n".join(["Left out:", *(f"  {printable(reason)}" for reason in reasons)]), flush=True)


def counted(number: int, one: str, several: str = "") -> str:
    """So many things, of which `one` and `several` are the words."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def with_interval(correct: int, total: int) -> str:
    """The share of `total` faces that are `correct`, and its 95% interval."""
    low, high = wilson_interval(correct, total)
    return f"{correct / total:.1%} ({low:.1%} to {high:.1%})"
