"""The tab "Accuracy curve": accuracy against epsilon, drawn while it is measured. See assets/chart/ for the drawing."""

import functools
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
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
from ..recognizer import load_test_set
from ..report import as_picture
from ..stage import data_url, reference_photograph
from . import DEFAULT_MODEL, choices, drawn_by, recognizer, refusal, title

REMEMBERED = 64  # finished curves kept by this process

NO_FACES = {"title": "", "faces": []}
finished: dict[tuple, Snapshot] = {}


@dataclass
class Board:
    """One visitor's chart: the curves on it, by recogniser and attack, and a folder for its files."""

    curves: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    files: tempfile.TemporaryDirectory | None = None


@functools.cache
def test_set_of(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    return load_test_set(recognizer(name))


@functools.cache
def cost(name: str) -> float:
    """Seconds a few faces take through the recogniser `name`: what the time left is reckoned with."""
    images, _ = test_set_of(name)
    with torch.inference_mode():
        start = time.perf_counter()
        recognizer(name)(images[:4].to(recognizer(name).device)).cpu()
    return time.perf_counter() - start


def announce() -> tuple[dict, dict]:
    """What stands there until a place is free: one curve at a time is measured."""
    waiting = {
        "state": "running",
        "progress": 0,
        "message": "Waiting for another visitor's curve to finish.",
        "notes": [],
    }
    return {**waiting, "curves": []}, NO_FACES


def measure(board: Board, models: list[str], epsilons: str, control: bool) -> Iterator[tuple]:
    """The chart after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
    board.curves.clear()
    try:
        if not models:
            raise ValueError("Choose at least one recogniser.")
        values = parse_epsilons(epsilons)
    except ValueError as error:
        yield chart(board, "empty", 0, str(error)), gr.skip(), gr.skip()
        raise refusal(str(error)) from None
    jobs = [(model, attack) for model in models for attack in [FGSM] + [CONTROL] * control]
    yield from measure_all(board, jobs, values)


def measure_all(board: Board, jobs: list[tuple[str, str]], epsilons: list[float]) -> Iterator[tuple]:
    yield chart(board, "running", 0, "Loading recognisers and test faces."), gr.skip(), gr.skip()
    remembered = {job: finished[(*job, *epsilons)] for job in jobs if (*job, *epsilons) in finished}
    ahead = sum(len(test_set_of(job[0])[1]) * cost(job[0]) for job in jobs if job not in remembered)
    start, done = time.monotonic(), 0.0
    for job in jobs:
        if job in remembered:
            board.curves[job] = remembered[job]
            continue
        model, attack = job
        for snapshot in accuracy_curve(recognizer(model), *test_set_of(model), epsilons, attack):
            board.curves[job] = snapshot
            share = (done + snapshot.total * cost(model)) / ahead
            left = (time.monotonic() - start) * (1 / share - 1)
            message = f"{title(model)}, {attack}: {snapshot.total} faces. About {left:.0f} s left."
            yield chart(board, "running", share, message, remembered), gr.skip(), gr.skip()
        done += snapshot.total * cost(model)
        if len(finished) >= REMEMBERED:
            finished.pop(next(iter(finished)))
        finished[(*job, *epsilons)] = snapshot
    table, figure = files(board)
    ready = (gr.DownloadButton(value=file, interactive=True) for file in (table, figure))
    yield chart(board, "done", 1, summary(board, remembered), remembered), *ready


def summary(board: Board, remembered: dict) -> str:
    curves = board.curves.values()
    scored = " and ".join(sorted({curve.precision for curve in curves}))
    text = (
        f"Finished: {max(curve.total for curve in curves)} test faces, scored in {scored}. Click a point to see faces."
    )
    if remembered:
        text += " These were computed before." if len(remembered) == len(curves) else " Some were computed before."
    return text


def chart(board: Board, state: str, share: float, message: str, remembered: Iterable = ()) -> dict:
    """What assets/chart/chart.js draws."""
    curves = []
    for (model, attack), snapshot in board.curves.items():
        low, high = zip(*snapshot.intervals, strict=True)
        extra = {
            "title": title(model),
            "control": attack == CONTROL,
            "remembered": (model, attack) in remembered,
            "accuracy": snapshot.accuracy,
            "low": low,
            "high": high,
        }
        curves.append(asdict(snapshot) | extra)
    notes = explain(list(board.curves.values()), title) if state == "done" else []
    return {"state": state, "progress": share, "message": message, "notes": notes, "curves": curves}


def files(board: Board) -> tuple[str, str]:
    board.files = board.files or tempfile.TemporaryDirectory(prefix="accuracy-")
    table, figure = (Path(board.files.name) / name for name in ("accuracy.csv", "accuracy.png"))
    curves = list(board.curves.values())
    write_csv(curves, table)
    accuracy_figure(curves).savefig(figure, dpi=110)
    return str(table), str(figure)


def stopped(board: Board, shown: dict | None) -> dict:
    """The chart as the cancelled measurement left it; `shown` is what the visitor sees."""
    if not shown or shown["state"] != "running":
        return gr.skip()
    if not board.curves:
        return chart(board, "stopped", 0, "Stopped before the first batch of faces.")
    (model, attack), last = list(board.curves.items())[-1]
    return chart(board, "stopped", 0, f"Stopped: {title(model)}, {attack} has been measured on {last.total} faces.")


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
            choices(), value=[DEFAULT_MODEL], label="Recognisers", elem_id="curve-models", scale=4, min_width=280
        )
        epsilons = gr.Textbox(
            ", ".join(f"{epsilon:g}" for epsilon in COURSE_EPSILONS),
            label="Epsilons, from 0 to 1",
            elem_id="curve-epsilons",
            scale=4,
            min_width=280,
        )
        control = gr.Checkbox(label="Compare with random signs", info="Same epsilon, random direction", scale=2)
    with gr.Row():
        start = gr.Button("Start", variant="primary", elem_id="curve-start", min_width=140)
        stop = gr.Button("Stop", elem_id="curve-stop", min_width=140)
        table = gr.DownloadButton("Download CSV", interactive=False, elem_id="curve-csv", min_width=140)
        figure = gr.DownloadButton("Download PNG", interactive=False, elem_id="curve-png", min_width=140)
    plot = drawn_by("chart", elem_id="curve", value=None)
    faces = drawn_by("fooled", elem_id="curve-faces", value=NO_FACES)

    private = {"show_progress": "hidden", "api_visibility": "private"}
    announced = start.click(announce, None, [plot, faces], queue=False, **private)
    running = announced.then(
        measure,
        [board, models, epsilons, control],
        [plot, table, figure],
        api_name="curve",
        concurrency_id="curve",
        concurrency_limit=1,
        show_progress="hidden",
    )
    cancelled = stop.click(None, cancels=running)  # first: no late batch may follow the word "Stopped"
    cancelled.then(stopped, [board, plot], plot, queue=False, **private)
    plot.click(show_faces, board, faces, **private)
