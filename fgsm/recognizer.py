"""A face recogniser: a network with its normalisation, its labels and its input size; building, listing, loading.

A checkpoint is a folder `models/<name>/` with a `config.json` and float16 safetensors weights.
"""

import json
from pathlib import Path

import torch
from huggingface_hub import load_torch_model
from torch import Tensor, nn

from .faces import PROJECT, load_faces, person_of
from .resnet import ResNet
from .texts import Refused

MODELS = PROJECT / "models"
DEFAULT_MODEL = "resnet18"
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


def list_test_photographs(config: dict) -> list[Path]:
    """The photographs that a recogniser with this config was never trained on."""
    return [PROJECT / config["faces"] / photograph for photograph in config["test_photographs"]]


def load_test_set(recognizer: Recognizer) -> tuple[Tensor, Tensor]:
    """Test faces of `recognizer`, float32 (N, 3, input_size, input_size) in [0, 1], and their class indices, (N,)."""
    photographs = list_test_photographs(recognizer.config)
    labels = torch.tensor([recognizer.labels.index(person_of(photograph)) for photograph in photographs])
    return load_faces(photographs, recognizer.input_size), labels


def available_recognizers(models: Path = MODELS) -> dict[str, dict]:
    """Name and config of every recogniser in the folder `models`, in the order of their names."""
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(models.glob("*/config.json"))}


def load_recognizer(name: str, device: torch.device | str | None = None, models: Path = MODELS) -> Recognizer:
    """The recogniser `name` from the folder `models`, in eval mode, on `device` (CUDA where there is one).

    Raises Refused for a name that `available_recognizers` does not list.
    """
    known = available_recognizers(models)
    if name not in known:
        raise Refused("refused.recogniser", name=repr(name[:40]), known=", ".join(known) or "none (train one)")
    recognizer = Recognizer(name, known[name])
    load_torch_model(recognizer.network, models / name, strict=True)
    recognizer.to(device or DEVICE, memory_format=torch.channels_last)
    return recognizer.eval().requires_grad_(False)
