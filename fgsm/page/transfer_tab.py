"""The tab "Transfer": faces crafted on one recogniser, tried on every other. See assets/heatmap/ for the drawing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ..attacks import ATTACKS, Attack
from ..attacks.fgsm import FGSM
from ..attacks.gradient import COST
from ..measures.epsilons import known_epsilon
from ..measures.intervals import wilson_interval
from ..measures.made import Made
from ..measures.names import known_attack, known_recognizers
from ..measures.tables import matrix_as_csv
from ..measures.transfer import Matrix, are_comparable, comparable, explain_matrix, transfer_matrix
from ..recognizers.scoring import fast_dtype
from ..recognizers.survey import Checkpoint
from ..texts import Refused, say, title
from .controls import CHOSEN_FROM, choices
from .drawings import I18N
from .event import Event
from .fooled import cost_of, faces_and_labels, fooled_faces
from .inputs import Name, Names, Text
from .lent_gpu import on_gpu
from .measurement import Board, Tab, as_png
from .messages import Cell, FooledMessage
from .service import Chosen, Service
from .shared_measurement import Job

DEFAULT_EPSILON = 0.02
Results = Mapping[Job[Matrix], Matrix]


@on_gpu
def matrix_of(service: Service, models: Sequence[Chosen], epsilon: float, attack: Attack) -> Iterator[Matrix]:
    """The matrices over the test faces that the recognisers share."""
    networks = [service.network(model) for model in models]
    images, labels = faces_and_labels(service, models[0])
    yield from transfer_matrix(networks, images, labels, epsilon, attack, fast_dtype(networks[0].device))


@dataclass(frozen=True)
class MatrixAsked:
    """A matrix of `models`, under `attack` at `epsilon`."""

    models: tuple[Checkpoint, ...]
    attack: Attack
    epsilon: float


class TransferTab(Tab[Matrix, MatrixAsked]):
    """One matrix."""

    name = "transfer"
    drawing = "heatmap"
    file_names = ("transfer.csv", "transfer.png")

    def inputs(self) -> list[Component]:
        default = self.service.default()
        configs = {name: checkpoint.config for name, checkpoint in self.service.found().usable.items()}
        gr.Markdown(I18N("page.transfer_welcome"))
        models = Names(
            choices(self.service),
            value=comparable(default.name, configs) if default else [],
            label=I18N("page.recognisers"),
            elem_id="transfer-models",
        )
        epsilon = Text(f"{DEFAULT_EPSILON:g}", label=I18N("page.epsilon"), elem_id="transfer-epsilon")
        methods = [(I18N(attack.method), name) for name, attack in CHOSEN_FROM.items()]
        label = I18N("page.method")
        attack = Name(methods, value=FGSM.name, label=label, elem_id="transfer-method", filterable=False)
        return [models, epsilon, attack]

    def started(
        self, board: Board[Matrix], models: Any, epsilon: Any, attack: Any, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """The heat map after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
        yield from self.measure(board, (models, epsilon, attack), Event(self.service, request))

    def asked(self, event: Event, values: tuple[Any, ...]) -> MatrixAsked:
        models, epsilon, attack = values
        known = known_attack(attack, CHOSEN_FROM), known_epsilon(epsilon)
        return MatrixAsked(self._comparable(models, event.language), *known)

    def jobs(self, event: Event, asked: MatrixAsked) -> list[Job[Matrix]]:
        chosen, attack, epsilon = asked.models, asked.attack, asked.epsilon
        faces = len(faces_and_labels(self.service, chosen[0])[1])  # read here, and not where everybody waits
        costs = [cost_of(self.service, model, event.caller) for model in chosen]  # loads them, too
        return [
            Job(
                about=("transfer", attack.name, epsilon),
                models=chosen,
                seconds=faces * sum(costs) * (len(chosen) + 1 + COST * attack.gradients(1)),
                begin=lambda: matrix_of(self.service, chosen, epsilon, attack),
            )
        ]

    def _comparable(self, models: Any, language: str) -> tuple[Checkpoint, ...]:
        """Two recognisers or more that can be compared. Raises Refused for others."""
        if models == []:
            raise Refused("refused.two_recognisers")
        first, *others = known_recognizers(models, self.service.found()).values()
        if not others:
            raise Refused("refused.two_recognisers")
        for other in others:
            if not are_comparable(first.config, other.config):
                names = {"one": title(first.name, language), "other": title(other.name, language)}
                raise Refused("refused.not_comparable", **names)
        return (first, *others)

    def drawn(self, results: Results, remembered: Collection[Job[Matrix]]) -> dict[str, Any]:
        for matrix in results.values():
            return _matrix(matrix)
        return {"models": [], "rows": [], "total": 0, "attack": "", "epsilon": ""}

    def shipped(self) -> tuple[Made, str, dict[str, Any]] | None:
        if (found := self.service.evidence.matrix(self.service.found().usable)) is None:
            return None
        made, matrix = found
        return made, matrix.precision, _matrix(matrix)

    def progress(self, job: Job[Matrix], result: Matrix, seconds: str, language: str) -> str:
        return say("transfer.progress", language, total=result.total, seconds=seconds)

    def ended(self, results: Results, language: str) -> str:
        (matrix,) = results.values()
        return say("transfer.finished", language, total=matrix.total, precision=matrix.precision)

    def stopped(self, results: Results, language: str) -> str:
        (matrix,) = results.values()
        return say("transfer.stopped", language, total=matrix.total)

    def notes(self, results: Results, language: str) -> list[str]:
        ((job, matrix),) = results.items()
        return explain_matrix(matrix, {model.name: model.config for model in job.models}, language)

    def files(self, results: Results) -> tuple[bytes, bytes]:
        from ..measures.figures import transfer_figure  # Matplotlib takes half a second: the page's start need not wait

        (matrix,) = results.values()
        return matrix_as_csv(matrix).encode(), as_png(transfer_figure(matrix))

    def examples(self, event: Event, results: Results) -> FooledMessage:
        source, model = map(str, event.told("source", "model"))
        job = next(iter(results), None)
        if job is None or not {source, model} <= {*results[job].models} or not self.is_present(job):
            raise Refused("refused.old_point")
        matrix = results[job]
        row, column = matrix.models.index(source), matrix.models.index(model)
        language, attack = event.language, ATTACKS[matrix.attack]
        names = {"source": title(source, language), "other": title(model, language)}
        about = say("transfer.cell", language, attack=attack.name, epsilon=f"{matrix.epsilon:g}", **names)
        crafted = (attack, job.models[row], matrix.epsilon)
        examples, fooled = matrix.examples[row][column], matrix.fooled[row][column]
        return fooled_faces(event, *crafted, job.models[column], examples, about, fooled)


def _matrix(matrix: Matrix) -> dict[str, Any]:
    """A matrix as it is sent."""
    rows = [[_cell(correct, matrix.total) for correct in row] for row in (matrix.clean, *matrix.correct)]
    about = {"total": matrix.total, "attack": matrix.attack, "epsilon": f"{matrix.epsilon:g}"}
    return {"models": matrix.models, "rows": rows, **about}


def _cell(correct: int, total: int) -> Cell:
    low, high = wilson_interval(correct, total)
    return {"correct": correct, "accuracy": correct / max(1, total), "low": low, "high": high}
