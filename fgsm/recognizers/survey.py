"""Which recognisers there are: the folder of checkpoints, looked through once, and again only where it has changed.

A checkpoint is a folder `models/<name>/` with a `config.json` and float16 safetensors weights, or one of the course
project's own files, see course_checkpoints.py.
"""

import functools
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from ..places import MODELS
from ..texts import Refused, composed, quoted, text_of
from .config import Config, read_config
from .course_checkpoints import ARCHITECTURE_OF, CELEBRITIES, course_config
from .networks import shapes_in
from .weights import check_pth, check_safetensors, read_json, weight_files

BUILT_IN = ("resnet18", "dlib", "resnet101", "resnet", "resnet18-robust")  # in the order in which they are offered
LONGEST = 100  # letters of the name of a new one

DECISIVE = ("architecture", "input_size", "mean", "std", "labels", "framing", "threshold", "enrolled")

Stamp = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True)
class Checkpoint:
    """A recogniser `name` as its files are: a folder, or a .pth file. `version` changes with them."""

    name: str
    path: Path
    config: Config = field(compare=False)
    version: str


@dataclass(frozen=True)
class Found:
    """Checkpoints that can be used, by name in its order, and why others cannot be, by name of folder or file."""

    usable: dict[str, Checkpoint]
    refused: dict[str, Refused]

    def named(self, name: object) -> Checkpoint:
        """The checkpoint of the recogniser `name`. Raises Refused, with the reason where there is one, for others."""
        if isinstance(name, str) and name in self.usable:
            return self.usable[name]
        if isinstance(name, str) and (problem := self.refused.get(name) or self.refused.get(f"{name}.pth")):
            raise problem
        if not self.usable:
            raise Refused("refused.no_recognisers")
        raise Refused("refused.recogniser", name=quoted(name), known=", ".join(self.usable))


class Survey:
    """What one folder of checkpoints holds. Only files that have changed since the last look are read again."""

    def __init__(self, folder: Path = MODELS) -> None:
        self.folder = folder
        self._checked: dict[Path, tuple[Stamp, Checkpoint | Refused]] = {}
        self._spoiled: dict[str, Refused] = {}  # by version: what looked sound and could not be loaded after all
        self._last: tuple[dict[Path, Stamp], Found] | None = None

    def look(self) -> Found:
        """What is there now."""
        paths = (path for path in self.folder.glob("[!.]*") if path.suffix == ".pth" or path.is_dir())
        stamps = {path: _stamp(path) for path in sorted(paths)}
        if self._last is None or self._last[0] != stamps:
            self._last = stamps, self._looked_through(stamps)
        return self._last[1]

    def spoil(self, checkpoint: Checkpoint, reason: Refused) -> None:
        """Count a checkpoint that could not be loaded among those that cannot be used."""
        self._spoiled[checkpoint.version] = reason
        self._last = None

    def _looked_through(self, stamps: dict[Path, Stamp]) -> Found:
        before, self._checked = self._checked, {}
        found = Found({}, {})
        for path, stamp in stamps.items():
            known = before.get(path)
            checked = known[1] if known and known[0] == stamp else _checked(path, stamp)
            self._checked[path] = stamp, checked
            if isinstance(checked, Checkpoint):
                checked = self._spoiled.get(checked.version, checked)
            if isinstance(checked, Checkpoint) and checked.name in found.usable:
                checked = Refused("refused.same_name", file=path.name)
            if isinstance(checked, Refused):
                found.refused[path.name] = checked
            else:
                found.usable[checked.name] = checked
        return Found(dict(sorted(found.usable.items())), found.refused)


@functools.cache
def survey_of(models: Path = MODELS) -> Survey:
    """The survey of the folder `models` that everybody in this process shares."""
    return Survey(models)


def available_recognizers(models: Path = MODELS) -> dict[str, Config]:
    """Name and config of every recogniser in the folder `models` that can be loaded, in the order of their names."""
    return {name: checkpoint.config for name, checkpoint in survey_of(models).look().usable.items()}


def default_recognizer(names: Iterable[str]) -> str | None:
    """The one of `names` that is used where nobody has chosen a recogniser; None where there is none."""
    return next(iter(in_order(names)), None)


def in_order(names: Iterable[str]) -> list[str]:
    """`names` of recognisers as they are offered: the built-in ones first."""
    return sorted(names, key=lambda name: (BUILT_IN.index(name) if name in BUILT_IN else len(BUILT_IN), name))


def _stamp(path: Path) -> Stamp:
    """What changes whenever a checkpoint's files do."""
    stamp = []
    with suppress(OSError):  # it has gone in between, or may not be looked into
        for file in [path, *sorted(path.iterdir())] if path.is_dir() else [path, CELEBRITIES]:
            about = file.stat()
            stamp.append((file.name, about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size))
    return tuple(stamp)


def _checked(path: Path, stamp: Stamp) -> Checkpoint | Refused:
    """The checkpoint `path`, as it is since it had that `stamp`, or why it cannot be used."""
    try:
        config = _config_of(path)
        shapes = shapes_in(config)
        (check_safetensors if path.is_dir() else check_pth)(path, shapes)
    except Refused as error:
        return error
    except OSError as error:
        return unreadable(path, error)
    name = path.name if path.is_dir() else path.stem
    return Checkpoint(name, path, config, hashlib.sha256(repr(stamp).encode()).hexdigest()[:16])


def checksum(checkpoint: Checkpoint) -> str:
    """SHA-256, in hexadecimal, of all that decides a recogniser's answers: what a result was measured with.

    That is its weights, byte by byte, and DECISIVE of its config. Raises Refused for an index that is none, or OSError.
    """
    config = checkpoint.config.as_dict()
    decisive = json.dumps({name: config.get(name) for name in DECISIVE}, sort_keys=True)
    digest = hashlib.sha256(decisive.encode())
    path = checkpoint.path
    for file in [path / name for name in sorted(weight_files(path))] if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while piece := opened.read(2**20):
                digest.update(piece)
    return digest.hexdigest()


def unreadable(path: Path, error: OSError) -> Refused:
    """Why a checkpoint's file cannot be read."""
    return Refused("refused.file", file=path.name, reason=error.strerror or type(error).__name__)


def _config_of(path: Path) -> Config:
    if text_of(PurePath(path.name)) != composed(path.name):  # bytes that are no letters
        raise Refused("refused.name", name=ascii(path.name)[:60], longest=LONGEST)
    if path.is_dir():
        try:
            said = read_json(path / "config.json")
        except ValueError:
            raise Refused("refused.config", name=path.name) from None
        return read_config(said, path.name)
    if not path.is_file():
        raise Refused("refused.missing_weights", file=path.name)
    if path.stem not in ARCHITECTURE_OF:
        known = ", ".join(f"{name}.pth" for name in ARCHITECTURE_OF)
        raise Refused("refused.unknown_file", file=path.name, known=known)
    return course_config(path.stem)
