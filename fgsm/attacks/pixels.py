"""Moving pixels: along a direction, within [0, 1], as floats or as an 8-bit file holds them.

Images are float32 RGB of shape (N, 3, H, W) in [0, 1]; epsilon is on their scale.
"""

from torch import Tensor


def perturb(images: Tensor, sign: Tensor, epsilon: float | Tensor) -> Tensor:
    """clamp(images + epsilon * sign, 0, 1), as a new tensor. Research scores this image."""
    return (images + epsilon * sign).clamp(0, 1)


def perturb_8bit(images: Tensor, sign: Tensor, epsilon: float) -> Tensor:
    """The perturbed image as an 8-bit file holds it: round(255 * (images + epsilon * sign)) / 255, clamped to [0, 1].

    `images` are 8-bit pictures themselves (values n/255). Ties round to even, as in NumPy; in double precision, so that
    a tie is one. Below epsilon = 0.5/255 this is the original picture.
    """
    levels = (255 * images.double()).round() + 255 * epsilon * sign.double()
    return levels.round().clamp(0, 255).float() / 255


def as_8bit(images: Tensor) -> Tensor:
    """`images` as an 8-bit file holds them."""
    return (255 * images).round() / 255
