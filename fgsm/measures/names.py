"""Attacks, recognisers and people that are asked for by name: checked in one place, as epsilons are in epsilons.py."""

from collections.abc import Iterable, Mapping, Sequence

from ..attacks import ATTACKS, Attack
from ..recognizers.survey import Checkpoint, Found
from ..recognizers.testset import photographs_tested
from ..texts import Refused, composed, in_link, quoted


def known_attack(value: object, among: Mapping[str, Attack] = ATTACKS) -> Attack:
    """The attack that `value` names, `among` those that may be chosen."""
    if not isinstance(value, str) or value not in among:
        raise Refused("refused.attack", name=quoted(value), known=", ".join(among))
    return among[value]


def known_attacks(values: object) -> list[Attack]:
    """Attacks in the order of ATTACKS, from a list of at least one name."""
    if not isinstance(values, list):
        raise Refused("refused.attacks", name=quoted(values))
    if not values:
        raise Refused("refused.no_attack")
    chosen = {known_attack(value).name for value in values}
    return [attack for name, attack in ATTACKS.items() if name in chosen]


def known_recognizers(values: object, found: Found) -> dict[str, Checkpoint]:
    """Recognisers among those `found` whose test faces are on this machine, from a list of at least one name."""
    if not isinstance(values, list):
        raise Refused("refused.recognisers", name=quoted(values))
    if not values:
        raise Refused("refused.no_recogniser")
    chosen = {checkpoint.name: checkpoint for checkpoint in map(found.named, values)}
    for name, checkpoint in chosen.items():
        if not photographs_tested(checkpoint.config):
            raise Refused("refused.no_test_faces", recogniser=name)
    return chosen


def known_person(labels: Sequence[str], value: object) -> int:
    """The class index of the person whom `value` names, in whatever case and spelling of spaces and accents."""
    if not isinstance(value, str):
        raise Refused("refused.target_text", name=quoted(value))
    found = spelled_like(value, labels)
    if found is None:
        raise Refused("refused.target", name=quoted(value))
    return labels.index(found)


def spelled_like(value: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `value` spells: as it is, else as in a link, else in whatever case; None for none."""
    ways = (composed, in_link, _folded)
    for way in ways:
        for name in names:
            if way(name) == way(value):
                return name
    return None


def _folded(name: str) -> str:
    return "_".join(composed(name).casefold().replace("_", " ").split())


def known_target(labels: Sequence[str], value: object, attack: Attack) -> int | None:
    """The class index of the person to become, whom `value` names; None where that is None or an empty text."""
    if value is None or value == "":
        return None
    target = known_person(labels, value)
    if not attack.may_aim:
        raise Refused("refused.aimless")
    return target
