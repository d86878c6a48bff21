"""What the tabs that measure whole test sets share: the faces, what one costs, buttons and events, the faces fooled."""

import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components import Component
from torch import Tensor

from ..faces import as_picture
from ..recognizer import available_recognizers, faces_of, load_test_set
from ..stage import data_url, reference_photograph
from ..sweep import score
from ..texts import say
from . import I18N, brought, drawn_by, kept, on_gpu, recognizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # takes half a second, which the page's start need not wait for

SLICE = 0.4  # seconds that a batch of faces may keep other visitors waiting
GRADIENT = 3  # forward passes that a gradient costs
NO_FACES = {"title": "", "faces": []}
MOST_SETS = 4
_test_sets: dict[tuple, tuple[Tensor, Tensor]] = {}


def test_set_of(name: str) -> tuple[Tensor, Tensor]:
    """The test faces of the recogniser `name` and their labels, read once for all that are tested alike."""
    config = available_recognizers()[name]
    files = tuple((file, file.stat().st_mtime_ns) for file in faces_of(config))
    alike = (files, config.labels, config.input_size)
    faces = _test_sets.get(alike) or load_test_set(recognizer(name))
    if alike not in _test_sets and len(_test_sets) >= MOST_SETS:
        _test_sets.pop(next(iter(_test_sets)), None)
    _test_sets[alike] = faces
    return faces


@kept
@on_gpu
def cost(name: str) -> float:
    """Seconds a face takes through the recogniser `name`, measured on a few: the least, as others use the machine."""
    network, (images, _) = recognizer(name), test_set_of(name)
    few = images[:4].to(network.device)
    score(network, few)  # the first batch of a process is slow

    def seconds() -> float:
        start = time.perf_counter()
        score(network, few).cpu()
        return time.perf_counter() - start

    return min(seconds() for _ in range(5)) / len(few)


def fooled_faces(
    name: str, adversarial: Tensor, examples: Sequence[tuple[int, int]], about: str, fooled: int, language: str
) -> dict:
    """What assets/fooled draws: `adversarial` faces and whom the recogniser `name` takes them for.

    `examples` are pairs of a face's position in the test set and a class index, `fooled` is how many there are in all,
    and `about` says under which attack.
    """
    if not examples:
        return {"title": f"{about}: {say('curve.nobody', language)}", "faces": []}
    model, (_, labels) = recognizer(name), test_set_of(name)
    faces = []
    for face, (position, taken_for) in zip(adversarial, examples, strict=True):
        person, taken = model.labels[labels[position]], model.labels[taken_for]
        faces.append(
            {
                "picture": data_url(as_picture(face)),
                "label": say("fooled.adversarial", language, person=person),
                "reference": reference_photograph(model.config, taken),
                "reference_label": say("viewer.reference_label", language, person=taken),
                "person": person,
                "taken": taken,
                "instead": say("fooled.instead", language),
            }
        )
    first = say("curve.first", language, shown=len(faces), fooled=fooled)
    return {"title": f"{about}: {first}", "faces": faces}


def downloads(files: Mapping[str, bytes], request: gr.Request) -> tuple[gr.DownloadButton, ...]:
    """Buttons that hand out `files`, by name; that hand out nothing where there are none."""
    if not files:
        return (gr.DownloadButton(interactive=False),) * 2
    paths = [brought.hand_out(data, name, request.session_hash) for name, data in files.items()]
    return tuple(gr.DownloadButton(value=path, interactive=True) for path in paths)


def as_png(figure: "Figure") -> bytes:
    """A Matplotlib figure as a file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def lay_out(
    name: str,
    drawing: str,
    inputs: Sequence[Component],
    measure: Callable,
    stopped: Callable,
    show_faces: Callable,
) -> None:
    """The buttons, the drawing and the faces of the tab `name`, which is also the API's name for `measure`.

    `inputs` are those of `measure`, a visitor's board first. Start calls `measure`; Stop calls `stopped`; a click into
    the drawing calls `show_faces`.
    """
    board = inputs[0]
    with gr.Row():
        start = gr.Button(I18N("page.start"), variant="primary", elem_id=f"{name}-start", min_width=140)
        stop = gr.Button(I18N("page.stop"), elem_id=f"{name}-stop", min_width=140)
        table = gr.DownloadButton(I18N("page.csv"), interactive=False, elem_id=f"{name}-csv", min_width=140)
        figure = gr.DownloadButton(I18N("page.png"), interactive=False, elem_id=f"{name}-png", min_width=140)
    plot = drawn_by(drawing, elem_id=name, value=None)
    faces = drawn_by("fooled", elem_id=f"{name}-faces", value=NO_FACES)

    shared = {"show_progress": "hidden", "concurrency_limit": None}  # all wait for the one thread that computes
    private = {**shared, "api_visibility": "undocumented"}
    start.click(None, None, faces, js=f"() => ({json.dumps(NO_FACES)})")
    running = start.click(measure, inputs, [plot, table, figure], api_name=name, trigger_mode="multiple", **shared)
    cancelled = stop.click(None, cancels=running)  # first: no late batch may follow the word "Stopped"
    cancelled.then(stopped, board, [plot, table, figure], **private)
    plot.click(show_faces, board, faces, **private)
