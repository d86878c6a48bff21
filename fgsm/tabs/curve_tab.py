"""The tab "Accuracy curve": accuracy against epsilon, drawn while it is measured. See assets/chart/ for the drawing."""

import functools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import torch

from ..curve import (
    CONTROL,
    COURSE_EPSILONS,
    FGSM,
    Snapshot,
    accuracy_curve,
    example_faces,
    explain,
    parse_epsilons,
    write_csv,
)
from ..figures import accuracy_figure
from ..recognizer import available_recognizers, load_test_set
from ..report import as_picture
from ..stage import data_url, reference_photograph
from . import DEFAULT_MODEL, choices, drawn_by, recognizer, refusal, title

REMEMBERED = 64  # finished curves kept by this process

finished: dict[tuple, Snapshot] = {}


@dataclass
class Board:
    """One visitor's chart: the curves on it, by recogniser and attack, and a folder for its files."""

    curves: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    files: tempfile.TemporaryDirectory | None = None


@functools.cache
def test_set_of(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    return load_test_set(recognizer(name))


def measure(board: Board, names: list[str], text: str, with_control: bool) -> Iterator[tuple]:
    """The chart after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
    if not names:
        raise refusal("Choose at least one recogniser.")
    try:
        epsilons = parse_epsilons(text)
    except ValueError as error:
        raise refusal(str(error)) from None
    board.curves.clear()
    jobs = [(name, attack) for name in names for attack in [FGSM] + [CONTROL] * with_control]
    remembered = {job for job in jobs if (*job, *epsilons) in finished}
    faces = {name: len(available_recognizers()[name]["test_photographs"]) for name in names}
    ahead = sum(faces[name] for name, attack in jobs if (name, attack) not in remembered)
    start, done = time.monotonic(), 0
    yield chart(board, remembered, "running", 0, "Loading the first recogniser and its test faces."), None, None
    for name, attack in jobs:
        key = (name, attack, *epsilons)
        snapshots = [finished[key]] if key in finished else run(name, epsilons, attack)
        before = done
        for snapshot in snapshots:
            board.curves[name, attack] = snapshot
            if (name, attack) not in remembered:
                done = before + snapshot.total
                yield chart(board, remembered, *progress(title(name), snapshot, done, ahead, start)), None, None
        if len(finished) >= REMEMBERED:
            finished.pop(next(iter(finished)))
        finished[key] = snapshot
    yield chart(board, remembered, "done", 1, summary(board, remembered)), *files(board)


def run(name: str, epsilons: list[float], attack: str) -> Iterator[Snapshot]:
    return accuracy_curve(recognizer(name), *test_set_of(name), epsilons, attack)


def progress(name: str, snapshot: Snapshot, done: int, ahead: int, start: float) -> tuple[str, float, str]:
    left = (time.monotonic() - start) / done * (ahead - done)
    return "running", done / ahead, f"{name}, {snapshot.attack}: {snapshot.total} faces. About {left:.0f} s left."


def summary(board: Board, remembered: set) -> str:
    curves = board.curves.values()
    scored = " and ".join(sorted({curve.precision for curve in curves}))
    text = (
        f"Finished: {max(curve.total for curve in curves)} test faces, scored in {scored}. Click a point to see faces."
    )
    if remembered:
        text += " These were computed before." if len(remembered) == len(curves) else " Some were computed before."
    return text


def chart(board: Board, remembered: set, state: str, share: float, message: str) -> dict:
    """What assets/chart/chart.js draws."""
    curves = []
    for (name, attack), snapshot in board.curves.items():
        low, high = zip(*snapshot.intervals, strict=True)
        curves.append(
            {
                "model": name,
                "title": title(name),
                "attack": attack,
                "control": attack == CONTROL,
                "precision": snapshot.precision,
                "remembered": (name, attack) in remembered,
                "epsilons": snapshot.epsilons,
                "correct": snapshot.correct,
                "fooled": snapshot.fooled,
                "recognised": snapshot.recognised,
                "total": snapshot.total,
                "accuracy": snapshot.accuracy,
                "low": low,
                "high": high,
            }
        )
    notes = explain(list(board.curves.values())) if state == "done" else []
    return {"state": state, "progress": share, "message": message, "notes": notes, "curves": curves}


def files(board: Board) -> tuple[str, str]:
    board.files = board.files or tempfile.TemporaryDirectory(prefix="accuracy-")
    table, figure = (Path(board.files.name) / name for name in ("accuracy.csv", "accuracy.png"))
    curves = list(board.curves.values())
    write_csv(curves, table)
    accuracy_figure(curves).savefig(figure, dpi=110)
    return str(table), str(figure)


def stopped(board: Board) -> dict:
    faces = sum(curve.total for curve in board.curves.values())
    return chart(board, set(), "stopped", 0, f"Stopped after {faces} faces; what is drawn was measured on these.")


def show_faces(board: Board, event: gr.EventData) -> dict:
    """The first faces that the clicked point's attack fools."""
    curve = board.curves.get((event.model, event.attack))
    if curve is None or event.epsilon not in curve.epsilons:
        raise refusal("This point is from an earlier chart: press Start again.")
    at = curve.epsilons.index(event.epsilon)
    about = f"{title(curve.model)}, {curve.attack}, epsilon {event.epsilon:g} ({255 * event.epsilon:.1f}/255)"
    if not curve.examples[at]:
        return {"title": f"{about}: no face that was recognised is taken for somebody else.", "faces": []}
    model, (images, labels) = recognizer(curve.model), test_set_of(curve.model)
    faces = [
        {
            "picture": data_url(as_picture(face)),
            "person": model.labels[labels[position]],
            "taken": model.labels[taken_for],
            "reference": reference_photograph(model.config["faces"], model.labels[taken_for]),
        }
        for face, (position, taken_for) in zip(
            example_faces(model, images, labels, curve, at), curve.examples[at], strict=True
        )
    ]
    return {"title": f"{about}: the first {len(faces)} of {curve.fooled[at]} fooled.", "faces": faces}


def build() -> None:
    """Lay out the tab's components and bind their events."""
    board = gr.State(Board())
    with gr.Row():
        models = gr.CheckboxGroup(
            choices(), value=[DEFAULT_MODEL], label="Recognisers", elem_id="curve-models", scale=4
        )
        epsilons = gr.Textbox(
            ", ".join(f"{epsilon:g}" for epsilon in COURSE_EPSILONS),
            label="Epsilons, from 0 to 1",
            elem_id="curve-epsilons",
            scale=4,
        )
        control = gr.Checkbox(label="Random signs beside it", info="The same change without the gradient", scale=2)
    with gr.Row():
        start = gr.Button("Start", variant="primary", elem_id="curve-start")
        stop = gr.Button("Stop", elem_id="curve-stop")
        table = gr.DownloadButton("CSV", elem_id="curve-csv")
        figure = gr.DownloadButton("PNG", elem_id="curve-png")
    plot = drawn_by("chart", elem_id="curve", value=None)
    faces = drawn_by("fooled", elem_id="curve-faces", value={"title": "", "faces": []})

    running = start.click(
        measure,
        [board, models, epsilons, control],
        [plot, table, figure],
        api_name="curve",
        concurrency_id="curve",
        concurrency_limit=1,
        show_progress="hidden",
    )
    cancelled = stop.click(None, cancels=running)  # first: no late batch may follow the word "Stopped"
    cancelled.then(stopped, board, plot, queue=False, show_progress="hidden", api_visibility="private")
    plot.click(show_faces, board, faces, show_progress="hidden", api_visibility="private")
