"""The Fast Gradient Sign Method, and the methods that take several of its steps.

FGSM: Goodfellow, Shlens & Szegedy, "Explaining and Harnessing Adversarial Examples" (ICLR 2015): one step of size
epsilon along the sign of the loss's gradient, x + epsilon * sign(dJ(x, y)/dx). Targeted, the step descends the loss
towards a chosen label instead, as in Kurakin, Goodfellow & Bengio, "Adversarial Machine Learning at Scale" (ICLR 2017).
BIM: the same authors, "Adversarial Examples in the Physical World" (2016). PGD: Madry et al., "Towards Deep Learning
Models Resistant to Adversarial Attacks" (ICLR 2018).

Images are float32 RGB of shape (N, 3, H, W) in [0, 1], labels int64 of shape (N,), epsilon is on the images' scale.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call


def sign_gradient(model: nn.Module, images: Tensor, labels: Tensor, targeted: bool = False) -> Tensor:
    """Direction in which every value of `images` moves: the sign of d(cross-entropy)/d(images), in {-1, 0, 1}.

    With `targeted`, `labels` are the labels to reach and the direction is the opposite one. The loss is summed over
    the batch, so an image's sign does not depend on its company. Computed in float32 whatever the caller's modes are:
    autocast, no_grad, inference_mode. `model` is used in the mode it is in, and its weights get no gradients.
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


def perturb(images: Tensor, sign: Tensor, epsilon: float | Tensor) -> Tensor:
    """clamp(images + epsilon * sign, 0, 1), as a new tensor. Research scores this image."""
    return (images + epsilon * sign).clamp(0, 1)


def perturb_8bit(images: Tensor, sign: Tensor, epsilon: float) -> Tensor:
    """The perturbed image as an 8-bit file holds it: round(255 * (images + epsilon * sign)) / 255, clamped to [0, 1].

    `images` are 8-bit pictures themselves (values n/255, as `faces.prepare` makes them). Ties round to even, as in
    NumPy. Below epsilon = 0.5/255 this is the original picture.
    """
    levels = (255 * images.double()).round() + 255 * epsilon * sign.double()
    return levels.round().clamp(0, 255).float() / 255


def fgsm(model: nn.Module, images: Tensor, labels: Tensor, epsilon: float, targeted: bool = False) -> Tensor:
    """Adversarial images for `images`: the sign gradient at `images`, followed for `epsilon`."""
    return perturb(images, sign_gradient(model, images, labels, targeted), epsilon)


def as_8bit(images: Tensor) -> Tensor:
    """`images`, in [0, 1], as an 8-bit file holds them."""
    return (255 * images).round() / 255


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
    """Adversarial images by the basic iterative method: `steps` sign gradients, each followed for `step_size`.

    After each step the images are put back to within `epsilon` of `images` and into [0, 1]. They start at `images`, or
    at `start`, of the same shape. `epsilon` and `step_size` may be tensors (N, 1, 1, 1), one number for each image.
    """
    low, high = (images - epsilon).clamp(min=0), (images + epsilon).clamp(max=1)
    moved = images if start is None else start
    for _ in range(steps):
        moved = (moved + step_size * sign_gradient(model, moved, labels, targeted)).clamp(low, high)
    return moved


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
    """Adversarial images by projected gradient descent: `bim` from a random start within epsilon of `images`.

    The start is images + epsilon * noise; `noise`, in [-1, 1] and of the shape of `images`, is drawn uniformly where it
    is not given. With one step of 1.25 epsilon this is the fast method of Wong, Rice & Kolter, "Fast Is Better Than
    Free" (ICLR 2020).
    """
    if noise is None:
        noise = 2 * torch.rand(images.shape, dtype=torch.float32).to(images) - 1
    return bim(model, images, labels, epsilon, steps, step_size, targeted, perturb(images, noise, epsilon))
