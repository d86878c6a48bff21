"""What this process has loaded and measured, and whom it serves: one object, which a test can make anew.

A recogniser is chosen once per event; whatever is kept of it is kept under its version, so that nothing need be
forgotten when its files are replaced. What belongs to one visit alone is never kept here.
"""

import functools
import re
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..measures.evidence import Evidence
from ..places import MODELS
from ..recognizers.config import Config
from ..recognizers.recognizer import DEVICE, Recognizer, load
from ..recognizers.survey import Checkpoint, Found, Survey, default_recognizer
from ..texts import Refused
from .decoder import Decoder
from .own_face import OwnFace
from .turns import Asker, Computer, Work
from .uploads import Uploads
from .visitors import Visitors

T = TypeVar("T")
MOST_RESULTS = 64  # of each kind
MOST_SETS = 4  # of test faces
OF_CUDA = re.compile(r"CUDA|cuDNN|CUDNN|cuBLAS|CUBLAS|NVRTC|NVML")  # what its errors name that have no class


@dataclass(frozen=True, eq=False)
class Own:
    """A recogniser that belongs to one visit. Nothing of it is shared, and it travels by value.

    `base` is the one of all to whose people the visit's own were added, and `faces` are those of its own by name.
    """

    network: Recognizer
    base: Checkpoint | None = None
    faces: Mapping[str, OwnFace] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.network.name

    @property
    def config(self) -> Config:
        return self.network.config

    @property
    def version(self) -> str:
        return self.network.version


Chosen = Checkpoint | Own


def shared(chosen: Chosen) -> Chosen:
    """The recogniser of all whose people `chosen` knows besides a visit's own, where there is one."""
    return chosen.base if isinstance(chosen, Own) and chosen.base is not None else chosen


class Kept:
    """Results by key, the youngest `most` of them."""

    def __init__(self, most: int = MOST_RESULTS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._results: dict[Hashable, Any] = {}

    def get(self, key: Hashable) -> Any:
        """The result under `key`; None where there is none."""
        return self._results.get(key)

    def put(self, key: Hashable, result: Any) -> None:
        """Keep `result` under `key`, and the oldest of too many no longer."""
        with self._lock:
            self._results.pop(key, None)
            self._results[key] = result
            while len(self._results) > self._most:
                del self._results[next(iter(self._results))]


class Service:
    """Recognisers, devices, results, and what works for all: the computing thread, the decoder, the lists of visits.

    Under a lent GPU, which works in a fork of this process, it stands for the fork's copy of itself.
    """

    def __init__(self, models: Path = MODELS, device: torch.device = DEVICE) -> None:
        self.survey = Survey(models)
        self.device = device
        self.gpu_failed = threading.Event()
        self.evidence = Evidence()
        self.computer = Computer()
        self.decoder = Decoder()
        self.visitors = Visitors()
        self.uploads = Uploads()
        self.own_faces: weakref.WeakSet[OwnFace] = weakref.WeakSet()  # of all visits, to count them
        self._loading = threading.Lock()
        self._networks: dict[str, tuple[Checkpoint, torch.device, Recognizer]] = {}
        self._kept: dict[str, Kept] = {}
        _living[id(self)] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return _service_of, (id(self),)

    def found(self) -> Found:
        """The recognisers that there are, and those that cannot be used."""
        return self.survey.look()

    def choose(self, name: object, own: Mapping[str, Own] | None = None) -> Chosen:
        """The recogniser `name` as it is now, one of a visit's `own` or of all. Raises Refused for others."""
        if own and isinstance(name, str) and name in own:
            return own[name]
        return self.found().named(name)

    def default(self) -> Checkpoint | None:
        """The recogniser that a page opens with; None where none can be used."""
        usable = self.found().usable
        return usable.get(default_recognizer(usable) or "")

    def network(self, chosen: Chosen) -> Recognizer:
        """The network of `chosen`, loaded once. Raises Refused where it cannot be, or is another one by now."""
        if isinstance(chosen, Own):
            return chosen.network
        with self._loading:
            device = torch.device("cpu") if self.gpu_failed.is_set() else self.device
            loaded = self._networks.get(chosen.name)
            if loaded is None or loaded[:2] != (chosen, device):
                network = load(chosen, self.survey, device)
                if self.found().usable.get(chosen.name) != chosen:
                    raise Refused("refused.replaced")
                loaded = self._networks[chosen.name] = (chosen, device, network)
            return loaded[2]

    def results(self, kind: str, most: int = MOST_RESULTS) -> Kept:
        """What is kept of one kind of result."""
        return self._kept.setdefault(kind, Kept(most))

    def kept(self, kind: str, chosen: Chosen, make: Callable[[], T], *about: Hashable, most: int = MOST_RESULTS) -> T:
        """What `make` returns about a recogniser, made once; anew each time for a visit's own."""
        if isinstance(chosen, Own):
            return make()
        results, key = self.results(kind, most), (chosen, *about)
        result: T | None = results.get(key)
        if result is None:
            result = make()
            results.put(key, result)
        return result

    def stream(self, work: Work, items: Callable[..., Iterator[T]], *arguments: Any) -> Iterator[T]:
        """The items of the generator function `items`, computed as `work`; on the CPU from when a GPU fails."""
        on_cpu = self.gpu_failed.is_set()
        try:
            yield from work.each(items(*arguments))
        except RuntimeError as error:
            self.give_up_gpu(error, on_cpu)
            yield from work.each(items(*arguments))

    def once(self, asker: Asker, seconds: float, function: Callable[..., T], *arguments: Any) -> T:
        """What `function` returns, computed for `asker` like the items of `stream`, in about so many `seconds`."""
        on_cpu = self.gpu_failed.is_set()
        with self.computer.work(asker, seconds, seconds) as work:
            try:
                return work.run(functools.partial(function, *arguments))
            except RuntimeError as error:
                self.give_up_gpu(error, on_cpu)
                return work.run(functools.partial(function, *arguments))

    def give_up_gpu(self, error: RuntimeError, on_cpu: bool) -> None:
        """Compute on the CPU from now on, where `error` is CUDA's; raise it where it is not, or was met `on_cpu`."""
        if on_cpu or self.device.type == "cpu" or not _is_of_cuda(error):
            raise error
        self.gpu_failed.set()

    def forget_unheard(self) -> None:
        """Give up what waits to be computed or decoded and nobody waits for."""
        for turns in (self.computer, self.decoder.turns):
            turns.forget_unheard()


_living: "weakref.WeakValueDictionary[int, Service]" = weakref.WeakValueDictionary()  # for forks of this process


def _service_of(number: int) -> Service:
    return _living[number]


def _is_of_cuda(error: RuntimeError) -> bool:
    return isinstance(error, (torch.AcceleratorError, torch.OutOfMemoryError)) or bool(OF_CUDA.search(str(error)))
