"""The Fast Gradient Sign Method: one step of size epsilon along the sign of the loss's gradient.

Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples" (ICLR 2015): x + epsilon * sign(dJ/dx).
"""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from .attack import AlongOneDirection, Attack
from .gradient import in_halves, sign_gradient
from .pixels import perturb


def fgsm(model: nn.Module, images: Tensor, labels: Tensor, epsilon: float, targeted: bool = False) -> Tensor:
    """Adversarial images for `images`: the sign gradient at `images`, followed for `epsilon`."""
    return perturb(images, sign_gradient(model, images, labels, targeted), epsilon)


class FastGradientSignMethod(Attack):
    """One gradient serves every epsilon."""

    one_direction = True

    def moves(
        self, model: nn.Module, images: Tensor, labels: Tensor, positions: Sequence[int], targeted: bool = False
    ) -> AlongOneDirection:
        return AlongOneDirection(images, in_halves(partial(sign_gradient, model, targeted=targeted), images, labels))


FGSM = FastGradientSignMethod(
    name="FGSM",
    title="attack.FGSM",
    method="method.FGSM",
    change="viewer.change_gradient",
    colour="#d55e00",
    gradients_once=1,
    offers="BIM",
)
