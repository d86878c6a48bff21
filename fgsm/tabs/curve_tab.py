"""The tab "Accuracy curve": accuracy against epsilon, drawn while it is measured. See assets/chart/ for the drawing."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import gradio as gr
import torch

from ..compute import Asker
from ..curve import (
    COURSE_EPSILONS,
    Snapshot,
    accuracy_curve,
    as_csv,
    example_faces,
    explain,
)
from ..methods import ATTACKS, FGSM, SEVERAL_STEPS, STEPS, gradients
from ..recognizer import default_recognizer, version_of
from ..sweep import fast_dtype
from ..texts import Refused, say, title
from ..values import known_attacks, known_recognizers, parse_epsilons
from . import (
    I18N,
    caller,
    choices,
    computed,
    computed_once,
    computer,
    language_of,
    offered,
    on_gpu,
    politely,
    recognizer,
    remember,
    told,
    versions,
)
from .inputs import Names, Text
from .measured import GRADIENT, SLICE, as_png, cost, downloads, fooled_faces, lay_out, test_set_of

finished: dict[tuple, Snapshot] = {}


@dataclass
class Board:
    """One visitor's chart: its curves, by recogniser and attack, the number of the run that draws them, its state.

    `versions` are those of the recognisers that it was begun with.
    """

    curves: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    versions: dict[str, str | None] = field(default_factory=dict)
    run: int = 0
    state: str = "empty"


@politely
def measure(board: Board, models: Any, epsilons: Any, attacks: Any, request: gr.Request) -> Iterator[tuple]:
    """The chart after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
    try:
        jobs, values = asked_for(models, epsilons, attacks)
    except Refused as error:
        if board.state != "running":  # what is being drawn goes on
            yield chart(board, board.state, 0, error.sentence(language_of(request))), gr.skip(), gr.skip()
        raise
    before, board.curves, board.run = board.curves, {}, board.run + 1
    run, board.state = board.run, "running"
    try:
        yield from measure_all(board, jobs, values, caller(request), request)
    except Refused as error:  # more than may be asked for: what was drawn before stays
        board.curves = board.curves or before
        board.state = "done" if board.curves else "empty"
        yield (
            chart(board, board.state, 0, error.sentence(language_of(request))),
            *downloads(drawn(board, request), request),
        )
        raise
    finally:
        if board.run == run and board.state == "running":
            board.state = "stopped"


def asked_for(models: Any, epsilons: Any, attacks: Any) -> tuple[list[tuple[str, str]], list[float]]:
    """The curves, by recogniser and attack, and the epsilons that are asked for. Raises Refused for others."""
    names, chosen = known_recognizers(models), known_attacks(attacks)
    return [(model, attack) for model in names for attack in chosen], parse_epsilons(epsilons)


@on_gpu
def curve_of(model: str, attack: str, epsilons: list[float], batch_size: int) -> Iterator[Snapshot]:
    """The snapshots of a curve, by names alone: see `visit.act`."""
    network = recognizer(model)
    images, labels = test_set_of(model)
    yield from accuracy_curve(network, images, labels, epsilons, attack, fast_dtype(network.device), batch_size)


@on_gpu
def faces_of(curve: Snapshot, at: int) -> torch.Tensor:
    """The adversarial faces that `curve` gives as examples at one of its epsilons."""
    return example_faces(recognizer(curve.model), *test_set_of(curve.model), curve, at)


def forwards(attack: str, epsilons: int) -> int:
    """About how many forward passes a face takes."""
    return epsilons + GRADIENT * gradients(attack, epsilons)


def measure_all(
    board: Board, jobs: list[tuple[str, str]], epsilons: list[float], asker: Asker, request: gr.Request
) -> Iterator[tuple]:
    """The chart while it is measured, until another run begins on the same board."""
    run, language, nothing = board.run, language_of(request), (gr.skip(), gr.skip())
    yield chart(board, "running", 0, say("curve.loading", language)), *downloads({}, request)
    board.versions = dict(versions(model for model, _ in jobs))
    keys = {job: (versions(job[:1]), *job, *epsilons) for job in jobs}
    remembered = {job: curve for job in jobs if (curve := finished.get(keys[job]))}
    faces_in = {model: len(test_set_of(model)[1]) for model, _ in jobs}  # read here, not where everybody waits
    costs = {model: computed_once(asker, 1.0, cost, model) for model, _ in jobs}
    amount = {
        (model, attack): faces_in[model] * costs[model] * forwards(attack, len(epsilons)) for model, attack in jobs
    }
    ahead = sum(amount[job] for job in jobs if job not in remembered)
    start, done = time.monotonic(), 0.0
    with computer.work(asker, ahead, SLICE) as work:
        for job in jobs:
            if job in remembered:
                board.curves[job] = remembered[job]
                continue
            model, attack = job
            between = GRADIENT * STEPS if attack in SEVERAL_STEPS else forwards(attack, len(epsilons))
            faces = min(64, max(1, round(SLICE / (costs[model] * between))))
            for snapshot in computed(work, curve_of, model, attack, epsilons, faces):
                if board.run != run:
                    yield gr.skip(), *nothing
                    return
                if snapshot.total == 0 or board.curves.get(job) == snapshot:
                    continue  # in the middle of a batch
                board.curves[job] = snapshot
                share = (done + amount[job] * snapshot.total / faces_in[model]) / ahead
                message = say(
                    "curve.progress",
                    language,
                    recogniser=title(model, language),
                    attack=say(f"attack.{attack}", language),
                    total=snapshot.total,
                    seconds=f"{(time.monotonic() - start) * (1 / share - 1):.0f}",
                )
                yield chart(board, "running", share, message, remembered), *nothing
            done += amount[job]
            remember(finished, keys[job], snapshot)
    notes = explain(list(board.curves.values()), language)
    board.state = "done"
    ended = chart(board, "done", 1, summary(board, remembered, language), remembered, notes)
    yield ended, *downloads(drawn(board, request), request)


def summary(board: Board, remembered: dict, language: str) -> str:
    curves = board.curves.values()
    precision = ", ".join(sorted({curve.precision for curve in curves}))
    totals = ", ".join(map(str, sorted({curve.total for curve in curves})))
    text = say("curve.finished", language, total=totals, precision=precision)
    if not remembered:
        return text
    return f"{text} {say('curve.all_before' if len(remembered) == len(curves) else 'curve.some_before', language)}"


def chart(
    board: Board, state: str, share: float, message: str, remembered: Iterable = (), notes: Sequence[str] = ()
) -> dict:
    """What assets/chart/chart.js draws."""
    curves = []
    for (model, attack), snapshot in board.curves.items():
        low, high = zip(*snapshot.intervals, strict=True)
        extra = {
            "remembered": (model, attack) in remembered,
            "accuracy": snapshot.accuracy,
            "low": low,
            "high": high,
        }
        curves.append(asdict(snapshot) | extra)
    return {"state": state, "progress": share, "message": message, "notes": notes, "curves": curves}


def files(board: Board) -> dict[str, bytes]:
    """What is drawn, as a table and as a picture; nothing where nothing is."""
    from ..figures import accuracy_figure  # Matplotlib takes half a second, which the page's start need not wait for

    curves = list(board.curves.values())
    if not curves:
        return {}
    return {"accuracy.csv": as_csv(curves).encode(), "accuracy.png": as_png(accuracy_figure(curves))}


def drawn(board: Board, request: gr.Request) -> dict[str, bytes]:
    """`files`, in their turn: drawing takes a while."""
    return computed_once(caller(request), 0.5, files, board) if board.curves else {}


@politely
def stopped(board: Board, request: gr.Request) -> tuple:
    """The chart as the cancelled measurement left it, and its files."""
    if board.state in ("empty", "done"):
        return (gr.skip(),) * 3
    board.run += 1  # a batch that is being computed comes too late
    board.state = "stopped"
    language = language_of(request)
    if not board.curves:
        return chart(board, "stopped", 0, say("curve.stopped_early", language)), *downloads({}, request)
    (model, attack), last = list(board.curves.items())[-1]
    about = {"recogniser": title(model, language), "attack": say(f"attack.{attack}", language), "total": last.total}
    return chart(board, "stopped", 0, say("curve.stopped", language, **about)), *downloads(
        drawn(board, request), request
    )


@politely
def show_faces(board: Board, event: gr.EventData, request: gr.Request) -> dict:
    """The first faces that the clicked point's attack fools."""
    model, attack, epsilon = told(event, "model", "attack", "epsilon")
    curve = next((curve for (*key,), curve in board.curves.items() if key == [model, attack]), None)
    if curve is None or epsilon not in curve.epsilons or board.versions[model] != version_of(model):
        raise Refused("refused.old_point")
    at = curve.epsilons.index(epsilon)
    language = language_of(request)
    about = say(
        "curve.point",
        language,
        recogniser=title(curve.model, language),
        attack=say(f"attack.{curve.attack}", language),
        epsilon=f"{curve.epsilons[at]:g}",
        levels=f"{255 * curve.epsilons[at]:.1f}",
    )
    seconds = len(curve.examples[at]) * computed_once(caller(request), 1.0, cost, curve.model)
    seconds *= GRADIENT * gradients(curve.attack, 1)
    adversarial = computed_once(caller(request), seconds, faces_of, curve, at) if curve.examples[at] else ()
    return fooled_faces(curve.model, adversarial, curve.examples[at], about, curve.fooled[at], language)


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    board = gr.State(Board())
    with gr.Row():
        models = Names(
            choices(),
            value=[default_recognizer()] if default_recognizer() else [],
            label=I18N("page.recognisers"),
            elem_id="curve-models",
            scale=4,
            min_width=280,
        )
        epsilons = Text(
            ", ".join(f"{epsilon:g}" for epsilon in COURSE_EPSILONS),
            label=I18N("page.epsilons"),
            elem_id="curve-epsilons",
            scale=4,
            min_width=280,
        )
        attacks = Names(
            [(I18N(f"attack.{attack}"), attack) for attack in ATTACKS],
            value=[FGSM],
            label=I18N("page.attacks"),
            elem_id="curve-attacks",
            scale=2,
            min_width=240,
        )
    inputs = [board, models, epsilons, attacks]
    lay_out("curve", "chart", inputs, measure, stopped, show_faces)
    demo.load(offered, None, models, concurrency_limit=None, show_progress="hidden", api_visibility="undocumented")
