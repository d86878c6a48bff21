"""One visitor's page: the face on the stage, how it is attacked, and the messages that the stage draws."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ..compute import Asker, House
from ..detect import Square
from ..faces import prepare
from ..methods import ATTACKS, CONTROL, FGSM, SEVERAL_STEPS, STEPS, gradients
from ..pictures import can_be_opened, open_picture
from ..recognizer import available_recognizers, default_recognizer, faces_of
from ..stage import last_recognised, perform
from ..texts import Refused, composed, say, title
from ..values import known_attack, known_epsilon, spelled_like
from . import (
    brought,
    caller,
    choices,
    computed,
    computed_once,
    computer,
    config_of,
    decoder,
    gpu_failed,
    kept,
    known,
    language_of,
    on_gpu,
    politely,
    recognizer,
    remember,
    versions,
)
from .uploads import Upload

OPENING_PERSON = "person 24"
DEFAULT_TOP = 0.1
TOPS = {0.02: 25, 0.1: 10, 1.0: 1}  # of the slider; for each, how many times stronger the perturbation is shown
POSITIONS = 100  # of the slider above 0
POSITIONS_OF_SEVERAL = 20  # each takes gradients of its own
DODGE, IMPERSONATE = "dodge", "impersonate"
FORWARD = 0.03  # seconds that a face takes through a recogniser, about: who asks for much should be known beforehand
GRADIENT = 3  # forward passes that a gradient costs
finished: dict[tuple, dict] = {}  # whole messages about sample faces


@dataclass(frozen=True)
class Face:
    """What is attacked: a file of ours or what a visitor brought. `person` is None where nobody knows who it is."""

    source: Path | Upload
    person: str | None = None
    square: Square | None = None

    @property
    def own(self) -> bool:
        """Whether it is the visitor's own."""
        return isinstance(self.source, Upload)

    @property
    def key(self) -> str | None:
        """What names a sample face in a link."""
        return self.person and in_link(self.person)


def in_link(name: str) -> str:
    return composed(name).replace(" ", "_")


@kept
def samples(model: str) -> list[Face]:
    """The first test photograph that there is of each person whom the recogniser `model` knows."""
    first = {}
    for photograph, person in faces_of(config_of(model)).items():
        if person not in first and can_be_opened(photograph):
            first[person] = photograph
    return [Face(photograph, person) for person, photograph in first.items()]


def sample_of(model: str, key: str) -> Face | None:
    """The sample face with the person's name `key`, spaces written as underscores."""
    people = {face.person: face for face in samples(model)}
    return people.get(spelled_like(key, people))


def first_face(model: str) -> Face | None:
    """The face that a page opens with."""
    faces = samples(model)
    return sample_of(model, OPENING_PERSON) or (faces[0] if faces else None)


@dataclass
class Visit:
    """The face on the stage, the person to become, the number of the attack that shows it, pictures brought by name."""

    face: Face | None = None
    target: str | None = None
    attack: int = 0
    pictures: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class View:
    """What the controls say; `model` is None where no recogniser can be used.

    `target` is a person's name, where there is one to become; `missing` is whom the visitor wants to become and the
    recogniser does not know, or "" where that is not said yet. `photo` names the picture that the visitor has brought:
    only a browser that has sent it knows the name.
    """

    model: str | None
    epsilon: float = 0.0
    top: float = DEFAULT_TOP
    attack: str = FGSM
    target: str | None = None
    missing: str | None = field(default=None, compare=False)
    photo: str | None = field(default=None, compare=False)

    @property
    def epsilons(self) -> list[float]:
        """The positions of the slider."""
        count = POSITIONS_OF_SEVERAL if self.attack in SEVERAL_STEPS else POSITIONS
        return [round(self.top * step / count, 6) for step in range(count + 1)]

    @property
    def slider(self) -> gr.Slider:
        """The slider with these positions, at this epsilon."""
        return gr.Slider(maximum=self.top, step=self.epsilons[1], value=self.epsilon)

    def at_position(self) -> "View":
        """This view with its epsilon at the nearest position."""
        return replace(self, epsilon=min(self.epsilons, key=lambda position: abs(position - self.epsilon)))


def view_of(
    visit: Visit, model: str, epsilon: float, top: float, random: bool, method: str, goal: str, photo: str | None
) -> View:
    """The view that the values of the controls stand for. Raises Refused for what the page never sends."""
    labels, epsilon = config_of(model).labels, known_epsilon(epsilon)
    if type(top) not in (int, float) or top not in TOPS or type(random) is not bool:
        raise Refused("refused.request")
    if goal not in (DODGE, IMPERSONATE):
        raise Refused("refused.request")
    attack = CONTROL if random else known_attack(method)
    if goal == DODGE or attack == CONTROL:  # which has no gradient to aim with
        return View(model, epsilon, top, attack, photo=photo)
    if visit.target in labels:
        return View(model, epsilon, top, attack, visit.target, photo=photo)
    return View(model, epsilon, top, attack, missing=visit.target or "", photo=photo)


def opened(source: Path | Upload, asker: Asker) -> Image.Image:
    """The picture in a file of ours, or the one that a visitor has brought, decoded for `asker`."""
    if isinstance(source, Upload):
        if brought.find(source.name) is not source:
            raise Refused("refused.gone")
        source.used = time.monotonic()
        return decoder.picture(bytes(source.data), asker)
    if not source.exists():
        raise Refused("refused.gone_sample")
    return open_picture(source)


def face_of(visit: Visit, view: View) -> Face | None:
    """The face on the stage, or the first one. Raises Refused for one's own, asked for by somebody else's browser."""
    if visit.face is not None and visit.face.own and view.photo not in visit.pictures:
        raise Refused("refused.gone")
    return visit.face or first_face(view.model)


def label_of(model: str, person: str | None) -> int | None:
    """The class index of the person, where the recogniser knows one of that name."""
    labels = config_of(model).labels
    return labels.index(person) if person in labels else None


def note(view: View, face: Face, language: str) -> str:
    """What a visitor should know of the attack: on which label, at what cost, and what is special about it."""
    config = config_of(view.model)
    if view.target:
        sentences = [say("note.target", language, target=view.target)]
    elif label_of(view.model, face.person) is not None:
        known_apart = "unknown" if config.training_unknown else "test"
        sentences = [say(f"note.true_label_{known_apart}", language, person=face.person)]
    else:
        about = {"recogniser": title(view.model, language), "people": len(config.labels)}
        who = "stranger" if face.person else "own_prediction"
        sentences = [say(f"note.{who}", language, person=face.person, **about)]
    if view.missing:
        about = {"recogniser": title(view.model, language), "target": view.missing}
        sentences.insert(0, say("note.target_unknown", language, **about))
    elif view.missing == "":
        sentences.insert(0, say("note.target_none", language))
    positions = len(view.epsilons) - 1
    cost = {"attack": view.attack, "steps": STEPS, "positions": positions, "all": STEPS * positions}
    kind = {FGSM: "one", CONTROL: "none"}.get(view.attack, "several")
    sentences.append(say(f"note.gradients_{kind}", language, **cost))
    if config.robust and view.attack != CONTROL:
        sentences.append(say("note.robust", language))
    if gpu_failed.is_set():
        sentences.append(say("note.cpu", language))
    return " ".join(sentences)


@on_gpu
def act(view: View, face: Tensor, label: int | None) -> Iterator[dict]:
    """What `perform` says, by names alone: a lent GPU works in a process of its own."""
    target = label_of(view.model, view.target)
    yield from perform(recognizer(view.model), face, view.epsilons, view.epsilon, label, view.attack, target)


def messages(view: View, face: Face, asker: Asker) -> Iterator[dict]:
    """What `act` says; of a sample face that was scored before, at once all of it."""
    key = (versions([view.model]), face.source, replace(view, epsilon=0.0))
    if (before := finished.get(key)) is not None:
        yield before
        return
    tensor, label = prepared(view.model, face, asker), label_of(view.model, face.person)
    seconds, first = expected(view)
    with computer.work(asker, seconds, first) as work:
        for message in computed(work, act, view, tensor, label):
            yield message
    if face.person is not None:
        remember(finished, key, message)


def expected(view: View) -> tuple[float, float]:
    """About how many seconds `act` takes, and its first step."""

    def seconds(positions: int) -> float:
        return FORWARD * (2 * positions + GRADIENT * gradients(view.attack, positions))

    return seconds(len(view.epsilons)), seconds(2)


def prepared(model: str, face: Face, asker: Asker) -> Tensor:
    return prepare(opened(face.source, asker), config_of(model).input_size, face.square)


def staged(handler: Callable[..., Iterator]) -> Callable[..., Iterator]:
    """A polite handler of an event that changes the stage.

    Gradio sends the last values once more when a handler is done: by then other events may have changed them, so the
    last ones change nothing.
    """

    @functools.wraps(handler)
    def handle(*arguments: Any) -> Iterator:
        values = None
        for values in handler(*arguments):
            yield values
        if values is not None:
            yield (gr.skip(),) * len(values) if isinstance(values, tuple) else gr.skip()

    return politely(handle)


def show(
    visit: Visit, view: View, request: gr.Request, face: Face | None = None, move_to: float | None = None
) -> Iterator[dict]:
    """Messages for the stage about `face`, or the one it shows, until `visit` turns to another attack.

    Whatever comes next is about `face`, however long its first message takes. `move_to` puts the stage at an epsilon;
    without it, it stays where the finger has it.
    """
    before, face = visit.face, face or face_of(visit, view)
    visit.attack = current = max(visit.attack + 1, time.time_ns() // 1000)  # rises across restarts of the server, too
    if face is None:
        return
    visit.face = face
    about = {
        "id": current,
        "gain": TOPS[view.top],
        "note": note(view, face, language_of(request)),
        "epsilon": move_to,
        "link": {
            "model": view.model,
            "face": face.key,
            "top": f"{view.top:g}",
            "attack": None if view.attack == FGSM else in_link(view.attack),
            "target": view.target and in_link(view.target),
        },
    }
    try:
        for message in messages(view, face, caller(request)):
            if visit.attack != current:
                return
            yield {**message, **about}
    except Refused:
        if visit.attack != current:
            return  # the visitor has gone on, or has removed the picture
        if visit.face is face:
            visit.face = before
        raise


@kept
@on_gpu
def tipping_epsilon(model: str, face: Face) -> float:
    """The last position of the slider before the face is taken for somebody else: one nudge more fools."""
    tensor, label = prepared(model, face, House()), label_of(model, face.person)
    return last_recognised(recognizer(model), tensor, label, View(model).epsilons)


def asked_for(link: dict[str, str]) -> tuple[Face | None, View, bool]:
    """Face and view that a link asks for, and whether it names an epsilon; what it names wrongly is left out."""
    model = known(link["model"] if link.get("model") in available_recognizers() else default_recognizer())
    face = sample_of(model, link.get("face", "")) or first_face(model)
    top = next((top for top in TOPS if f"{top:g}" == link.get("top")), DEFAULT_TOP)
    attack = next((attack for attack in ATTACKS if in_link(attack) == link.get("attack")), FGSM)
    labels = config_of(model).labels
    target = spelled_like(link.get("target", ""), labels)
    if attack == CONTROL or (face is not None and face.person == target):
        target = None
    view = View(model, 0.0, top, attack, target)
    try:
        wanted = known_epsilon(link.get("epsilon"))
    except Refused:
        return face, view, False
    return face, replace(view, epsilon=wanted).at_position(), True


def opening(link: dict[str, str], asker: Asker) -> tuple[Face | None, View]:
    """Face and view that a page opens with, for whoever asks.

    Where its link names no epsilon, that is just before the face is fooled.
    """
    face, view, named = asked_for(link)
    if face is not None and not named:
        tipping = computed_once(asker, 1.0, tipping_epsilon, view.model, face)
        view = replace(view, epsilon=tipping).at_position()
    return face, view


def warm_up() -> None:
    """Load the first recogniser and score the opening face, so that the first visitor need not wait for it."""
    with suppress(Refused):  # whoever opens the page is told
        face, view = opening({}, House())
        for _ in messages(view, face, House()):
            pass


def controls(view: View, language: str) -> tuple[Any, ...]:
    """Values for the slider, the recogniser, the top, random signs, the method and the goal."""
    method = FGSM if view.attack == CONTROL else view.attack
    model = gr.Dropdown(choices(language), value=view.model)  # some may have come since the page's start
    return view.slider, model, view.top, view.attack == CONTROL, method, IMPERSONATE if view.target else DODGE
