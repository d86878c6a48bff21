"""The attacks that can be chosen, by name, with settings that need no thought: what each makes of a batch of faces.

One step, FGSM and the control of random signs: one direction serves every epsilon. Several steps, BIM and PGD: every
epsilon needs gradients of its own. What is random depends on a face's position in its test set alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from .attack import as_8bit, bim, perturb, perturb_8bit, pgd, sign_gradient
from .sweep import in_halves

FGSM = "FGSM"
CONTROL = "random signs"
BIM = "BIM"
PGD = "PGD"
ATTACKS = (FGSM, CONTROL, BIM, PGD)
SEVERAL_STEPS = (BIM, PGD)
STEPS = 10
REACH = 2.5  # the steps add up to so many epsilons: room to turn back, as in Madry et al., "Towards Deep Learning
# Models Resistant to Adversarial Attacks" (ICLR 2018), section 5
SEED = 0


def signs(
    attack: str, model: nn.Module, images: Tensor, labels: Tensor, positions: Iterable[int], targeted: bool = False
) -> Tensor:
    """Where FGSM or CONTROL moves the `images`, (N, 3, H, W), which stand at `positions` in the test set.

    `labels`, (N,), are those to get away from or, `targeted`, to reach.
    """
    if attack == CONTROL:
        return random_signs(images, positions)
    return in_halves(partial(sign_gradient, model, targeted=targeted), images, labels)


def random_signs(images: Tensor, positions: Iterable[int]) -> Tensor:
    """-1 or 1 for every value of `images`, drawn for each from its own position in the test set."""
    drawn = [torch.randint(0, 2, images.shape[1:], generator=_generator(at)).float() * 2 - 1 for at in positions]
    return torch.stack(drawn).to(images.device)


def iterate(
    attack: str,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float | Tensor,
    positions: Iterable[int],
    targeted: bool = False,
) -> Tensor:
    """Adversarial images by BIM or PGD, in STEPS steps of REACH * epsilon / STEPS; arguments as in `signs`.

    `epsilon` may be a tensor (N, 1, 1, 1), one for each image.
    """
    each = torch.as_tensor(epsilon, dtype=images.dtype, device=images.device).expand(len(images), 1, 1, 1)

    def several(images: Tensor, labels: Tensor, each: Tensor, *noise: Tensor) -> Tensor:
        settings = (images, labels, each, STEPS, REACH * each / STEPS, targeted)
        return pgd(model, *settings, *noise) if attack == PGD else bim(model, *settings)

    noise = []
    if attack == PGD:
        settings = {"dtype": torch.float32}  # whatever the caller's default is
        drawn = [2 * torch.rand(images.shape[1:], generator=_generator(at), **settings) - 1 for at in positions]
        noise = [torch.stack(drawn).to(images.device)]
    return in_halves(several, images, labels, each, *noise)


def craft(
    attack: str,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    positions: Iterable[int],
    targeted: bool = False,
) -> Tensor:
    """Adversarial images by any attack of ATTACKS; arguments as in `signs`."""
    if attack in SEVERAL_STEPS:
        return iterate(attack, model, images, labels, epsilon, positions, targeted)
    return perturb(images, signs(attack, model, images, labels, positions, targeted), epsilon)


@dataclass(frozen=True)
class Aim:
    """What an attack on a face is to do: get away from the class index `attacked` or, with a `target`, reach that."""

    attack: str
    attacked: int
    target: int | None = None

    @property
    def label(self) -> int:
        """The class index whose loss the attack climbs or, targeted, descends."""
        return self.attacked if self.target is None else self.target

    def reached(self, predicted: Tensor) -> Tensor:
        """Where among `predicted` class indices the aim is reached."""
        return predicted != self.attacked if self.target is None else predicted == self.target


def sign_of(model: nn.Module, image: Tensor, aim: Aim) -> Tensor:
    """Where an attack in one step moves `image`, (1, 3, H, W)."""
    labels = torch.tensor([aim.label], device=image.device)
    return signs(aim.attack, model, image, labels, [0], aim.target is not None)


def moved_in_steps(model: nn.Module, image: Tensor, epsilons: Sequence[float], aim: Aim) -> Tensor:
    """The adversarial images, (E, 3, H, W), that an attack in several steps makes of `image` at each of `epsilons`."""
    moved = image.repeat(len(epsilons), 1, 1, 1)
    positive = [at for at, epsilon in enumerate(epsilons) if epsilon > 0]
    if positive:
        each = torch.tensor([epsilons[at] for at in positive], dtype=image.dtype).view(-1, 1, 1, 1)
        labels = torch.full((len(positive),), aim.label, device=image.device)
        from_same_start = [0] * len(positive)
        settings = (moved[positive], labels, each, from_same_start, aim.target is not None)
        moved[positive] = iterate(aim.attack, model, *settings)
    return moved


def adversarial(model: nn.Module, image: Tensor, epsilon: float, aim: Aim) -> tuple[Tensor, Tensor]:
    """What an attack makes of one image, (1, 3, H, W), at `epsilon`: a float and an 8-bit image of that shape."""
    if aim.attack in SEVERAL_STEPS:
        moved = moved_in_steps(model, image, [epsilon], aim)
        return moved, as_8bit(moved)
    sign = sign_of(model, image, aim)
    return perturb(image, sign, epsilon), perturb_8bit(image, sign, epsilon)


def gradients(attack: str, epsilons: int) -> int:
    """How many gradients `attack` needs for one face at so many epsilons other than 0."""
    return {FGSM: 1, CONTROL: 0}.get(attack, STEPS * epsilons)


def _generator(position: int) -> torch.Generator:
    return torch.Generator().manual_seed(SEED + position)
