"""One thread computes for everybody, in turn.

PyTorch already spreads one step over all cores; two steps at once, or steps in changing threads, only slow each other
down. Most of the time goes to whoever has had least lately, the smallest step first: one who asks for much, or often,
waits longer than others, and a short answer hardly waits at all. A part of it goes to whatever has waited longest, so
that every step has its turn, however many others come. (Least attained service: Nuyens & Wierman, "The
Foreground-Background Queue: A Survey", Performance Evaluation 65, 2008; with the age of a step against starvation.)
"""

import contextlib
import contextvars
import ctypes
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from ..texts import Refused

T = TypeVar("T")

EACH = 1800.0  # seconds of work that one visitor may have waiting
ALL = 7200.0  # seconds that all may have waiting
LITTLE = 60.0  # seconds of work that never wait for room: how many requests there are at once is bounded elsewhere
SHARES = {"least": 0.8, "longest": 0.2}  # of the time, for whoever has had least and for whatever has waited longest
FIRST = 0.1  # of what somebody has had counts where a first answer is asked for
FORGOTTEN = 20.0  # seconds after which half of what somebody has had no longer counts


class Asker(Protocol):
    """Whoever something is computed for. Its time is counted against its `key`, and against its `place` as well."""

    @property
    def key(self) -> str: ...

    @property
    def place(self) -> str: ...

    def listening(self) -> bool:
        """Whether anybody still waits for the answer."""
        ...


class House:
    """The page itself, which is always there."""

    key = "house"
    place = "at home"

    def listening(self) -> bool:
        return True


class Unheard(Exception):
    """Nobody waits for this any longer, so it is not computed."""


class Work:
    """What is computed for one request, in steps: at first about `seconds` in all and `step` seconds for a step."""

    def __init__(self, computer: "Computer", asker: Asker, seconds: float, step: float) -> None:
        self.asker = asker
        self.left = seconds
        self.step = step
        self.begun = False
        self._computer = computer

    def run(self, step: Callable[[], T]) -> T:
        """What `step` returns or raises, computed on the thread. Raises Unheard where nobody waits for it."""
        return self._computer.run(self, step)

    def each(self, items: Iterator[T]) -> Iterator[T]:
        """The items of a generator, each computed on the thread."""
        while following := self.run(lambda: list(itertools.islice(items, 1))):
            yield following[0]


class _Step:
    """A step that waits. A GPU lent for a request is found through the request's context."""

    def __init__(self, work: Work, call: Callable[[], Any]) -> None:
        self.work = work
        self.call = call
        self.context = contextvars.copy_context()
        self.result: Future[Any] = Future()


class Computer:
    """The thread, what waits for it, and what everybody has had of it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._steps: list[_Step] = []  # in the order in which they came
        self._work: set[Work] = set()
        self._had: dict[str, tuple[float, float]] = {}  # by key: seconds, halved every FORGOTTEN, and when that was
        self._given = dict.fromkeys(SHARES, 0.0)  # seconds by either rule while several waited
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def work(self, asker: Asker, seconds: float = 0.1, step: float = 0.1) -> Iterator[Work]:
        """Work for `asker`, expected to take so many `seconds`, and so many for its first step.

        Raises Refused, with a word on when to try again, for more than may wait.
        """
        work = Work(self, asker, seconds, step)
        with self._changed:
            self._admit(work)
            self._work.add(work)
        try:
            yield work
        finally:
            with self._changed:
                self._work.discard(work)

    def _admit(self, work: Work) -> None:
        if work.left > EACH:
            raise Refused("refused.too_much", minutes=_minutes(work.left), most=_minutes(EACH))
        if work.left <= LITTLE:
            return
        own = sum(other.left for other in self._work if other.asker.key == work.asker.key)
        if own + work.left > EACH:
            raise Refused("refused.busy_own", minutes=_minutes(own + work.left - EACH))
        everybody = sum(other.left for other in self._work)
        if everybody + work.left > ALL:
            raise Refused("refused.busy", minutes=_minutes(everybody + work.left - ALL))

    def run(self, work: Work, call: Callable[[], T]) -> T:
        """See `Work.run`."""
        if threading.current_thread() is self._thread:
            return call()
        step = _Step(work, call)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run_all, name="compute", daemon=True)
                self._thread.start()
            self._steps.append(step)
            self._changed.notify_all()
        result: T = step.result.result()
        return result

    def forget_unheard(self) -> None:
        """Give up the steps that wait and that nobody waits for."""
        with self._changed:
            for step in [step for step in self._steps if not step.work.asker.listening()]:
                self._steps.remove(step)
                step.result.set_exception(Unheard())

    def waiting(self) -> int:
        """How many steps wait."""
        with self._changed:
            return len(self._steps)

    def _run_all(self) -> None:
        while True:
            step, rule = self._next()
            start = time.monotonic()
            try:
                step.result.set_result(step.context.run(step.call))
            except BaseException as error:  # the thread outlives whatever a step does
                step.result.set_exception(error)
            self._note(step.work, time.monotonic() - start, rule)
            del step  # nothing of a visitor's stays referenced while the thread waits

    def _next(self) -> tuple[_Step, str | None]:
        """The step whose turn it is, taken out, and the rule by which it is, where several waited."""
        while True:
            self.forget_unheard()
            with self._changed:
                if not self._steps:
                    self._given = dict.fromkeys(SHARES, 0.0)
                    self._changed.wait(1.0)
                    continue
                rule = min(SHARES, key=lambda rule: self._given[rule] / SHARES[rule])
                step = self._steps[0] if rule == "longest" else min(self._steps, key=self._preference)
                alone = len(self._steps) == 1
                self._steps.remove(step)
                return step, None if alone else rule

    def _preference(self, step: _Step) -> float:
        """The lower, the sooner: what its asker has had, which counts less for a first answer, and what it takes.

        What its place has had counts, too: keys are free to invent, and among those of one place it changes nothing.
        """
        work = step.work
        own = self._lately(work.asker.key) * (1.0 if work.begun else FIRST)
        return own + self._lately(work.asker.place) + work.step

    def _lately(self, key: str) -> float:
        """Seconds that `key` has had, the older ones counting less."""
        seconds, when = self._had.get(key, (0.0, 0.0))
        left: float = seconds * 0.5 ** ((time.monotonic() - when) / FORGOTTEN)
        return left

    def _note(self, work: Work, took: float, rule: str | None) -> None:
        with self._changed:
            work.left = max(0.0, work.left - took)
            work.step, work.begun = took, True
            for key in {work.asker.key, work.asker.place}:
                self._had[key] = (self._lately(key) + took, time.monotonic())
            if rule is not None:
                self._given[rule] += took
            if len(self._had) > 1000:
                self._had = {other: had for other, had in self._had.items() if self._lately(other) > 0.01}


def give_back_memory() -> None:
    """Return what finished steps have freed to the system, where the C library (glibc) keeps it for later."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60))
