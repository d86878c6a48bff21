"""What an attack is: its traits, which tell everybody how to show and measure it, and how it moves images."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from .gradient import in_halves
from .pixels import as_8bit, perturb, perturb_8bit

SEED = 0


@dataclass(frozen=True)
class Aim:
    """What an attack is to do: get away from the class index `attacked` or, with a `target`, reach that."""

    attacked: int
    target: int | None = None

    @property
    def label(self) -> int:
        """The class index whose loss the attack climbs or, targeted, descends."""
        return self.attacked if self.target is None else self.target

    def reached(self, predicted: Tensor) -> Tensor:
        """Where among `predicted` class indices the aim is reached."""
        return predicted != self.attacked if self.target is None else predicted == self.target


class Moves(ABC):
    """How one attack moves a batch of images, (N, 3, H, W): what they are at any epsilon.

    `sign`, of their shape, is the one direction that serves every epsilon; None where there is none.
    """

    sign: Tensor | None = None

    @abstractmethod
    def at(self, epsilons: Sequence[float]) -> Tensor:
        """The adversarial images, (E, N, 3, H, W), at each of E epsilons."""

    @abstractmethod
    def each_at(self, epsilons: Tensor, rows: Tensor) -> Tensor:
        """The adversarial images, (M, 3, H, W), of the images at `rows`, (M,), each at its own of `epsilons`, (M,)."""

    def both_at(self, epsilons: Sequence[float]) -> tuple[Tensor, Tensor]:
        """What `at` returns, and the same as 8-bit files hold it."""
        moved = self.at(epsilons)
        return moved, as_8bit(moved)


class AlongOneDirection(Moves):
    """Every epsilon follows the same `sign`."""

    def __init__(self, images: Tensor, sign: Tensor) -> None:
        self.images = images
        self.sign: Tensor = sign

    def at(self, epsilons: Sequence[float]) -> Tensor:
        return torch.stack([perturb(self.images, self.sign, epsilon) for epsilon in epsilons])

    def each_at(self, epsilons: Tensor, rows: Tensor) -> Tensor:
        return perturb(self.images[rows], self.sign[rows], epsilons.view(-1, 1, 1, 1).to(self.images))

    def both_at(self, epsilons: Sequence[float]) -> tuple[Tensor, Tensor]:
        files = [perturb_8bit(self.images, self.sign, epsilon) for epsilon in epsilons]
        return self.at(epsilons), torch.stack(files)


class InSteps(Moves):
    """Every epsilon is a walk of its own: `walk` takes images, labels, an epsilon for each and, maybe, `more` rows."""

    def __init__(self, walk: Callable[..., Tensor], images: Tensor, labels: Tensor, *more: Tensor) -> None:
        self.walk = walk
        self.rows = (images, labels, *more)

    def at(self, epsilons: Sequence[float]) -> Tensor:
        images = self.rows[0]
        moved = images.repeat(len(epsilons), 1, 1, 1, 1)
        above = [at for at, epsilon in enumerate(epsilons) if epsilon > 0]
        if above:
            each = torch.tensor([epsilons[at] for at in above], dtype=images.dtype).repeat_interleave(len(images))
            rows = torch.arange(len(images)).repeat(len(above))
            moved[above] = self.each_at(each, rows).unflatten(0, (len(above), len(images)))
        return moved

    def each_at(self, epsilons: Tensor, rows: Tensor) -> Tensor:
        images, labels, *more = (part[rows] for part in self.rows)
        each = epsilons.view(-1, 1, 1, 1).to(images)
        return in_halves(self.walk, images, labels, each, *more)


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """One way to move images, and what is to be known of it.

    `name` stands in links, tables and files; `title`, `method` and `change` are keys of texts: its name in a sentence,
    in a list to choose from, and for what it adds to a picture. `colour` and `dash` (lengths of line and gap in pixels)
    draw its curves. `axis` is the key of a text for what its curves stand over. `gradients_once` and
    `gradients_per_epsilon` count what it asks of a network for one image. A `control` asks nothing: it is there to
    compare with. `may_aim` says whether it can be aimed at a label; `in_region`, whether it keeps to a part of the
    picture. `offers` names the attack to try where this one never reaches its target.
    """

    name: str
    title: str
    method: str
    change: str
    colour: str
    dash: tuple[int, ...] = ()
    axis: str = "chart.epsilon"
    gradients_once: int = 0
    gradients_per_epsilon: int = 0
    control: bool = False
    may_aim: bool = True
    in_region: bool = False
    offers: str | None = None

    one_direction: ClassVar[bool]

    @abstractmethod
    def moves(
        self, model: nn.Module, images: Tensor, labels: Tensor, positions: Sequence[int], targeted: bool = False
    ) -> Moves:
        """How it moves `images`, float32 (N, 3, H, W) in [0, 1], that stand at `positions` in their test set.

        `labels`, int64 (N,), are those to get away from or, `targeted`, to reach. What is random is drawn for each
        image from its own position.
        """

    def craft(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        epsilon: float,
        positions: Sequence[int],
        targeted: bool = False,
    ) -> Tensor:
        """The adversarial images, (N, 3, H, W), at one epsilon; arguments as in `moves`."""
        return self.moves(model, images, labels, positions, targeted).at([epsilon])[0]

    def gradients(self, epsilons: int) -> int:
        """How many gradients it takes for one image at so many epsilons other than 0."""
        return self.gradients_once + self.gradients_per_epsilon * epsilons


def aimed(attack: Attack, model: nn.Module, image: Tensor, aim: Aim) -> Moves:
    """How `attack` moves one image, (1, 3, H, W), as `aim` says."""
    labels = torch.tensor([aim.label], device=image.device)
    return attack.moves(model, image, labels, [0], aim.target is not None)


def drawn(draw: Callable[[torch.Generator], Tensor], positions: Iterable[int], device: torch.device) -> Tensor:
    """What `draw` makes with a generator of its own for each of `positions`, one above the other."""
    return torch.stack([draw(torch.Generator().manual_seed(SEED + position)) for position in positions]).to(device)
