"""Adversarial faces crafted on one recogniser, tried on every other.

That they transfer is the observation of Szegedy et al., "Intriguing Properties of Neural Networks" (ICLR 2014), section
4.2; a matrix of it as in Papernot, McDaniel & Goodfellow, "Transferability in Machine Learning" (2016), figure 3.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..attacks import Attack
from ..attacks.fgsm import FGSM
from ..recognizers.config import Config
from ..recognizers.recognizer import Recognizer
from ..recognizers.scoring import score
from ..texts import Refused, say, title
from .curve import CLEARLY, EXAMPLES, doubts

BATCH = 4  # faces


@dataclass(frozen=True)
class Matrix:
    """Counts over the first `total` faces; rows are the recognisers that faces were crafted on, columns those they met.

    `correct` and `clean`, without an attack, count the faces named right. `fooled` counts, by row and column, those
    recognised without it that no longer are; `examples` are the first of these: pairs of position in the test set and
    class index taken. `progress`, which rises to 1, is the share of the work that is done.
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
    progress: float = 1.0

    def accuracy(self, row: int, column: int) -> float:
        """Of all faces crafted on the one, the share that the other names right."""
        return self.correct[row][column] / max(1, self.total)


def are_comparable(one: Config, other: Config) -> bool:
    """Whether both know the same people, were tested on the same faces, and are shown the same pixels of them."""
    shared = ("faces", "labels", "test_photographs", "input_size", "framing")
    return all(getattr(one, entry) == getattr(other, entry) for entry in shared)


def comparable(name: str, configs: Mapping[str, Config]) -> list[str]:
    """Those of `configs`, by name, that can be compared with the one called `name`, itself included."""
    return [other for other, config in configs.items() if are_comparable(config, configs[name])]


def transfer_matrix(
    models: Sequence[Recognizer],
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    attack: Attack = FGSM,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Matrix]:
    """The matrix over more and more of `images`, (N, 3, H, W) in [0, 1], of class indices `labels`; the last is final.

    Gradients are computed in float32, all faces are scored in `dtype`. There is a matrix with new counts for every
    BATCH of faces, and one that tells of progress for each recogniser in between. Raises Refused for recognisers that
    cannot be compared: see `are_comparable`.
    """
    for model in models[1:]:
        if not are_comparable(models[0].config, model.config):
            raise Refused("refused.not_comparable", one=models[0].name, other=model.name)
    count = len(models)
    clean = torch.zeros(count, dtype=torch.int64)
    correct = torch.zeros(count, count, dtype=torch.int64)
    fooled = torch.zeros_like(correct)
    examples: list[list[list[tuple[int, int]]]] = [[[] for _ in models] for _ in models]
    seen = 0

    def matrix(ahead: float = 0.0) -> Matrix:
        return Matrix(
            models=[model.name for model in models],
            attack=attack.name,
            precision=str(dtype).removeprefix("torch."),
            epsilon=epsilon,
            clean=clean.tolist(),
            correct=correct.tolist(),
            fooled=fooled.tolist(),
            total=seen,
            examples=[[list(cell) for cell in row] for row in examples],
            progress=(seen + ahead) / len(images),
        )

    for first in range(0, len(images), BATCH):
        batch, truth = images[first : first + BATCH], labels[first : first + BATCH]
        right = torch.stack([named(model, batch, dtype) == truth for model in models])  # (models, faces)
        still = torch.zeros(count, count, len(batch), dtype=torch.bool)
        found: list[list[list[tuple[int, int]]]] = []
        for row, source in enumerate(models):
            positions = range(first, first + len(batch))
            moved = attack.craft(source, batch.to(source.device), truth.to(source.device), epsilon, positions)
            found.append([])
            for column, model in enumerate(models):
                predicted = named(model, moved, dtype)
                still[row, column] = predicted == truth
                lost = (right[column] & ~still[row, column]).nonzero().flatten().tolist()
                found[row].append([(first + n, int(predicted[n])) for n in lost])
            if row < count - 1:
                yield matrix(len(batch) * (row + 1) / count)
        examples = [
            [(cell + new)[:EXAMPLES] for cell, new in zip(*rows, strict=True)]
            for rows in zip(examples, found, strict=True)
        ]
        clean += right.sum(1)
        correct += still.sum(2)
        fooled += (right & ~still).sum(2)
        seen += len(batch)
        yield matrix()


def named(model: Recognizer, images: Tensor, dtype: torch.dtype) -> Tensor:
    """The class indices, on the CPU, that `model` gives `images`."""
    return score(model, images.to(model.device), dtype).argmax(1).cpu()


def explain_matrix(matrix: Matrix, configs: dict[str, Config], language: str) -> list[str]:
    """Sentences, in a language of TEXTS, about faces that fool another recogniser more than the one crafted on."""
    sentences = []
    for row, source in enumerate(matrix.models):
        by_itself = matrix.accuracy(row, row)
        worst = min(range(len(matrix.models)), key=lambda column: matrix.accuracy(row, column))
        if matrix.accuracy(row, worst) < by_itself - CLEARLY:
            about = {"source": title(source, language), "other": title(matrix.models[worst], language)}
            accuracies = {"own": f"{by_itself:.1%}", "less": f"{matrix.accuracy(row, worst):.1%}"}
            sentences.append(say("transfer.exceeds", language, **about, **accuracies))
    if sentences:
        sentences.append(say("transfer.why", language))
    return sentences + doubts(matrix.models, configs, language)
