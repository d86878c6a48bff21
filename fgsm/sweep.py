"""One sign gradient, many epsilons: the batched forward engine."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .attack import perturb, perturb_8bit


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
    perturbed = perturb_8bit if eight_bit else perturb
    together = max(1, batch_size // len(images))  # epsilons whose images stand in memory at once
    rows = []
    for first in range(0, len(epsilons), together):
        chosen = epsilons[first : first + together]
        batch = torch.cat([perturbed(images, sign, epsilon) for epsilon in chosen])
        rows.append(score(model, batch, dtype, batch_size).unflatten(0, (len(chosen), len(images))))
    return torch.cat(rows)


def score(model: nn.Module, images: Tensor, dtype: torch.dtype = torch.float32, batch_size: int = 64) -> Tensor:
    """Probabilities, float32 of shape (N, C), of `images`, (N, 3, H, W) in [0, 1], in batches of `batch_size`."""
    with torch.inference_mode(), torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32):
        return torch.cat([in_halves(model, part) for part in images.split(batch_size)]).float().softmax(1)


def ranked(probabilities: Tensor, count: int) -> Tensor:
    """The class indices of the `count` largest of each row, (..., C), the largest first, as argmax breaks ties."""
    return probabilities.sort(dim=-1, descending=True, stable=True).indices[..., :count]


def in_halves(function: Callable[..., Tensor], *batches: Tensor) -> Tensor:
    """function(*batches) for a function that treats each row by itself; by halves where CUDA's memory is too small."""
    try:
        return function(*batches)
    except torch.OutOfMemoryError:
        if len(batches[0]) == 1:
            raise
    torch.cuda.empty_cache()  # outside the handler, whose traceback keeps the failed attempt's tensors alive
    halves = zip(*(batch.tensor_split(2) for batch in batches), strict=True)
    return torch.cat([in_halves(function, *half) for half in halves])


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where `device` computes with it faster than with float32, else float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:  # PyTorch says this of a CPU only in these functions
        probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        fast = any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
    return torch.bfloat16 if fast else torch.float32


def distinct_8bit(epsilons: Sequence[float]) -> list[int]:
    """For each of `epsilons`, the position of the first one that gives the same 8-bit image.

    An 8-bit image depends on round(255 * epsilon) alone, save at a half, where it depends on each pixel's parity.
    """
    keys = [2 * 255 * e if (2 * 255 * e) % 2 == 1 else 2 * round(255 * e) for e in epsilons]
    return [keys.index(key) for key in keys]
