"""Recognition by comparison: an embedding, a template for each person enrolled, and a threshold.

A face is taken for the person whose template is nearest, and for nobody where that is farther than the threshold.
Nothing is trained when somebody joins.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .dlib_network import EMBEDDING, DlibNetwork

SHARPNESS = 20.0  # logits for a distance of 1
HIGHEST, LOWEST = 0.55, 0.45  # thresholds, whatever the people enrolled look like
FALSE_ACCEPTS = 0.01  # of the enrolment photographs
RULE = (
    f"the largest distance, from {LOWEST} to {HIGHEST}, within which at most {FALSE_ACCEPTS:.0%} of the enrolment "
    "photographs lie of another person's template"
)
# Exactly on a template a distance has no gradient, and an attack on the enrolled photograph itself would not know where
# to go. Templates are shorter than their means by this share, so from there it goes outwards, which of the directions
# tried leads away fastest. No distance changes by more than 2e-5.
SHORTER = 1e-5


class Enrolled(nn.Module):
    """Normalised images (N, 3, 150, 150) to logits (N, people + 1): of each person, and at last of nobody.

    The logit of a person is -SHARPNESS times the distance of the embedding to the person's template, which is the mean
    of the embeddings enrolled; that of nobody is -SHARPNESS times `threshold`. So cross-entropy, and with it every
    attack, treats this like a classifier. `counts` are the photographs enrolled of each person. `embeddings`, (sum of
    counts, 128), hold them in this order.
    """

    embeddings: Tensor
    counts: Tensor

    def __init__(self, counts: Sequence[int], threshold: float, embedder: nn.Module | None = None) -> None:
        super().__init__()
        self.threshold = threshold
        self.embedder = embedder or DlibNetwork()
        self.register_buffer("embeddings", torch.zeros(sum(counts), EMBEDDING))
        self.register_buffer("counts", torch.tensor(counts), persistent=False)

    @property
    def templates(self) -> Tensor:
        """The mean embedding of each person, (people, 128)."""
        return means_of(self.embeddings, self.counts)

    def forward(self, images: Tensor) -> Tensor:
        apart = distances(self.embedder(images).float(), self.templates)
        nobody = apart.new_full((len(apart), 1), self.threshold)
        logits: Tensor = -SHARPNESS * torch.cat([apart, nobody], 1)
        return logits


def means_of(embeddings: Tensor, counts: Tensor) -> Tensor:
    """The mean of the first `counts[0]` of `embeddings`, (sum of `counts`, 128), of the next `counts[1]`, and so on."""
    means: Tensor = torch.segment_reduce(embeddings, "mean", lengths=counts)
    return means


def distances(embeddings: Tensor, templates: Tensor) -> Tensor:
    """Euclidean distances, (N, people), of embeddings (N, 128) to templates (people, 128)."""
    # Without this mode PyTorch computes them from products, which loses what little there is near a template.
    apart: Tensor = torch.cdist(embeddings, (1 - SHORTER) * templates, compute_mode="donot_use_mm_for_euclid_dist")
    return apart


def distances_in(probabilities: Tensor, threshold: float) -> Tensor:
    """The distances that an Enrolled network's probabilities, (..., C), came from; that of nobody is the threshold."""
    logs = probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()
    apart: Tensor = threshold + (logs[..., -1:] - logs) / SHARPNESS
    return apart


def choose_threshold(embeddings: Tensor, counts: Sequence[int]) -> float:
    """The threshold for people enrolled with these `embeddings`, (sum of `counts`, 128), by RULE.

    To everybody else's templates an enrolled photograph is a stranger's: what share of these would be accepted is the
    false accept rate to expect, and no other photograph is needed to know it.
    """
    if len(counts) < 2:
        return HIGHEST
    lengths = torch.tensor(counts)
    owners = torch.arange(len(counts)).repeat_interleave(lengths)
    apart = distances(embeddings, means_of(embeddings, lengths))
    apart[torch.arange(len(owners)), owners] = torch.inf
    nearest = apart.min(1).values.sort().values
    allowed = int(FALSE_ACCEPTS * len(nearest))  # so many may lie within it
    return round(min(HIGHEST, max(LOWEST, nearest[allowed].item() - 1e-4)), 4)
