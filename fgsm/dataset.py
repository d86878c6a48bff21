"""Data sets: photographs by person, in any of three layouts, and their split into training and test faces.

A data set is a folder with one folder per person, each holding that person's photographs. Underscores in a folder's
name are read as spaces: `person_12` is "person 12". The course project's data set (vasukipatel/face-recognition-dataset
on Kaggle) is read as it comes, too: such folders inside `Original Images`, or `Faces` with `Dataset.csv` (id,label).
"""

import csv
import hashlib
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .faces import PROJECT, load_faces, prepare
from .pictures import open_picture
from .texts import Refused

BUILTIN_FACES = PROJECT / "assets" / "faces"
DATA = PROJECT / "data"  # where other data sets are downloaded to
TRAIN_PHOTOGRAPHS = 5  # of ten: the protocol the literature uses for the Database of Faces
TEST_SHARE = 0.2  # of a person's photographs, in any other data set
NO_PHOTOGRAPHS = {"thumbs.db", "desktop.ini"}


def list_people(root: Path) -> dict[str, list[Path]]:
    """The files of each person under `root`, people and files in the order of their names.

    Raises Refused where `root` holds no folder with files, nor such a table.
    """
    root = Path(root)
    originals, table = root / "Original Images", root / "Dataset.csv"
    people: dict[str, list[Path]] = {}
    if table.is_file() and (root / "Faces").is_dir():
        for person, photograph in _read_table(table):
            people.setdefault(person, []).append(photograph)
    elif originals.is_dir():
        return list_people(originals)
    elif root.is_dir():
        for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
            own = people.setdefault(folder.name.replace("_", " "), [])
            own += [path for path in folder.iterdir() if _may_be_photograph(path)]
    if not any(people.values()):
        raise Refused("refused.no_faces")
    return {person: sorted(people[person]) for person in sorted(people)}


def _may_be_photograph(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower() not in NO_PHOTOGRAPHS


def _read_table(table: Path) -> list[tuple[str, Path]]:
    """Person and photograph, in `Faces` beside it, in each row of a `Dataset.csv`."""
    faces = table.parent / "Faces"
    if (faces / "Faces").is_dir():  # as Kaggle's archive unpacks
        faces = faces / "Faces"
    with open(table, newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        if not {"id", "label"} <= set(reader.fieldnames or ()):
            raise Refused("refused.table")
        rows = [(row["label"], row["id"]) for row in reader if row["id"] and row["label"]]
    return [(label.strip(), faces / Path(name.strip()).name) for label, name in rows]


def people_if_any(root: Path) -> dict[str, list[Path]]:
    """What `list_people` says of `root`; nothing where there is no data set."""
    try:
        return list_people(root)
    except Refused:
        return {}


def owners(root: Path) -> dict[Path, str]:
    """The person on each photograph under `root`; nothing where there is no data set."""
    return {photograph: person for person, own in people_if_any(root).items() for photograph in own}


def split(people: dict[str, list[Path]], train: int = TRAIN_PHOTOGRAPHS) -> tuple[list[Path], list[Path]]:
    """Training and test photographs: the first `train` of each person, and the others.

    With five of ten this is the protocol of Samaria & Harter's data set as in Lawrence et al., "Face Recognition: A
    Convolutional Neural-Network Approach", IEEE Trans. Neural Networks 8(1), 1997.
    """
    photographs = people.values()
    return [p for own in photographs for p in own[:train]], [p for own in photographs for p in own[train:]]


def split_at_random(people: dict[str, list[Path]], seed: int) -> tuple[list[Path], list[Path]]:
    """Training and test photographs: TEST_SHARE of each person's, at least one, drawn by `seed`, are test ones."""
    training, test = [], []
    for person, own in people.items():
        drawn = random.Random(f"{seed} {person}").sample(own, max(1, round(TEST_SHARE * len(own))))
        test += sorted(drawn)
        training += sorted(set(own) - set(drawn))
    return training, test


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


def builtin(size: int) -> DataSet:
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
        faces=load_faces(training, size),
        targets=_targets(people, training),
    )


def gather(
    root: Path, size: int, progress: Callable[[list], Iterable] = list
) -> tuple[dict[str, dict[Path, Tensor]], list[str]]:
    """Prepared faces by person, float32 (3, size, size) in [0, 1], and a sentence on everything left out under `root`.

    Left out are files that are no pictures, pictures that were there before, which could end up on both sides of a
    split, and people with fewer than two. `progress` wraps the list of files as they are read.
    """
    people = list_people(root)
    kept: dict[str, dict[Path, Tensor]] = {person: {} for person in people}
    left_out = []
    first: dict[str, Path] = {}
    for person, file in progress([(person, file) for person, own in people.items() for file in own]):
        name = file.relative_to(root).as_posix()
        try:
            face = prepare(open_picture(file), size)
        except Refused as error:
            left_out.append(f"{name}: {error}")
            continue
        same = first.setdefault(hashlib.sha256(face.numpy().tobytes()).hexdigest(), file)
        if same == file:
            kept[person][file] = face
        else:
            left_out.append(f"{name}: This is the same picture as {same.relative_to(root).as_posix()}.")
    for person in [person for person, own in kept.items() if len(own) < 2]:
        left_out.append(f"{person}: Fewer than two photographs that can be used.")
        del kept[person]
    return kept, left_out


def own(people: dict[str, dict[Path, Tensor]], root: Path, seed: int) -> DataSet:
    """The faces that `gather` found under `root`, with test photographs drawn by `seed`.

    Raises Refused where there are fewer than two people.
    """
    if len(people) < 2:
        raise Refused("refused.too_few_people")
    training, test = split_at_random({person: list(faces) for person, faces in people.items()}, seed)
    prepared = {photograph: face for faces in people.values() for photograph, face in faces.items()}
    return DataSet(
        title=root.name,
        root=root,
        split=f"{TEST_SHARE:.0%} of each person's photographs, drawn with seed {seed}, test, the others train",
        labels=list(people),
        training=training,
        test=test,
        faces=torch.stack([prepared[photograph] for photograph in training]),
        targets=_targets(people, training),
    )


def _targets(people: dict[str, Iterable[Path]], photographs: list[Path]) -> Tensor:
    at = {photograph: index for index, photographs in enumerate(people.values()) for photograph in photographs}
    return torch.tensor([at[photograph] for photograph in photographs])
