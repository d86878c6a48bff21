"""Data sets: photographs by person, in any of three layouts, and their split into training and test faces.

A data set is a folder with one folder per person, each holding that person's photographs. Underscores in a folder's
name are read as spaces: `person_12` is "person 12". The course project's data set (vasukipatel/face-recognition-dataset
on Kaggle) is read as it comes, too: such folders inside `Original Images`, or `Faces` with `Dataset.csv` (id,label).
"""

import csv
import hashlib
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .faces import PROJECT, as_picture, load_faces, prepare
from .pictures import open_picture
from .texts import Refused, composed

BUILTIN_FACES = PROJECT / "assets" / "faces"
DATA = PROJECT / "data"  # where other data sets are downloaded to
TRAIN_PHOTOGRAPHS = 5  # of ten: the protocol the literature uses for the Database of Faces
TEST_SHARE = 0.2  # of a person's photographs, in any other data set
FINGERPRINT = 16  # rows of as many bits
# Of 400 photographs, seven copies of each (JPEG, WebP, other sizes, brighter) differ from it in up to 16 of 256 bits;
# two photographs of one person in 15 or more, in less than 30 one pair in a hundred. Of a whole picture much may be an
# empty wall, the same behind everybody; of a face alone the frame may be drawn otherwise in a copy: both must agree.
ALIKE = np.array([[20], [48]])  # bits, of the whole picture and of the framed face
NO_PHOTOGRAPHS = {"thumbs.db", "desktop.ini"}


def text_of(path: PurePath) -> str:
    """A path or a name as people write it: composed Unicode, whatever the file system and the locale make of it."""
    return composed(os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace"))


def path_of(text: str) -> Path:
    """The path that `text` names, in the spelling that this process's locale asks for."""
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


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
            if person := text_of(PurePath(folder.name)).replace("_", " ").strip():
                own = people.setdefault(person, [])
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
        try:
            rows = [(row["label"], row["id"]) for row in reader if row["id"] and row["label"]]
        except csv.Error:
            raise Refused("refused.table") from None
    here = {text_of(PurePath(path.name)): path for path in faces.iterdir()}
    names = [(composed(label.strip()), composed(Path(name.strip()).name)) for label, name in rows]
    return [(label, here.get(name, faces / name)) for label, name in names]


def people_if_any(root: Path) -> dict[str, list[Path]]:
    """What `list_people` says of `root`; nothing where there is no data set, or none that may be read."""
    try:
        return list_people(root)
    except (Refused, OSError, ValueError):  # the last for what cannot be a path
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


def split_at_random(
    people: Mapping[str, Iterable[Path]], seed: int, copy_of: Mapping[Path, Path] | None = None
) -> tuple[list[Path], list[Path]]:
    """Training and test photographs: TEST_SHARE of each person's, at least one, drawn by `seed`, are test ones.

    Copies of one picture, each with the same one in `copy_of`, stay together; those of several people's train.
    """
    copies: dict[Path, list[Path]] = {}
    whose: dict[Path, set[str]] = {}
    for person, own in people.items():
        for photograph in own:
            first = (copy_of or {}).get(photograph, photograph)
            copies.setdefault(first, []).append(photograph)
            whose.setdefault(first, set()).add(person)
    training, test = [], []
    for person in people:
        own = [together for first, together in copies.items() if whose[first] == {person}]
        count = min(len(own), max(1, round(TEST_SHARE * len(own))))
        drawn = random.Random(f"{seed} {person}").sample(range(len(own)), count)
        test += sorted(photograph for at in drawn for photograph in own[at])
        training += sorted(photograph for at in set(range(len(own))) - set(drawn) for photograph in own[at])
    shared = [photograph for first, together in copies.items() if len(whose[first]) > 1 for photograph in together]
    return training + shared, test


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


@dataclass(frozen=True)
class Gathered:
    """What a folder of people holds.

    `people` are prepared faces, float32 (3, size, size) in [0, 1], by person and file. `copy_of` has for each file the
    first one that shows the same picture, perhaps saved otherwise or at another size. `left_out` are sentences.
    """

    people: dict[str, dict[Path, Tensor]]
    copy_of: dict[Path, Path]
    left_out: list[str]


def gather(root: Path, size: int, progress: Callable[[list], Iterable] = list) -> Gathered:
    """The faces under `root`, prepared for a recogniser of this input size, and a sentence on everything left out.

    Left out are files that are no pictures, files that hold the same pixels as one before, and people with fewer than
    two different photographs. `progress` wraps the list of files as they are read.
    """
    people = list_people(root)
    kept: dict[str, dict[Path, Tensor]] = {person: {} for person in people}
    left_out = []
    names: set[str] = set()
    first: dict[str, Path] = {}
    prints: dict[Path, np.ndarray] = {}
    for person, file in progress([(person, file) for person, own in people.items() for file in own]):
        name = text_of(file.relative_to(root))
        if name in names:  # as another system spells it: only one of them could be told by its name
            left_out.append(f"{name}: There are several files of this name.")
            continue
        names.add(name)
        try:
            picture = open_picture(file)
            face = prepare(picture, size)
        except Refused as error:
            left_out.append(f"{name}: {error}")
            continue
        same = first.setdefault(hashlib.sha256(face.numpy().tobytes()).hexdigest(), file)
        if same == file:
            kept[person][file] = face
            prints[file] = np.stack([fingerprint(picture), fingerprint(as_picture(face))])
        else:
            left_out.append(f"{name}: This is the same picture as {text_of(same.relative_to(root))}.")
    copy_of = copies(prints)
    for person in [person for person, own in kept.items() if len({copy_of[file] for file in own}) < 2]:
        left_out.append(f"{person}: Fewer than two different photographs that can be used.")
        del kept[person]
    return Gathered(kept, copy_of, left_out)


def fingerprint(picture: Image.Image) -> np.ndarray:
    """What stays the same of a picture when it is saved or scaled once more, as 1 and -1 for FINGERPRINT^2 bits.

    Each bit says whether a place is brighter than its left neighbour (N. Krawetz, "Kind of Like That", 2013).
    """
    small = picture.convert("L").resize((FINGERPRINT + 1, FINGERPRINT), Image.Resampling.LANCZOS)
    grey = np.asarray(small).astype(np.int16)
    return np.where(np.diff(grey) > 0, 1, -1).astype(np.float32).ravel()


def copies(prints: Mapping[Path, np.ndarray]) -> dict[Path, Path]:
    """For each file the first of all that show the same picture, by the fingerprints of picture and face, (2, bits)."""
    files = list(prints)
    rows = np.array([prints[file] for file in files]).reshape(len(files), 2, FINGERPRINT**2)
    first = np.arange(len(files))
    for at in range(len(files)):
        differing = (FINGERPRINT**2 - np.einsum("nkb,kb->kn", rows[:at], rows[at])) / 2
        for other in np.flatnonzero((differing <= ALIKE).all(0)):  # one may link two groups
            low, high = sorted((first[other], first[at]))
            first[first == high] = low
    return {file: files[low] for file, low in zip(files, first, strict=True)}


def own(gathered: Gathered, root: Path, seed: int) -> DataSet:
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


def _targets(people: Mapping[str, Iterable[Path]], photographs: list[Path]) -> Tensor:
    at = {photograph: index for index, photographs in enumerate(people.values()) for photograph in photographs}
    return torch.tensor([at[photograph] for photograph in photographs])
