"""What was counted, as CSV."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from ..attacks import ATTACKS
from .curve import Snapshot
from .intervals import wilson_interval
from .needed import DIGITS, SHORT_CHECKSUM, Needed
from .transfer import Matrix

MOST_FACES = 10**6
MEASURED = ("correct", "total", "accuracy", "ci_low", "ci_high")
CURVE_COLUMNS = ("model", "attack", "precision", "epsilon", *MEASURED, "fooled", "unknown")
NEEDED_COLUMNS = ("model", "weights", "attack", "goal", "photograph", "epsilon")
MATRIX_COLUMNS = ("attack", "precision", "epsilon", "crafted_on", "tried_on", *MEASURED)


def write_table(text: str, path: Path) -> None:
    """A file of what one of the others here returns."""
    path.write_text(text, "utf-8", newline="")


def curves_as_csv(curves: Sequence[Snapshot]) -> str:
    """One row for each curve and epsilon, with CURVE_COLUMNS."""
    rows: list[tuple[object, ...]] = [CURVE_COLUMNS]
    for curve in curves:
        counts = zip(curve.epsilons, curve.correct, curve.fooled, curve.unknown, strict=True)
        for epsilon, correct, fooled, unknown in counts:
            about = (curve.model, curve.attack, curve.precision, epsilon)
            rows.append((*about, *_measured(correct, curve.total), fooled, unknown))
    return _as_csv(rows)


def matrix_as_csv(matrix: Matrix) -> str:
    """A row for each pair of recognisers, with MATRIX_COLUMNS, and one for each without an attack."""
    rows: list[tuple[object, ...]] = [MATRIX_COLUMNS]
    for model, correct in zip(matrix.models, matrix.clean, strict=True):
        rows.append(("none", matrix.precision, 0.0, "", model, *_measured(correct, matrix.total)))
    for source, counts in zip(matrix.models, matrix.correct, strict=True):
        for model, correct in zip(matrix.models, counts, strict=True):
            about = (matrix.attack, matrix.precision, matrix.epsilon, source, model)
            rows.append((*about, *_measured(correct, matrix.total)))
    return _as_csv(rows)


def curves_in(text: str) -> list[Snapshot]:
    """The curves that `curves_as_csv` has written, from epsilon 0, without examples. Raises ValueError for others.

    Whether a recogniser has a threshold stands in its config, not in the table: it is None here.
    """
    found: dict[tuple[str, str], Snapshot] = {}
    for model, attack, precision, epsilon, correct, total, _, _, _, fooled, unknown in _rows(text, CURVE_COLUMNS):
        empty = Snapshot(model, attack, precision, [], [], [], [], _count(correct, _total(total)), _total(total), [])
        curve = found.setdefault((model, attack), empty)
        curve.epsilons.append(_share(epsilon))
        counts = ((curve.correct, correct), (curve.fooled, fooled), (curve.unknown, unknown))
        for column, count in counts:
            column.append(_count(count, curve.total))
        curve.examples.append([])
    curves = list(found.values())
    if any(curve.epsilons[0] != 0 or curve.attack not in ATTACKS or min(curve.confused) < 0 for curve in curves):
        raise ValueError("another table")
    _same(curves_as_csv(curves), text)
    return curves


def matrix_in(text: str) -> Matrix:
    """The matrix that `matrix_as_csv` has written, without examples. Raises ValueError for anything else."""
    rows = _rows(text, MATRIX_COLUMNS)
    models = [tried for attack, _, _, _, tried, *_ in rows if attack == "none"]
    if not models or len(rows) != len(models) * (len(models) + 1):
        raise ValueError("another table")
    attack, precision, epsilon, _, _, _, total, *_ = rows[-1]
    if attack not in ATTACKS:
        raise ValueError("another table")
    counts = [_count(row[5], _total(total)) for row in rows]
    clean, *correct = [counts[first : first + len(models)] for first in range(0, len(rows), len(models))]
    fooled = [[0 for _ in models] for _ in models]
    nothing: list[list[list[tuple[int, int]]]] = [[[] for _ in models] for _ in models]
    matrix = Matrix(models, attack, precision, _share(epsilon), clean, correct, fooled, _total(total), nothing)
    _same(matrix_as_csv(matrix), text)
    return matrix


def needed_as_csv(found: Sequence[Needed]) -> str:
    """A row for each face, with NEEDED_COLUMNS; no epsilon where none was found."""
    rows: list[tuple[object, ...]] = [NEEDED_COLUMNS]
    for needed in found:
        about = (needed.model, needed.weights, needed.attack, needed.goal)
        for photograph, epsilon in zip(needed.photographs, needed.epsilons, strict=False):
            rows.append((*about, photograph, f"{epsilon:.{DIGITS}f}" if math.isfinite(epsilon) else ""))
    return _as_csv(rows)


def needed_in(text: str) -> list[Needed]:
    """What `needed_as_csv` has written. Raises ValueError for anything else."""
    found: dict[tuple[str, ...], Needed] = {}
    for model, weights, attack, goal, photograph, written in _rows(text, NEEDED_COLUMNS):
        epsilon = float(written or math.inf)
        if not SHORT_CHECKSUM.fullmatch(weights) or not epsilon >= 0:
            raise ValueError("another table")
        about = (model, weights, attack, goal)
        needed = found.setdefault(about, Needed(*about, [], []))
        needed.photographs.append(photograph)
        needed.epsilons.append(epsilon)
    return list(found.values())


def _rows(text: str, columns: tuple[str, ...]) -> list[list[str]]:
    """The rows of a table with these columns. Raises ValueError for anything else."""
    try:
        header, *rows = csv.reader(io.StringIO(text))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if tuple(header) != columns or any(len(row) != len(columns) for row in rows):
        raise ValueError("another table")
    return rows


def _share(text: str) -> float:
    if not 0 <= (share := float(text)) <= 1:
        raise ValueError("another table")
    return share


def _same(written: str, text: str) -> None:
    """Raise ValueError where a table is not as it would be written: other rows, another order, other intervals."""
    if written.splitlines() != text.splitlines():
        raise ValueError("another table")


def _total(text: str) -> int:
    if not 0 < (total := int(text)) <= MOST_FACES:
        raise ValueError("another table")
    return total


def _count(text: str, total: int) -> int:
    if not 0 <= (count := int(text)) <= total:
        raise ValueError("another table")
    return count


def _measured(correct: int, total: int) -> tuple[object, ...]:
    """The values of MEASURED."""
    low, high = wilson_interval(correct, total)
    return correct, total, f"{correct / max(1, total):.4f}", f"{low:.4f}", f"{high:.4f}"


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
