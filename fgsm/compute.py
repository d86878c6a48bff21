"""One thread computes for everybody: the most urgent step next.

PyTorch already spreads one step over all cores; two steps at once, or steps in changing threads, only slow each other
down. First come the short steps that somebody is looking at; the others go in the order of their deadlines, so that
neither attacks nor curves starve (earliest deadline first: Liu & Layland, "Scheduling Algorithms for Multiprogramming
in a Hard-Real-Time Environment", J. ACM 20(1), 1973).
"""

import contextlib
import contextvars
import ctypes
import itertools
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

# Seconds until a step should start.
AT_ONCE = -math.inf  # what a visitor is looking at right now
SOON = 1.0  # what the slider may reach next
LATER = 4.0  # a batch of somebody's curve

_steps: queue.PriorityQueue = queue.PriorityQueue()
_order = itertools.count()  # steps with the same deadline go in the order in which they came


def run(step: Callable[[], T], within: float = AT_ONCE) -> T:
    """What `step` returns or raises, computed on the thread; to be started within so many seconds."""
    if threading.current_thread() is _thread:
        return step()
    future = Future()
    # A GPU lent for a request is found through the request's context.
    _steps.put((time.monotonic() + within, next(_order), contextvars.copy_context(), step, future))
    return future.result()


def run_each(items: Iterator[T], first: float = AT_ONCE, rest: float = SOON) -> Iterator[T]:
    """The items of a generator, each computed on the thread, the first one and the others within so many seconds."""
    done = object()
    within = first
    while (item := run(lambda: next(items, done), within)) is not done:
        yield item
        within = rest


def give_back_memory() -> None:
    """Return what finished steps have freed to the system, where the C library (glibc) keeps it for later."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _work() -> None:
    while True:
        _, _, context, step, future = _steps.get()
        try:
            future.set_result(context.run(step))
        except BaseException as error:  # the thread outlives whatever a step does
            future.set_exception(error)
        del context, step, future  # nothing of a visitor's stays referenced while the thread waits


_thread = threading.Thread(target=_work, name="compute", daemon=True)
_thread.start()
