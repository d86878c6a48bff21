"""One visitor's page: the face on the stage, what was brought, whom to become, and the faces to choose from."""

import functools
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor

from ..faces.framing import Square
from ..faces.picture import can_be_opened, open_picture
from ..faces.prepare import prepare
from ..measures.names import spelled_like
from ..recognizers.testset import photographs_tested
from ..texts import Refused, in_link
from .controls import Controls, View, view_of
from .event import Event
from .service import Chosen, Own, Service
from .turns import Asker
from .uploads import Upload

OPENING_PERSON = "person 24"


@dataclass(frozen=True)
class Face:
    """What is attacked: a file of ours or what a visitor brought. `person` is None where nobody knows who it is."""

    source: Path | Upload
    person: str | None = None
    square: Square | None = None

    @property
    def brought(self) -> bool:
        """Whether a visitor has brought it."""
        return isinstance(self.source, Upload)

    @property
    def key(self) -> str | None:
        """What names a sample face in a link."""
        return self.person and in_link(self.person)


@dataclass
class Visit:
    """The face on the stage, the person to become, the number of the attack that shows it, pictures brought by name.

    `recognizers` are those that belong to this visit alone.
    """

    face: Face | None = None
    target: str | None = None
    attack: int = 0
    pictures: set[str] = field(default_factory=set)
    recognizers: dict[str, Own] = field(default_factory=dict)


class StageEvent(Event):
    """An event of the stage's: with the visit, and the controls, whose recogniser is found once."""

    visit: Visit
    controls: Controls

    def on(self, visit: Visit, controls: Controls) -> "StageEvent":
        """This event, of that visit, with those controls."""
        self.visit, self.controls = visit, controls
        return self

    @functools.cached_property
    def chosen(self) -> Chosen:
        """The recogniser that the controls name. Raises Refused for one that is none."""
        return self.service.choose(self.controls.model, self.visit.recognizers)

    def view(self) -> View:
        """The view that the controls stand for. Raises Refused for what the page never sends."""
        return view_of(self.controls, self.chosen, self.visit.target)

    def face(self, view: View) -> Face | None:
        """The face on the stage, or the first one. Raises Refused for one that another browser has brought."""
        face = self.visit.face
        if face is not None and face.brought and self.controls.photo not in self.visit.pictures:
            raise Refused("refused.gone")
        return face or first_face(self.service, view.model)


def samples(service: Service, chosen: Chosen) -> list[Face]:
    """The first test photograph that there is of each person whom the recogniser knows."""

    def made() -> list[Face]:
        first: dict[str, Path] = {}
        for photograph, person in photographs_tested(chosen.config).items():
            if person not in first and can_be_opened(photograph):
                first[person] = photograph
        return [Face(photograph, person) for person, photograph in first.items()]

    return service.kept("samples", chosen, made)


def sample_of(service: Service, chosen: Chosen, key: str) -> Face | None:
    """The sample face with the person's name `key`, spaces written as underscores."""
    people = {face.person: face for face in samples(service, chosen) if face.person}
    return people.get(spelled_like(key, people) or "")


def first_face(service: Service, chosen: Chosen) -> Face | None:
    """The face that a page opens with."""
    faces = samples(service, chosen)
    return sample_of(service, chosen, OPENING_PERSON) or (faces[0] if faces else None)


def opened(service: Service, source: Path | Upload, asker: Asker) -> Image.Image:
    """The picture in a file of ours, or the one that a visitor has brought, decoded for `asker`."""
    if isinstance(source, Upload):
        if service.uploads.find(source.name) is not source:
            raise Refused("refused.gone")
        source.used = time.monotonic()
        return service.decoder.picture(bytes(source.data), asker)
    if not source.exists():
        raise Refused("refused.gone_sample")
    return open_picture(source)


def prepared(service: Service, chosen: Chosen, face: Face, asker: Asker) -> Tensor:
    """The face as the recogniser is shown it, (3, size, size) in [0, 1]."""
    return prepare(opened(service, face.source, asker), chosen.config.input_size, chosen.config.framing, face.square)


def label_of(chosen: Chosen, person: str | None) -> int | None:
    """The class index of the person, where the recogniser knows one of that name."""
    labels = chosen.config.labels
    return labels.index(person) if person is not None and person in labels else None
