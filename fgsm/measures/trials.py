"""The attacks of an evaluation, from the cheapest to the dearest: ours, and AutoAttack's through its authors' library.

Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks" (ICML
2020); Square: Andriushchenko et al., "Square Attack" (ECCV 2020); FAB: Croce & Hein, "Minimally Distorted Adversarial
Examples with a Fast Adaptive Boundary Attack" (ICML 2020).
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..attacks.bim import BIM, REACH
from ..attacks.bim import STEPS as BIM_STEPS
from ..attacks.fgsm import FGSM
from ..attacks.pgd import pgd
from ..recognizers.scoring import score
from ..texts import Refused
from .claims import CLEAN

LIBRARY = "pyautoattack"
PGD_STEPS, APGD_STEPS, FAB_STEPS = 50, 100, 100
GRADIENT = 3  # forward passes that a gradient costs
FEWEST_LABELS = 4  # that the targeted DLR loss compares
MOST_TARGETS = 9


@dataclass(frozen=True)
class Effort:
    """How hard an evaluation tries: PGD's restarts, Square's queries for one face, the targets of APGD-T and FAB-T.

    Queries and targets are those of AutoAttack's standard version.
    """

    restarts: int = 10
    queries: int = 5000
    targets: int = MOST_TARGETS


@dataclass(frozen=True)
class Attempt:
    """What one trial makes of a batch: adversarial images, (N, 3, H, W), and what it counted on the way.

    `queries` are forward passes that an attack without gradients asked for; `gains` are the faces that each restart was
    the first to fool.
    """

    images: Tensor
    queries: int = 0
    gains: Sequence[int] = ()


@dataclass(frozen=True)
class Trial:
    """One attack of an evaluation.

    `run` takes a model, images, (N, 3, H, W) in [0, 1], their true labels, (N,), an epsilon, and a seed. `method` says
    in words what it does, `cost` is about how many forward passes it takes for a face. `black_box` ones see answers
    alone, no gradient.
    """

    name: str
    method: str
    cost: int
    run: Callable[[nn.Module, Tensor, Tensor, float, int], Attempt] = field(repr=False)
    source: str = "fgsm"
    black_box: bool = False


def trials(effort: Effort, labels: int) -> list[Trial]:
    """The attacks on a recogniser of so many labels. Raises Refused without the library of AutoAttack's authors."""
    parts = {name: _part(name) for name in ("autopgd_base", "fab_pt", "square")}
    apgd, apgd_targeted = parts["autopgd_base"].APGDAttack, parts["autopgd_base"].APGDAttack_targeted
    fab, square = parts["fab_pt"].FABAttack_PT, parts["square"].SquareAttack
    targets = min(effort.targets, labels - 1)
    by_theirs: dict[str, Any] = {"norm": "Linf", "verbose": False}

    def unchanged(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
        return Attempt(images)

    def fgsm(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
        return Attempt(FGSM.craft(model, images, truth, epsilon, range(len(images))))

    def bim(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
        return Attempt(BIM.craft(model, images, truth, epsilon, range(len(images))))

    def restarted(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
        return pgd_restarted(model, images, truth, epsilon, seed, effort.restarts, PGD_STEPS)

    def theirs(attack: type, **settings: Any) -> Callable[[nn.Module, Tensor, Tensor, float, int], Attempt]:
        def run(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
            made = attack(model, eps=epsilon, seed=seed, device=images.device, **by_theirs, **settings)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of zero gradients, which `gradient_warnings` looks for
                return Attempt(made.perturb(images, truth).detach())

        return run

    def squares(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
        made = square(model, eps=epsilon, n_queries=effort.queries - 1, device=images.device, **by_theirs)
        made.init_hyperparam(images)  # whose first answer is a query, too
        torch.manual_seed(seed)
        queries, moved = made.attack_single_run(images, truth)
        return Attempt(moved, int(queries.sum()))

    found = [
        Trial(CLEAN, "no change", 1, unchanged),
        Trial("FGSM", "one step", 1 + GRADIENT, fgsm),
        Trial("BIM", f"{BIM_STEPS} steps", 1 + GRADIENT * BIM_STEPS, bim),
        Trial(
            f"PGD-{PGD_STEPS}",
            f"{PGD_STEPS} steps, {effort.restarts} random starts",
            effort.restarts * (1 + GRADIENT * PGD_STEPS),
            restarted,
        ),
        Trial("APGD-CE", f"{APGD_STEPS} steps", GRADIENT * APGD_STEPS, theirs(apgd, n_iter=APGD_STEPS), LIBRARY),
    ]
    if labels >= FEWEST_LABELS:
        method = f"{APGD_STEPS} steps towards each of {targets} labels"
        run = theirs(apgd_targeted, n_iter=APGD_STEPS, n_target_classes=targets)
        found.append(Trial("APGD-T", method, targets * GRADIENT * APGD_STEPS, run, LIBRARY))
    method = f"{FAB_STEPS} steps towards each of {targets} labels"
    run = theirs(fab, n_iter=FAB_STEPS, targeted=True, n_target_classes=targets)
    found.append(Trial("FAB-T", method, targets * (1 + GRADIENT) * FAB_STEPS, run, LIBRARY))
    method = f"{effort.queries} queries at most"
    found.append(Trial("Square", method, effort.queries, squares, LIBRARY, black_box=True))
    return found


def _part(name: str) -> Any:
    try:
        return importlib.import_module(f"{LIBRARY}.{name}")
    except ImportError:
        raise Refused("refused.library", library=LIBRARY, command="pip install .[evaluate]") from None


def pgd_restarted(
    model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int, restarts: int, steps: int
) -> Attempt:
    """PGD from so many random starts, each only for the images that none before has fooled."""
    moved, standing = images.clone(), torch.arange(len(images))
    generator = torch.Generator().manual_seed(seed)
    gains = []
    for _ in range(restarts):
        noise = 2 * torch.rand(images.shape, generator=generator, dtype=torch.float32).to(images) - 1
        tried = pgd(
            model, images[standing], truth[standing], epsilon, steps, REACH * epsilon / steps, noise=noise[standing]
        )
        fooled = (score(model, tried).argmax(1) != truth[standing]).cpu()
        moved[standing[fooled]] = tried[fooled]
        gains.append(int(fooled.sum()))
        standing = standing[~fooled]
        if not len(standing):
            break
    return Attempt(moved, gains=gains + [0] * (restarts - len(gains)))
