"""The tab "Attack": one face, dragged through epsilon. What the browser draws stands in assets/viewer/."""

import functools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import gradio as gr
from PIL import Image
from torch import Tensor

from .. import compute
from ..detect import Square, find_faces, frame, framing
from ..faces import SMALLEST, open_picture, person_of, prepare
from ..recognizer import available_recognizers, list_test_photographs
from ..report import attack_report
from ..stage import data_url, last_recognised, perform
from ..texts import Refused, say, title
from . import (
    DEFAULT_MODEL,
    I18N,
    choices,
    computed,
    drawn_by,
    gpu_failed,
    known,
    language_of,
    on_gpu,
    politely,
    recognizer,
    remember,
)
from .inputs import Epsilon, Photo

OPENING_PERSON = "person 24"
STEPS = 100
PREVIEW = 480  # pixels of a visitor's picture, to aim at the face in it
DEFAULT_TOP = 0.1
TOPS = {0.02: 25, 0.1: 10, 1.0: 1}  # of the slider; for each, how many times stronger the perturbation is shown
TELL_STAGE = (
    "(value) => document.querySelector('#viewer .stage')?.dispatchEvent(new CustomEvent('epsilon', {detail: value}))"
)
finished: dict[tuple, dict] = {}  # whole messages about sample faces


@dataclass(frozen=True)
class Face:
    """What is being attacked; `person` is None where nobody knows who it is."""

    file: Path
    person: str | None = None
    square: Square | None = None

    @property
    def key(self) -> str | None:
        """What names a sample face in a link."""
        return self.person and self.person.replace(" ", "_")


@functools.cache
def samples() -> list[Face]:
    """The first test photograph of each person."""
    first = {}
    for photograph in list_test_photographs(available_recognizers()[DEFAULT_MODEL]):
        first.setdefault(person_of(photograph), photograph)
    return [Face(photograph, person) for person, photograph in first.items()]


def sample_of(key: str) -> Face | None:
    """The sample face with the person's name `key`, spaces written as underscores."""
    return next((face for face in samples() if face.key == key.replace(" ", "_")), None)


@dataclass
class Visit:
    """One visitor's page: the face on the stage, the number of the attack that shows it, the files brought."""

    face: Face | None = None
    attack: int = 0


brought: dict[str, set[Path]] = {}  # pictures of each visit


def opened(file: Path) -> Image.Image:
    """The picture in `file`, a visitor's or a sample."""
    if not file.exists():
        raise Refused("refused.gone")
    return open_picture(file)


def epsilons(top: float) -> list[float]:
    """The positions of a slider that reaches up to `top`."""
    return [round(top * step / STEPS, 6) for step in range(STEPS + 1)]


def label_of(model: str, face: Face) -> int | None:
    """The class index of the person, where the recogniser knows it."""
    labels = available_recognizers()[model]["labels"]
    return labels.index(face.person) if face.person in labels else None


def note(model: str, face: Face, label: int | None, language: str) -> str:
    if label is not None:
        sentence = say("note.true_label", language, person=face.person)
    else:
        people = len(available_recognizers()[model]["labels"])
        sentence = say("note.own_prediction", language, recogniser=title(model, language), people=people)
    return f"{sentence} {say('note.cpu', language)}" if gpu_failed.is_set() else sentence


@on_gpu
def act(model: str, face: Tensor, top: float, epsilon: float, label: int | None) -> Iterator[dict]:
    """What `perform` says, by names alone: a lent GPU works in a process of its own."""
    yield from perform(recognizer(model), face, epsilons(top), epsilon, label)


def messages(model: str, face: Face, top: float, epsilon: float, label: int | None) -> Iterator[dict]:
    """What `act` says; of a sample face that was scored before, at once all of it."""
    key = (model, face.file, top)
    if key in finished:
        yield finished[key]
        return
    prepared = prepare(opened(face.file), available_recognizers()[model]["input_size"], face.square)
    for message in computed(act, model, prepared, top, epsilon, label):
        yield message
    if face.person is not None:
        remember(finished, key, message)


def show(
    visit: Visit,
    model: str,
    epsilon: float,
    top: float,
    request: gr.Request,
    face: Face | None = None,
    move_to: float | None = None,
) -> Iterator[dict]:
    """Messages for the stage about `face`, or the one it shows, until `visit` turns to another attack.

    `move_to` puts the stage at an epsilon; without it, it stays where the finger has it.
    """
    face = face or visit.face or sample_of(OPENING_PERSON)
    visit.attack = current = max(visit.attack + 1, time.time_ns() // 1000)  # rises across restarts of the server, too
    label = label_of(known(model), face)
    about = {
        "id": current,
        "gain": TOPS[top],
        "note": note(model, face, label, language_of(request)),
        "epsilon": move_to,
        "link": {"model": model, "face": face.key, "top": f"{top:g}"},
    }
    for message in messages(model, face, top, epsilon, label):
        if visit.attack != current:
            return
        visit.face = face
        yield {**message, **about}


@functools.cache
@on_gpu
def tipping_epsilon(model: str, face: Face) -> float:
    """The last position of the slider before the face is taken for somebody else: one nudge more fools."""
    network = recognizer(model)
    prepared = prepare(opened(face.file), network.input_size)
    return last_recognised(network, prepared, label_of(model, face), epsilons(DEFAULT_TOP))


def asked_for(link: dict[str, str]) -> tuple[Face, str, float, float | None]:
    """Face, recogniser, largest epsilon and epsilon that a link names; what it names wrongly is left out."""
    face = sample_of(link.get("face", "")) or sample_of(OPENING_PERSON)
    model = link["model"] if link.get("model") in available_recognizers() else DEFAULT_MODEL
    top = next((top for top in TOPS if f"{top:g}" == link.get("top")), DEFAULT_TOP)
    try:
        wanted = float(link["epsilon"])
    except (KeyError, ValueError):
        return face, model, top, None
    return face, model, top, min(epsilons(top), key=lambda position: abs(position - wanted))


@politely
def open_page(visit: Visit, request: gr.Request) -> Iterator[tuple]:
    face, model, top, epsilon = asked_for(dict(request.query_params))
    if epsilon is None:
        tipping = compute.run(lambda: tipping_epsilon(model, face))
        epsilon = min(epsilons(top), key=lambda position: abs(position - tipping))
    if visit.attack:
        return  # the visitor was quicker and has chosen a face
    controls = (gr.Slider(maximum=top, step=top / STEPS, value=epsilon), model, top)
    for message in show(visit, model, epsilon, top, request, face, move_to=epsilon):
        yield message, *controls
        controls = (gr.skip(),) * 3  # from now on they are the visitor's


def warm_up() -> None:
    """Load the first recogniser and score the opening face, so that the first visitor need not wait for it."""
    face = sample_of(OPENING_PERSON)
    epsilon = compute.run(lambda: tipping_epsilon(DEFAULT_MODEL, face))
    for _ in messages(DEFAULT_MODEL, face, DEFAULT_TOP, epsilon, label_of(DEFAULT_MODEL, face)):
        pass


@politely
def choose_sample(
    visit: Visit, model: str, epsilon: float, top: float, event: gr.SelectData, request: gr.Request
) -> Iterator[dict]:
    yield from show(visit, model, epsilon, top, request, samples()[event.index])


@politely
def choose_photo(
    visit: Visit, model: str, epsilon: float, top: float, photo: Path | None, request: gr.Request
) -> Iterator[tuple]:
    """The stage, and the crop to adjust with the largest face in it."""
    if photo is None:
        yield gr.skip(), None
        return
    brought.setdefault(request.session_hash, set()).add(photo)
    picture = opened(photo)
    faces = find_faces(picture)
    square = frame(picture, faces)
    shown = crop(picture, square, faces, language_of(request))
    for message in show(visit, model, epsilon, top, request, Face(photo, square=square)):
        yield message, shown
        shown = gr.skip()


def crop(picture: Image.Image, square: Square, faces: list[Square], language: str) -> dict:
    """What assets/crop/crop.js draws."""
    preview = picture.copy()
    preview.thumbnail((PREVIEW, PREVIEW))
    return {
        "preview": data_url(preview),
        "width": picture.width,
        "height": picture.height,
        "message": f"{framing(picture, faces, language)} {say('crop.help', language)}",
        "faces": [asdict(face) for face in faces],
        **asdict(square),
    }


@politely
def change_crop(
    visit: Visit, model: str, epsilon: float, top: float, photo: Path | None, event: gr.EventData, request: gr.Request
) -> Iterator[dict]:
    """The stage with the square of the visitor's picture that the visitor has drawn."""
    if photo is None:
        return
    picture = opened(photo)
    x, y, side = (float(value) for value in (event.x, event.y, event.side))
    side = min(max(SMALLEST, side), *picture.size)
    square = Square(min(max(0.0, x), picture.width - side), min(max(0.0, y), picture.height - side), side)
    yield from show(visit, model, epsilon, top, request, Face(photo, square=square))


def forget(request: gr.Request) -> None:
    """Delete the pictures of a visit that has ended, save what another visit has brought as well."""
    own = brought.pop(request.session_hash, set())
    for photo in own - set().union(*brought.values()):
        photo.unlink(missing_ok=True)


@politely
def change_model(visit: Visit, model: str, epsilon: float, top: float, request: gr.Request) -> Iterator[dict]:
    yield from show(visit, model, epsilon, top, request)


@politely
def change_top(visit: Visit, model: str, epsilon: float, top: float, request: gr.Request) -> Iterator[tuple]:
    kept = min(epsilons(top), key=lambda value: abs(value - epsilon))
    yield gr.skip(), gr.Slider(maximum=top, step=top / STEPS, value=kept)
    for message in show(visit, model, kept, top, request, move_to=kept):
        yield message, gr.skip()


@on_gpu
def report_on(model: str, face: Tensor, epsilon: float) -> tuple[dict, Image.Image]:
    return attack_report(recognizer(model), face, epsilon)


@politely
def answer(photo: Path | None, model: str, epsilon: float, request: gr.Request) -> tuple[dict, Image.Image]:
    """Attack a picture on the recogniser's own clean prediction; the report and the adversarial face as 8-bit PNG."""
    if photo is None:
        raise Refused("refused.no_picture")
    picture = opened(photo)
    faces = find_faces(picture)
    face = prepare(picture, available_recognizers()[known(model)]["input_size"], frame(picture, faces))
    report, adversarial = compute.run(lambda: report_on(model, face, epsilon))
    return {**report, "framing": framing(picture, faces)}, adversarial


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    visit = gr.State(Visit())
    with gr.Row(elem_id="controls"):
        model = gr.Dropdown(
            choices(), value=DEFAULT_MODEL, label=I18N("page.recogniser"), elem_id="model", scale=4, min_width=280
        )
        slider = gr.Slider(
            0,
            DEFAULT_TOP,
            0,
            step=DEFAULT_TOP / STEPS,
            label=I18N("page.epsilon"),
            elem_id="epsilon",
            interactive=True,
            scale=6,
            min_width=280,
        )
        top = gr.Radio(
            [(f"{top:g}", top) for top in TOPS],
            value=DEFAULT_TOP,
            label=I18N("page.top"),
            elem_id="top",
            scale=3,
            min_width=240,
        )
    viewer = drawn_by("viewer", elem_id="viewer")
    with gr.Tab(I18N("page.samples")):
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
    with gr.Tab(I18N("page.own")):
        with gr.Row(elem_id="own"):
            sources = ["upload", "webcam", "clipboard"]
            photo = Photo(sources=sources, label=I18N("page.photo"), height=300, elem_id="photo", min_width=280)
            cropper = drawn_by("crop", elem_id="crop", value=None, min_width=280)
        gr.Markdown(I18N("page.privacy"))

    # All wait for the one thread that computes; Gradio need not count them.
    shared = {"trigger_mode": "multiple", "concurrency_limit": None, "show_progress": "hidden"}
    private = {**shared, "api_visibility": "undocumented"}
    settings = [visit, model, slider, top]
    demo.load(open_page, visit, [viewer, slider, model, top], **private)
    demo.unload(forget)
    gallery.select(choose_sample, settings, viewer, **private)
    photo.input(choose_photo, [*settings, photo], [viewer, cropper], **private)
    photo.clear(lambda: None, None, cropper, queue=False, **private)
    cropper.input(change_crop, [*settings, photo], viewer, **private)
    model.input(change_model, settings, viewer, **private)
    top.input(change_top, settings, [viewer, slider], **private)
    slider.change(None, slider, None, js=TELL_STAGE)

    epsilon = Epsilon(0.03, minimum=0, maximum=1, label="epsilon", visible=False)
    report, picture = gr.JSON(visible=False), gr.Image(format="png", visible=False)
    gr.Button(visible=False).click(
        answer, [photo, model, epsilon], [report, picture], api_name="attack", concurrency_limit=None
    )
