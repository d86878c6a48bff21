"""Whom a visit has enrolled, and the pictures of who comes next: in memory, for this visit alone, and bounded.

A face takes 200 kB, an embedding 500 bytes: 50 MB at most for a visit that has enrolled a class and drafted another.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..measures.names import spelled_like
from ..recognizers.enrol import known_name
from ..texts import Refused
from .own_face import OwnFace

MOST_PEOPLE = 40  # whom a visit enrols
MOST_PICTURES = 5  # of one person
MOST_DRAFTED = MOST_PEOPLE * MOST_PICTURES  # faces in the pictures that wait to be enrolled

changing = threading.RLock()  # held by whoever reads people or faces and then puts others in their place


@dataclass(frozen=True, eq=False)
class Drafted:
    """A picture of somebody who is about to be enrolled, called `file`, with the faces in it and their embeddings.

    `group` is the name that the file's name begins with, where it says one, and `at` which of the faces is meant.
    """

    file: str
    group: str | None
    faces: tuple[OwnFace, ...]
    embeddings: Tensor
    at: int = 0
    number: int = 0

    @property
    def face(self) -> OwnFace:
        return self.faces[self.at]

    def is_like(self, other: "Drafted") -> bool:
        """Whether both are the same picture of the same person."""
        return self.group == other.group and torch.equal(self.embeddings, other.embeddings)


@dataclass(frozen=True, eq=False)
class OwnPerson:
    """Somebody enrolled: the face in the first picture, and the embeddings, (n, 128), of all of them."""

    name: str
    face: OwnFace
    embeddings: Tensor


@dataclass
class OwnPeople:
    """The people whom a visit has enrolled, and its draft, whose pictures are numbered; `notes` say what was found.

    `asked` counts how often a name was wanted for whom the stage shows.
    Tuples are replaced as a whole, so that whoever only reads need not wait.
    """

    enrolled: tuple[OwnPerson, ...] = ()
    draft: tuple[Drafted, ...] = ()
    notes: tuple[str, ...] = ()
    drafted: int = 0
    asked: int = 0

    def names(self) -> list[str]:
        return [person.name for person in self.enrolled]

    def named(self, name: object) -> OwnPerson:
        """The person enrolled under just that name. Raises Refused for none."""
        for person in self.enrolled:
            if person.name == name:
                return person
        raise Refused("refused.not_enrolled")

    def add(self, picture: Drafted) -> None:
        """Put a picture into the draft, unless it is there. Raises Refused for more than may be enrolled."""
        with changing:
            if any(picture.is_like(other) for other in self.draft):
                return
            self._check_room(picture)
            self.drafted += 1
            self.draft = (*self.draft, replace(picture, number=self.drafted))

    def _check_room(self, picture: Drafted) -> None:
        with_it = (*self.draft, picture)
        if sum(other.group == picture.group for other in with_it) > MOST_PICTURES:
            raise Refused("refused.too_many_pictures", most=MOST_PICTURES)
        if len(self.enrolled) + len({other.group for other in with_it}) > MOST_PEOPLE:
            raise Refused("refused.too_many_people", most=MOST_PEOPLE)
        if sum(len(other.faces) for other in with_it) > MOST_DRAFTED:
            raise Refused("refused.no_room")

    def _at(self, number: object) -> Drafted:
        for picture in self.draft:
            if type(number) is int and picture.number == number:
                return picture
        raise Refused("refused.gone")

    def turn(self, number: object) -> None:
        """Mean the next face in the picture of that number. Raises Refused for none."""
        with changing:
            turned = self._at(number)
            following = replace(turned, at=(turned.at + 1) % len(turned.faces))
            self.draft = tuple(following if picture is turned else picture for picture in self.draft)

    def drop(self, number: object) -> None:
        """Take the picture of that number out of the draft. Raises Refused for none."""
        with changing:
            dropped = self._at(number)
            self.draft = tuple(picture for picture in self.draft if picture is not dropped)

    def from_draft(self, name: str, labels: Sequence[str]) -> list[OwnPerson]:
        """The people in the draft: all of it is `name`'s or, where that is empty, files say whose they are.

        Raises Refused where there is nobody, for more than may be enrolled, and for names that are none or one of
        `labels`.
        """
        people: list[OwnPerson] = []
        for person, pictures in self._by_name(name).items():
            if len(pictures) > MOST_PICTURES:
                raise Refused("refused.too_many_pictures", most=MOST_PICTURES)
            known = free_name(person, [*labels, *(other.name for other in people)])
            embeddings = torch.stack([picture.embeddings[picture.at] for picture in pictures])
            people.append(OwnPerson(known, pictures[0].face, embeddings))
        if len(self.enrolled) + len(people) > MOST_PEOPLE:
            raise Refused("refused.too_many_people", most=MOST_PEOPLE)
        return people

    def _by_name(self, name: str) -> dict[str, list[Drafted]]:
        if not self.draft:
            raise Refused("refused.no_picture")
        groups: dict[str, list[Drafted]] = {}
        for picture in self.draft:
            groups.setdefault(name.strip() or picture.group or "", []).append(picture)
        return groups


def free_name(name: object, others: Iterable[str]) -> str:
    """`name` as that of somebody to enrol. Raises Refused for none and for one of `others`, in whatever case."""
    if not isinstance(name, str):
        raise Refused("refused.request")
    known = known_name(name)
    if spelled_like(known, others) is not None:
        raise Refused("refused.person_taken", name=known)
    return known
