"""What was counted, as CSV."""

import csv
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path

from .curve import Snapshot
from .intervals import wilson_interval
from .needed import DIGITS, SHORT, Needed
from .transfer import Matrix

SHORT_CHECKSUM = re.compile(rf"[0-9a-f]{{{SHORT}}}")
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
    try:
        header, *rows = csv.reader(io.StringIO(text))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    if tuple(header) != NEEDED_COLUMNS:
        raise ValueError("another table")
    for model, weights, attack, goal, photograph, written in rows:
        epsilon = float(written or math.inf)
        if not SHORT_CHECKSUM.fullmatch(weights) or not epsilon >= 0:
            raise ValueError("another table")
        about = (model, weights, attack, goal)
        needed = found.setdefault(about, Needed(*about, [], []))
        needed.photographs.append(photograph)
        needed.epsilons.append(epsilon)
    return list(found.values())


def _measured(correct: int, total: int) -> tuple[object, ...]:
    """The values of MEASURED."""
    low, high = wilson_interval(correct, total)
    return correct, total, f"{correct / max(1, total):.4f}", f"{low:.4f}", f"{high:.4f}"


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
