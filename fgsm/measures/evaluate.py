"""How robust a recogniser is: each face under one attack after another, until one fools it or all have been tried."""

import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..attacks.bim import BIM
from ..attacks.fgsm import FGSM
from ..attacks.gradient import sign_gradient
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score
from .claims import Claim, Tried
from .trials import LIBRARY, PGD_STEPS, Effort, Trial, pgd_restarted

TOGETHER = 20  # faces in a batch, after which what is counted can be kept
LOOKED_AT = 16  # faces on which the gradients are looked at
LAST = 3  # restarts that should gain nothing any more
APART = 1e-4  # of logits, by which two answers to one face may differ


def go_on(
    claim: Claim, recognizer: Recognizer, images: Tensor, labels: Tensor, trials: Sequence[Trial]
) -> Iterator[Claim]:
    """Try `trials` on test faces, (N, 3, H, W) in [0, 1], of class indices `labels`, (N,), from where `claim` stands.

    `claim` is changed in place and handed out after every batch.
    """
    for tried, trial in zip(claim.tried, trials, strict=True):
        while tried.seen < len(images):
            batch = range(tried.seen, min(tried.seen + TOGETHER, len(images)))
            standing = [at for at in batch if claim.fooled_by[at] is None]
            began = time.perf_counter()
            if standing:
                _attempt(claim, tried, trial, recognizer, images, labels, standing)
            tried.seconds = round(tried.seconds + time.perf_counter() - began, 1)
            tried.seen = batch.stop
            yield claim


def _attempt(
    claim: Claim, tried: Tried, trial: Trial, recognizer: Recognizer, images: Tensor, labels: Tensor, at: list[int]
) -> None:
    """Try one attack on the faces `at` these places, and count whom it fools: within epsilon, and by our own answers."""
    faces, truth = images[at].to(recognizer.device), labels[at].to(recognizer.device)
    with torch.random.fork_rng():
        attempt = trial.run(recognizer, faces, truth, claim.epsilon, claim.seed + at[0])
    within = attempt.images.clamp(faces - claim.epsilon, faces + claim.epsilon).clamp(0, 1)
    fooled = (score(recognizer, within).argmax(1) != truth).tolist()
    for face, lost in zip(at, fooled, strict=True):
        if lost:
            claim.fooled_by[face] = trial.name
    tried.attacked += len(at)
    tried.fooled += sum(fooled)
    tried.queries += attempt.queries
    tried.gains = [before + now for before, now in zip(tried.gains or [0] * len(attempt.gains), attempt.gains)]
