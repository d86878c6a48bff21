"""What browsers are sent to draw: one type for each drawing in assets/, key by key what its script reads."""

from typing import TypedDict

from ..measures.needed import Standing
from ..measures.smallest import Smallest


class AttackMessage(TypedDict):
    """An attack on the stage: the text for what it adds, and the name of the attack that is offered in its place."""

    change: str
    offers: str | None


class AttackedMessage(TypedDict):
    """What a recogniser can say of an attacked face, at which epsilons.

    `same_8bit` has for every epsilon the position of the first one with the same 8-bit image. `references` are
    photographs of people. Where `unknown` is the class index of faces that are nobody's, distances are
    threshold + (ln p[unknown] - ln p) / sharpness.
    """

    model: str
    labels: tuple[str, ...]
    attacked: int
    target: int | None
    unknown: int | None
    threshold: float | None
    sharpness: float
    epsilons: list[float]
    same_8bit: list[int]
    references: dict[str, str | None]


class StageMessage(AttackedMessage):
    """What assets/viewer draws for one face at every epsilon; each message is a whole one.

    `pixels` are uint8 (H, W, 3); of an attack along one direction the `sign` has the same shape, packed by
    `stage.pack_signs`; of others `images` has pixels, by position in `epsilons`. `scores` are for both scorings lists
    of [positions, float32 probabilities (len(positions), C)]; `verdicts`, by position of the float image, the sentence
    that says whom it is taken for. `references` are of the people among the first five anywhere, and of the target.
    `standing` is where the smallest epsilon that fools stands among those of the test faces, where these are known.
    """

    size: int
    attack: AttackMessage
    pixels: str
    sign: str | None
    images: dict[str, str]
    scores: dict[str, list[tuple[list[int], str]]]
    verdicts: dict[str, str]
    smallest: dict[str, Smallest | None] | None
    standing: Standing | None


class ShownMessage(StageMessage):
    """A message with what belongs to the visit: its number, how strong the perturbation is drawn, where to go.

    `stranger` says that the face is nobody's whom the recogniser knows, and may be enrolled. `asked` is the number of
    what the page asked for, `person` who the face is, where that is known, and `wanted` whom the visitor wants to
    become.
    """

    id: int
    asked: int
    person: str | None
    wanted: str | None
    gain: int
    note: str
    stranger: bool
    epsilon: float | None
    link: dict[str, str | None]


class LaneMessage(AttackedMessage):
    """How one of all recognisers fares with the face on the stage: `scores` as in StageMessage, of 8-bit images alone.

    `made_on` names the recogniser whose perturbation it is, and `problem` says why there is no answer.
    """

    made_on: str
    problem: str
    scores: list[tuple[list[int], str]]


class LanesMessage(TypedDict):
    """What assets/lanes draws: a lane for each of `models` that has answered, about the face that the stage shows.

    `id` is the stage's number of it, and `made_on` the recogniser that was chosen, or "".
    """

    id: int
    made_on: str
    models: list[str]
    lanes: list[LaneMessage]


class PairMessage(TypedDict):
    """What assets/same draws: the stage's message about the first of two faces, and the second one.

    The message's labels are the second face and nobody. `about` has a sentence on how each picture was framed, empty
    where there is nothing to know, and `faces` the buttons that mean another face, empty where there is none.
    """

    id: int
    stage: StageMessage
    second: str
    about: list[str]
    faces: list[str]
    gain: int


class Answered(TypedDict):
    """What assets/asking is told: what the page asked for under this number has no face for an answer.

    `refused` says that what was shown before stays, since that was refused.
    """

    number: int
    refused: bool


class Empty(TypedDict):
    """What assets/viewer says where there is no face."""

    note: str


class Person(TypedDict):
    """Somebody whom the visit has enrolled."""

    name: str
    photograph: str


class FilmMessage(TypedDict):
    """What assets/film draws: a visit's `own` people, and those whose photographs lie in one picture, row by row.

    `chosen` is the name of the one who was chosen before.
    """

    own: list[Person]
    names: list[str]
    pictures: str
    columns: int
    chosen: str | None


class DraftedPicture(TypedDict):
    """A picture of somebody about to be enrolled: its face, which of how many, and whose its file says it is."""

    number: int
    group: str | None
    photograph: str
    face: int
    faces: int


class EnrolMessage(TypedDict):
    """What assets/enrol draws: the draft, the visit's own people, and what became of what was asked for.

    `problem` says why it was refused, `batch` which pictures have all been looked at, `added` that somebody was, and
    `asked` how often a name was wanted for whom the stage shows: one more wants it again.
    """

    drafted: list[DraftedPicture]
    people: list[Person]
    notes: list[str]
    problem: str
    batch: int
    added: bool
    asked: int


class Card(TypedDict):
    """A face after a treatment: what becomes of it, one of measures/outcomes.py, and in words."""

    picture: str
    treatment: str
    kind: str
    outcome: str
    who: str
    fooled: bool


class CardsMessage(TypedDict):
    """What assets/cards draws: cards of the face that the stage showed under the number `id`, at `epsilon`."""

    id: int
    epsilon: float
    title: str
    cards: list[Card]


class SquareMessage(TypedDict):
    """A square in a picture, in its pixels, turned by so many degrees clockwise about its centre."""

    x: float
    y: float
    side: float
    turn: float


class CropMessage(SquareMessage):
    """What assets/crop draws: a picture, the faces found in it, and the square that is used."""

    preview: str
    width: int
    height: int
    message: str
    faces: list[SquareMessage]


class Left(TypedDict):
    """The share of test faces still named right after an attack and all before it, with its 95% interval."""

    after: str
    right: int
    accuracy: float
    low: float
    high: float


class Resisting(TypedDict):
    """How a recogniser fares against one attack after another, with how many test faces and warnings."""

    model: str
    total: int
    warnings: int
    left: list[Left]


class ResistMessage(TypedDict):
    """What assets/resist draws: recognisers beside each other, attacked within `epsilon`."""

    epsilon: float
    models: list[Resisting]


class FooledFace(TypedDict):
    """An adversarial face and whom it is taken for."""

    picture: str
    label: str
    reference: str | None
    reference_label: str
    person: str
    taken: str
    instead: str


class FooledMessage(TypedDict):
    """What assets/fooled draws."""

    title: str
    faces: list[FooledFace]


class Shipped(TypedDict):
    """How results were measured that came with the page."""

    command: str
    date: str
    precision: str


class Measured(TypedDict):
    """What every drawing of a measurement begins with; `shipped` where nothing was measured here yet."""

    state: str
    progress: float
    message: str
    notes: list[str]
    shipped: Shipped | None


class Curve(TypedDict):
    """Counts at each of `epsilons`, whether they were computed before, and how the curve is named and drawn.

    `unknown` and `confused`, the faces taken for nobody and for somebody else, are drawn where there is a `threshold`.
    `precision` and `examples`, pairs of position and class index, are for programs alone.
    """

    model: str
    attack: str
    title: str
    colour: str
    dash: str
    precision: str
    examples: list[list[tuple[int, int]]]
    epsilons: list[float]
    correct: list[int]
    fooled: list[int]
    unknown: list[int]
    confused: list[int]
    threshold: float | None
    recognised: int
    total: int
    accuracy: list[float]
    low: list[float]
    high: list[float]
    remembered: bool


class ChartMessage(Measured):
    """What assets/chart draws."""

    axis: str
    curves: list[Curve]


class Cell(TypedDict):
    """One count of a heat map, with its accuracy and 95% interval."""

    correct: int
    accuracy: float
    low: float
    high: float


class HeatmapMessage(Measured):
    """What assets/heatmap draws: a row of clean faces, then one for each of `models`.

    `attack` and `epsilon` are for programs alone.
    """

    models: list[str]
    rows: list[list[Cell]]
    total: int
    attack: str
    epsilon: str
