"""A face recogniser: a network with its normalisation, its labels and its input size; building, listing, loading.

A checkpoint is a folder `models/<name>/` with a `config.json` and float16 safetensors weights, or one of the course
project's own files, see course.py.
"""

import functools
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

import torch
from torch import Tensor, nn

from .config import Config, read_config
from .course import ARCHITECTURE_OF, CELEBRITIES, course_config
from .dataset import owners, path_of, text_of
from .faces import PROJECT, prepare
from .pictures import open_picture
from .resnet import ResNet
from .texts import Refused, composed
from .weights import check_pth, check_safetensors, read_json, read_pth, read_safetensors, shapes_of

MODELS = PROJECT / "models"
DEFAULT_MODEL = "resnet18"
BUILT_IN = (DEFAULT_MODEL, "resnet101", "resnet", "resnet18-robust")  # in the order in which they are offered
torch.backends.cudnn.allow_tf32 = False  # float32 means float32: a sign must not turn with the device
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build_network(architecture: str, classes: int) -> nn.Module:
    """An untrained network, normalised images (N, 3, H, W) to logits (N, classes); one of config.ARCHITECTURES."""
    if architecture == "resnet":
        return ResNet(classes)
    import torchvision  # takes more than a second, which the page's start need not wait for

    settings = {"zero_init_residual": True} if architecture == "resnet101" else {}
    return torchvision.models.get_model(architecture, weights=None, num_classes=classes, **settings)


class Recognizer(nn.Module):
    """Maps pixels, float32 (N, 3, input_size, input_size) in [0, 1], to logits (N, len(labels)).

    Normalisation is the first layer, so that an attack on the recogniser works on pixels, whatever mean and standard
    deviation the network was trained with. `version` tells it from others that have had its name.
    """

    def __init__(self, name: str, config: Config, version: str = "") -> None:
        super().__init__()
        self.name = name
        self.config = config
        self.version = version
        self.labels = config.labels
        self.input_size = config.input_size
        for statistic in ("mean", "std"):
            values = torch.tensor(getattr(config, statistic), dtype=torch.float32).view(3, 1, 1)
            self.register_buffer(statistic, values, persistent=False)
        self.network = build_network(config.architecture, len(self.labels)).float()

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def forward(self, images: Tensor) -> Tensor:
        normalised = (images - self.mean) / self.std
        return self.network(normalised.contiguous(memory_format=torch.channels_last))


def faces_of(config: Config) -> dict[Path, str]:
    """The test photographs of a recogniser with this config that are on this machine, each with its person."""
    root = PROJECT / path_of(config.faces)
    known = owners(root)
    here = {text_of(photograph.relative_to(root)): photograph for photograph in known}
    labels = set(config.labels)
    tested = [here[name] for name in map(composed, config.test_photographs) if name in here]
    return {photograph: known[photograph] for photograph in tested if known[photograph] in labels}


def accuracy_of(config: Config) -> str | None:
    """The clean accuracy in a recogniser's config, in words; None where none was measured on faces new to it."""
    return None if config.test_accuracy is None else f"{config.test_accuracy:.1%}"


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


@dataclass(frozen=True)
class Checkpoint:
    """A recogniser's files: a folder, or a .pth file. `version` changes with them."""

    path: Path
    config: Config
    version: str


def available_recognizers(models: Path = MODELS) -> dict[str, Config]:
    """Name and config of every recogniser in the folder `models` that can be loaded, in the order of their names."""
    return {name: checkpoint.config for name, checkpoint in _survey(models)[0].items()}


def refused_files(models: Path = MODELS) -> dict[str, Refused]:
    """What stands in the folder `models` like a checkpoint and cannot be used, each with the reason."""
    return _survey(models)[1]


def version_of(name: str, models: Path = MODELS) -> str | None:
    """The present version of the recogniser `name`; None where there is none that can be used."""
    checkpoint = _survey(models)[0].get(name)
    return checkpoint and checkpoint.version


def default_recognizer(models: Path = MODELS) -> str | None:
    """The recogniser that is used where nobody has chosen one; None where none can be used."""
    return next(iter(in_order(available_recognizers(models))), None)


def in_order(names: Iterable[str]) -> list[str]:
    """`names` of recognisers as they are offered: the built-in ones first."""
    return sorted(names, key=lambda name: (BUILT_IN.index(name) if name in BUILT_IN else len(BUILT_IN), name))


_unusable: dict[str, Refused] = {}  # why, by version, what looked sound could not be loaded after all


def _survey(models: Path) -> tuple[dict[str, Checkpoint], dict[str, Refused]]:
    """What can be loaded from the folder `models`, by name, and what cannot, by name of folder or file."""
    usable, refused = {}, {}
    for path in sorted(path for path in models.glob("[!.]*") if path.suffix == ".pth" or path.is_dir()):
        found = _checked(path, _stamp(path))
        name = path.name if path.is_dir() else path.stem
        if isinstance(found, Checkpoint):
            found = _unusable.get(found.version, found)
            found = Refused("refused.same_name", file=path.name) if name in usable else found
        if isinstance(found, Refused):
            refused[path.name] = found
        else:
            usable[name] = found
    return dict(sorted(usable.items())), refused


def _stamp(path: Path) -> tuple:
    """What changes whenever a checkpoint's files do."""
    stamp = []
    with suppress(OSError):  # it has gone in between, or may not be looked into
        for file in [path, *sorted(path.iterdir())] if path.is_dir() else [path, CELEBRITIES]:
            about = file.stat()
            stamp.append((file.name, about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size))
    return tuple(stamp)


@functools.lru_cache(128)
def _checked(path: Path, stamp: tuple) -> Checkpoint | Refused:
    """The checkpoint `path`, as it is since it had that `stamp`, or why it cannot be used."""
    try:
        config = _config_of(path)
        shapes = _shapes(config.architecture, len(config.labels))
        (check_safetensors if path.is_dir() else check_pth)(path, shapes)
    except Refused as error:
        return error
    except OSError as error:
        return _unreadable(path, error)
    return Checkpoint(path, config, hashlib.sha256(repr(stamp).encode()).hexdigest()[:16])


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused("refused.file", file=path.name, reason=error.strerror or type(error).__name__)


def _config_of(path: Path) -> Config:
    if text_of(PurePath(path.name)) != composed(path.name):  # bytes that are no letters
        raise Refused("refused.name", name=ascii(path.name)[:60])
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


@functools.lru_cache(16)
def _shapes(architecture: str, classes: int) -> dict[str, torch.Size]:
    with torch.device("meta"):  # nothing but shapes is made
        return shapes_of(build_network(architecture, classes))


def load_recognizer(name: str, device: torch.device | str | None = None, models: Path = MODELS) -> Recognizer:
    """The recogniser `name` from the folder `models`, in eval mode, on `device` (CUDA where there is one).

    Raises Refused for a name that `available_recognizers` does not list, with the reason where there is one.
    """
    usable, refused = _survey(models)
    if name not in usable:
        if problem := refused.get(name) or refused.get(f"{name}.pth"):
            raise problem
        raise Refused("refused.recogniser", name=repr(name)[:40], known=", ".join(usable) or "none (train one)")
    checkpoint = usable[name]
    try:
        state = (read_safetensors if checkpoint.path.is_dir() else read_pth)(checkpoint.path)
    except OSError as error:
        raise _unreadable(checkpoint.path, error) from None
    except Refused as error:
        _unusable[checkpoint.version] = error
        raise
    with torch.inference_mode(False):  # else no gradient could be taken later
        recognizer = Recognizer(name, checkpoint.config, checkpoint.version)
        try:
            recognizer.network.load_state_dict(state)
        except RuntimeError:  # the files are others than they were a moment ago
            raise Refused("refused.foreign", file=name) from None
        recognizer.to(device or DEVICE, memory_format=torch.channels_last)
        recognizer.eval().requires_grad_(False)
        shape = (1, 3, recognizer.input_size, recognizer.input_size)
        grey = torch.full(shape, 0.5, dtype=torch.float32, device=recognizer.device)
        if not recognizer(grey).isfinite().all():
            _unusable[checkpoint.version] = Refused("refused.not_finite", file=name)
            raise _unusable[checkpoint.version]
        return recognizer
