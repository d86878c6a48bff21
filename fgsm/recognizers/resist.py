"""Adversarial training: what a network is taught of every face, and the guard that watches whether it holds.

TRADES: Zhang et al., "Theoretically Principled Trade-off between Robustness and Accuracy" (ICML 2019). The guard:
Wong, Rice & Kolter, "Fast Is Better Than Free: Revisiting Adversarial Training" (ICLR 2020).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ..attacks.bim import REACH, bim
from ..attacks.pgd import pgd

JITTER = 1e-3  # standard deviation of where the inner attack starts: at a face itself the divergence has no slope
GUARD_STEPS = 10
TOGETHER = 40  # faces in a batch
LEAST_LEARNED = 2  # photographs of a person that are not held out
HELD_EVERY = 4  # person of whom a photograph is held out: each one costs the network a fifth of what it sees of them
MOST_LOST = 0.3  # of the faces held out, before training ends; Wong et al. end at 0.2, of a larger batch


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
    """Which training faces the guard keeps, as booleans (N,): the last one of every fourth person with enough."""
    kept = torch.zeros(len(targets), dtype=torch.bool)
    for person in targets.unique()[HELD_EVERY - 1 :: HELD_EVERY]:
        (theirs,) = torch.where(targets == person)
        if len(theirs) > LEAST_LEARNED:
            kept[theirs[-1]] = True
    return kept


class Guard:
    """Watches training faces held out, (N, 3, H, H), with class indices `targets`, (N,): do they still resist PGD?

    A network taught to resist a weak attack can forget within an epoch how to resist a strong one, while its loss goes
    on falling. `lost` says that it has happened.
    """

    def __init__(self, faces: Tensor, targets: Tensor, epsilon: float) -> None:
        self.faces, self.targets, self.epsilon = torch.cat([faces, faces.flip(3)]), targets.repeat(2), epsilon
        self.size, self.most, self.lost = 0, 0.0, False

    def look(self, network: nn.Module, size: int) -> float:
        """The mean cross-entropy of the faces and their mirror images under PGD, at so many pixels a side."""
        if size != self.size:  # a network has to get used to larger pictures: no reason to end its training
            self.size, self.most = size, 0.0
        network.eval()
        batches = zip(resized(self.faces, size).split(TOGETHER), self.targets.split(TOGETHER), strict=True)
        step_size = REACH * self.epsilon / GUARD_STEPS
        attacked = [pgd(network, *batch, self.epsilon, GUARD_STEPS, step_size) for batch in batches]
        with torch.no_grad():
            logits = torch.cat([network(faces) for faces in attacked])
        resisting = (logits.argmax(1) == self.targets).float().mean().item()
        loss = F.cross_entropy(logits, self.targets).item()
        tqdm.write(f"Of the faces held out {resisting:.1%} resist; loss {loss:.3f}.")
        self.most = max(self.most, resisting)
        self.lost = resisting < self.most - MOST_LOST
        return loss


def resized(faces: Tensor, size: int) -> Tensor:
    """Faces (N, 3, H, H) as (N, 3, size, size)."""
    if faces.shape[-1] == size:
        return faces
    return F.interpolate(faces, size=size, mode="bilinear", antialias=True)
