"""One sign gradient, many epsilons: the batched forward engine."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..attacks.attack import AlongOneDirection
from ..recognizers.scoring import score


def sweep(
    model: nn.Module,
    images: Tensor,
    sign: Tensor,
    epsilons: Sequence[float],
    eight_bit: bool = False,
    dtype: torch.dtype = torch.float32,
    batch_size: int = 64,
) -> Tensor:
    """Probabilities, shape (E, N, C), of `images` perturbed along `sign` at each of E epsilons.

    Scores the float images or, with `eight_bit`, the images as an 8-bit file holds them. With `dtype` bfloat16 the
    network runs under autocast.
    """
    moves = AlongOneDirection(images, sign)
    together = max(1, batch_size // len(images))  # epsilons whose images stand in memory at once
    parts = [epsilons[first : first + together] for first in range(0, len(epsilons), together)]
    moved = (moves.both_at(part)[1] if eight_bit else moves.at(part) for part in parts)
    return torch.cat([scores_of(model, images, dtype, batch_size) for images in moved])


def scores_of(model: nn.Module, moved: Tensor, dtype: torch.dtype = torch.float32, batch_size: int = 64) -> Tensor:
    """Probabilities, (E, N, C), of images (E, N, 3, H, W)."""
    scores = score(model, moved.flatten(0, 1), dtype, batch_size)
    return scores.view(*moved.shape[:2], -1)


def distinct_8bit(epsilons: Sequence[float]) -> list[int]:
    """For each of `epsilons`, the position of the first one that gives the same 8-bit image.

    An 8-bit image depends on round(255 * epsilon) alone, save at a half, where it depends on each pixel's parity.
    """
    keys = [2 * 255 * e if (2 * 255 * e) % 2 == 1 else 2 * round(255 * e) for e in epsilons]
    return [keys.index(key) for key in keys]
