"""Weights in files, checked before anything is made of them: whole, plain tensors, and of the network they are for.

Safetensors, in one file or in several with an index, and PyTorch's own .pth files, of which no code is ever run.
"""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from ..texts import Refused

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
LFS = b"version https://git-lfs"
ARCHIVE = b"PK\x03\x04"  # how PyTorch's present format begins, whose tensors can be read when they are needed
MOST_JSON = 16 * 10**6  # bytes of an index, a header or a config
MOST_FILES = 1000
KINDS = {"F16", "BF16", "F32", "F64", "I64"}
DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64}  # the same


def read_json(path: Path) -> Any:
    """What the JSON file `path` says. Raises ValueError for one that is none, or too large, and OSError."""
    if not path.is_file() or path.stat().st_size > MOST_JSON:  # a pipe would be waited for
        raise ValueError
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except RecursionError:
        raise ValueError from None


def weight_files(folder: Path) -> dict[str, set[str]]:
    """The safetensors files in `folder`, each with the names of its tensors as an index says, if there is one.

    Raises Refused for an index that is none.
    """
    if not (folder / INDEX).is_file():
        return {WHOLE: set()}
    files: dict[str, set[str]] = {}
    try:
        for weights, file in read_json(folder / INDEX)["weight_map"].items():
            if Path(file).name != file or not file.endswith(".safetensors") or len(files) > MOST_FILES:
                raise ValueError
            files.setdefault(file, set()).add(weights)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise _damaged(folder / INDEX) from None
    return files


def check_safetensors(folder: Path, shapes: Mapping[str, torch.Size]) -> None:
    """Raise Refused unless `folder` holds whole safetensors of exactly these `shapes`; the weights are not read."""
    found: dict[str, list[int]] = {}
    for file, expected in weight_files(folder).items():
        kinds, inside = _header(folder / file)
        if expected - inside.keys() or not kinds <= KINDS:
            raise _damaged(folder / file)
        found |= inside
    _check_shapes(found, shapes, folder.name)


def read_safetensors(folder: Path) -> dict[str, Tensor]:
    """The weights in a `folder` that `check_safetensors` accepts. Raises Refused where one is no number."""
    state: dict[str, Tensor] = {}
    for file in weight_files(folder):
        try:
            state |= load_file(folder / file)
        except (SafetensorError, ValueError):
            raise _damaged(folder / file) from None
    return _finite(state, folder.name)


def _header(path: Path) -> tuple[set[str], dict[str, list[int]]]:
    """The kinds of numbers in a safetensors file, and the shape of each tensor."""
    if not path.is_file():
        raise Refused("refused.missing_weights", file=_shown(path))
    try:
        with open(path, "rb") as file:
            if int.from_bytes(file.read(8), "little") > MOST_JSON:
                raise ValueError
        with safe_open(path, "pt") as weights:
            slices = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118
            return {part.get_dtype() for part in slices.values()}, {n: part.get_shape() for n, part in slices.items()}
    except (SafetensorError, OSError, ValueError):
        raise _damaged(path) from None


def check_pth(path: Path, shapes: Mapping[str, torch.Size]) -> None:
    """Raise Refused unless the .pth file `path` is a state dict of exactly these `shapes`."""
    _check_shapes({name: value.shape for name, value in _unpickled(path).items()}, shapes, path.name)


def read_pth(path: Path) -> dict[str, Tensor]:
    """The weights, on the CPU, in a file that `check_pth` accepts. Raises Refused where one is no number."""
    return _finite(_unpickled(path), path.name)


def _unpickled(path: Path) -> dict[str, Tensor]:
    start = _beginning(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=start.startswith(ARCHIVE))
    except pickle.UnpicklingError:
        if start.startswith((ARCHIVE, b"\x80")):
            raise Refused("refused.pickle", file=path.name) from None
        raise _damaged(path) from None
    except Exception:  # whatever a damaged file makes PyTorch raise
        raise _damaged(path) from None
    if not isinstance(state, dict) or not all(_is_plain(value) for value in state.values()):
        raise Refused("refused.no_state_dict", file=path.name)
    return state


def _is_plain(value: Any) -> bool:
    if type(value) not in (Tensor, nn.Parameter) or value.is_nested or value.layout != torch.strided:
        return False
    return value.device.type == "cpu" and value.dtype in DTYPES


def _damaged(path: Path) -> Refused:
    """Why the file `path` cannot be read, and what to do."""
    pointer = _beginning(path) == LFS
    return Refused("refused.lfs" if pointer else "refused.no_weights", file=_shown(path))


def _beginning(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(len(LFS))


def _shown(path: Path) -> str:
    """The file as people are told of it: in its checkpoint's folder, if it has one, and nothing of the machine."""
    return path.name if path.suffix == ".pth" else f"{path.parent.name}/{path.name}"


def _check_shapes(found: Mapping[str, Any], expected: Mapping[str, torch.Size], source: str) -> None:
    if found.keys() != expected.keys():
        raise Refused("refused.foreign", file=source)
    for name, shape in expected.items():
        if tuple(found[name]) != tuple(shape):
            raise Refused("refused.shape", file=source, weights=name, found=_size(found[name]), expected=_size(shape))


def _size(shape: Any) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _finite(state: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    if not all(value.isfinite().all() for value in state.values()):
        raise Refused("refused.not_finite", file=source)
    return state


def shapes_of(network: nn.Module) -> dict[str, torch.Size]:
    """The shape of every weight and statistic of `network`, by name."""
    return {name: value.shape for name, value in network.state_dict().items()}
