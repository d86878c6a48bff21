"""The networks that recognisers are made of, by the name of their architecture."""

import functools

import torch
from torch import nn

from .resnet import ResNet
from .weights import shapes_of


def build_network(architecture: str, classes: int) -> nn.Module:
    """An untrained network, normalised images (N, 3, H, W) to logits (N, classes); one of config.ARCHITECTURES."""
    if architecture == "resnet":
        return ResNet(classes)
    import torchvision  # takes more than a second, which the page's start need not wait for

    settings = {"zero_init_residual": True} if architecture == "resnet101" else {}
    network: nn.Module = torchvision.models.get_model(architecture, weights=None, num_classes=classes, **settings)
    return network


@functools.lru_cache(16)
def shapes_in(architecture: str, classes: int) -> dict[str, torch.Size]:
    """The shape of every weight and statistic of such a network, by name."""
    with torch.device("meta"):  # nothing but shapes is made
        return shapes_of(build_network(architecture, classes))


@functools.lru_cache(16)
def parameters_in(architecture: str, classes: int) -> int:
    """How many weights such a network has that are learned; none of them is made."""
    with torch.device("meta"):
        return sum(weights.numel() for weights in build_network(architecture, classes).parameters())
