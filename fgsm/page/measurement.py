"""One runner for whatever is measured while one watches: start, progress, time left, stop, files, examples.

A tab says only what is measured and how it is drawn: see `Tab`.
"""

import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import gradio as gr
from gradio.components import Component

from ..measures.made import Made
from ..texts import Refused, say
from .drawings import I18N, drawn_by
from .event import Event, politely
from .messages import FooledMessage, Measured, Shipped
from .shared_measurement import Job, Measurements, R

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # takes half a second, which the page's start need not wait for

    from .service import Service

Asked = TypeVar("Asked")
NO_FACES: FooledMessage = {"title": "", "faces": []}


@dataclass
class Board(Generic[R]):
    """What one visitor has had measured: results by job, the number of the run that draws them, and its state."""

    results: dict[Job[R], R] = field(default_factory=dict)
    remembered: set[Job[R]] = field(default_factory=set)
    run: int = 0
    state: str = "empty"
    stopped_run: int = -1  # whose stop has been answered


class Tab(ABC, Generic[R, Asked]):
    """What a tab measures and how it is drawn.

    `name` is the API's name for it, `drawing` a folder in assets/, and `file_names` those of its table and its figure.
    """

    name: str
    drawing: str
    file_names: tuple[str, str]

    def __init__(self, service: "Service") -> None:
        self.service = service
        self.measurements = Measurements(service)

    @abstractmethod
    def inputs(self) -> list[Component]:
        """What can be asked for, laid out."""

    # Each tab has its own names for what is asked for: those of the API's parameters.
    started: Callable[..., Iterator[tuple[Any, ...]]]

    @abstractmethod
    def asked(self, event: Event, values: tuple[Any, ...]) -> Asked:
        """What the values of the inputs ask for. Raises Refused for what cannot be."""

    @abstractmethod
    def jobs(self, event: Event, asked: Asked) -> list[Job[R]]:
        """What there is to measure. Loads recognisers and test faces."""

    @abstractmethod
    def drawn(self, results: Mapping[Job[R], R], remembered: Collection[Job[R]]) -> dict[str, Any]:
        """What the drawing shows, besides what every Measured says."""

    @abstractmethod
    def shipped(self) -> tuple[Made, str, dict[str, Any]] | None:
        """Of what came with the page: how and in which precision it was measured, and what `drawn` says of it."""

    @abstractmethod
    def progress(self, job: Job[R], result: R, seconds: str, language: str) -> str:
        """A sentence on how far it is."""

    @abstractmethod
    def ended(self, results: Mapping[Job[R], R], language: str) -> str:
        """A sentence on what has been measured."""

    @abstractmethod
    def stopped(self, results: Mapping[Job[R], R], language: str) -> str:
        """A sentence on where it was stopped, with some `results`."""

    @abstractmethod
    def notes(self, results: Mapping[Job[R], R], language: str) -> list[str]:
        """What surprises people in the results, explained."""

    @abstractmethod
    def files(self, results: Mapping[Job[R], R]) -> tuple[bytes, bytes]:
        """Some results as a table and as a figure."""

    @abstractmethod
    def examples(self, event: Event, results: Mapping[Job[R], R]) -> FooledMessage:
        """The faces behind what was clicked. Raises Refused where that is no longer there."""

    def opening(self) -> dict[str, Any] | None:
        """The drawing before anything is measured: what came with the page, where that is about these recognisers."""
        if (found := self.shipped()) is None:
            return None
        made, precision, drawn = found
        shipped: Shipped = {"command": made.command, "date": made.date, "precision": precision}
        said: Measured = {"state": "shipped", "progress": 0, "message": "", "notes": [], "shipped": shipped}
        return {**said, **drawn}

    def hand_out(self, board: Board[R], event: Event) -> tuple[Any, ...]:
        """The files of what came with the page, for a browser that shows it."""
        if board.state != "empty" or self.shipped() is None:
            return gr.skip(), gr.skip()
        folder = self.service.evidence.folder
        try:
            files = [(folder / name).read_bytes() for name in self.file_names]
        except OSError:
            return _buttons()
        return self._handing_out(files, event)

    def is_present(self, job: Job[R]) -> bool:
        """Whether the recognisers of `job` are still the ones that have these names."""
        usable = self.service.found().usable
        return all(usable.get(model.name) == model for model in job.models)

    def measure(self, board: Board[R], values: tuple[Any, ...], event: Event) -> Iterator[tuple[Any, ...]]:
        """The drawing after every batch of faces; with the last one, the counts as CSV and the figure as PNG."""
        try:
            asked = self.asked(event, values)
        except Refused as error:
            if board.state != "running":  # what is being drawn goes on
                yield self._message(board, board.state, 0, error.sentence(event.language)), gr.skip(), gr.skip()
            raise
        before, board.results, board.remembered, board.run = board.results, {}, set(), board.run + 1
        run, board.state = board.run, "running"
        try:
            yield from self._measure_all(board, asked, event)
        except Refused as error:  # more than may be asked for: what was drawn before stays
            board.results = board.results or before
            board.state = "done" if board.results else "empty"
            sentence = error.sentence(event.language)
            yield self._message(board, board.state, 0, sentence), *self._downloads(board, event)
            raise
        finally:
            if board.run == run and board.state == "running":
                board.state = "stopped"

    def _measure_all(self, board: Board[R], asked: Asked, event: Event) -> Iterator[tuple[Any, ...]]:
        """The drawing while it is measured, until another run begins on the same board."""
        run, nothing = board.run, (gr.skip(), gr.skip())
        yield self._message(board, "running", 0, say("curve.loading", event.language)), *_buttons()
        jobs = self.jobs(event, asked)
        for job in jobs:
            if (result := self.measurements.finished(job)) is not None:
                board.results[job] = result
                board.remembered.add(job)
        ahead = [job for job in jobs if job not in board.remembered]
        before = sum(job.seconds * self.measurements.begun(job) for job in ahead)
        clock = _Clock(sum(job.seconds for job in ahead), before)
        for job in ahead:
            for result in self.measurements.results(job, event.caller):
                if board.run != run:
                    yield gr.skip(), *nothing  # or Gradio would send what came last once more
                    return
                clock.at(job, result.progress)
                if result.total:
                    board.results[job] = result
                message = self.progress(job, result, clock.left, event.language)
                yield self._message(board, "running", clock.share, message), *nothing
            clock.over(job)
        board.results = {job: board.results[job] for job in jobs}
        board.state = "done"
        message = self.ended(board.results, event.language)
        if board.remembered:
            every = len(board.remembered) == len(jobs)
            message += " " + say("curve.all_before" if every else "curve.some_before", event.language)
        notes = self.notes(board.results, event.language)
        yield self._message(board, "done", 1, message, notes), *self._downloads(board, event)

    def stop(self, board: Board[R], event: Event) -> tuple[Any, ...]:
        """The drawing as the cancelled measurement left it, and its files."""
        if board.state in ("empty", "done") or board.stopped_run == board.run:
            return (gr.skip(),) * 3
        board.run += 1  # a batch that is being computed comes too late
        board.state, board.stopped_run = "stopped", board.run
        if board.results:
            sentence = self.stopped(board.results, event.language)
        else:
            sentence = say("curve.stopped_early", event.language)
        return self._message(board, "stopped", 0, sentence), *self._downloads(board, event)

    def _message(
        self, board: Board[R], state: str, share: float, message: str, notes: list[str] | None = None
    ) -> dict[str, Any]:
        """What the drawing is sent."""
        said: Measured = {"state": state, "progress": share, "message": message, "notes": notes or [], "shipped": None}
        return {**said, **self.drawn(board.results, board.remembered)}

    def _downloads(self, board: Board[R], event: Event) -> tuple[gr.DownloadButton, ...]:
        """Buttons that hand out the files of what is drawn, made in their turn: drawing takes a while."""
        if not board.results:
            return _buttons()
        return self._handing_out(self.service.once(event.caller, 0.5, self.files, dict(board.results)), event)

    def _handing_out(self, files: Iterable[bytes], event: Event) -> tuple[gr.DownloadButton, ...]:
        """The two buttons, with a table and a figure for the visit."""
        named = zip(files, self.file_names, strict=True)
        return _buttons(*(self.service.uploads.hand_out(data, name, event.session) for data, name in named))


class _Clock:
    """How much of the work ahead is done, and how long the rest will take at the pace so far."""

    def __init__(self, seconds: float, before: float) -> None:
        self._seconds = seconds or 1.0
        self._before = before / self._seconds  # the share that others have had computed already
        self._over = 0.0
        self._start = time.monotonic()
        self.share = 0.0

    def at(self, job: Job[Any], progress: float) -> None:
        """A job is so far."""
        self.share = min(1.0, (self._over + job.seconds * progress) / self._seconds)

    def over(self, job: Job[Any]) -> None:
        """A job is done."""
        self._over += job.seconds

    @property
    def left(self) -> str:
        """Seconds, as people are told."""
        done = max(1e-6, self.share - self._before)
        return f"{(time.monotonic() - self._start) * (1 - self.share) / done:.0f}"


def _buttons(*paths: str) -> tuple[gr.DownloadButton, ...]:
    """The two buttons, handing out the files at `paths`, or nothing."""
    if not paths:
        return (gr.DownloadButton(interactive=False),) * 2
    return tuple(gr.DownloadButton(value=path, interactive=True) for path in paths)


def as_png(figure: "Figure") -> bytes:
    """A Matplotlib figure as a file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def build(tab: Tab[Any, Any]) -> list[Component]:
    """Lay out a tab, with its buttons, its drawing and the faces behind it. Returns its inputs."""
    name, service = tab.name, tab.service
    board: Component = gr.State(Board())
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            plot = drawn_by(tab.drawing, elem_id=name, value=tab.opening())
            with gr.Row():
                table, figure = (
                    gr.DownloadButton(
                        cast(str, I18N(f"page.{kind}")), interactive=False, elem_id=f"{name}-{kind}", size="sm"
                    )
                    for kind in ("csv", "png")
                )
        with gr.Column(scale=2, min_width=320):
            inputs = tab.inputs()
            with gr.Row():
                start = gr.Button(I18N("page.start"), variant="primary", elem_id=f"{name}-start", min_width=120)
                stop = gr.Button(I18N("page.stop"), elem_id=f"{name}-stop", min_width=90)
    faces = drawn_by("fooled", elem_id=f"{name}-faces", value=NO_FACES)

    def stopped(board: Board[Any], request: gr.Request) -> tuple[Any, ...]:
        answer: tuple[Any, ...] = politely(tab.stop)(board, Event(service, request))
        return answer

    def handed_out(board: Board[Any], request: gr.Request) -> tuple[Any, ...]:
        answer: tuple[Any, ...] = politely(tab.hand_out)(board, Event(service, request))
        return answer

    def show_faces(board: Board[Any], request: gr.Request, data: gr.EventData) -> Any:
        return politely(tab.examples)(Event(service, request, data), board.results)

    shared: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}  # all wait for the computing thread
    private = {**shared, "api_visibility": "undocumented"}
    start.click(None, None, faces, js=f"() => ({json.dumps(NO_FACES)})")
    outputs = [plot, table, figure]
    running = start.click(
        politely(tab.started), [board, *inputs], outputs, api_name=name, trigger_mode="multiple", **shared
    )
    cancelled = stop.click(None, cancels=running)  # first: no late batch may follow the word "Stopped"
    cancelled.then(stopped, board, outputs, **private)
    plot.click(show_faces, board, faces, **private)
    plot.apply(handed_out, board, [table, figure], **private)
    return inputs
