"""The basic iterative method: several sign gradients, each followed for a small step.

Kurakin, Goodfellow & Bengio, "Adversarial Examples in the Physical World" (2016), section 2.2.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from .attack import Attack, InSteps
from .gradient import sign_gradient

STEPS = 10
REACH = 2.5  # the steps add up to so many epsilons: room to turn back, as in Madry et al., "Towards Deep Learning
# Models Resistant to Adversarial Attacks" (ICLR 2018), section 5


def bim(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float | Tensor,
    steps: int,
    step_size: float | Tensor,
    targeted: bool = False,
    start: Tensor | None = None,
) -> Tensor:
    """Adversarial images: `steps` sign gradients, each followed for `step_size`.

    After each step the images are put back to within `epsilon` of `images` and into [0, 1]. They start at `images`, or
    at `start`, of the same shape. `epsilon` and `step_size` may be tensors (N, 1, 1, 1), one number for each image.
    """
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    moved = images if start is None else start
    for _ in range(steps):
        moved = (moved + step_size * sign_gradient(model, moved, labels, targeted)).clamp(low, high)
    return moved


class BasicIterativeMethod(Attack):
    """STEPS steps of REACH * epsilon / STEPS."""

    one_direction = False

    def moves(
        self, model: nn.Module, images: Tensor, labels: Tensor, positions: Sequence[int], targeted: bool = False
    ) -> InSteps:
        def walk(images: Tensor, labels: Tensor, each: Tensor) -> Tensor:
            return bim(model, images, labels, each, STEPS, REACH * each / STEPS, targeted)

        return InSteps(walk, images, labels)


BIM = BasicIterativeMethod(
    name="BIM",
    title="attack.BIM",
    method="method.BIM",
    change="viewer.change_steps",
    colour="#009e73",
    dash=(2, 4),
    gradients_per_epsilon=STEPS,
)
