"""Enrolling people in a recogniser that compares embeddings: no training, a second for a photograph at most."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

import torch
from PIL import Image
from torch import Tensor

from ..faces.dataset import DataSet
from ..faces.prepare import prepare
from ..texts import Refused, composed, quoted, text_of
from .checkpoint import place_of
from .config import LONGEST_NAME, MOST_ENROLLED, UNKNOWN, Config, may_be_called
from .enrolled import RULE, Enrolled, choose_threshold, distances
from .recognizer import Recognizer, load_recognizer

BASE = "dlib"  # the recogniser whose network is used where nobody names another


SECOND = "second"  # the one person whom the recogniser of a pair knows


def embed(recognizer: Recognizer, faces: Tensor, batch_size: int = 16) -> Tensor:
    """The embeddings, float32 (N, 128) on the CPU, of `faces`, (N, 3, 150, 150) in [0, 1]."""
    network = comparing(recognizer)
    with torch.inference_mode(), torch.autocast(recognizer.device.type, enabled=False):
        parts = faces.split(batch_size)
        rows = [network.embedder(recognizer.normalised(part.to(recognizer.device))).cpu() for part in parts]
    return torch.cat(rows).clone()


def check_comparing(name: str, config: Config) -> None:
    """Raise Refused for a recogniser that was trained to name its people, and compares none."""
    if config.threshold is None:
        raise Refused("refused.not_comparing", recogniser=name)


def comparing(recognizer: Recognizer) -> Enrolled:
    """The network of a recogniser that compares embeddings. Raises Refused for one that does not."""
    check_comparing(recognizer.name, recognizer.config)
    return cast(Enrolled, recognizer.network)


def people_in(recognizer: Recognizer) -> dict[str, Tensor]:
    """The embeddings of each person enrolled, (n, 128) on the CPU."""
    parts = comparing(recognizer).embeddings.cpu().split(list(recognizer.config.enrolled))
    return dict(zip(recognizer.config.people, parts, strict=True))


def with_people(recognizer: Recognizer, people: Mapping[str, Tensor], name: str, **about: object) -> Recognizer:
    """A recogniser of these `people`, each with embeddings (n, 128), on the network of `recognizer`, which it shares.

    Its threshold is chosen anew. `about` are other entries of its config. Raises Refused for names that are none.
    """
    counts, embeddings = tuple(map(len, people.values())), torch.cat(list(people.values()))
    config: Config = replace(
        recognizer.config,
        labels=(*map(known_name, people), UNKNOWN),
        enrolled=counts,
        threshold=choose_threshold(embeddings, counts),
        threshold_rule=RULE,
        **about,  # type: ignore[arg-type]
    )
    with torch.inference_mode(False):
        network = Enrolled(counts, config.threshold or 0.0, comparing(recognizer).embedder)
        network.embeddings = embeddings.clone()
        made = Recognizer(name, config, network=network.to(recognizer.device))
        return made.to(recognizer.device).eval().requires_grad_(False)


def known_name(name: str, refusal: str = "refused.person") -> str:
    """The name of somebody to enrol, in composed Unicode. Raises Refused for none, a very long one, and UNKNOWN.

    `refusal` is the key of the text that says so.
    """
    written = " ".join(composed(name).split())
    if not may_be_called(written):
        raise Refused(refusal, name=quoted(name), longest=LONGEST_NAME, unknown=UNKNOWN)
    return written


def enrolled_from(data: DataSet, recognizer: Recognizer, name: str) -> Recognizer:
    """A recogniser of the people in `data`, whose faces are framed for `recognizer`, from its training photographs."""
    counts = data.targets.bincount(minlength=len(data.labels)).tolist()
    if max(counts) > MOST_ENROLLED:
        raise Refused("refused.too_many_enrolled", most=MOST_ENROLLED)
    parts = embed(recognizer, data.faces).split(counts)
    return with_people(
        recognizer,
        dict(zip(data.labels, parts, strict=True)),
        name,
        data=data.title,
        faces=place_of(data.root),
        split=data.split,
        training_photographs=tuple(text_of(photograph.relative_to(data.root)) for photograph in data.training),
        test_photographs=tuple(text_of(photograph.relative_to(data.root)) for photograph in data.test),
        test_accuracy=None,
    )


def enrol(
    people: Mapping[str, Iterable[Image.Image]], name: str = "enrolled", onto: Recognizer | None = None
) -> Recognizer:
    """A recogniser called `name` of these `people`, each with one photograph or more, any PIL pictures.

    In each the likeliest face is aligned. The network is that of `onto` or, without it, of the built-in recogniser
    dlib; nothing is trained, and nothing is written. Raises Refused where there is nobody, or a name is none.
    """
    base = onto or load_recognizer(BASE)
    faces = {
        person: torch.stack([prepare(picture, base.input_size, base.config.framing) for picture in pictures])
        for person, pictures in people.items()
    }
    if not faces:
        raise Refused("refused.nobody")
    embedded = {person: embed(base, theirs) for person, theirs in faces.items()}
    return with_people(base, embedded, name, data="enrolled", faces="", test_photographs=(), test_accuracy=None)


def pair_with(recognizer: Recognizer, face: Tensor) -> Recognizer:
    """A recogniser that knows the one person on `face`, (3, 150, 150) in [0, 1], as SECOND, and else UNKNOWN."""
    return with_people(recognizer, {SECOND: embed(recognizer, face.unsqueeze(0))}, recognizer.name)


def distances_to(recognizer: Recognizer, faces: Tensor) -> Tensor:
    """How far `faces`, (N, 3, 150, 150) in [0, 1], are from each person enrolled: (N, people) on the CPU."""
    return distances(embed(recognizer, faces), comparing(recognizer).templates.cpu())
