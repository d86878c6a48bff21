"""The tab "Accuracy curve": accuracy against epsilon, drawn while it is measured. See assets/chart/ for the drawing."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from ..attacks import ATTACKS, Attack
from ..attacks.fgsm import FGSM
from ..attacks.gradient import COST
from ..measures.curve import Snapshot, accuracy_curve, explain_curves
from ..measures.epsilons import COURSE_EPSILONS, parse_epsilons
from ..measures.made import Made
from ..measures.names import known_attacks, known_recognizers
from ..measures.tables import curves_as_csv
from ..recognizers.scoring import fast_dtype
from ..recognizers.survey import Checkpoint
from ..texts import Refused, say, title
from .controls import choices
from .drawings import I18N
from .event import Event
from .fooled import cost_of, faces_and_labels, fooled_faces
from .inputs import Names, Text
from .lent_gpu import on_gpu
from .measurement import Board, Tab, as_png
from .messages import Curve, FooledMessage
from .service import Chosen, Service
from .shared_measurement import SLICE, Job

BETWEEN = ("0.02", "0.03", "0.05")  # where robust recognisers fall, and the course project has no epsilon
ADD = f"""
(text) => {{
  const there = text.split(/[,;]/).map((piece) => piece.trim()).filter(Boolean);
  const value = (piece) => piece.split('/').reduce((above, below) => above / below);
  return [...new Set([...there, ...{list(BETWEEN)}])].sort((one, other) => value(one) - value(other)).join(', ');
}}
"""

Results = Mapping[Job[Snapshot], Snapshot]


@on_gpu
def curve_of(
    service: Service, chosen: Chosen, attack: Attack, epsilons: list[float], batch_size: int
) -> Iterator[Snapshot]:
    """The snapshots of a curve over a recogniser's test faces."""
    network = service.network(chosen)
    images, labels = faces_and_labels(service, chosen)
    yield from accuracy_curve(network, images, labels, epsilons, attack, fast_dtype(network.device), batch_size)


@dataclass(frozen=True)
class CurvesAsked:
    """A curve for each of `models` and `attacks`, at each of `epsilons`."""

    models: list[Checkpoint]
    attacks: list[Attack]
    epsilons: list[float]


class CurveTab(Tab[Snapshot, CurvesAsked]):
    """A curve for each recogniser and attack."""

    name = "curve"
    drawing = "chart"
    file_names = ("accuracy.csv", "accuracy.png")

    def inputs(self) -> list[Component]:
        default = self.service.default()
        models = Names(
            choices(self.service),
            value=[default.name] if default else [],
            label=I18N("page.recognisers"),
            elem_id="curve-models",
        )
        epsilons = Text(
            ", ".join(f"{epsilon:g}" for epsilon in COURSE_EPSILONS),
            label=I18N("page.epsilons"),
            elem_id="curve-epsilons",
        )
        more = gr.Button(I18N("curve.add"), elem_id="curve-add", size="sm")
        attacks = Names(
            [(I18N(attack.title), name) for name, attack in ATTACKS.items()],
            value=[FGSM.name],
            label=I18N("page.attacks"),
            elem_id="curve-attacks",
        )
        more.click(None, epsilons, epsilons, js=ADD, show_progress="hidden")
        return [models, epsilons, attacks]

    def started(
        self, board: Board[Snapshot], models: Any, epsilons: Any, attacks: Any, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """The chart after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
        yield from self.measure(board, (models, epsilons, attacks), Event(self.service, request))

    def asked(self, event: Event, values: tuple[Any, ...]) -> CurvesAsked:
        models, epsilons, attacks = values
        chosen = known_recognizers(models, self.service.found())
        return CurvesAsked([*chosen.values()], known_attacks(attacks), parse_epsilons(epsilons))

    def jobs(self, event: Event, asked: CurvesAsked) -> list[Job[Snapshot]]:
        return [self._job(event, model, attack, asked.epsilons) for model in asked.models for attack in asked.attacks]

    def _job(self, event: Event, model: Chosen, attack: Attack, epsilons: list[float]) -> Job[Snapshot]:
        faces = len(faces_and_labels(self.service, model)[1])  # read here, not where everybody waits
        cost = cost_of(self.service, model, event.caller)
        each = cost * (len(epsilons) + COST * attack.gradients(len(epsilons)))  # seconds of a face
        step = each if attack.one_direction else cost * COST * attack.gradients(1)
        batch = min(64, max(1, round(SLICE / step)))
        return Job(
            about=("curve", attack.name, tuple(epsilons)),
            models=(model,),
            seconds=faces * each,
            begin=lambda: curve_of(self.service, model, attack, epsilons, batch),
        )

    def drawn(self, results: Results, remembered: Collection[Job[Snapshot]]) -> dict[str, Any]:
        curves = [_curve(snapshot, job in remembered) for job, snapshot in results.items()]
        return {"axis": FGSM.axis, "curves": curves}

    def shipped(self) -> tuple[Made, str, dict[str, Any]] | None:
        if (found := self.service.evidence.curves(self.service.found().usable)) is None:
            return None
        made, curves = found
        return made, precisions_of(curves), {"axis": FGSM.axis, "curves": [_curve(curve, False) for curve in curves]}

    def progress(self, job: Job[Snapshot], result: Snapshot, seconds: str, language: str) -> str:
        return say("curve.progress", language, total=result.total, seconds=seconds, **_names(result, language))

    def ended(self, results: Results, language: str) -> str:
        precision = precisions_of(results.values())
        totals = ", ".join(map(str, sorted({curve.total for curve in results.values()})))
        return say("curve.finished", language, total=totals, precision=precision)

    def stopped(self, results: Results, language: str) -> str:
        last = list(results.values())[-1]
        return say("curve.stopped", language, total=last.total, **_names(last, language))

    def notes(self, results: Results, language: str) -> list[str]:
        configs = {model.name: model.config for job in results for model in job.models}
        return explain_curves(list(results.values()), configs, language)

    def files(self, results: Results) -> tuple[bytes, bytes]:
        from ..measures.figures import accuracy_figure  # Matplotlib takes half a second: the page's start need not wait

        curves = list(results.values())
        return curves_as_csv(curves).encode(), as_png(accuracy_figure(curves))

    def examples(self, event: Event, results: Results) -> FooledMessage:
        model, attack, epsilon = event.told("model", "attack", "epsilon")
        drawn = {(curve.model, curve.attack): job for job, curve in results.items()}
        job = drawn.get((str(model), str(attack)))
        if job is None or epsilon not in results[job].epsilons or not self.is_present(job):
            raise Refused("refused.old_point")
        curve, (chosen,) = results[job], job.models
        at = curve.epsilons.index(epsilon)
        shown = {"epsilon": f"{curve.epsilons[at]:g}", "levels": f"{255 * curve.epsilons[at]:.1f}"}
        about = say("curve.point", event.language, **_names(curve, event.language), **shown)
        of = (ATTACKS[curve.attack], chosen, curve.epsilons[at])
        return fooled_faces(event, *of, chosen, curve.examples[at], about, curve.fooled[at])


def precisions_of(curves: Collection[Snapshot]) -> str:
    """The precisions in which curves were scored."""
    return ", ".join(sorted({curve.precision for curve in curves}))


def _names(curve: Snapshot, language: str) -> dict[str, str]:
    return {"recogniser": title(curve.model, language), "attack": say(ATTACKS[curve.attack].title, language)}


def _curve(curve: Snapshot, remembered: bool) -> Curve:
    """A curve as it is sent."""
    attack = ATTACKS[curve.attack]
    return {
        "model": curve.model,
        "attack": attack.name,
        "title": attack.title,
        "colour": attack.colour,
        "dash": " ".join(map(str, attack.dash)),
        "precision": curve.precision,
        "examples": curve.examples,
        "epsilons": curve.epsilons,
        "correct": curve.correct,
        "fooled": curve.fooled,
        "unknown": curve.unknown,
        "confused": curve.confused,
        "threshold": curve.threshold,
        "recognised": curve.recognised,
        "total": curve.total,
        "accuracy": curve.accuracy,
        "low": [low for low, _ in curve.intervals],
        "high": [high for _, high in curve.intervals],
        "remembered": remembered,
    }
