"""The tab "Attack": one face, dragged through epsilon. What the browser draws stands in assets/viewer/."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from PIL import Image

from ..faces import PROJECT, open_picture, person_of, prepare
from ..recognizer import Recognizer, available_recognizers, list_test_photographs
from ..report import attack_report
from ..stage import last_recognised, perform
from . import DEFAULT_MODEL, choices, drawn_by, recognizer, refusal, title

OPENING_FACE = "person_24/06.png"
STEPS = 100
DEFAULT_TOP = 0.1
TOPS = {0.02: 25, 0.1: 10, 1.0: 1}  # of the slider; for each, how many times stronger the perturbation is shown
TELL_STAGE = (
    "(value) => document.querySelector('#viewer .stage')?.dispatchEvent(new CustomEvent('epsilon', {detail: value}))"
)


@dataclass
class Face:
    """What is being attacked; `person` is None where nobody knows who it is."""

    picture: Image.Image
    person: str | None = None


@dataclass
class Visit:
    """One visitor's page: the face on the stage, and the number of the attack that shows it."""

    face: Face | None = None
    attack: int = 0


class Photo(gr.Image):
    """An image input that hands on the visitor's file as it is, and says in a sentence what is wrong with it."""

    is_template = True

    def preprocess(self, payload) -> Image.Image | None:
        if payload is None:
            return None
        try:
            return open_picture(Path(payload.path))
        except ValueError as error:
            raise refusal(str(error)) from None


def samples(name: str) -> list[Path]:
    """The first test photograph of each person the recogniser knows."""
    first = {}
    for photograph in list_test_photographs(available_recognizers()[name]):
        first.setdefault(person_of(photograph), photograph)
    return list(first.values())


def epsilons(top: float) -> list[float]:
    return [round(top * step / STEPS, 6) for step in range(STEPS + 1)]


def note(model: Recognizer, face: Face, label: int | None) -> str:
    if label is not None:
        return f"Attacked on its true label, {face.person}: a test photograph that was not used in training."
    people = f"{title(model.name)} knows {len(model.labels)} people and names one of them for any picture"
    return f"Attacked on the recogniser's own clean prediction, since who this is was never told. {people}."


def show(visit: Visit, name: str, epsilon: float, top: float, move_to: float | None = None) -> Iterator[dict]:
    """Messages for the stage about the face of `visit`, until it turns to another attack.

    `move_to` puts the stage at an epsilon; without it, it stays where the finger has it.
    """
    if visit.face is None:
        return
    visit.attack += 1
    current = visit.attack
    model = recognizer(name)
    label = model.labels.index(visit.face.person) if visit.face.person in model.labels else None
    face = prepare(visit.face.picture, model.input_size)
    about = {"id": current, "gain": TOPS[top], "note": note(model, visit.face, label), "epsilon": move_to}
    for message in perform(model, face, epsilons(top), epsilon, label):
        if visit.attack != current:
            return
        yield {**message, **about}


@functools.cache
def opening_epsilon() -> float:
    """The last position of the slider at which the opening face is still recognised: one nudge more fools."""
    model = recognizer(DEFAULT_MODEL)
    path = PROJECT / model.config["faces"] / OPENING_FACE
    face = prepare(open_picture(path), model.input_size)
    return last_recognised(model, face, model.labels.index(person_of(path)), epsilons(DEFAULT_TOP))


def open_page(visit: Visit) -> Iterator[tuple]:
    epsilon = opening_epsilon()
    path = PROJECT / available_recognizers()[DEFAULT_MODEL]["faces"] / OPENING_FACE
    visit.face = Face(open_picture(path), person_of(path))
    for message in show(visit, DEFAULT_MODEL, epsilon, DEFAULT_TOP, move_to=epsilon):
        yield message, epsilon


def choose_sample(visit: Visit, name: str, epsilon: float, top: float, event: gr.SelectData) -> Iterator[dict]:
    path = samples(name)[event.index]
    visit.face = Face(open_picture(path), person_of(path))
    yield from show(visit, name, epsilon, top)


def choose_photo(visit: Visit, name: str, epsilon: float, top: float, photo: Image.Image | None) -> Iterator[dict]:
    if photo is not None:
        visit.face = Face(photo)
        yield from show(visit, name, epsilon, top)


def change_top(visit: Visit, name: str, epsilon: float, top: float) -> Iterator[tuple]:
    kept = min(epsilons(top), key=lambda value: abs(value - epsilon))
    slider = gr.Slider(maximum=top, step=top / STEPS, value=kept)
    for message in show(visit, name, kept, top, move_to=kept):
        yield message, slider
        slider = gr.skip()


def answer(photo: Image.Image | None, name: str, epsilon: float) -> tuple[dict, Image.Image]:
    """Attack a picture on the recogniser's own clean prediction; the report and the adversarial face as 8-bit PNG."""
    if photo is None:
        raise refusal("Give a picture of a face.")
    model = recognizer(name)
    return attack_report(model, prepare(photo, model.input_size), epsilon)


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
            label="Slider's top",
            elem_id="top",
            scale=3,
            min_width=240,
        )
    viewer = drawn_by("viewer", elem_id="viewer")
    with gr.Tab("Sample faces"):
        pictures = [(str(path), person_of(path)) for path in samples(DEFAULT_MODEL)]
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
