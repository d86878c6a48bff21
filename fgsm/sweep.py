"""One sign gradient, many epsilons: the batched forward engine."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .attack import perturb, perturb_8bit


def sweep(
    model: nn.Module,
    images: Tensor,
    sign: Tensor,
    epsilons: Sequence[float],
    eight_bit: bool = False,
    batch_size: int = 64,
) -> Tensor:
    """Probabilities, shape (E, N, C), of `images` perturbed along `sign` at each of E epsilons.

    Scores the float images or, with `eight_bit`, the images as an 8-bit file holds them.
    """
    perturbed = perturb_8bit if eight_bit else perturb
    together = max(1, batch_size // len(images))  # epsilons that go through the network in one batch
    rows = []
    with torch.inference_mode():
        for first in range(0, len(epsilons), together):
            chosen = epsilons[first : first + together]
            batch = torch.cat([perturbed(images, sign, epsilon) for epsilon in chosen])
            logits = torch.cat([model(part) for part in batch.split(batch_size)])
            rows.append(logits.softmax(1).unflatten(0, (len(chosen), len(images))))
    return torch.cat(rows)


def distinct_8bit(epsilons: Sequence[float]) -> list[int]:
    """For each of `epsilons`, the position of the first one that gives the same 8-bit image.

    An 8-bit image depends on round(255 * epsilon) alone, save at a half, where it depends on each pixel's parity.
    """
    keys = [2 * 255 * e if (2 * 255 * e) % 2 == 1 else 2 * round(255 * e) for e in epsilons]
    return [keys.index(key) for key in keys]
