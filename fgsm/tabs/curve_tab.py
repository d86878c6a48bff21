"""The tab "Accuracy curve": accuracy against epsilon, drawn while it is measured. See assets/chart/ for the drawing."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import gradio as gr
import torch

from .. import compute
from ..curve import (
    COURSE_EPSILONS,
    Snapshot,
    accuracy_curve,
    example_faces,
    explain,
    parse_epsilons,
    write_csv,
)
from ..methods import ATTACKS, FGSM, SEVERAL_STEPS, STEPS, gradients
from ..recognizer import DEFAULT_MODEL
from ..texts import Refused, say, title
from . import (
    I18N,
    choices,
    computed,
    computed_once,
    kept_results,
    known_test_faces,
    language_of,
    offered,
    on_gpu,
    politely,
    recognizer,
    remember,
)
from .inputs import Names
from .measured import GRADIENT, NO_FACES, SLICE, cost, fooled_faces, lay_out, test_set_of

finished: dict[tuple, Snapshot] = kept_results()


@dataclass
class Board:
    """One visitor's chart: the curves on it, by recogniser and attack, and a folder for its files."""

    curves: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    files: tempfile.TemporaryDirectory | None = None


def announce(board: Board, request: gr.Request) -> tuple[dict, dict]:
    """What stands there until a place is free: one curve at a time is measured."""
    return chart(board, "running", 0, say("curve.waiting", language_of(request))), NO_FACES


@politely
def measure(board: Board, models: list[str], epsilons: str, attacks: list[str], request: gr.Request) -> Iterator[tuple]:
    """The chart after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
    try:
        if not models:
            raise Refused("refused.no_recogniser")
        if not attacks:
            raise Refused("refused.no_attack")
        if unknown := set(attacks) - set(ATTACKS):
            raise Refused("refused.attack", name=repr(min(unknown))[:40], known=", ".join(ATTACKS))
        models = known_test_faces(models)
        values = parse_epsilons(epsilons)
    except Refused as error:
        state = "done" if board.curves else "empty"
        yield chart(board, state, 0, error.sentence(language_of(request))), gr.skip(), gr.skip()
        raise
    board.curves.clear()
    jobs = [(model, attack) for model in models for attack in ATTACKS if attack in attacks]
    yield from measure_all(board, jobs, values, language_of(request))


@on_gpu
def curve_of(model: str, attack: str, epsilons: list[float], batch_size: int) -> Iterator[Snapshot]:
    """The snapshots of a curve, by names alone: see `visit.act`."""
    yield from accuracy_curve(recognizer(model), *test_set_of(model), epsilons, attack, batch_size=batch_size)


@on_gpu
def faces_of(curve: Snapshot, at: int) -> torch.Tensor:
    """The adversarial faces that `curve` gives as examples at one of its epsilons."""
    return example_faces(recognizer(curve.model), *test_set_of(curve.model), curve, at)


def forwards(attack: str, epsilons: int) -> int:
    """About how many forward passes a face takes."""
    return epsilons + GRADIENT * gradients(attack, epsilons)


def measure_all(board: Board, jobs: list[tuple[str, str]], epsilons: list[float], language: str) -> Iterator[tuple]:
    yield chart(board, "running", 0, say("curve.loading", language)), gr.skip(), gr.skip()
    remembered = {job: finished[(*job, *epsilons)] for job in jobs if (*job, *epsilons) in finished}
    faces_in = {model: len(test_set_of(model)[1]) for model, _ in jobs}  # read here, not where everybody waits
    costs = {model: computed_once(cost, model) for model, _ in jobs}
    work = {(model, attack): faces_in[model] * costs[model] * forwards(attack, len(epsilons)) for model, attack in jobs}
    ahead = sum(work[job] for job in jobs if job not in remembered)
    start, done = time.monotonic(), 0.0
    for job in jobs:
        if job in remembered:
            board.curves[job] = remembered[job]
            continue
        model, attack = job
        between = GRADIENT * STEPS if attack in SEVERAL_STEPS else forwards(attack, len(epsilons))
        faces = min(64, max(1, round(SLICE / (costs[model] * between))))
        settings = (model, attack, epsilons, faces)
        for snapshot in computed(curve_of, *settings, first=compute.LATER, rest=compute.LATER):
            if snapshot.total == 0 or board.curves.get(job) == snapshot:
                continue  # in the middle of a batch
            board.curves[job] = snapshot
            share = (done + work[job] * snapshot.total / faces_in[model]) / ahead
            message = say(
                "curve.progress",
                language,
                recogniser=title(model, language),
                attack=say(f"attack.{attack}", language),
                total=snapshot.total,
                seconds=f"{(time.monotonic() - start) * (1 / share - 1):.0f}",
            )
            yield chart(board, "running", share, message, remembered), gr.skip(), gr.skip()
        done += work[job]
        remember(finished, (*job, *epsilons), snapshot)
    table, figure = files(board)
    ready = (gr.DownloadButton(value=file, interactive=True) for file in (table, figure))
    notes = explain(list(board.curves.values()), language)
    yield chart(board, "done", 1, summary(board, remembered, language), remembered, notes), *ready


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


def files(board: Board) -> tuple[str, str]:
    from ..figures import accuracy_figure  # Matplotlib takes half a second, which the page's start need not wait for

    board.files = board.files or tempfile.TemporaryDirectory(prefix="accuracy-")
    table, figure = (Path(board.files.name) / name for name in ("accuracy.csv", "accuracy.png"))
    curves = list(board.curves.values())
    write_csv(curves, table)
    accuracy_figure(curves).savefig(figure, dpi=110)
    return str(table), str(figure)


def stopped(board: Board, shown: dict | None, request: gr.Request) -> dict:
    """The chart as the cancelled measurement left it; `shown` is what the visitor sees."""
    if not shown or shown["state"] != "running":
        return gr.skip()
    language = language_of(request)
    if not board.curves:
        return chart(board, "stopped", 0, say("curve.stopped_early", language))
    (model, attack), last = list(board.curves.items())[-1]
    about = {"recogniser": title(model, language), "attack": say(f"attack.{attack}", language), "total": last.total}
    return chart(board, "stopped", 0, say("curve.stopped", language, **about))


@politely
def show_faces(board: Board, event: gr.EventData, request: gr.Request) -> dict:
    """The first faces that the clicked point's attack fools."""
    curve = board.curves.get((event.model, event.attack))
    if curve is None or event.epsilon not in curve.epsilons:
        raise Refused("refused.old_point")
    at = curve.epsilons.index(event.epsilon)
    language = language_of(request)
    about = say(
        "curve.point",
        language,
        recogniser=title(curve.model, language),
        attack=say(f"attack.{curve.attack}", language),
        epsilon=f"{event.epsilon:g}",
        levels=f"{255 * event.epsilon:.1f}",
    )
    adversarial = computed_once(faces_of, curve, at) if curve.examples[at] else ()
    return fooled_faces(curve.model, adversarial, curve.examples[at], about, curve.fooled[at], language)


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    board = gr.State(Board())
    with gr.Row():
        models = Names(
            choices(),
            value=[DEFAULT_MODEL],
            label=I18N("page.recognisers"),
            elem_id="curve-models",
            scale=4,
            min_width=280,
        )
        epsilons = gr.Textbox(
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
    lay_out("curve", "chart", inputs, announce, measure, stopped, show_faces)
    demo.load(offered, None, models, queue=False, show_progress="hidden", api_visibility="undocumented")
