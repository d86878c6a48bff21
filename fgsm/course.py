"""The course project's own checkpoints: plain state dicts, dropped into models/ as they are.

Which photographs they were trained on was never written down, so no face of their data set is certainly a test face.
"""

import functools
import json
import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from .dataset import DATA, people_if_any, split_at_random
from .faces import PROJECT
from .texts import Refused

ARCHITECTURE_OF = {
    "resnet_celeb_faces": "resnet",
    "resnet18_celeb_faces": "resnet18",
    "resnet101_celeb_faces": "resnet101",
}
CELEBRITIES = DATA / "celebrities"  # where `python -m fgsm fetch celebrities` puts them
LABELS: list[str] = json.loads((PROJECT / "assets" / "celebrity_labels.json").read_text("utf-8"))["labels"]
SEED = 0


def list_checkpoints(models: Path) -> dict[str, Path]:
    """Every .pth file in the folder `models`, by its name without the ending."""
    return {path.stem: path for path in sorted(models.glob("*.pth")) if path.is_file()}


def course_config(name: str) -> dict:
    """What a `config.json` would say of the course project's checkpoint `name`, one of ARCHITECTURE_OF."""
    return {
        "architecture": ARCHITECTURE_OF[name],
        "input_size": 224,
        "mean": [0.6389, 0.4773, 0.4056],
        "std": [0.2343, 0.1996, 0.1831],
        "labels": LABELS,
        "data": "vasukipatel/face-recognition-dataset (Kaggle)",
        "faces": CELEBRITIES.relative_to(PROJECT).as_posix(),
        "split": "not recorded: some of these faces may have been trained on",
        "training_unknown": True,
        "test_photographs": _drawn(CELEBRITIES, CELEBRITIES.stat().st_mtime_ns) if CELEBRITIES.is_dir() else [],
    }


@functools.lru_cache(1)
def _drawn(root: Path, changed: int) -> list[str]:
    """A sample of the data set in `root`, as it is since it `changed`: as many faces as a test set would have."""
    people = {person: own for person, own in people_if_any(root).items() if person in LABELS and len(own) > 1}
    return [photograph.relative_to(root).as_posix() for photograph in split_at_random(people, SEED)[1]]


def read_state(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """The state dict in the .pth file `path`, on the CPU, for a `network` of its architecture.

    Raises Refused for a file that is none, that would run code, or that belongs to another network.
    """
    with open(path, "rb") as file:
        start = file.read(4)
    archive = start == b"PK\x03\x04"  # PyTorch's present format, whose tensors can be read when they are needed
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except pickle.UnpicklingError:
        is_pickle = archive or start.startswith(b"\x80")
        raise Refused("refused.pickle" if is_pickle else "refused.no_weights", file=path.name) from None
    except Exception:  # whatever a damaged file makes PyTorch raise
        raise Refused("refused.no_weights", file=path.name) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise Refused("refused.no_state_dict", file=path.name)
    expected = network.state_dict()
    if state.keys() != expected.keys():
        raise Refused("refused.foreign", file=path.name)
    for key, value in expected.items():
        if state[key].shape != value.shape:
            shapes = {"found": _size(state[key]), "expected": _size(value)}
            raise Refused("refused.shape", file=path.name, weights=key, **shapes)
    return state


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
