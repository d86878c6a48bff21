"""The sign of the loss's gradient: the direction that every attack by gradient follows.

Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples" (ICLR 2015), section 4. Targeted, the
direction descends the loss towards a chosen label instead: Kurakin, Goodfellow & Bengio, "Adversarial Machine Learning
at Scale" (ICLR 2017), section 2.2.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

COST = 3  # forward passes that a gradient takes, about


def sign_gradient(model: nn.Module, images: Tensor, labels: Tensor, targeted: bool = False) -> Tensor:
    """Direction in which every value of `images` moves: the sign of d(cross-entropy)/d(images), in {-1, 0, 1}.

    `images` are float32 RGB of shape (N, 3, H, W) in [0, 1], `labels` int64 of shape (N,), or probabilities of shape
    (N, C). With `targeted`, `labels` are the labels to reach and the direction is the opposite one. The loss is summed
    over the batch, so an image's sign does not depend on its company. Computed in float32 whatever the caller's modes
    are: autocast, no_grad, inference_mode. `model` is used in the mode it is in, and its weights get no gradients.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        images = images.detach().clone().requires_grad_()
        # Copies, because PyTorch remembers nothing made in inference mode for a gradient.
        copies = _made_in_inference_mode(model)
        logits = functional_call(model, copies, (images,)) if copies else model(images)
        loss = F.cross_entropy(logits, labels.clone(), reduction="sum")
        (gradient,) = torch.autograd.grad(-loss if targeted else loss, images)
    return gradient.sign()


def _made_in_inference_mode(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the weights and buffers of `model` that were made in inference mode, by name."""
    values = [*model.named_parameters(), *model.named_buffers()]
    return {name: value.clone() for name, value in values if value.is_inference()}


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
