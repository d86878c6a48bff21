"""The control: every value moves by epsilon, up or down as a coin says: FGSM's amount of change, not its direction."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from .attack import AlongOneDirection, Attack, drawn


def random_signs(images: Tensor, positions: Iterable[int]) -> Tensor:
    """-1 or 1 for every value of `images`, (N, 3, H, W), drawn for each from its own position in the test set."""
    shape = images.shape[1:]
    coins = drawn(lambda generator: torch.randint(0, 2, shape, generator=generator), positions, images.device)
    return coins.float() * 2 - 1


class RandomSigns(Attack):
    """No gradient at all."""

    one_direction = True

    def moves(
        self, model: nn.Module, images: Tensor, labels: Tensor, positions: Sequence[int], targeted: bool = False
    ) -> AlongOneDirection:
        return AlongOneDirection(images, random_signs(images, positions))


RANDOM_SIGNS = RandomSigns(
    name="random signs",
    title="attack.random signs",
    method="attack.random signs",
    change="viewer.change_random",
    colour="#0072b2",
    dash=(6, 5),
    control=True,
    may_aim=False,
)
