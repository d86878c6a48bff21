"""A face recogniser: a network with its normalisation, its labels and its input size; building, listing, loading.

A checkpoint is a folder `models/<name>/` with a `config.json` and float16 safetensors weights, or one of the course
project's own files, see course.py.
"""

import functools
import json
from contextlib import suppress
from pathlib import Path

import torch
from huggingface_hub import load_torch_model
from torch import Tensor, nn

from .course import ARCHITECTURE_OF, LABELS, course_config, list_checkpoints, read_state
from .dataset import owners
from .faces import PROJECT, prepare
from .pictures import open_picture
from .resnet import ResNet
from .texts import Refused

MODELS = PROJECT / "models"
DEFAULT_MODEL = "resnet18"
CONFIG_KEYS = {"architecture", "input_size", "mean", "std", "labels", "data", "faces", "test_photographs"}
BUILT_IN = (DEFAULT_MODEL, "resnet101", "resnet", "resnet18-robust")  # in the order in which they are offered
ARCHITECTURES = ("resnet18", "resnet101", "resnet")
torch.backends.cudnn.allow_tf32 = False  # float32 means float32: a sign must not turn with the device
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build_network(architecture: str, classes: int) -> nn.Module:
    """An untrained network, normalised images (N, 3, H, W) to logits (N, classes); one of ARCHITECTURES."""
    if architecture == "resnet":
        return ResNet(classes)
    import torchvision  # takes more than a second, which the page's start need not wait for

    settings = {"zero_init_residual": True} if architecture == "resnet101" else {}
    return torchvision.models.get_model(architecture, weights=None, num_classes=classes, **settings)


class Recognizer(nn.Module):
    """Maps pixels, float32 (N, 3, input_size, input_size) in [0, 1], to logits (N, len(labels)).

    Normalisation is the first layer, so that an attack on the recogniser works on pixels, whatever mean and standard
    deviation the network was trained with. `config` is the content of `config.json`.
    """

    def __init__(self, name: str, config: dict) -> None:
        super().__init__()
        self.name = name
        self.config = config
        self.labels: list[str] = config["labels"]
        self.input_size: int = config["input_size"]
        self.register_buffer("mean", torch.tensor(config["mean"]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config["std"]).view(3, 1, 1), persistent=False)
        self.network = build_network(config["architecture"], len(self.labels))

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def forward(self, images: Tensor) -> Tensor:
        normalised = (images - self.mean) / self.std
        return self.network(normalised.contiguous(memory_format=torch.channels_last))


def faces_of(config: dict) -> dict[Path, str]:
    """The test photographs of a recogniser with this config that are on this machine, each with its person."""
    root = PROJECT / config["faces"]
    known = owners(root)
    photographs = [root / photograph for photograph in config["test_photographs"]]
    here = [photograph for photograph in photographs if photograph.is_file()]
    return {photograph: known[photograph] for photograph in here if known.get(photograph) in config["labels"]}


def accuracy_of(config: dict) -> str | None:
    """The clean accuracy in a recogniser's config, in words; None where none was measured on faces new to it."""
    return f"{config['test_accuracy']:.1%}" if "test_accuracy" in config else None


def load_test_set(recognizer: Recognizer) -> tuple[Tensor, Tensor]:
    """Test faces of `recognizer`, float32 (N, 3, input_size, input_size) in [0, 1], and their class indices, (N,).

    A photograph that is damaged is left out. Raises Refused where none is on this machine.
    """
    faces, labels = [], []
    for photograph, person in faces_of(recognizer.config).items():
        with suppress(Refused):
            faces.append(prepare(open_picture(photograph), recognizer.input_size))
            labels.append(recognizer.labels.index(person))
    if not faces:
        raise Refused("refused.no_test_faces", recogniser=recognizer.name)
    return torch.stack(faces), torch.tensor(labels)


def available_recognizers(models: Path = MODELS) -> dict[str, dict]:
    """Name and config of every recogniser in the folder `models` that can be loaded, in the order of their names."""
    return _survey(models)[0]


def refused_files(models: Path = MODELS) -> dict[str, Refused]:
    """What stands in the folder `models` like a checkpoint and cannot be used, each with the reason."""
    return _survey(models)[1]


def _survey(models: Path) -> tuple[dict[str, dict], dict[str, Refused]]:
    """What can be loaded from the folder `models`, and what cannot."""
    configs, problems = {}, {}
    for path in sorted(models.glob("[!.]*/config.json")):
        name = path.parent.name
        if config := _read_config(path):
            configs[name] = config
        else:
            problems[name] = Refused("refused.config", name=name)
    for name, path in list_checkpoints(models).items():
        about = path.stat()
        if problem := _problem(path, about.st_mtime_ns, about.st_size):
            problems[path.name] = problem
        else:
            configs[name] = course_config(name)
    return dict(sorted(configs.items())), problems


def _read_config(path: Path) -> dict | None:
    """The config in the file `path`; None where it is not one of a recogniser."""
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) and config.keys() >= CONFIG_KEYS else None


@functools.lru_cache(16)
def _problem(path: Path, changed: int, size: int) -> Refused | None:
    """Why the .pth file `path`, as it is since it `changed`, cannot be used, if it cannot."""
    try:
        _read_course_state(path)
    except Refused as error:
        return error
    return None


def _read_course_state(path: Path) -> dict[str, Tensor]:
    if path.stem not in ARCHITECTURE_OF:
        raise Refused(
            "refused.unknown_file", file=path.name, known=", ".join(f"{name}.pth" for name in ARCHITECTURE_OF)
        )
    with torch.device("meta"):  # only its shapes are asked for
        network = build_network(ARCHITECTURE_OF[path.stem], len(LABELS))
    return read_state(path, network)


def load_recognizer(name: str, device: torch.device | str | None = None, models: Path = MODELS) -> Recognizer:
    """The recogniser `name` from the folder `models`, in eval mode, on `device` (CUDA where there is one).

    Raises Refused for a name that `available_recognizers` does not list.
    """
    known = available_recognizers(models)
    if name not in known:
        if problem := refused_files(models).get(f"{name}.pth"):
            raise problem
        raise Refused("refused.recogniser", name=repr(name[:40]), known=", ".join(known) or "none (train one)")
    recognizer = Recognizer(name, known[name])
    if (models / name / "config.json").is_file():
        load_torch_model(recognizer.network, models / name, strict=True)
    else:
        recognizer.network.load_state_dict(_read_course_state(models / f"{name}.pth"))
    recognizer.to(device or DEVICE, memory_format=torch.channels_last)
    return recognizer.eval().requires_grad_(False)
