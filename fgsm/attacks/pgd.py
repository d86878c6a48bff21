"""Projected gradient descent: the basic iterative method from a random start.

Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks" (ICLR 2018).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .attack import Attack, InSteps, drawn
from .bim import REACH, STEPS, bim
from .pixels import perturb


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float | Tensor,
    steps: int,
    step_size: float | Tensor,
    targeted: bool = False,
    noise: Tensor | None = None,
) -> Tensor:
    """Adversarial images: `bim` from a random start within epsilon of `images`.

    The start is images + epsilon * noise; `noise`, in [-1, 1] and of the shape of `images`, is drawn uniformly where it
    is not given. With one step of 1.25 epsilon this is the fast method of Wong, Rice & Kolter, "Fast Is Better Than
    Free" (ICLR 2020).
    """
    if noise is None:
        noise = 2 * torch.rand(images.shape, dtype=torch.float32).to(images) - 1
    return bim(model, images, labels, epsilon, steps, step_size, targeted, perturb(images, noise, epsilon))


class ProjectedGradientDescent(Attack):
    """As many steps as BIM; each image starts at the same place, on its own scale, for every epsilon."""

    one_direction = False

    def moves(
        self, model: nn.Module, images: Tensor, labels: Tensor, positions: Sequence[int], targeted: bool = False
    ) -> InSteps:
        shape = images.shape[1:]

        def draw(generator: torch.Generator) -> Tensor:
            return 2 * torch.rand(shape, generator=generator, dtype=torch.float32) - 1  # whatever the default is

        def walk(images: Tensor, labels: Tensor, each: Tensor, noise: Tensor) -> Tensor:
            return pgd(model, images, labels, each, STEPS, REACH * each / STEPS, targeted, noise)

        return InSteps(walk, images, labels, drawn(draw, positions, images.device))


PGD = ProjectedGradientDescent(
    name="PGD",
    title="attack.PGD",
    method="method.PGD",
    change="viewer.change_steps",
    colour="#cc79a7",
    dash=(10, 4, 2, 4),
    gradients_per_epsilon=STEPS,
)
