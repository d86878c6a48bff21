"""The tab "Transfer": faces crafted on one recogniser, tried on every other. See assets/heatmap/ for the drawing."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import torch

from ..compute import Asker
from ..curve import wilson_interval
from ..methods import BIM, FGSM, PGD, craft, gradients
from ..recognizer import default_recognizer
from ..sweep import fast_dtype
from ..texts import Refused, say, title
from ..transfer import Matrix, as_csv, comparable, explain, transfer_matrix
from ..values import known_attack, known_epsilon, known_recognizers
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
from .inputs import Name, Names, Text
from .measured import GRADIENT, SLICE, as_png, cost, downloads, fooled_faces, lay_out, test_set_of

DEFAULT_EPSILON = 0.02
CHOSEN_FROM = (FGSM, BIM, PGD)
finished: dict[tuple, Matrix] = {}


@dataclass
class Board:
    """One visitor's heat map, the versions of its recognisers, the number of the run that draws it, and its state."""

    matrix: Matrix | None = None
    versions: tuple = ()
    run: int = 0
    state: str = "empty"


@politely
def measure(board: Board, models: Any, epsilon: Any, attack: Any, request: gr.Request) -> Iterator[tuple]:
    """The heat map after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
    language = language_of(request)
    try:
        attack, epsilon = known_attack(attack, CHOSEN_FROM), known_epsilon(epsilon)
        models = known_comparable(models, language)
    except Refused as error:
        if board.state != "running":  # what is being drawn goes on
            yield heatmap(board, board.state, 0, error.sentence(language)), gr.skip(), gr.skip()
        raise
    before, board.matrix, board.run = board.matrix, None, board.run + 1
    run, board.state = board.run, "running"
    try:
        yield from measure_all(board, models, epsilon, attack, caller(request), request)
    except Refused as error:  # more than may be asked for: what was drawn before stays
        board.matrix = board.matrix or before
        board.state = "done" if board.matrix else "empty"
        yield heatmap(board, board.state, 0, error.sentence(language)), *downloads(drawn(board, request), request)
        raise
    finally:
        if board.run == run and board.state == "running":
            board.state = "stopped"


def known_comparable(models: Any, language: str) -> list[str]:
    """`models`, where they are two recognisers or more that can be compared. Raises Refused otherwise."""
    if models == []:
        raise Refused("refused.two_recognisers")
    first, *others = known_recognizers(models)
    if not others:
        raise Refused("refused.two_recognisers")
    for other in others:
        if other not in comparable(first):
            raise Refused("refused.not_comparable", one=title(first, language), other=title(other, language))
    return [first, *others]


@on_gpu
def matrix_of(models: Sequence[str], epsilon: float, attack: str) -> Iterator[Matrix]:
    """The matrices, by names alone: see `visit.act`."""
    networks = [recognizer(model) for model in models]
    images, labels = test_set_of(models[0])
    yield from transfer_matrix(networks, images, labels, epsilon, attack, fast_dtype(networks[0].device))


@on_gpu
def faces_of(matrix: Matrix, row: int, column: int) -> torch.Tensor:
    """The adversarial faces that `matrix` gives as examples in one of its cells."""
    source = recognizer(matrix.models[row])
    images, labels = test_set_of(source.name)
    positions = [position for position, _ in matrix.examples[row][column]]
    chosen, truth = images[positions].to(source.device), labels[positions].to(source.device)
    return craft(matrix.attack, source, chosen, truth, matrix.epsilon, positions).cpu()


def measure_all(
    board: Board, models: list[str], epsilon: float, attack: str, asker: Asker, request: gr.Request
) -> Iterator[tuple]:
    """The heat map while it is measured, until another run begins on the same board."""
    run, language, nothing = board.run, language_of(request), (gr.skip(), gr.skip())
    yield heatmap(board, "running", 0, say("curve.loading", language)), *downloads({}, request)
    board.versions = versions(models)
    key = (board.versions, epsilon, attack)
    ended = finished.get(key)
    before = f" {say('curve.all_before', language)}" if ended else ""
    if ended is None:
        faces = len(test_set_of(models[0])[1])  # read here, and not where everybody waits
        costs = [computed_once(asker, 1.0, cost, model) for model in models]  # loads them, too
        ahead = faces * sum(costs) * (len(models) + 1 + GRADIENT * gradients(attack, 1))
        start = time.monotonic()
        with computer.work(asker, ahead, SLICE) as work:
            for matrix in computed(work, matrix_of, models, epsilon, attack):
                if board.run != run:
                    yield gr.skip(), *nothing
                    return
                if matrix.total == (board.matrix.total if board.matrix else 0):
                    continue  # in the middle of a batch, whose examples have come before their counts
                board.matrix = matrix
                share = matrix.total / faces
                left = f"{(time.monotonic() - start) * (1 / share - 1):.0f}"
                message = say("transfer.progress", language, total=matrix.total, seconds=left)
                yield heatmap(board, "running", share, message), *nothing
        ended = matrix
        remember(finished, key, ended)
    board.matrix, board.state = ended, "done"
    about = {"total": board.matrix.total, "precision": board.matrix.precision}
    message = say("transfer.finished", language, **about) + before
    yield (
        heatmap(board, "done", 1, message, explain(board.matrix, language)),
        *downloads(drawn(board, request), request),
    )


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


def files(board: Board) -> dict[str, bytes]:
    """What is drawn, as a table and as a picture; nothing where nothing is."""
    from ..figures import transfer_figure  # Matplotlib takes half a second, which the page's start need not wait for

    if board.matrix is None:
        return {}
    return {"transfer.csv": as_csv(board.matrix).encode(), "transfer.png": as_png(transfer_figure(board.matrix))}


def drawn(board: Board, request: gr.Request) -> dict[str, bytes]:
    """`files`, in their turn: drawing takes a while."""
    return computed_once(caller(request), 0.5, files, board) if board.matrix else {}


@politely
def stopped(board: Board, request: gr.Request) -> tuple:
    """The heat map as the cancelled measurement left it, and its files."""
    if board.state in ("empty", "done"):
        return (gr.skip(),) * 3
    board.run += 1  # a batch that is being computed comes too late
    board.state = "stopped"
    language = language_of(request)
    if board.matrix is None:
        return heatmap(board, "stopped", 0, say("curve.stopped_early", language)), *downloads({}, request)
    message = say("transfer.stopped", language, total=board.matrix.total)
    return heatmap(board, "stopped", 0, message), *downloads(drawn(board, request), request)


@politely
def show_faces(board: Board, event: gr.EventData, request: gr.Request) -> dict:
    """The first faces that the clicked cell counts as fooled."""
    matrix = board.matrix
    source, model = told(event, "source", "model")
    if matrix is None or source not in matrix.models or model not in matrix.models:
        raise Refused("refused.old_point")
    if board.versions != versions(matrix.models):
        raise Refused("refused.old_point")
    row, column = matrix.models.index(source), matrix.models.index(model)
    language = language_of(request)
    names = {"source": title(source, language), "other": title(model, language)}
    about = say("transfer.cell", language, **names, attack=matrix.attack, epsilon=f"{matrix.epsilon:g}")
    examples = matrix.examples[row][column]
    seconds = len(examples) * computed_once(caller(request), 1.0, cost, source) * GRADIENT * gradients(matrix.attack, 1)
    adversarial = computed_once(caller(request), seconds, faces_of, matrix, row, column) if examples else ()
    return fooled_faces(model, adversarial, examples, about, matrix.fooled[row][column], language)


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    board = gr.State(Board())
    gr.Markdown(I18N("page.transfer_welcome"))
    with gr.Row():
        models = Names(
            choices(),
            value=comparable(default_recognizer()) if default_recognizer() else [],
            label=I18N("page.recognisers"),
            elem_id="transfer-models",
            scale=5,
            min_width=280,
        )
        epsilon = Text(
            f"{DEFAULT_EPSILON:g}",
            label=I18N("page.epsilon"),
            elem_id="transfer-epsilon",
            scale=2,
            min_width=140,
        )
        methods = [(I18N(f"method.{method}"), method) for method in CHOSEN_FROM]
        attack = Name(methods, value=FGSM, label=I18N("page.method"), elem_id="transfer-method", scale=3, min_width=220)
    inputs = [board, models, epsilon, attack]
    lay_out("transfer", "heatmap", inputs, measure, stopped, show_faces)
    demo.load(offered, None, models, concurrency_limit=None, show_progress="hidden", api_visibility="undocumented")
