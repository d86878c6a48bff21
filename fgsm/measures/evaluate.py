"""How robust a recogniser is: each face under one attack after another, until one fools it or all have been tried.

What is looked out for follows Carlini et al., "On Evaluating Adversarial Robustness" (2019), and AutoAttack's checks.
"""

import importlib.metadata
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ..attacks.bim import BIM
from ..attacks.fgsm import FGSM
from ..attacks.gradient import sign_gradient
from ..recognizers.config import Config, trained_in
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score
from ..texts import Refused, say
from .claims import Claim, Tried, claim_file, read_claim
from .effort import Effort
from .trials import LIBRARY, PGD_STEPS, TARGETED_DLR_LABELS, Trial, pgd_restarted

TOGETHER = 20  # faces in a batch, after which what is counted can be kept
LOOKED_AT = 16  # faces on which the gradients are looked at
LAST = 3  # restarts that should gain nothing any more
APART = 1e-4  # of logits, by which two answers to one face may differ


def spread(count: int, total: int) -> list[int]:
    """The positions of `count` faces, or of all there are, evenly over a test set of `total`."""
    count = min(count, total)
    return [at * total // count for at in range(count)]


def begin(
    recognizer: Recognizer,
    weights: str,
    photographs: Sequence[str],
    epsilon: float,
    seed: int,
    effort: Effort,
    trials: Sequence[Trial],
) -> Claim:
    """A claim in which nothing has been tried yet; `weights` is the checksum of the recogniser's."""
    config = recognizer.config
    libraries = ("torch", "torchvision", LIBRARY)
    return Claim(
        model=recognizer.name,
        architecture=config.architecture,
        weights=weights,
        data=config.data,
        split=config.split,
        photographs=list(photographs),
        epsilon=epsilon,
        seed=seed,
        effort=asdict(effort),
        recipe=dict(config.recipe),
        training=_training(config),
        versions={"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries},
        tried=[Tried(trial.name, trial.method, trial.source, trial.black_box) for trial in trials],
        fooled_by=[None] * len(photographs),
    )


def _training(config: Config) -> str:
    epochs = config.epochs or config.recipe.get("epochs")
    known = [f"{epochs} epochs"] if epochs else []
    started = [f"from {config.started_from}"] if config.started_from else []
    return ", ".join([*known, *started, trained_in(config)])


def taken_up(begun: Claim, folder: Path) -> Claim:
    """The claim in `folder` that asks what `begun` asks, or `begun` itself where there is none.

    Raises Refused for one that asks something else, and for a file that holds none.
    """
    found = read_claim(folder, begun.model)
    if found is None:
        return begun
    if found.asks() != begun.asks():
        raise Refused("refused.other_claim", file=claim_file(folder, begun.model).name)
    return found


def go_on(
    claim: Claim, recognizer: Recognizer, images: Tensor, labels: Tensor, trials: Sequence[Trial]
) -> Iterator[tuple[Trial, int]]:
    """Try `trials` on test faces, (N, 3, H, W) in [0, 1], of class indices `labels`, (N,), from where `claim` stands.

    `claim` is changed in place; after every batch comes the trial with how many faces it is done with in that batch.
    """
    if not any(tried.seen for tried in claim.tried):
        few = [] if len(recognizer.labels) >= TARGETED_DLR_LABELS else [say("evaluate.few_labels")]
        claim.warnings = few + gradient_warnings(recognizer, images, labels, claim.epsilon, claim.seed)
    for tried, trial in zip(claim.tried, trials, strict=True):
        while tried.seen < len(images):
            batch = range(tried.seen, min(tried.seen + TOGETHER, len(images)))
            standing = [at for at in batch if claim.fooled_by[at] is None]
            began = time.perf_counter()
            if standing:
                _attempt(claim, tried, trial, recognizer, images, labels, standing)
            tried.seconds += time.perf_counter() - began
            tried.seen = batch.stop
            claim.warnings = list(dict.fromkeys([*claim.warnings, *count_warnings(claim)]))
            yield trial, len(batch)


def _attempt(
    claim: Claim, tried: Tried, trial: Trial, recognizer: Recognizer, images: Tensor, labels: Tensor, at: list[int]
) -> None:
    """Try one attack on the faces at these places, and count whom it fools: within epsilon, and by our own answers."""
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
    before = tried.gains or [0] * len(attempt.gains)
    tried.gains = [sum(gains) for gains in zip(before, attempt.gains, strict=True)]


def gradient_warnings(recognizer: Recognizer, images: Tensor, labels: Tensor, epsilon: float, seed: int) -> list[str]:
    """Sentences on gradients that lead nowhere, answers that change by themselves, and steps that do not help.

    Looked for on a few faces, each attacked whether or not one before has fooled it.
    """
    at = spread(LOOKED_AT, len(images))
    faces, truth = images[at].to(recognizer.device), labels[at].to(recognizer.device)
    found = []
    flat = (sign_gradient(recognizer, faces, truth).flatten(1) == 0).all(1).sum().item()
    if flat:
        found.append(say("evaluate.zero_gradients", count=flat, total=len(at)))
    with torch.no_grad():
        if (recognizer(faces) - recognizer(faces)).abs().max() > APART:
            found.append(say("evaluate.random"))
    stronger = {
        "FGSM": FGSM.craft(recognizer, faces, truth, epsilon, at),
        "BIM": BIM.craft(recognizer, faces, truth, epsilon, at),
        f"PGD-{PGD_STEPS}": pgd_restarted(recognizer, faces, truth, epsilon, seed, 1, PGD_STEPS).images,
    }
    fooled = {name: int((score(recognizer, moved).argmax(1) != truth).sum()) for name, moved in stronger.items()}
    for (fewer, one), (more, other) in pairwise(fooled.items()):
        if other < one:
            found.append(say("evaluate.more_steps", more=more, other=other, fewer=fewer, one=one, total=len(at)))
    return found


def count_warnings(claim: Claim) -> list[str]:
    """Sentences on restarts that still gain, and on answers that lead farther than gradients, once all is done."""
    found = []
    for tried in claim.tried:
        if tried.seen < claim.total:
            continue
        late = sum(tried.gains[max(1, len(tried.gains) - LAST) :])
        if late:
            found.append(say("evaluate.restarts", attack=tried.attack, count=late))
        if tried.black_box and tried.fooled:
            found.append(say("evaluate.black_box", attack=tried.attack, count=tried.fooled))
    return found
