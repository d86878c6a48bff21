"""From pictures to a recogniser that knows who is on them, for one visit: nothing is trained, or kept for others."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch
from PIL import Image
from torch import Tensor

from ..faces.detect import detect
from ..faces.framing import ALIGNED, FRAMINGS, Square, cut
from ..faces.prepare import as_tensor
from ..recognizers.enrol import BASE, embed, known_name, people_in, with_people
from ..texts import Refused
from .lent_gpu import on_gpu
from .own_face import OwnFace, cut_out, squares_of
from .own_people import Drafted, OwnPerson, changing
from .photographs import data_url
from .service import Chosen, Own, Service
from .visit import StageEvent

MOST_CHOICES = 4  # faces in one picture, one of which is meant
MOST_FACES = 2000  # of all visits, half of them at most from one address: as much memory as for uploads (uploads.py)
SMALL = 96  # pixels
ONE_PERSON = 0.6  # two pictures of one person are hardly farther apart, says the network's author
SECONDS = 0.05  # that an embedding takes, about
NUMBERED = re.compile(r"(?P<name>.+)_\d{1,2}\.\w{1,5}")  # not a camera's IMG_1234.jpg


def group_of(file: str) -> str | None:
    """The person whom a file called name_1.jpg shows; None for files that are called otherwise."""
    numbered = NUMBERED.fullmatch(file)
    try:
        return known_name(numbered["name"].replace("_", " ")) if numbered else None
    except Refused:
        return None


def drafted(event: StageEvent, picture: Image.Image, file: str, drawn: Square | None = None) -> Drafted:
    """The faces in a picture, the likeliest first, as the recogniser that people are enrolled in sees them.

    Where a square is `drawn` on it, the face in that one is the first, and what it shows is a face if none was found.
    Raises Refused where there is none, and where all visits together hold too many.
    """
    service = event.service
    found = choices_in(picture, drawn)
    if not found:
        raise Refused("refused.no_face", file=file)
    base = service.choose(BASE)
    faces, squares = [], []
    for around in found:
        part, framed = cut_out(picture, around)
        small = data_url(cut(part, framed[ALIGNED], SMALL).quantize())
        faces.append(OwnFace(part, framed, small, event.caller.visitor.address))
        squares.append(as_tensor(cut(part, framed[ALIGNED], base.config.input_size)))
    count(service, faces)
    embeddings = service.once(event.caller, SECONDS * len(faces), embedded, service, base, torch.stack(squares))
    return Drafted(file, group_of(file), tuple(faces), embeddings)


def choices_in(picture: Image.Image, drawn: Square | None) -> list[dict[str, Square]]:
    """The squares of each of the first faces in a picture; the face in the middle of a square `drawn` comes first."""
    faces = detect(picture)
    if drawn is not None:
        faces.sort(key=lambda face: math.dist(face.centre, drawn.centre))
        if not faces or math.dist(faces[0].centre, drawn.centre) > drawn.side / 2:
            return [dict.fromkeys(FRAMINGS, drawn)]
    return [squares_of(face, picture) for face in faces[:MOST_CHOICES]]


def count(service: Service, faces: Sequence[OwnFace]) -> None:
    """Count faces of one address among those of all visits for as long as they live. Raises Refused for too many."""
    with changing:
        held = [face.address for face in service.own_faces]
        if len(held) + len(faces) > MOST_FACES or held.count(faces[0].address) + len(faces) > MOST_FACES // 2:
            raise Refused("refused.no_room")
        service.own_faces.update(faces)


@on_gpu
def embedded(service: Service, chosen: Chosen, faces: Tensor) -> Tensor:
    """The embeddings of aligned faces, on the CPU."""
    return embed(service.network(chosen), faces)


def recognizer_of(service: Service, people: Sequence[OwnPerson]) -> Own:
    """The recogniser that knows these people, and those whom the shared one knows."""
    base = service.found().named(BASE)
    network = service.network(base)
    everybody = {person.name: person.embeddings for person in people} | people_in(network)
    made = with_people(network, everybody, BASE, test_accuracy=None)
    return Own(made, base, {person.name: person.face for person in people})


def confused(people: Mapping[str, Tensor], new: Iterable[str], threshold: float) -> Iterator[tuple[str, str]]:
    """The names of any of the `new` ones among `people` with whoever is nearest, where that is within `threshold`.

    What counts is the distance between their templates.
    """
    names = list(people)
    templates = torch.stack([people[name].mean(0) for name in names])
    told: set[frozenset[str]] = set()
    for name in new:
        apart = (templates - templates[names.index(name)]).norm(dim=1)
        apart[names.index(name)] = torch.inf
        other = names[int(apart.argmin())]
        if apart.min() < threshold and {name, other} not in told:
            told.add(frozenset({name, other}))
            yield name, other


def spread(embeddings: Tensor) -> float:
    """The largest distance between two of some embeddings, (n, 128); 0 where there is only one."""
    return torch.pdist(embeddings).max().item() if len(embeddings) > 1 else 0.0
