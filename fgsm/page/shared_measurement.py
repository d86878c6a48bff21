"""Measurements that are computed once for all who ask: whoever comes later joins, and whoever leaves stops nobody else.

Nobody owns a measurement. Whoever listens to it and finds it idle has its next step computed, in a turn of their own;
the others wait for the result. The last to leave takes it away.
"""

import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from .service import Chosen, Own, Service
from .turns import Asker, Unheard, Work

SLICE = 0.4  # seconds that a step may keep other visitors waiting
KIND = "measured"


class Progress(Protocol):
    """What has been counted so far: over how many faces, and which share of the work is done."""

    @property
    def total(self) -> int: ...

    @property
    def progress(self) -> float: ...


R = TypeVar("R", bound=Progress)


@dataclass(frozen=True)
class Job(Generic[R]):
    """Something to measure: what tells it from others, the recognisers it is about, and how it is computed.

    `begin` starts its steps, which take about `seconds` in all. Two jobs with the same `about` and recognisers, each
    in its version, are the same.
    """

    about: tuple[Hashable, ...]
    models: tuple[Chosen, ...]
    seconds: float = field(compare=False)
    begin: Callable[[], Iterator[R]] = field(compare=False)

    @property
    def private(self) -> bool:
        """Whether it is about a recogniser that belongs to one visit."""
        return any(isinstance(model, Own) for model in self.models)


class _Running(Generic[R]):
    """A job on its way: its steps, its last result and how many there were, and who waits for more."""

    def __init__(self, job: Job[R], on_cpu: bool) -> None:
        self.job = job
        self.steps = job.begin()
        self.on_cpu = on_cpu
        self.changed = threading.Condition()
        self.last: R | None = None
        self.count = 0
        self.busy = False  # somebody has its next step computed
        self.ended = False
        self.error: BaseException | None = None
        self.listeners = 0


class Measurements:
    """What is being measured in this process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.RLock()  # a forgotten listener may be cleared away in the midst of this
        self._running: dict[Job[Any], _Running[Any]] = {}

    def finished(self, job: Job[R]) -> R | None:
        """The final result of `job`, where it was measured before."""
        result: R | None = None if job.private else self._service.results(KIND).get(job)
        return result

    def begun(self, job: Job[R]) -> float:
        """The share of `job` that is done already, where it is on its way for somebody."""
        running = None if job.private else self._running.get(job)
        return running.last.progress if running and running.last else 0.0

    def results(self, job: Job[R], asker: Asker) -> Iterator[R]:
        """What is counted for `job`, from where it is to the end; raises what its computing raises."""
        running = self._joined(job)
        try:
            left = job.seconds * (1 - (running.last.progress if running.last else 0.0))
            with self._service.computer.work(asker, left, SLICE) as work:
                yield from self._heard(running, work, asker)
        finally:
            self._left(running)

    def _joined(self, job: Job[R]) -> _Running[R]:
        with self._lock:
            running: _Running[R] | None = None if job.private else self._running.get(job)
            if running is None:
                running = _Running(job, self._service.gpu_failed.is_set())
                if (before := self.finished(job)) is not None:  # since whoever asks has looked
                    running.last, running.count, running.ended = before, 1, True
                if not job.private:
                    self._running[job] = running
            running.listeners += 1
            return running

    def _left(self, running: _Running[R]) -> None:
        with self._lock:
            running.listeners -= 1
            if running.listeners == 0 and self._running.get(running.job) is running:
                del self._running[running.job]
        if running.listeners == 0:
            running.steps = iter(())  # which closes them, on no other thread: nobody is left to have them computed

    def _heard(self, running: _Running[R], work: Work, asker: Asker) -> Iterator[R]:
        seen = 0
        while True:
            with running.changed:
                while running.busy and running.count == seen and not running.ended:
                    running.changed.wait(1.0)
                    if not asker.listening():
                        raise Unheard
                if running.count > seen and running.last is not None:
                    seen, result = running.count, running.last
                elif running.ended:
                    if running.error is not None:
                        raise running.error
                    return
                else:
                    running.busy, result = True, None
            if result is not None:
                yield result
                continue
            try:
                work.run(lambda: self._advance(running))
            finally:
                with running.changed:
                    running.busy = False
                    running.changed.notify_all()

    def _advance(self, running: _Running[R]) -> None:
        """One step, on the computing thread; begun anew on the CPU where a GPU fails."""
        try:
            running.last = next(running.steps)
            running.count += 1
            if running.last.progress >= 1:
                self._end(running)
        except StopIteration:
            self._end(running)
        except RuntimeError as error:
            try:
                self._service.give_up_gpu(error, running.on_cpu)
            except RuntimeError:
                self._end(running, error)
            else:
                running.on_cpu, running.steps = True, running.job.begin()
        except Exception as error:
            self._end(running, error)

    def _end(self, running: _Running[R], error: BaseException | None = None) -> None:
        running.ended, running.error = True, error
        if error is None and not running.job.private:
            self._service.results(KIND).put(running.job, running.last)
        with self._lock:  # whoever comes now finds the result, or tries once more
            if self._running.get(running.job) is running:
                del self._running[running.job]
