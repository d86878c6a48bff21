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
from .own_face import OwnFace
from .own_people import OwnPeople
from .service import Chosen, Own, Service, shared
from .turns import Asker
from .uploads import Upload

OPENING_PERSON = "person 24"


Source = Path | Upload | OwnFace


@dataclass(frozen=True)
class Face:
    """What is attacked: a file of ours, what a visitor brought, or somebody whom the visit has enrolled.

    `person` is None where nobody knows who it is. `square` is the part of a visitor's picture that is shown; it was
    found by the rule `framing`, which is None where the visitor has drawn it.
    """

    source: Source
    person: str | None = None
    square: Square | None = None
    framing: str | None = None

    @property
    def brought(self) -> bool:
        """Whether a visitor has brought it."""
        return isinstance(self.source, Upload)

    @property
    def enrolled(self) -> bool:
        """Whether it is somebody's whom the visit has enrolled."""
        return isinstance(self.source, OwnFace)

    @property
    def shared(self) -> bool:
        """Whether it is one of ours, of which results are kept for all."""
        return isinstance(self.source, Path)

    @property
    def key(self) -> str | None:
        """What names a sample face in a link; nobody else's is named in one."""
        return in_link(self.person) if self.person and self.shared else None


@dataclass
class Visit:
    """The face on the stage, the person to become, the number of the attack that shows it, pictures brought by name.

    `newest` is the number of the attack that was asked for last, which may have shown nothing yet. `lanes` has the
    number of the attack that the lanes are about, and how often they were asked for. `recognizers` are those that
    belong to this visit alone, and `people` are enrolled in one of them.
    """

    face: Face | None = None
    target: str | None = None
    attack: int = 0
    newest: int = 0
    lanes: tuple[int, int] = (0, 0)
    pictures: set[str] = field(default_factory=set)
    recognizers: dict[str, Own] = field(default_factory=dict)
    people: OwnPeople = field(default_factory=OwnPeople)

    def faces(self) -> list[Face]:
        """Those of the people whom it has enrolled, the last ones first."""
        return [Face(person.face, person.name) for person in self.people.enrolled]

    def without_people(self) -> "Visit":
        """What is left of it when its page is closed: nothing of anybody whom it has enrolled."""
        face = None if self.face is not None and self.face.enrolled else self.face
        target = None if self.target in self.people.names() else self.target
        return Visit(face, target, self.attack, self.newest, pictures=self.pictures)


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

    @property
    def asked(self) -> int:
        """The number of what the page asks for. Raises Refused for what is none."""
        if type(self.controls.asked) is not int or not 0 <= self.controls.asked < 2**53:
            raise Refused("refused.request")
        return self.controls.asked

    def face(self, view: View) -> Face | None:
        """The face on the stage, or the first one. Raises Refused for one that another browser has brought."""
        face = self.visit.face
        if face is not None and face.brought and self.controls.photo not in self.visit.pictures:
            raise Refused("refused.gone")
        return face or first_face(self.service, view.model)

    def is_kept(self, face: Face) -> bool:
        """Whether a face is still there: what a visitor has brought or enrolled may be gone."""
        if isinstance(face.source, Upload):
            return self.service.uploads.find(face.source.name) is face.source
        return face.shared or face in self.visit.faces()


def samples(service: Service, chosen: Chosen) -> list[Face]:
    """The first test photograph that there is of each person whom the recogniser knows, none of a visit's own."""
    chosen = shared(chosen)

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


def opened(service: Service, source: Source, asker: Asker) -> Image.Image:
    """The picture in a file of ours, in memory, or the one that a visitor has brought, decoded for `asker`."""
    if isinstance(source, OwnFace):
        return source.picture
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
    config, source = chosen.config, face.source
    square = source.squares[config.framing] if isinstance(source, OwnFace) else face.square
    return prepare(opened(service, source, asker), config.input_size, config.framing, square)


def label_of(chosen: Chosen, person: str | None) -> int | None:
    """The class index of the person, where the recogniser knows one of that name."""
    labels = chosen.config.labels
    return labels.index(person) if person is not None and person in labels else None
