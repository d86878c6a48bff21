"""Epsilons that people and programs ask for, checked in one place for the page, its API and the command line.

Every check returns the value in its one meaning, or raises Refused with a sentence that says what to give instead.
"""

import math
import re
from typing import Any

from ..texts import Refused, quoted

COURSE_EPSILONS = (0.0, 0.0001, 0.001, 0.005, 0.007, 0.01, 0.1, 0.3, 0.5, 1.0)  # the course project's
SMALLEST_EPSILON = 1e-6
MOST_EPSILONS = 50
DECIMAL = r"\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
NUMBER = re.compile(rf"\s*({DECIMAL})\s*(?:/\s*({DECIMAL})\s*)?", re.ASCII)
LONGEST = 40  # letters of a number


def known_epsilon(value: object) -> float:
    """An epsilon from a number, or text of a number or of a fraction such as 8/255: 0, or SMALLEST_EPSILON to 1.

    In text a comma counts as a decimal point, where there is none.
    """
    if value is None or value == "":
        raise Refused("refused.epsilon_none")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    written = value.replace(",", ".") if isinstance(value, str) and "." not in value else value
    epsilon: Any = value if is_number else _number_in(written)
    if epsilon is not None and (epsilon == 0 or SMALLEST_EPSILON <= epsilon <= 1):
        return abs(float(epsilon))
    if epsilon is not None and 1 < epsilon <= 255 and epsilon == int(epsilon):
        raise Refused("refused.epsilon_division", piece=int(epsilon))
    raise Refused("refused.one_epsilon", value=quoted(value))


def parse_epsilons(text: object) -> list[float]:
    """Rising, distinct epsilons from text such as "0, 0.01, 8/255": 0, or from SMALLEST_EPSILON to 1."""
    written = text if isinstance(text, str) else quoted(text)
    pieces = re.sub(r"\s*/\s*", "/", written.replace(";", ",")).replace(",", " ").split()
    if not pieces:
        raise Refused("refused.epsilon_count_none")
    if len(pieces) > MOST_EPSILONS:
        raise Refused("refused.epsilon_count", most=MOST_EPSILONS)
    return sorted({_parse_epsilon(piece) for piece in pieces})


def _parse_epsilon(piece: str) -> float:
    if len(piece) > 1 and piece.isdigit() and piece.startswith("0"):
        raise Refused("refused.epsilon_decimal", piece=quoted(piece))
    value = _number_in(piece)
    if value is not None and 1 < value <= 255 and value == int(value):
        raise Refused("refused.epsilon_division", piece=int(value))
    if value is None or not (value == 0 or SMALLEST_EPSILON <= value <= 1):
        raise Refused("refused.epsilon", piece=quoted(piece), smallest=f"{SMALLEST_EPSILON:g}")
    return value


def _number_in(text: object) -> float | None:
    """The number that `text` writes, as a decimal or a fraction of two; None where it writes none."""
    match = NUMBER.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
    if match is None:
        return None
    above, below = float(match[1]), float(match[2] or 1)
    return above / below if below > 0 and math.isfinite(above) and math.isfinite(below) else None
