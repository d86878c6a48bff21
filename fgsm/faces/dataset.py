"""Faces to train on and photographs to test on: the built-in ones, or those in a folder of people."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch
from torch import Tensor

from ..places import BUILTIN_FACES
from ..texts import Refused, text_of
from .copies import copies, fingerprint
from .detect import Detection, detect
from .framing import PLAIN, frame
from .people import TEST_SHARE, TRAIN_PHOTOGRAPHS, list_people, split, split_at_random
from .picture import open_picture
from .prepare import as_picture, load_faces, prepare

T = tuple[str, Path]


@dataclass(frozen=True)
class DataSet:
    """Faces to train on, float32 (N, 3, size, size) in [0, 1], of class indices `targets`, (N,), and how to test.

    `training` and `test` are photographs under `root`; `split` says in words how they were told apart.
    """

    title: str
    root: Path
    split: str
    labels: list[str]
    training: list[Path]
    test: list[Path]
    faces: Tensor
    targets: Tensor


def builtin(size: int, framing: str = PLAIN) -> DataSet:
    """The Database of Faces, under the protocol of `split`."""
    people = list_people(BUILTIN_FACES)
    training, test = split(people)
    return DataSet(
        title="The Database of Faces",
        root=BUILTIN_FACES,
        split=f"photographs 1-{TRAIN_PHOTOGRAPHS} of each person train, the others test",
        labels=list(people),
        training=training,
        test=test,
        faces=load_faces(training, size, framing),
        targets=_targets(people, training),
    )


@dataclass(frozen=True)
class Gathered:
    """What a folder of people holds.

    `people` are prepared faces, float32 (3, size, size) in [0, 1], by person and file. `copy_of` has for each file the
    first one that shows the same picture, perhaps saved otherwise or at another size. `seen` are the faces found in
    each, of which the first, the likeliest, is prepared. `left_out` are sentences.
    """

    people: dict[str, dict[Path, Tensor]]
    copy_of: dict[Path, Path]
    seen: dict[Path, list[Detection]]
    left_out: list[str]


def gather(
    root: Path,
    size: int,
    progress: Callable[[list[T]], Iterable[T]] = iter,
    framing: str = PLAIN,
    least: int = 2,
) -> Gathered:
    """The faces under `root`, prepared for a recogniser of this input size, and a sentence on everything left out.

    Left out are files that are no pictures, files that hold the same pixels as one before, and people with fewer than
    `least` different photographs. `progress` wraps the list of files as they are read.
    """
    people = list_people(root)
    kept: dict[str, dict[Path, Tensor]] = {person: {} for person in people}
    left_out = []
    names: set[str] = set()
    first: dict[str, Path] = {}
    prints: dict[Path, np.ndarray] = {}
    seen: dict[Path, list[Detection]] = {}
    for person, file in progress([(person, file) for person, theirs in people.items() for file in theirs]):
        name = text_of(file.relative_to(root))
        if name in names:  # as another system spells it: only one of them could be told by its name
            left_out.append(f"{name}: There are several files of this name.")
            continue
        names.add(name)
        try:
            picture = open_picture(file)
            faces = detect(picture)
            face = prepare(picture, size, square=frame(picture, faces, size, framing))
        except Refused as error:
            left_out.append(f"{name}: {error}")
            continue
        same = first.setdefault(hashlib.sha256(face.numpy().tobytes()).hexdigest(), file)
        if same == file:
            kept[person][file] = face
            seen[file] = faces
            prints[file] = np.stack([fingerprint(picture), fingerprint(as_picture(face))])
        else:
            left_out.append(f"{name}: This is the same picture as {text_of(same.relative_to(root))}.")
    copy_of = copies(prints)
    for person in [person for person, theirs in kept.items() if len({copy_of[file] for file in theirs}) < least]:
        too_few = "Fewer than two different photographs" if least > 1 else "No photograph"
        left_out.append(f"{person}: {too_few} that can be used.")
        del kept[person]
    return Gathered(kept, copy_of, seen, left_out)


def data_set_of(gathered: Gathered, root: Path, seed: int) -> DataSet:
    """The faces that `gather` found under `root`, with test photographs drawn by `seed`.

    Raises Refused where there are fewer than two people.
    """
    people = gathered.people
    if len(people) < 2:
        raise Refused("refused.too_few_people")
    training, test = split_at_random(people, seed, gathered.copy_of)
    prepared = {photograph: face for faces in people.values() for photograph, face in faces.items()}
    return DataSet(
        title=text_of(PurePath(root.resolve().name)),
        root=root,
        split=f"{TEST_SHARE:.0%} of each person's photographs, drawn with seed {seed}, test, the others train",
        labels=list(people),
        training=training,
        test=test,
        faces=torch.stack([prepared[photograph] for photograph in training]),
        targets=_targets(people, training),
    )


def first_of_each(gathered: Gathered, root: Path, count: int) -> DataSet:
    """The first `count` photographs of each person that `gather` found under `root`; the others, save copies, test.

    A photograph in which no face was found is taken only where a person has no other.
    """
    training: list[Path] = []
    test: list[Path] = []
    for theirs in gathered.people.values():
        distinct = list({gathered.copy_of[file]: file for file in reversed(theirs)}.values())[::-1]
        with_face = [file for file in distinct if gathered.seen[file]] or distinct
        training += with_face[:count]
        test += [file for file in distinct if file not in with_face[:count]]
    taken = {gathered.copy_of[file] for file in training}
    prepared = {photograph: face for faces in gathered.people.values() for photograph, face in faces.items()}
    return DataSet(
        title=text_of(PurePath(root.resolve().name)),
        root=root,
        split=f"the first {count} photographs of each person are enrolled, the others test",
        labels=list(gathered.people),
        training=training,
        test=[file for file in test if gathered.copy_of[file] not in taken],
        faces=torch.stack([prepared[photograph] for photograph in training]),
        targets=_targets(gathered.people, training),
    )


def _targets(people: Mapping[str, Iterable[Path]], photographs: list[Path]) -> Tensor:
    at = {photograph: index for index, photographs in enumerate(people.values()) for photograph in photographs}
    return torch.tensor([at[photograph] for photograph in photographs])
