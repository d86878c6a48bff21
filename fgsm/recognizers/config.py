"""What a recogniser's `config.json` says, read through one check: it may come from anywhere."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from ..faces.framing import FRAMINGS, PLAIN
from ..texts import Refused, composed

CLASSIFIERS = ("resnet18", "resnet101", "resnet")  # which are trained to name people
DLIB = "dlib"  # which compares them with the people enrolled
ARCHITECTURES = (*CLASSIFIERS, DLIB)
DLIB_SIZE = 150  # pixels, which no other picture has
UNKNOWN = "unknown"  # the last label of a recogniser with a threshold
MOST_LABELS = 10_000
MOST_PHOTOGRAPHS = 100_000
MOST_ENROLLED = 1000  # photographs of one person
LONGEST_NAME = 255  # letters
LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Config:
    """A recogniser's architecture, input, people, and where it comes from.

    `input_size` is in pixels; `mean` and `std`, of the three colours, are on the scale of pixels in [0, 1]. `labels`
    are distinct names in composed Unicode. `framing` is the square of a picture that it sees, one of FRAMINGS. One that
    compares embeddings has a `threshold`, the largest distance at which two faces count as one person's, chosen by
    `threshold_rule`; `enrolled` counts the photographs of each person, and its last label is UNKNOWN, for whoever is
    farther from everybody. `faces` is a folder of people, from the project's own or absolute, and `test_photographs`
    are files in it. `test_accuracy` is the clean accuracy on these, in [0, 1], or None where it is not known.
    `training_unknown` says that some of them may have been trained on.
    """

    architecture: str
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]
    data: str
    faces: str
    test_photographs: tuple[str, ...]
    framing: str = PLAIN
    threshold: float | None = None
    threshold_rule: str = ""
    enrolled: tuple[int, ...] = ()
    split: str = ""
    training_unknown: bool = False
    training_photographs: tuple[str, ...] = ()
    started_from: str = ""
    recipe: Mapping[str, float] = field(default_factory=dict, hash=False)
    epochs: int | None = None
    trained_on: str = ""
    training_minutes: float | None = None
    test_accuracy: float | None = None

    @cached_property
    def tested(self) -> frozenset[str]:
        """The test photographs in composed Unicode, to ask whether one is among them."""
        return frozenset(map(composed, self.test_photographs))

    @property
    def unknown(self) -> int | None:
        """The class index of faces that are nobody's; None where everyone is taken for somebody."""
        return None if self.threshold is None else len(self.labels) - 1

    @property
    def people(self) -> tuple[str, ...]:
        """The labels that are people."""
        return self.labels[: self.unknown]

    @property
    def robust(self) -> bool:
        """Whether it was attacked while it learned."""
        return self.recipe.get("adversarial_epsilon", 0) > 0

    def as_dict(self) -> dict[str, Any]:
        """What `config.json` holds: what is known."""
        said = asdict(self)
        return {
            name: said[name]
            for name in said
            if name not in OPTIONAL or said[name] not in (None, "", (), False, {}, PLAIN)
        }


def accuracy_of(config: Config) -> str | None:
    """The clean accuracy in a recogniser's config, in words; None where none was measured on faces new to it."""
    return None if config.test_accuracy is None else f"{config.test_accuracy:.1%}"


def trained_in(config: Config) -> str:
    """How long a recogniser was trained, and on what; of one that compares, how many photographs are enrolled."""
    if config.enrolled:
        return f"not trained: {sum(config.enrolled)} photographs enrolled"
    minutes = config.training_minutes
    return "not recorded" if minutes is None else f"{minutes} min ({config.trained_on or 'not recorded where'})"


def read_config(said: object, name: str) -> Config:
    """The Config that a parsed `config.json` of the recogniser `name` stands for; what else it says is left out.

    Raises Refused, with the name of the entry and what is needed there.
    """
    if not isinstance(said, dict) or "labels" not in said or "architecture" not in said:
        raise Refused("refused.config", name=name)
    values = {}
    for entry in fields(Config):
        if entry.name not in said and entry.name in OPTIONAL:
            continue
        read, needed = CHECKS[entry.name]
        try:
            values[entry.name] = read(said[entry.name])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Refused("refused.config_entry", name=name, entry=entry.name, needed=needed) from None
    config = Config(**values)
    _check_enrolment(config, name)
    return config


def _check_enrolment(config: Config, name: str) -> None:
    """Raise Refused unless threshold, photographs enrolled, labels and architecture fit each other."""
    compares = config.architecture == DLIB
    needs = {
        "threshold": ((config.threshold is not None) == compares, f"given with architecture {DLIB}, and only there"),
        "enrolled": (
            len(config.enrolled) == len(config.labels) - 1 if compares else not config.enrolled,
            "one count for each person",
        ),
        "labels": (
            not compares or _are_people_and_nobody(config.labels),
            f"names of people in letters that can be seen, and at last {UNKNOWN}",
        ),
        "input_size": (not compares or config.input_size == DLIB_SIZE, f"{DLIB_SIZE} with architecture {DLIB}"),
    }
    for entry, (fits, needed) in needs.items():
        if not fits:
            raise Refused("refused.config_entry", name=name, entry=entry, needed=needed)


def may_be_called(name: str) -> bool:
    """Whether somebody enrolled may have that name."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name.casefold() != UNKNOWN


def _are_people_and_nobody(labels: tuple[str, ...]) -> bool:
    *people, nobody = labels
    return nobody == UNKNOWN and all(map(may_be_called, people))


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def _text(value: Any) -> str:
    _require(isinstance(value, str) and len(value) <= LONGEST_TEXT)
    text: str = value
    text.encode("utf-8")  # raises for half a letter, which nothing could be sent with
    return text


def _name(value: Any) -> str:
    name = composed(_text(value)).strip()
    _require(0 < len(name) <= LONGEST_NAME)
    return name


def _number(low: float, high: float, whole: bool = False) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        _require(type(value) in ((int,) if whole else (int, float)) and low <= value <= high)
        number: float = value
        return number

    return read


def _list(read: Callable[[Any], Any], least: int, most: int) -> Callable[[Any], tuple[Any, ...]]:
    def read_all(value: Any) -> tuple[Any, ...]:
        _require(isinstance(value, list) and least <= len(value) <= most)
        return tuple(read(item) for item in value)

    return read_all


def _labels(value: Any) -> tuple[str, ...]:
    labels = _list(_name, 1, MOST_LABELS)(value)
    _require(len(set(labels)) == len(labels))
    return labels


def _one_of(names: tuple[str, ...]) -> tuple[Callable[[Any], str], str]:
    def read(value: Any) -> str:
        _require(value in names)
        return str(value)

    return read, f"one of {', '.join(names)}"


def _recipe(value: Any) -> dict[str, float]:
    _require(isinstance(value, dict) and len(value) <= 100)
    return {_text(name): _number(-math.inf, math.inf)(number) for name, number in value.items()}


def _flag(value: Any) -> bool:
    _require(isinstance(value, bool))
    return bool(value)


_TEXT = _text, f"a text of at most {LONGEST_TEXT} letters"
_FILES = _list(_text, 0, MOST_PHOTOGRAPHS), f"a list of at most {MOST_PHOTOGRAPHS} names of files"
CHECKS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "architecture": _one_of(ARCHITECTURES),
    "input_size": (_number(32, 512, whole=True), "a whole number from 32 to 512"),
    "mean": (_list(_number(-10, 10), 3, 3), "three numbers"),
    "std": (_list(_number(0.001, 10), 3, 3), "three numbers above 0"),
    "labels": (_labels, f"a list of 1 to {MOST_LABELS} distinct names"),
    "data": _TEXT,
    "faces": _TEXT,
    "test_photographs": _FILES,
    "framing": _one_of(FRAMINGS),
    "threshold": (_number(0.01, 10), "a distance from 0.01 to 10"),
    "threshold_rule": _TEXT,
    "enrolled": (
        _list(_number(1, MOST_ENROLLED, whole=True), 1, MOST_LABELS),
        f"a list of counts from 1 to {MOST_ENROLLED}",
    ),
    "split": _TEXT,
    "training_unknown": (_flag, "true or false"),
    "training_photographs": _FILES,
    "started_from": _TEXT,
    "recipe": (_recipe, "an object of numbers"),
    "epochs": (_number(0, 10**6, whole=True), "a whole number"),
    "trained_on": _TEXT,
    "training_minutes": (_number(0, 10**6), "a number of minutes"),
    "test_accuracy": (_number(0, 1), "a number from 0 to 1"),
}
OPTIONAL = {entry.name for entry in fields(Config) if entry.default is not MISSING or entry.name == "recipe"}
