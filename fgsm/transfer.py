"""Adversarial faces crafted on one recogniser, tried on every other.

That they transfer is the observation of Szegedy et al., "Intriguing Properties of Neural Networks" (ICLR 2014), section
4.2; a matrix of it as in Papernot, McDaniel & Goodfellow, "Transferability in Machine Learning" (2016), figure 3.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .curve import EXAMPLES, doubts, wilson_interval
from .methods import FGSM, craft
from .recognizer import Recognizer, available_recognizers
from .sweep import score
from .texts import Refused, say, title

BATCH = 4  # faces: small, so that whoever asks can do something else in between
COLUMNS = (
    "attack",
    "precision",
    "epsilon",
    "crafted_on",
    "tried_on",
    "correct",
    "total",
    "accuracy",
    "ci_low",
    "ci_high",
)
CLEARLY = 0.02  # of accuracy


@dataclass(frozen=True)
class Matrix:
    """Counts over the first `total` faces; rows are the recognisers that faces were crafted on, columns those they met.

    `correct` and `clean`, without an attack, count the faces named right. `fooled` counts, by row and column, those
    recognised without it that no longer are; `examples` are the first of these: pairs of position in the test set and
    class index taken.
    """

    models: list[str]
    attack: str
    precision: str
    epsilon: float
    clean: list[int]
    correct: list[list[int]]
    fooled: list[list[int]]
    total: int
    examples: list[list[list[tuple[int, int]]]]

    def accuracy(self, row: int, column: int) -> float:
        return self.correct[row][column] / max(1, self.total)


def comparable(name: str) -> list[str]:
    """The recognisers that know the same people as `name`, were tested on the same faces, and see as many pixels."""
    known = available_recognizers()
    shared = ("faces", "labels", "test_photographs", "input_size")
    return [
        other
        for other, config in known.items()
        if all(getattr(config, key) == getattr(known[name], key) for key in shared)
    ]


def transfer_matrix(
    models: Sequence[Recognizer],
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    attack: str = FGSM,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Matrix]:
    """The matrix over more and more of `images`, (N, 3, H, W) in [0, 1], of class indices `labels`; the last is final.

    Gradients are computed in float32, all faces are scored in `dtype`. There is one matrix for every BATCH of faces,
    handed out again for each recogniser in between. Raises Refused for recognisers that cannot be compared: see
    `comparable`.
    """
    for model in models[1:]:
        if model.name not in comparable(models[0].name):
            raise Refused("refused.not_comparable", one=models[0].name, other=model.name)
    count = len(models)
    clean = torch.zeros(count, dtype=torch.int64)
    correct = torch.zeros(count, count, dtype=torch.int64)
    fooled = torch.zeros_like(correct)
    examples = [[[] for _ in models] for _ in models]
    seen = 0

    def matrix() -> Matrix:
        kept = [[list(cell) for cell in row] for row in examples]
        names = [model.name for model in models]
        precision = str(dtype).removeprefix("torch.")
        return Matrix(names, attack, precision, epsilon, clean.tolist(), correct.tolist(), fooled.tolist(), seen, kept)

    for first in range(0, len(images), BATCH):
        batch, truth = images[first : first + BATCH], labels[first : first + BATCH]
        right = torch.stack([named(model, batch, dtype) == truth for model in models])  # (models, faces)
        still = torch.zeros(count, count, len(batch), dtype=torch.bool)
        for row, source in enumerate(models):
            positions = range(first, first + len(batch))
            moved = craft(attack, source, batch.to(source.device), truth.to(source.device), epsilon, positions)
            for column, model in enumerate(models):
                predicted = named(model, moved, dtype)
                still[row, column] = predicted == truth
                kept = examples[row][column]
                lost = (right[column] & ~still[row, column]).nonzero().flatten().tolist()
                kept += [(first + n, int(predicted[n])) for n in lost[: EXAMPLES - len(kept)]]
            if row < count - 1:
                yield matrix()
        clean += right.sum(1)
        correct += still.sum(2)
        fooled += (right & ~still).sum(2)
        seen += len(batch)
        yield matrix()


def named(model: Recognizer, images: Tensor, dtype: torch.dtype) -> Tensor:
    """The class indices, on the CPU, that `model` gives `images`."""
    return score(model, images.to(model.device), dtype).argmax(1).cpu()


def write_csv(matrix: Matrix, path: Path) -> None:
    """A file of `as_csv`."""
    path.write_text(as_csv(matrix), "utf-8", newline="")


def as_csv(matrix: Matrix) -> str:
    """A row for each pair of recognisers, with COLUMNS, and one for each without an attack, crafted on nothing."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)

    def write(attack: str, epsilon: float, source: str, model: str, correct: int) -> None:
        low, high = wilson_interval(correct, matrix.total)
        measured = (f"{correct / matrix.total:.4f}", f"{low:.4f}", f"{high:.4f}")
        writer.writerow((attack, matrix.precision, epsilon, source, model, correct, matrix.total, *measured))

    for column, model in enumerate(matrix.models):
        write("none", 0.0, "", model, matrix.clean[column])
    for source, row in zip(matrix.models, matrix.correct, strict=True):
        for model, correct in zip(matrix.models, row, strict=True):
            write(matrix.attack, matrix.epsilon, source, model, correct)
    return file.getvalue()


def explain(matrix: Matrix, language: str) -> list[str]:
    """Sentences, in a language of TEXTS, about faces that fool another recogniser more than the one crafted on."""
    sentences = []
    for row, source in enumerate(matrix.models):
        own = matrix.accuracy(row, row)
        worst = min(range(len(matrix.models)), key=lambda column: matrix.accuracy(row, column))
        if matrix.accuracy(row, worst) < own - CLEARLY:
            about = {"source": title(source, language), "other": title(matrix.models[worst], language)}
            accuracies = {"own": f"{own:.1%}", "less": f"{matrix.accuracy(row, worst):.1%}"}
            sentences.append(say("transfer.exceeds", language, **about, **accuracies))
    if sentences:
        sentences.append(say("transfer.why", language))
    return sentences + doubts(matrix.models, language)
