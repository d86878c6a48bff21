"""The attacks of an evaluation, from the cheapest to the dearest: ours, and AutoAttack's through its authors' library.

Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks" (ICML
2020); Square: Andriushchenko et al., "Square Attack" (ECCV 2020); FAB: Croce & Hein, "Minimally Distorted Adversarial
Examples with a Fast Adaptive Boundary Attack" (ICML 2020).
"""

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..attacks import Attack
from ..attacks.bim import BIM, REACH
from ..attacks.bim import STEPS as BIM_STEPS
from ..attacks.fgsm import FGSM
from ..attacks.gradient import COST
from ..attacks.pgd import pgd
from ..recognizers.scoring import score
from ..texts import Refused
from .claims import CLEAN
from .effort import Effort

LIBRARY = "pyautoattack"
PGD_STEPS, APGD_STEPS, FAB_STEPS = 50, 100, 100
DLR_LABELS, TARGETED_DLR_LABELS = 3, 4  # that the loss DLR compares, at least


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
    """The attacks on a recogniser of so many labels.

    Raises Refused for one label, which nothing could be mistaken for, and without the library of AutoAttack's authors.
    """
    if labels < 2:
        raise Refused("refused.one_label")
    base, fab, square = (_part(name) for name in ("autopgd_base", "fab_pt", "square"))
    targets = min(effort.targets, labels - 1)
    towards = {"targeted": True, "n_target_classes": targets}
    each, starts = f"towards each of {targets} labels", effort.restarts
    found = [
        Trial(CLEAN, "no change", 1, _unchanged),
        Trial("FGSM", "one step", 1 + COST, partial(_ours, FGSM)),
        Trial("BIM", f"{BIM_STEPS} steps", 1 + COST * BIM_STEPS, partial(_ours, BIM)),
        Trial(
            f"PGD-{PGD_STEPS}",
            f"{PGD_STEPS} steps, {starts} random starts",
            starts * (1 + COST * PGD_STEPS),
            partial(pgd_restarted, restarts=starts, steps=PGD_STEPS),
        ),
        _by_library("APGD-CE", f"{APGD_STEPS} steps", COST * APGD_STEPS, base.APGDAttack, n_iter=APGD_STEPS),
    ]
    if labels >= TARGETED_DLR_LABELS:
        cost, attack = targets * COST * APGD_STEPS, base.APGDAttack_targeted
        settings = {"n_iter": APGD_STEPS, "n_target_classes": targets}
        found.append(_by_library("APGD-T", f"{APGD_STEPS} steps {each}", cost, attack, **settings))
    elif labels >= DLR_LABELS:
        method, cost = f"{APGD_STEPS} steps", COST * APGD_STEPS
        found.append(_by_library("APGD-DLR", method, cost, base.APGDAttack, n_iter=APGD_STEPS, loss="dlr"))
    cost = targets * (1 + COST) * FAB_STEPS
    found.append(_by_library("FAB-T", f"{FAB_STEPS} steps {each}", cost, fab.FABAttack_PT, n_iter=FAB_STEPS, **towards))
    asking = partial(_squares, square.SquareAttack, effort.queries)
    method = f"{effort.queries} queries at most"
    found.append(Trial("Square", method, effort.queries, asking, LIBRARY, black_box=True))
    return found


def _part(name: str) -> Any:
    try:
        return importlib.import_module(f"{LIBRARY}.{name}")
    except ImportError:
        command = 'pip install ".[evaluate]"'
        raise Refused("refused.library", library=LIBRARY, command=command) from None


def _unchanged(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
    return Attempt(images)


def _ours(attack: Attack, model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
    return Attempt(attack.craft(model, images, truth, epsilon, range(len(images))))


def _by_library(name: str, method: str, cost: int, attack: type, **settings: Any) -> Trial:
    """A trial by an attack of the library's, with its own settings."""

    def run(model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int) -> Attempt:
        made = attack(model, norm="Linf", eps=epsilon, seed=seed, device=images.device, verbose=False, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of zero gradients, which `gradient_warnings` looks for
            return Attempt(made.perturb(images, truth).detach())

    return Trial(name, method, cost, run, LIBRARY)


def _squares(
    attack: type, most: int, model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int
) -> Attempt:
    """The library's Square, which counts what it asks; to its `n_queries` comes one about the start."""
    settings = {"n_queries": most - 1, "resc_schedule": False, "device": images.device, "verbose": False}
    made = attack(model, norm="Linf", eps=epsilon, **settings)
    made.init_hyperparam(images)
    torch.manual_seed(seed)
    queries, moved = made.attack_single_run(images, truth)
    return Attempt(moved, int(queries.sum()))


def pgd_restarted(
    model: nn.Module, images: Tensor, truth: Tensor, epsilon: float, seed: int, restarts: int, steps: int
) -> Attempt:
    """PGD from so many random starts, each only for the images that none before has fooled."""
    moved, standing = images.clone(), torch.arange(len(images))
    generator = torch.Generator().manual_seed(seed)
    gains = []
    for _ in range(restarts):
        noise = 2 * torch.rand(images.shape, generator=generator, dtype=torch.float32).to(images) - 1
        faces, theirs, start = images[standing], truth[standing], noise[standing]
        tried = pgd(model, faces, theirs, epsilon, steps, REACH * epsilon / steps, noise=start)
        fooled = (score(model, tried).argmax(1) != theirs).cpu()
        moved[standing[fooled]] = tried[fooled]
        gains.append(int(fooled.sum()))
        standing = standing[~fooled]
        if not len(standing):
            break
    return Attempt(moved, gains=gains + [0] * (restarts - len(gains)))
