"""One visitor's page: the face on the stage, how it is attacked, and the messages that the stage draws."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ..detect import Square
from ..faces import can_be_opened, open_picture, prepare
from ..methods import ATTACKS, CONTROL, FGSM, SEVERAL_STEPS, STEPS
from ..recognizer import DEFAULT_MODEL, available_recognizers, faces_of
from ..stage import last_recognised, perform
from ..texts import Refused, say, title
from . import (
    choices,
    computed,
    computed_once,
    gpu_failed,
    kept,
    kept_results,
    known,
    language_of,
    on_gpu,
    recognizer,
    remember,
)

OPENING_PERSON = "person 24"
DEFAULT_TOP = 0.1
TOPS = {0.02: 25, 0.1: 10, 1.0: 1}  # of the slider; for each, how many times stronger the perturbation is shown
POSITIONS = 100  # of the slider above 0
POSITIONS_OF_SEVERAL = 20  # each takes gradients of its own
DODGE, IMPERSONATE = "dodge", "impersonate"
finished: dict[tuple, dict] = kept_results()  # whole messages about sample faces


@dataclass(frozen=True)
class Face:
    """What is being attacked; `person` is None where nobody knows who it is."""

    file: Path
    person: str | None = None
    square: Square | None = None

    @property
    def key(self) -> str | None:
        """What names a sample face in a link."""
        return self.person and in_link(self.person)


def in_link(name: str) -> str:
    return name.replace(" ", "_")


@kept
def samples(model: str) -> list[Face]:
    """The first test photograph that there is of each person whom the recogniser `model` knows."""
    first = {}
    for photograph, person in faces_of(available_recognizers()[model]).items():
        if person not in first and can_be_opened(photograph):
            first[person] = photograph
    return [Face(photograph, person) for person, photograph in first.items()]


def sample_of(model: str, key: str) -> Face | None:
    """The sample face with the person's name `key`, spaces written as underscores."""
    return next((face for face in samples(model) if face.key == in_link(key)), None)


def first_face(model: str) -> Face | None:
    """The face that a page opens with."""
    faces = samples(model)
    return sample_of(model, OPENING_PERSON) or (faces[0] if faces else None)


@dataclass
class Visit:
    """The face on the stage, the person to become, the number of the attack that shows it."""

    face: Face | None = None
    target: str | None = None
    attack: int = 0


@dataclass(frozen=True)
class View:
    """What the controls say. `target` is a person's name, where there is one to become."""

    model: str
    epsilon: float = 0.0
    top: float = DEFAULT_TOP
    attack: str = FGSM
    target: str | None = None

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


def view_of(visit: Visit, model: str, epsilon: float, top: float, random: bool, method: str, goal: str) -> View:
    """The view that the values of the controls stand for. Raises Refused for a recogniser or a person unknown."""
    labels = available_recognizers()[known(model)]["labels"]
    target = visit.target if goal == IMPERSONATE and visit.target in labels else None
    if random:
        target = None  # there is no gradient to aim with
    return View(model, epsilon, top, CONTROL if random else method, target)


def opened(file: Path) -> Image.Image:
    """The picture in `file`, a visitor's or a sample."""
    if not file.exists():
        raise Refused("refused.gone")
    return open_picture(file)


def label_of(model: str, person: str | None) -> int | None:
    """The class index of the person, where the recogniser knows one of that name."""
    labels = available_recognizers()[model]["labels"]
    return labels.index(person) if person in labels else None


def note(view: View, face: Face, language: str) -> str:
    """What a visitor should know of the attack: on which label, at what cost, and what is special about it."""
    config = available_recognizers()[view.model]
    if view.target:
        sentences = [say("note.target", language, target=view.target)]
    elif label_of(view.model, face.person) is not None:
        known_apart = "unknown" if config.get("training_unknown") else "test"
        sentences = [say(f"note.true_label_{known_apart}", language, person=face.person)]
    else:
        about = {"recogniser": title(view.model, language), "people": len(config["labels"])}
        who = "stranger" if face.person else "own_prediction"
        sentences = [say(f"note.{who}", language, person=face.person, **about)]
    positions = len(view.epsilons) - 1
    cost = {"attack": view.attack, "steps": STEPS, "positions": positions, "all": STEPS * positions}
    kind = {FGSM: "one", CONTROL: "none"}.get(view.attack, "several")
    sentences.append(say(f"note.gradients_{kind}", language, **cost))
    if config.get("recipe", {}).get("adversarial_epsilon") and view.attack != CONTROL:
        sentences.append(say("note.robust", language))
    if gpu_failed.is_set():
        sentences.append(say("note.cpu", language))
    return " ".join(sentences)


@on_gpu
def act(view: View, face: Tensor, label: int | None) -> Iterator[dict]:
    """What `perform` says, by names alone: a lent GPU works in a process of its own."""
    target = label_of(view.model, view.target)
    yield from perform(recognizer(view.model), face, view.epsilons, view.epsilon, label, view.attack, target)


def messages(view: View, face: Face) -> Iterator[dict]:
    """What `act` says; of a sample face that was scored before, at once all of it."""
    key = (face.file, replace(view, epsilon=0.0))
    if key in finished:
        yield finished[key]
        return
    for message in computed(act, view, prepared(view.model, face), label_of(view.model, face.person)):
        yield message
    if face.person is not None:
        remember(finished, key, message)


def prepared(model: str, face: Face) -> Tensor:
    return prepare(opened(face.file), available_recognizers()[model]["input_size"], face.square)


def show(
    visit: Visit, view: View, request: gr.Request, face: Face | None = None, move_to: float | None = None
) -> Iterator[dict]:
    """Messages for the stage about `face`, or the one it shows, until `visit` turns to another attack.

    `move_to` puts the stage at an epsilon; without it, it stays where the finger has it.
    """
    face = face or visit.face or first_face(view.model)
    visit.attack = current = max(visit.attack + 1, time.time_ns() // 1000)  # rises across restarts of the server, too
    if face is None:
        return
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
    for message in messages(view, face):
        if visit.attack != current:
            return
        visit.face = face
        yield {**message, **about}


@kept
@on_gpu
def tipping_epsilon(model: str, face: Face) -> float:
    """The last position of the slider before the face is taken for somebody else: one nudge more fools."""
    return last_recognised(recognizer(model), prepared(model, face), label_of(model, face.person), View(model).epsilons)


def asked_for(link: dict[str, str]) -> tuple[Face | None, View, bool]:
    """Face and view that a link asks for, and whether it names an epsilon; what it names wrongly is left out."""
    model = known(link["model"] if link.get("model") in available_recognizers() else DEFAULT_MODEL)
    face = sample_of(model, link.get("face", "")) or first_face(model)
    top = next((top for top in TOPS if f"{top:g}" == link.get("top")), DEFAULT_TOP)
    attack = next((attack for attack in ATTACKS if in_link(attack) == link.get("attack")), FGSM)
    labels = available_recognizers()[model]["labels"]
    target = next((label for label in labels if in_link(label) == link.get("target")), None)
    view = View(model, 0.0, top, attack, None if attack == CONTROL else target)
    try:
        wanted = float(link["epsilon"])
    except (KeyError, ValueError):
        return face, view, False
    return face, replace(view, epsilon=wanted).at_position(), True


def opening(link: dict[str, str]) -> tuple[Face | None, View]:
    """Face and view that a page opens with: where its link names no epsilon, just before the face is fooled."""
    face, view, named = asked_for(link)
    if face is not None and not named:
        tipping = computed_once(tipping_epsilon, view.model, face)
        view = replace(view, epsilon=tipping).at_position()
    return face, view


def warm_up() -> None:
    """Load the first recogniser and score the opening face, so that the first visitor need not wait for it."""
    face, view = opening({})
    for _ in messages(view, face):
        pass


def controls(view: View, language: str) -> tuple[Any, ...]:
    """Values for the slider, the recogniser, the top, random signs, the method and the goal."""
    method = FGSM if view.attack == CONTROL else view.attack
    model = gr.Dropdown(choices(language), value=view.model)  # some may have come since the page's start
    return view.slider, model, view.top, view.attack == CONTROL, method, IMPERSONATE if view.target else DODGE
