"""Accuracy against epsilon over a test set, handed out while it is computed.

FGSM's one sign gradient per face serves every epsilon; the perturbed faces go through the network in batches, without
weight gradients. A random-sign control moves every value by the same epsilon without asking the gradient. BIM and PGD
take gradients of their own for every epsilon.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import torch
from torch import Tensor

from .methods import FGSM, SEVERAL_STEPS, craft, iterate, signs
from .recognizer import Recognizer, available_recognizers
from .sweep import score, sweep
from .texts import say, title

COURSE_EPSILONS = (0.0, 0.0001, 0.001, 0.005, 0.007, 0.01, 0.1, 0.3, 0.5, 1.0)  # the course project's
EXAMPLES = 5  # faces kept for each epsilon
COLUMNS = ("model", "attack", "precision", "epsilon", "correct", "total", "accuracy", "ci_low", "ci_high", "fooled")


@dataclass(frozen=True)
class Snapshot:
    """Counts over the first `total` faces. Lists have one entry for each of `epsilons`.

    `correct` faces are named right. `fooled` faces were named right among the clean ones, of which `recognised` were,
    and no longer are. `examples` are the first of these: pairs of the face's position in the test set and the class
    index it is taken for.
    """

    model: str
    attack: str
    precision: str
    epsilons: list[float]
    correct: list[int]
    fooled: list[int]
    recognised: int
    total: int
    examples: list[list[tuple[int, int]]]

    @property
    def fooling_rate(self) -> list[float]:
        return [count / max(1, self.recognised) for count in self.fooled]

    @property
    def accuracy(self) -> list[float]:
        return [count / max(1, self.total) for count in self.correct]

    @property
    def intervals(self) -> list[tuple[float, float]]:
        return [wilson_interval(count, self.total) for count in self.correct]


def accuracy_curve(
    model: Recognizer,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    attack: str = FGSM,
    dtype: torch.dtype = torch.float32,
    batch_size: int | None = None,
) -> Iterator[Snapshot]:
    """Snapshots of the accuracy on `images`, (N, 3, H, W) in [0, 1], at each of `epsilons`; the last one is final.

    `attack` is one of methods.ATTACKS, away from the true `labels`, (N,). Gradients are computed in float32, the
    perturbed faces are scored in `dtype`: in bfloat16, which some hardware is fast at, a face or two turn. There is one
    snapshot for `batch_size` faces; an attack of several steps hands out the last one again after each epsilon, so that
    whoever asks can do something else in between.
    """
    # On two CPU cores batches of 64 ran at the rate of a large matrix product, and larger ones fell out of its cache.
    together = 1024 if model.device.type == "cuda" else 64
    batch_size = batch_size or together // 4
    scored = sorted({0.0, *epsilons})  # the clean faces, at 0, tell who was recognised in the first place
    asked = [scored.index(epsilon) for epsilon in epsilons]
    correct = torch.zeros(len(scored), dtype=torch.int64)
    fooled = torch.zeros_like(correct)
    examples = [[] for _ in scored]
    seen = 0

    def snapshot() -> Snapshot:
        return Snapshot(
            model=model.name,
            attack=attack,
            precision=str(dtype).removeprefix("torch."),
            epsilons=list(epsilons),
            correct=correct[asked].tolist(),
            fooled=fooled[asked].tolist(),
            recognised=int(correct[0]),
            total=seen,
            examples=[list(examples[at]) for at in asked],
        )

    for first in range(0, len(images), batch_size):
        batch = images[first : first + batch_size].to(model.device)
        truth = labels[first : first + batch_size].to(model.device)
        positions = range(first, first + len(batch))
        if attack in SEVERAL_STEPS:
            rows = []
            for epsilon in scored:
                moved = iterate(attack, model, batch, truth, epsilon, positions) if epsilon else batch
                rows.append(score(model, moved, dtype, together))
                yield snapshot()
            predicted = torch.stack(rows).argmax(2)  # (E, N)
        else:
            sign = signs(attack, model, batch, truth, positions)
            predicted = sweep(model, batch, sign, scored, dtype=dtype, batch_size=together).argmax(2)
        right = predicted == truth
        lost = right[0] & ~right
        predicted, right, lost = predicted.cpu(), right.cpu(), lost.cpu()
        correct += right.sum(1)
        fooled += lost.sum(1)
        for kept, row, taken_for in zip(examples, lost, predicted, strict=True):
            for n in row.nonzero().flatten().tolist()[: EXAMPLES - len(kept)]:
                kept.append((first + n, int(taken_for[n])))
        seen += len(batch)
        yield snapshot()


def example_faces(model: Recognizer, images: Tensor, labels: Tensor, curve: Snapshot, at: int) -> Tensor:
    """The adversarial faces, on the CPU, that `curve`, measured on `images` and `labels`, gives as examples at `at`."""
    positions = [position for position, _ in curve.examples[at]]
    chosen, truth = images[positions].to(model.device), labels[positions].to(model.device)
    return craft(curve.attack, model, chosen, truth, curve.epsilons[at], positions).cpu()


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a proportion: E. B. Wilson, J. American Statistical Association 22 (1927), 209-212.

    Where nothing has been seen, it is everything.
    """
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = correct / total
    middle = share + z * z / (2 * total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def write_csv(curves: Sequence[Snapshot], path: Path) -> None:
    """A file of `as_csv`."""
    path.write_text(as_csv(curves), "utf-8", newline="")


def as_csv(curves: Sequence[Snapshot]) -> str:
    """One row for each curve and epsilon, with `COLUMNS`."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for curve in curves:
        points = zip(curve.epsilons, curve.correct, curve.accuracy, curve.intervals, curve.fooled, strict=True)
        for epsilon, correct, accuracy, (low, high), fooled in points:
            measured = (f"{accuracy:.4f}", f"{low:.4f}", f"{high:.4f}", fooled)
            head = (curve.model, curve.attack, curve.precision, epsilon)
            writer.writerow((*head, correct, curve.total, *measured))
    return file.getvalue()


def explain(curves: Sequence[Snapshot], language: str) -> list[str]:
    """A sentence, in a language of TEXTS, for each thing in `curves` that surprises people and is to be expected."""
    attacked = {curve.model: curve for curve in curves if curve.attack == FGSM}
    sentences = []
    for curve in attacked.values():
        lowest = min(range(len(curve.epsilons)), key=curve.correct.__getitem__)
        clearly_more = curve.correct[lowest] + 0.02 * curve.total
        risen = [at for at in range(lowest, len(curve.epsilons)) if curve.correct[at] > clearly_more]
        if risen:
            low, high = (f"{curve.epsilons[at]:g}" for at in (lowest, risen[0]))
            sentences.append(say("curve.risen", language, recogniser=title(curve.model, language), high=high, low=low))
    shallow, deep = attacked.get("resnet18"), attacked.get("resnet101")
    if shallow and deep and max(deep.epsilons) > 0 and sum(deep.accuracy) <= sum(shallow.accuracy):
        names = {"deep": title("resnet101", language), "shallow": title("resnet18", language)}
        sentences.append(say("curve.depth", language, **names))
    sentences += doubts(dict.fromkeys(curve.model for curve in curves), language)
    return sentences


def doubts(models: Iterable[str], language: str) -> list[str]:
    """A sentence for each of `models` that may have been trained on its test faces."""
    known = available_recognizers()
    unknown = [model for model in models if model in known and known[model].training_unknown]
    return [say("curve.training_unknown", language, recogniser=title(model, language)) for model in unknown]
