"""What people and programs ask for, checked in one place for the page, its API and the command line.

Every check returns the value in its one meaning, or raises Refused with a sentence that says what to give instead.
"""

import math
import re
from collections.abc import Iterable, Sequence

from .config import Config
from .methods import ATTACKS, CONTROL
from .recognizer import available_recognizers, faces_of, refused_files
from .texts import Refused, composed

SMALLEST_EPSILON = 1e-6
MOST_EPSILONS = 50
DECIMAL = r"\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
NUMBER = re.compile(rf"\s*({DECIMAL})\s*(?:/\s*({DECIMAL})\s*)?", re.ASCII)
SHOWN = 40  # letters of a wrong value, in a sentence


def shown(value: object) -> str:
    """The beginning of `value`, however large it is, for a sentence."""
    if type(value) is int and value.bit_length() > 64:
        return "a number so large"
    return repr(value[:SHOWN] if isinstance(value, (str, list)) else value)[:SHOWN]


def known_epsilon(value: object) -> float:
    """An epsilon from a number, or text of a number or of a fraction such as 8/255: 0, or SMALLEST_EPSILON to 1."""
    if value is None or value == "":
        raise Refused("refused.epsilon_none")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    epsilon = value if is_number else _number_in(value)
    if epsilon is not None and (epsilon == 0 or SMALLEST_EPSILON <= epsilon <= 1):
        return abs(float(epsilon))
    if epsilon is not None and 1 < epsilon <= 255 and epsilon == int(epsilon):
        raise Refused("refused.epsilon_division", piece=int(epsilon))
    raise Refused("refused.one_epsilon", value=shown(value))


def parse_epsilons(text: object) -> list[float]:
    """Rising, distinct epsilons from text such as "0, 0.01, 8/255": 0, or from SMALLEST_EPSILON to 1."""
    written = text if isinstance(text, str) else shown(text)
    pieces = re.sub(r"\s*/\s*", "/", written.replace(";", ",")).replace(",", " ").split()
    if not pieces:
        raise Refused("refused.epsilon_count_none")
    if len(pieces) > MOST_EPSILONS:
        raise Refused("refused.epsilon_count", most=MOST_EPSILONS)
    return sorted({_parse_epsilon(piece) for piece in pieces})


def _parse_epsilon(piece: str) -> float:
    if len(piece) > 1 and piece.isdigit() and piece.startswith("0"):
        raise Refused("refused.epsilon_decimal", piece=shown(piece))
    value = _number_in(piece)
    if value is not None and 1 < value <= 255 and value == int(value):
        raise Refused("refused.epsilon_division", piece=int(value))
    if value is None or not (value == 0 or SMALLEST_EPSILON <= value <= 1):
        raise Refused("refused.epsilon", piece=shown(piece), smallest=f"{SMALLEST_EPSILON:g}")
    return value


def _number_in(text: object) -> float | None:
    """The number that `text` writes, as a decimal or a fraction of two; None where it writes none."""
    match = NUMBER.fullmatch(text) if isinstance(text, str) and len(text) <= SHOWN else None
    if match is None:
        return None
    above, below = float(match[1]), float(match[2] or 1)
    return above / below if below > 0 and math.isfinite(above) and math.isfinite(below) else None


def known_attack(value: object, among: Sequence[str] = ATTACKS) -> str:
    """`value`, where it names an attack `among` those that may be chosen."""
    if not isinstance(value, str) or value not in among:
        raise Refused("refused.attack", name=shown(value), known=", ".join(among))
    return value


def known_attacks(values: object) -> list[str]:
    """Attacks in the order of ATTACKS, from a list of at least one."""
    if not isinstance(values, list):
        raise Refused("refused.attacks", name=shown(values))
    if not values:
        raise Refused("refused.no_attack")
    chosen = {known_attack(value) for value in values}
    return [attack for attack in ATTACKS if attack in chosen]


def known_config(value: object) -> Config:
    """The config of the recogniser that `value` names, where it can be used; else the reason, where there is one."""
    usable, refused = available_recognizers(), refused_files()
    if isinstance(value, str) and value in usable:
        return usable[value]
    if isinstance(value, str) and (problem := refused.get(value) or refused.get(f"{value}.pth")):
        raise problem
    if not usable:
        raise Refused("refused.no_recognisers")
    raise Refused("refused.recogniser", name=shown(value), known=", ".join(usable))


def known_recognizer(value: object) -> str:
    """`value`, where it names a recogniser that can be used."""
    known_config(value)
    return value


def known_recognizers(values: object) -> list[str]:
    """Distinct recognisers whose test faces are on this machine, from a list of at least one."""
    if not isinstance(values, list):
        raise Refused("refused.recognisers", name=shown(values))
    if not values:
        raise Refused("refused.no_recogniser")
    names = list(dict.fromkeys(map(known_recognizer, values)))
    for name in names:
        if not faces_of(known_config(name)):
            raise Refused("refused.no_test_faces", recogniser=name)
    return names


def known_person(labels: Sequence[str], value: object) -> int:
    """The class index of the person whom `value` names, in whatever case and spelling of spaces and accents."""
    if not isinstance(value, str):
        raise Refused("refused.target_text", name=shown(value))
    found = spelled_like(value, labels)
    if found is None:
        raise Refused("refused.target", name=shown(value))
    return labels.index(found)


def spelled_like(value: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `value` spells: as it is, else as in a link, else in whatever case; None for none."""
    ways = (composed, lambda name: composed(name).replace(" ", "_"), _folded)
    for way in ways:
        for name in names:
            if way(name) == way(value):
                return name
    return None


def _folded(name: str) -> str:
    return "_".join(composed(name).casefold().replace("_", " ").split())


def known_target(labels: Sequence[str], value: object, attack: str) -> int | None:
    """The class index of the person to become, whom `value` names; None where that is None or an empty text."""
    if value is None or value == "":
        return None
    target = known_person(labels, value)
    if attack == CONTROL:
        raise Refused("refused.aimless")
    return target
