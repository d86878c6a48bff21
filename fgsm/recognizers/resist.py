"""Adversarial training: what a network is taught of every face, and the guard that watches whether it holds.

TRADES: Zhang et al., "Theoretically Principled Trade-off between Robustness and Accuracy" (ICML 2019).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attacks.bim import REACH, bim
from ..attacks.pgd import pgd

JITTER = 1e-3  # standard deviation of where the inner attack starts: at a face itself the divergence has no slope
GUARD_STEPS = 10
LEAST_LEARNED = 2  # photographs of a person that are not held out
MOST_LOST = (
    0.2  # of the robust accuracy on the faces held out, before training ends: as in Wong, Rice & Kolter, "Fast Is
)
# Better Than Free" (ICLR 2020), who stop where one epoch loses as much


def trades(network: nn.Module, images: Tensor, targets: Tensor, epsilon: float, steps: int, beta: float) -> Tensor:
    """The loss to learn from, of images (N, 3, H, W) in [0, 1] with class indices `targets`, (N,): equation 5.

    Cross-entropy of the images, and `beta` times the divergence between the answers to them and to the images within
    `epsilon` whose answers differ most. Those are found by `steps` steps in evaluation mode (algorithm 1): climbing
    the divergence from fixed answers is climbing the cross-entropy with these as labels.
    """
    network.eval()
    with torch.no_grad():
        answers = network(images).softmax(1)
    start = (images + JITTER * torch.randn_like(images)).clamp(0, 1)
    worst = bim(network, images, answers, epsilon, steps, REACH * epsilon / steps, start=start)
    network.train()
    logits = network(images)
    apart = F.kl_div(network(worst).log_softmax(1), logits.softmax(1), reduction="batchmean")
    return F.cross_entropy(logits, targets) + beta * apart


def held_out(targets: Tensor) -> Tensor:
    """Which training faces the guard keeps, as booleans (N,): the last one of every second person who has enough."""
    kept = torch.zeros(len(targets), dtype=torch.bool)
    for person in targets.unique()[1::2]:
        (theirs,) = torch.where(targets == person)
        if len(theirs) > LEAST_LEARNED:
            kept[theirs[-1]] = True
    return kept


def resistance(network: nn.Module, faces: Tensor, targets: Tensor, epsilon: float) -> tuple[float, float]:
    """The share of `faces`, (N, 3, H, W), still named right after PGD, and their mean cross-entropy after it."""
    network.eval()
    attacked = pgd(network, faces, targets, epsilon, GUARD_STEPS, REACH * epsilon / GUARD_STEPS)
    with torch.no_grad():
        logits = network(attacked)
    right = (logits.argmax(1) == targets).float().mean()
    return right.item(), F.cross_entropy(logits, targets).item()
