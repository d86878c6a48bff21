"""Probabilities: images through a network in batches, the likeliest labels, and the number format that is fast."""

import torch
from torch import Tensor, nn

from ..attacks.gradient import in_halves


def score(model: nn.Module, images: Tensor, dtype: torch.dtype = torch.float32, batch_size: int = 64) -> Tensor:
    """Probabilities, float32 of shape (N, C), of `images`, (N, 3, H, W) in [0, 1], in batches of `batch_size`."""
    with torch.inference_mode(), torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32):
        return torch.cat([in_halves(model, part) for part in images.split(batch_size)]).float().softmax(1)


def ranked(probabilities: Tensor, count: int) -> Tensor:
    """The class indices of the `count` largest of each row, (..., C), the largest first, as argmax breaks ties."""
    return probabilities.sort(dim=-1, descending=True, stable=True).indices[..., :count]


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where `device` computes with it faster than with float32, else float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:  # PyTorch says this of a CPU only in these functions
        probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        fast = any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
    return torch.bfloat16 if fast else torch.float32
