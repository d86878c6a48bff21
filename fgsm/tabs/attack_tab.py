"""The tab "Attack": one face, dragged through epsilon. What the browser draws stands in assets/viewer/."""

import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from PIL import Image

from ..faces import open_picture, person_of, prepare
from ..recognizer import Recognizer, available_recognizers, list_test_photographs
from ..report import attack_report
from ..stage import last_recognised, perform
from . import DEFAULT_MODEL, choices, drawn_by, recognizer, refusal, title

OPENING_PERSON = "person 24"
STEPS = 100
DEFAULT_TOP = 0.1
TOPS = {0.02: 25, 0.1: 10, 1.0: 1}  # of the slider; for each, how many times stronger the perturbation is shown
TELL_STAGE = (
    "(value) => document.querySelector('#viewer .stage')?.dispatchEvent(new CustomEvent('epsilon', {detail: value}))"
)


@dataclass(frozen=True)
class Face:
    """What is being attacked; `person` is None where nobody knows who it is."""

    file: Path
    person: str | None = None


@functools.cache
def samples() -> list[Face]:
    """The first test photograph of each person."""
    first = {}
    for photograph in list_test_photographs(available_recognizers()[DEFAULT_MODEL]):
        first.setdefault(person_of(photograph), photograph)
    return [Face(photograph, person) for person, photograph in first.items()]


def opening_face() -> Face:
    return next(face for face in samples() if face.person == OPENING_PERSON)


@dataclass
class Visit:
    """One visitor's page: the face on the stage, and the number of the attack that shows it."""

    face: Face = field(default_factory=opening_face)
    attack: int = 0


class Photo(gr.Image):
    """An image input that hands on the visitor's file as it is: Gradio's own reading loses 16 bits and transparency."""

    is_template = True

    def preprocess(self, payload) -> Path | None:
        return Path(payload.path) if payload and payload.path else None


def opened(file: Path) -> Image.Image:
    """The picture in `file`, or a refusal that the visitor sees."""
    if not file.exists():
        raise refusal("This picture is no longer kept here: choose it once more.")
    try:
        return open_picture(file)
    except ValueError as error:
        raise refusal(str(error)) from None


def epsilons(top: float) -> list[float]:
    """The positions of a slider that reaches up to `top`."""
    return [round(top * step / STEPS, 6) for step in range(STEPS + 1)]


def note(model: Recognizer, face: Face, label: int | None) -> str:
    if label is not None:
        return f"Attacked on its true label, {face.person}: a test photograph that was not used in training."
    people = f"{title(model.name)} knows {len(model.labels)} people and names one of them for any picture"
    return f"Attacked on the recogniser's own clean prediction, because nobody has said who this is. {people}."


def show(
    visit: Visit, model: str, epsilon: float, top: float, face: Face | None = None, move_to: float | None = None
) -> Iterator[dict]:
    """Messages for the stage about `face`, or the one it shows, until `visit` turns to another attack.

    `move_to` puts the stage at an epsilon; without it, it stays where the finger has it.
    """
    face = face or visit.face
    picture = opened(face.file)
    visit.face = face
    visit.attack = current = max(visit.attack + 1, time.time_ns() // 1000)  # rises across restarts of the server, too
    network = recognizer(model)
    label = network.labels.index(face.person) if face.person in network.labels else None
    about = {"id": current, "gain": TOPS[top], "note": note(network, face, label), "epsilon": move_to}
    for message in perform(network, prepare(picture, network.input_size), epsilons(top), epsilon, label):
        if visit.attack != current:
            return
        yield {**message, **about}


@functools.cache
def opening_epsilon() -> float:
    """The last position of the slider at which the opening face is still recognised: one nudge more fools."""
    network, face = recognizer(DEFAULT_MODEL), opening_face()
    prepared = prepare(opened(face.file), network.input_size)
    return last_recognised(network, prepared, network.labels.index(face.person), epsilons(DEFAULT_TOP))


def open_page(visit: Visit) -> Iterator[tuple]:
    epsilon = slider = opening_epsilon()
    if visit.attack:
        return  # the visitor was quicker and has chosen a face
    for message in show(visit, DEFAULT_MODEL, epsilon, DEFAULT_TOP, move_to=epsilon):
        yield message, slider
        slider = gr.skip()  # from now on it is the visitor's


def choose_sample(visit: Visit, model: str, epsilon: float, top: float, event: gr.SelectData) -> Iterator[dict]:
    yield from show(visit, model, epsilon, top, samples()[event.index])


def choose_photo(visit: Visit, model: str, epsilon: float, top: float, photo: Path | None) -> Iterator[dict]:
    if photo is not None:
        yield from show(visit, model, epsilon, top, Face(photo))


def change_top(visit: Visit, model: str, epsilon: float, top: float) -> Iterator[tuple]:
    kept = min(epsilons(top), key=lambda value: abs(value - epsilon))
    yield gr.skip(), gr.Slider(maximum=top, step=top / STEPS, value=kept)
    for message in show(visit, model, kept, top, move_to=kept):
        yield message, gr.skip()


def answer(photo: Path | None, model: str, epsilon: float) -> tuple[dict, Image.Image]:
    """Attack a picture on the recogniser's own clean prediction; the report and the adversarial face as 8-bit PNG."""
    if photo is None:
        raise refusal("Give a picture of a face.")
    network = recognizer(model)
    return attack_report(network, prepare(opened(photo), network.input_size), epsilon)


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    visit = gr.State(Visit())
    with gr.Row(elem_id="controls"):
        model = gr.Dropdown(choices(), value=DEFAULT_MODEL, label="Recogniser", elem_id="model", scale=4, min_width=280)
        slider = gr.Slider(
            0,
            DEFAULT_TOP,
            0,
            step=DEFAULT_TOP / STEPS,
            label="Epsilon",
            elem_id="epsilon",
            interactive=True,
            scale=6,
            min_width=280,
        )
        top = gr.Radio(
            [(f"{top:g}", top) for top in TOPS],
            value=DEFAULT_TOP,
            label="Largest epsilon",
            elem_id="top",
            scale=3,
            min_width=240,
        )
    viewer = drawn_by("viewer", elem_id="viewer")
    with gr.Tab("Sample faces"):
        pictures = [(str(face.file), face.person) for face in samples()]
        gallery = gr.Gallery(
            pictures,
            height=300,
            object_fit="cover",
            allow_preview=False,
            buttons=[],
            show_label=False,
            elem_id="samples",
        )
    with gr.Tab("Your own picture"):
        photo = Photo(
            sources=["upload", "webcam", "clipboard"],
            label="A picture with one face in its middle",
            height=300,
            elem_id="photo",
        )

    shared = {
        "trigger_mode": "multiple",
        "concurrency_id": "attack",
        "concurrency_limit": 4,
        "show_progress": "hidden",
    }
    private = {**shared, "api_visibility": "private"}
    settings = [visit, model, slider, top]
    demo.load(open_page, visit, [viewer, slider], **private)
    gallery.select(choose_sample, settings, viewer, **private)
    photo.input(choose_photo, [*settings, photo], viewer, **private)
    model.input(show, settings, viewer, **private)
    top.input(change_top, settings, [viewer, slider], **private)
    slider.change(None, slider, None, js=TELL_STAGE)

    epsilon = gr.Number(0.03, minimum=0, maximum=1, label="epsilon", visible=False)
    report, picture = gr.JSON(visible=False), gr.Image(format="png", visible=False)
    gr.Button(visible=False).click(answer, [photo, model, epsilon], [report, picture], api_name="attack")
