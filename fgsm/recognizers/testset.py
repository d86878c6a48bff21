"""The faces that a recogniser is tested on."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from ..faces.people import owners
from ..faces.picture import open_picture
from ..faces.prepare import prepare
from ..places import folder_of
from ..texts import Refused, composed, text_of
from .config import Config
from .recognizer import Recognizer


def photographs_tested(config: Config) -> dict[Path, str]:
    """The test photographs of a recogniser with this config that are on this machine, each with its person."""
    root = folder_of(config.faces)
    people = owners(root)
    here = {text_of(photograph.relative_to(root)): photograph for photograph in people}
    labels = set(config.people)
    tested = [here[name] for name in map(composed, config.test_photographs) if name in here]
    return {photograph: people[photograph] for photograph in tested if people[photograph] in labels}


def load_test_set(recognizer: Recognizer) -> tuple[Tensor, Tensor]:
    """Test faces of `recognizer`, float32 (N, 3, input_size, input_size) in [0, 1], and their class indices, (N,).

    A photograph that is damaged is left out. Raises Refused where none is on this machine.
    """
    _, faces, labels = named_test_set(recognizer)
    return faces, labels


def named_test_set(recognizer: Recognizer) -> tuple[list[str], Tensor, Tensor]:
    """The names of the photographs, as the config has them, and what `load_test_set` returns."""
    root = folder_of(recognizer.config.faces)
    names, faces, labels = [], [], []
    for photograph, person in photographs_tested(recognizer.config).items():
        with suppress(Refused):
            face = prepare(open_picture(photograph), recognizer.input_size, recognizer.config.framing)
            names.append(text_of(photograph.relative_to(root)))
            faces.append(face)
            labels.append(recognizer.labels.index(person))
    if not faces:
        raise Refused("refused.no_test_faces", recogniser=recognizer.name)
    return names, torch.stack(faces), torch.tensor(labels)
