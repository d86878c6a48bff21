"""The networks that recognisers are made of, by what their config says."""

import functools

import torch
from torch import nn

from .config import DLIB, Config
from .enrolled import Enrolled
from .resnet import ResNet
from .weights import shapes_of


def build_network(config: Config) -> nn.Module:
    """An untrained network of this config: normalised images (N, 3, H, W) to logits (N, len(config.labels))."""
    classes = len(config.labels)
    if config.architecture == DLIB:
        return Enrolled(config.enrolled, config.threshold or 0.0)
    if config.architecture == "resnet":
        return ResNet(classes)
    import torchvision  # takes more than a second, which the page's start need not wait for

    settings = {"zero_init_residual": True} if config.architecture == "resnet101" else {}
    network: nn.Module = torchvision.models.get_model(
        config.architecture, weights=None, num_classes=classes, **settings
    )
    return network


@functools.lru_cache(16)
def shapes_in(config: Config) -> dict[str, torch.Size]:
    """The shape of every weight and statistic of such a network, by name."""
    with torch.device("meta"):  # nothing but shapes is made
        return shapes_of(build_network(config))


@functools.lru_cache(16)
def parameters_in(config: Config) -> int:
    """How many weights such a network has that are learned; none of them is made."""
    with torch.device("meta"):
        return sum(weights.numel() for weights in build_network(config).parameters())
