"""Accuracy against epsilon over a test set, handed out while it is computed.

Where one direction serves every epsilon, the perturbed faces go through the network in batches, without gradients of
their own; other attacks take gradients for every epsilon.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..attacks import Attack
from ..attacks.fgsm import FGSM
from ..recognizers.config import Config
from ..recognizers.recognizer import Recognizer
from ..texts import say, title
from .intervals import wilson_interval
from .sweep import scores_of

EXAMPLES = 5  # faces kept for each epsilon
CLEARLY = 0.02  # of accuracy


@dataclass(frozen=True)
class Snapshot:
    """Counts over the first `total` faces. Lists have one entry for each of `epsilons`.

    `correct` faces are named right; `unknown` ones are taken for nobody, by a recogniser with a `threshold`: where that
    is None, there are none. `fooled` faces were named right among the clean ones, of which `recognised` were, and no
    longer are. `examples` are the first of these: pairs of the face's position in the test set and the class index it
    is taken for. `progress`, which rises to 1, is the share of the work that is done.
    """

    model: str
    attack: str
    precision: str
    epsilons: list[float]
    correct: list[int]
    fooled: list[int]
    unknown: list[int]
    recognised: int
    total: int
    examples: list[list[tuple[int, int]]]
    threshold: float | None = None
    progress: float = 1.0

    @property
    def confused(self) -> list[int]:
        """The faces that are taken for somebody else: neither named right nor unknown."""
        return [self.total - right - nobody for right, nobody in zip(self.correct, self.unknown, strict=True)]

    @property
    def fooling_rate(self) -> list[float]:
        """Of the faces recognised without an attack, the share that is fooled."""
        return [count / max(1, self.recognised) for count in self.fooled]

    @property
    def accuracy(self) -> list[float]:
        """Of all faces, the share that is named right."""
        return [count / max(1, self.total) for count in self.correct]

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """The accuracy's 95% intervals."""
        return [wilson_interval(count, self.total) for count in self.correct]


def accuracy_curve(
    model: Recognizer,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    attack: Attack = FGSM,
    dtype: torch.dtype = torch.float32,
    batch_size: int | None = None,
) -> Iterator[Snapshot]:
    """Snapshots of the accuracy on `images`, (N, 3, H, W) in [0, 1], at each of `epsilons`; the last one is final.

    `attack` moves away from the true `labels`, (N,). Gradients are computed in float32, the perturbed faces are scored
    in `dtype`: in bfloat16, which some hardware is fast at, a face or two turn. There is a snapshot with new counts for
    every `batch_size` faces; an attack that takes gradients for every epsilon tells its progress after each, too.
    """
    # On two CPU cores batches of 64 ran at the rate of a large matrix product, and larger ones fell out of its cache.
    together = 1024 if model.device.type == "cuda" else 64
    batch_size = batch_size or together // 4
    scored = sorted({0.0, *epsilons})  # the clean faces, at 0, tell who was recognised in the first place
    asked = [scored.index(epsilon) for epsilon in epsilons]
    correct = torch.zeros(len(scored), dtype=torch.int64)
    fooled, unknown = torch.zeros_like(correct), torch.zeros_like(correct)
    examples: list[list[tuple[int, int]]] = [[] for _ in scored]
    seen = 0

    def snapshot(ahead: float = 0.0) -> Snapshot:
        return Snapshot(
            model=model.name,
            attack=attack.name,
            precision=str(dtype).removeprefix("torch."),
            epsilons=list(epsilons),
            correct=correct[asked].tolist(),
            fooled=fooled[asked].tolist(),
            unknown=unknown[asked].tolist(),
            recognised=int(correct[0]),
            total=seen,
            examples=[list(examples[at]) for at in asked],
            threshold=model.config.threshold,
            progress=(seen + ahead) / len(images),
        )

    for first in range(0, len(images), batch_size):
        batch = images[first : first + batch_size].to(model.device)
        truth = labels[first : first + batch_size].to(model.device)
        moves = attack.moves(model, batch, truth, range(first, first + len(batch)))
        at_once = max(1, together // len(batch)) if attack.one_direction else 1  # epsilons
        rows = []
        for done, part in parts_of(scored, at_once):
            rows.append(scores_of(model, moves.at(part), dtype, together).argmax(2))  # (E, N)
            if not attack.one_direction and done < len(scored):
                yield snapshot(len(batch) * done / len(scored))
        predicted = torch.cat(rows)
        right = predicted == truth
        lost = (right[0] & ~right).cpu()
        predicted, right = predicted.cpu(), right.cpu()
        correct += right.sum(1)
        fooled += lost.sum(1)
        if model.config.unknown is not None:
            unknown += (predicted == model.config.unknown).sum(1)
        for first_ones, row, taken_for in zip(examples, lost, predicted, strict=True):
            for n in row.nonzero().flatten().tolist()[: EXAMPLES - len(first_ones)]:
                first_ones.append((first + n, int(taken_for[n])))
        seen += len(batch)
        yield snapshot()


def parts_of(epsilons: Sequence[float], size: int) -> Iterator[tuple[int, Sequence[float]]]:
    """`epsilons` in lists of `size`, each with how many there have been at its end."""
    for first in range(0, len(epsilons), size):
        part = epsilons[first : first + size]
        yield first + len(part), part


def example_faces(
    attack: Attack, model: Recognizer, images: Tensor, labels: Tensor, epsilon: float, positions: Sequence[int]
) -> Tensor:
    """The adversarial faces, (len(positions), 3, H, W) on the CPU, of those of `images` at `positions`."""
    chosen, truth = images[positions].to(model.device), labels[positions].to(model.device)
    return attack.craft(model, chosen, truth, epsilon, positions).cpu()


def explain_curves(curves: Sequence[Snapshot], configs: dict[str, Config], language: str) -> list[str]:
    """A sentence, in a language of TEXTS, for each thing in `curves` that surprises people and is to be expected.

    `configs` are those of the recognisers, by name.
    """
    attacked = {curve.model: curve for curve in curves if curve.attack == FGSM.name}
    sentences = []
    for curve in attacked.values():
        lowest = min(range(len(curve.epsilons)), key=curve.correct.__getitem__)
        clearly_more = curve.correct[lowest] + CLEARLY * curve.total
        risen = [at for at in range(lowest, len(curve.epsilons)) if curve.correct[at] > clearly_more]
        if risen:
            low, high = (f"{curve.epsilons[at]:g}" for at in (lowest, risen[0]))
            sentences.append(say("curve.risen", language, recogniser=title(curve.model, language), high=high, low=low))
    shallow, deep = attacked.get("resnet18"), attacked.get("resnet101")
    if shallow and deep and max(deep.epsilons) > 0 and sum(deep.accuracy) <= sum(shallow.accuracy):
        names = {"deep": title("resnet101", language), "shallow": title("resnet18", language)}
        sentences.append(say("curve.depth", language, **names))
    return sentences + doubts(dict.fromkeys(curve.model for curve in curves), configs, language)


def doubts(models: Iterable[str], configs: dict[str, Config], language: str) -> list[str]:
    """A sentence for each of `models` that may have been trained on its test faces."""
    unknown = [model for model in models if model in configs and configs[model].training_unknown]
    return [say("curve.training_unknown", language, recogniser=title(model, language)) for model in unknown]
