"""Which of several faces in a picture is its person's: the one that comes back in the person's other pictures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..faces.dataset import DataSet, Gathered
from ..faces.framing import square_of
from ..faces.picture import open_picture
from ..faces.prepare import prepare
from .enrol import embed
from .recognizer import Recognizer


def recurring(pictures: Sequence[Tensor]) -> list[int]:
    """For each of a person's pictures, the position of the person's face in it.

    `pictures` are the embeddings, (faces, 128), of all faces in each, the likeliest first. Of several, the one whose
    distances to the nearest face of each other picture have the smallest sum; where there is no other, the first.
    """

    def chosen(at: int) -> int:
        others = [torch.cdist(pictures[at], other).min(1).values for i, other in enumerate(pictures) if i != at]
        return int(torch.stack(others).sum(0).argmin()) if others and len(pictures[at]) > 1 else 0

    return [chosen(at) for at in range(len(pictures))]


def with_own_faces(data: DataSet, gathered: Gathered, recognizer: Recognizer) -> DataSet:
    """`data`, with the person's own face from each training photograph that shows several."""
    faces = data.faces.clone()
    for person in data.targets.unique():
        positions = (data.targets == person).nonzero()[:, 0].tolist()
        seen = {at: len(gathered.seen[data.training[at]]) for at in positions}
        if len(positions) < 2 or max(seen.values()) < 2:
            continue
        candidates = {
            at: all_faces(data.training[at], gathered, recognizer) if seen[at] > 1 else data.faces[at : at + 1]
            for at in positions
        }
        own = recurring([embed(recognizer, theirs) for theirs in candidates.values()])
        for (at, theirs), one in zip(candidates.items(), own, strict=True):
            faces[at] = theirs[one]
    return replace(data, faces=faces)


def all_faces(photograph: Path, gathered: Gathered, recognizer: Recognizer) -> Tensor:
    """All faces that were found in a photograph, (faces, 3, 150, 150) in [0, 1]."""
    picture, config = open_picture(photograph), recognizer.config
    squares = [square_of(face, picture, config.framing) for face in gathered.seen[photograph]]
    return torch.stack([prepare(picture, config.input_size, square=square) for square in squares])
