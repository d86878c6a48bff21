"""The tab "Transfer": faces crafted on one recogniser, tried on every other. See assets/heatmap/ for the drawing."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from .. import compute
from ..curve import known_epsilon, wilson_interval
from ..methods import BIM, FGSM, PGD, craft
from ..recognizer import DEFAULT_MODEL
from ..texts import Refused, say, title
from ..transfer import Matrix, comparable, explain, transfer_matrix, write_csv
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
from .inputs import Epsilon, Names
from .measured import NO_FACES, cost, fooled_faces, lay_out, test_set_of

DEFAULT_EPSILON = 0.02
finished: dict[tuple, Matrix] = kept_results()


@dataclass
class Board:
    """One visitor's heat map, and a folder for its files."""

    matrix: Matrix | None = None
    files: tempfile.TemporaryDirectory | None = None


def announce(board: Board, request: gr.Request) -> tuple[dict, dict]:
    """What stands there until a place is free: one measurement at a time."""
    return heatmap(board, "running", 0, say("curve.waiting", language_of(request))), NO_FACES


@politely
def measure(board: Board, models: list[str], epsilon: Any, attack: str, request: gr.Request) -> Iterator[tuple]:
    """The heat map after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
    language = language_of(request)
    try:
        epsilon = known_epsilon(epsilon)
        if len(models) < 2:
            raise Refused("refused.two_recognisers")
        models = known_test_faces(models)
        for other in models[1:]:
            if other not in comparable(models[0]):
                raise Refused("refused.not_comparable", one=title(models[0], language), other=title(other, language))
    except Refused as error:
        yield heatmap(board, "done" if board.matrix else "empty", 0, error.sentence(language)), gr.skip(), gr.skip()
        raise
    board.matrix = None
    yield from measure_all(board, models, epsilon, attack, language)


@on_gpu
def matrix_of(models: Sequence[str], epsilon: float, attack: str) -> Iterator[Matrix]:
    """The matrices, by names alone: see `visit.act`."""
    yield from transfer_matrix([recognizer(model) for model in models], *test_set_of(models[0]), epsilon, attack)


@on_gpu
def faces_of(matrix: Matrix, row: int, column: int) -> torch.Tensor:
    """The adversarial faces that `matrix` gives as examples in one of its cells."""
    source = recognizer(matrix.models[row])
    images, labels = test_set_of(source.name)
    positions = [position for position, _ in matrix.examples[row][column]]
    chosen, truth = images[positions].to(source.device), labels[positions].to(source.device)
    return craft(matrix.attack, source, chosen, truth, matrix.epsilon, positions).cpu()


def measure_all(board: Board, models: list[str], epsilon: float, attack: str, language: str) -> Iterator[tuple]:
    yield heatmap(board, "running", 0, say("curve.loading", language)), gr.skip(), gr.skip()
    key = (tuple(models), epsilon, attack)
    if key not in finished:
        for model in models:
            test_set_of(model)  # here, and not where everybody waits
            computed_once(cost, model)  # loads it
        faces = len(test_set_of(models[0])[1])
        start = time.monotonic()
        matrices = computed(matrix_of, models, epsilon, attack, first=compute.LATER, rest=compute.LATER)
        for matrix in matrices:
            if matrix == board.matrix or matrix.total == 0:
                continue  # in the middle of a batch
            board.matrix = matrix
            share = matrix.total / faces
            left = f"{(time.monotonic() - start) * (1 / share - 1):.0f}"
            message = say("transfer.progress", language, total=matrix.total, seconds=left)
            yield heatmap(board, "running", share, message), gr.skip(), gr.skip()
        remember(finished, key, matrix)
        message = say("transfer.finished", language, total=matrix.total)
    else:
        message = f"{say('transfer.finished', language, total=finished[key].total)} {say('curve.all_before', language)}"
    board.matrix = finished[key]
    ready = (gr.DownloadButton(value=file, interactive=True) for file in files(board))
    yield heatmap(board, "done", 1, message, explain(board.matrix, language)), *ready


def heatmap(board: Board, state: str, share: float, message: str, notes: Sequence[str] = ()) -> dict:
    """What assets/heatmap/heatmap.js draws."""
    matrix = board.matrix
    value = {"state": state, "progress": share, "message": message, "notes": notes, "models": [], "rows": []}
    if matrix is None:
        return value

    def cell(correct: int) -> dict:
        low, high = wilson_interval(correct, matrix.total)
        return {"correct": correct, "accuracy": correct / max(1, matrix.total), "low": low, "high": high}

    rows = [[cell(correct) for correct in row] for row in (matrix.clean, *matrix.correct)]
    about = {"models": matrix.models, "rows": rows, "total": matrix.total, "epsilon": f"{matrix.epsilon:g}"}
    return value | about | {"attack": matrix.attack}


def files(board: Board) -> tuple[str, str]:
    from ..figures import transfer_figure  # Matplotlib takes half a second, which the page's start need not wait for

    board.files = board.files or tempfile.TemporaryDirectory(prefix="transfer-")
    table, figure = (Path(board.files.name) / name for name in ("transfer.csv", "transfer.png"))
    write_csv(board.matrix, table)
    transfer_figure(board.matrix).savefig(figure, dpi=110)
    return str(table), str(figure)


def stopped(board: Board, shown: dict | None, request: gr.Request) -> dict:
    """The heat map as the cancelled measurement left it; `shown` is what the visitor sees."""
    if not shown or shown["state"] != "running":
        return gr.skip()
    language = language_of(request)
    if board.matrix is None:
        return heatmap(board, "stopped", 0, say("curve.stopped_early", language))
    return heatmap(board, "stopped", 0, say("transfer.stopped", language, total=board.matrix.total))


@politely
def show_faces(board: Board, event: gr.EventData, request: gr.Request) -> dict:
    """The first faces that the clicked cell counts as fooled."""
    matrix = board.matrix
    if matrix is None or event.source not in matrix.models or event.model not in matrix.models:
        raise Refused("refused.old_point")
    row, column = matrix.models.index(event.source), matrix.models.index(event.model)
    language = language_of(request)
    names = {"source": title(event.source, language), "other": title(event.model, language)}
    about = say("transfer.cell", language, **names, attack=matrix.attack, epsilon=f"{matrix.epsilon:g}")
    examples = matrix.examples[row][column]
    adversarial = computed_once(faces_of, matrix, row, column) if examples else ()
    return fooled_faces(event.model, adversarial, examples, about, matrix.fooled[row][column], language)


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    board = gr.State(Board())
    gr.Markdown(I18N("page.transfer_welcome"))
    with gr.Row():
        models = Names(
            choices(),
            value=[name for _, name in choices() if name in comparable(DEFAULT_MODEL)],
            label=I18N("page.recognisers"),
            elem_id="transfer-models",
            scale=5,
            min_width=280,
        )
        epsilon = Epsilon(
            DEFAULT_EPSILON,
            minimum=0,
            maximum=1,
            step=0.005,
            label=I18N("page.epsilon"),
            elem_id="transfer-epsilon",
            scale=2,
            min_width=140,
        )
        methods = [(I18N(f"method.{method}"), method) for method in (FGSM, BIM, PGD)]
        attack = gr.Dropdown(
            methods, value=FGSM, label=I18N("page.method"), elem_id="transfer-method", scale=3, min_width=220
        )
    inputs = [board, models, epsilon, attack]
    lay_out("transfer", "heatmap", inputs, announce, measure, stopped, show_faces)
    demo.load(offered, None, models, queue=False, show_progress="hidden", api_visibility="undocumented")
