"""A face recogniser: a network with its normalisation, its labels and its input size, and how one is loaded."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..places import MODELS
from ..texts import Refused
from .config import Config
from .networks import build_network
from .survey import Checkpoint, Survey, survey_of, unreadable
from .weights import read_pth, read_safetensors

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Recognizer(nn.Module):
    """Maps pixels, float32 (N, 3, input_size, input_size) in [0, 1], to logits (N, len(labels)).

    Normalisation is the first layer, so that an attack on the recogniser works on pixels, whatever mean and standard
    deviation the network was trained with. `version` tells it from others that have had its name. `network` is built
    as `config` says unless it is given.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, config: Config, version: str = "", network: nn.Module | None = None) -> None:
        super().__init__()
        self.name = name
        self.config = config
        self.version = version
        self.labels = config.labels
        self.input_size = config.input_size
        for statistic in ("mean", "std"):
            values = torch.tensor(getattr(config, statistic), dtype=torch.float32).view(3, 1, 1)
            self.register_buffer(statistic, values, persistent=False)
        self.network = network or build_network(config).float()

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def normalised(self, images: Tensor) -> Tensor:
        """`images` as the network takes them."""
        return ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self.normalised(images))
        return logits


def load_recognizer(name: str, device: torch.device | str | None = None, models: Path = MODELS) -> Recognizer:
    """The recogniser `name` from the folder `models`, in eval mode, on `device` (CUDA where there is one).

    Raises Refused for a name that `available_recognizers` does not list, with the reason where there is one.
    """
    survey = survey_of(models)
    return load(survey.look().named(name), survey, device)


def load(checkpoint: Checkpoint, survey: Survey, device: torch.device | str | None = None) -> Recognizer:
    """The recogniser of a checkpoint that `survey` has found, as `load_recognizer` returns it.

    Raises Refused where it cannot be used after all, and tells `survey`.
    """
    try:
        state = (read_safetensors if checkpoint.path.is_dir() else read_pth)(checkpoint.path)
    except OSError as error:
        raise unreadable(checkpoint.path, error) from None
    except Refused as error:
        survey.spoil(checkpoint, error)
        raise
    device = torch.device(device or DEVICE)
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # float32 means float32: a sign must not turn with the device
    with torch.inference_mode(False):  # else no gradient could be taken later
        recognizer = Recognizer(checkpoint.name, checkpoint.config, checkpoint.version)
        try:
            recognizer.network.load_state_dict(state)
        except RuntimeError:  # the files are others than they were a moment ago
            raise Refused("refused.foreign", file=checkpoint.name) from None
        recognizer.to(device).to(memory_format=torch.channels_last)
        recognizer.eval().requires_grad_(False)
        shape = (1, 3, recognizer.input_size, recognizer.input_size)
        grey = torch.full(shape, 0.5, dtype=torch.float32, device=recognizer.device)
        if not recognizer(grey).isfinite().all():
            reason = Refused("refused.not_finite", file=checkpoint.name)
            survey.spoil(checkpoint, reason)
            raise reason
        return recognizer
