"""Folders of people: photographs by person, in any of three layouts, and which of them train and which test.

A data set is a folder with one folder per person, each holding that person's photographs. Underscores in a folder's
name are read as spaces: `person_12` is "person 12". The course project's data set (vasukipatel/face-recognition-dataset
on Kaggle) is read as it comes, too: such folders inside `Original Images`, or `Faces` with `Dataset.csv` (id,label).
"""

import csv
import random
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from ..texts import Refused, composed, text_of

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
            if person := _single_spaced(text_of(PurePath(folder.name)).replace("_", " ")):
                theirs = people.setdefault(person, [])
                theirs += [path for path in folder.iterdir() if _may_be_photograph(path)]
    if not any(people.values()):
        raise Refused("refused.no_faces")
    return {person: sorted(people[person]) for person in sorted(people)}


def _single_spaced(name: str) -> str:
    """`name` as those are called who are enrolled: otherwise the photographs of "a  b" would be nobody's."""
    return " ".join(filter(None, name.strip().split(" ")))


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
    names = [(composed(_single_spaced(label)), composed(Path(name.strip()).name)) for label, name in rows]
    return [(label, here.get(name, faces / name)) for label, name in names]


def people_if_any(root: Path) -> dict[str, list[Path]]:
    """What `list_people` says of `root`; nothing where there is no data set, or none that may be read."""
    try:
        return list_people(root)
    except (Refused, OSError, ValueError):  # the last for what cannot be a path
        return {}


def owners(root: Path) -> dict[Path, str]:
    """The person on each photograph under `root`; nothing where there is no data set."""
    return {photograph: person for person, theirs in people_if_any(root).items() for photograph in theirs}


def split(people: dict[str, list[Path]], train: int = TRAIN_PHOTOGRAPHS) -> tuple[list[Path], list[Path]]:
    """Training and test photographs: the first `train` of each person, and the others.

    With five of ten this is the protocol of Samaria & Harter's data set as in Lawrence et al., "Face Recognition: A
    Convolutional Neural-Network Approach", IEEE Trans. Neural Networks 8(1), 1997.
    """
    photographs = people.values()
    return [p for theirs in photographs for p in theirs[:train]], [p for theirs in photographs for p in theirs[train:]]


def split_at_random(
    people: Mapping[str, Iterable[Path]], seed: int, copy_of: Mapping[Path, Path] | None = None
) -> tuple[list[Path], list[Path]]:
    """Training and test photographs: TEST_SHARE of each person's, at least one, drawn by `seed`, are test ones.

    Copies of one picture, each with the same one in `copy_of`, stay together; those of several people's train.
    """
    copies: dict[Path, list[Path]] = {}
    whose: dict[Path, set[str]] = {}
    for person, photographs in people.items():
        for photograph in photographs:
            first = (copy_of or {}).get(photograph, photograph)
            copies.setdefault(first, []).append(photograph)
            whose.setdefault(first, set()).add(person)
    training: list[Path] = []
    test: list[Path] = []
    for person in people:
        theirs = [together for first, together in copies.items() if whose[first] == {person}]
        count = min(len(theirs), max(1, round(TEST_SHARE * len(theirs))))
        drawn = random.Random(f"{seed} {person}").sample(range(len(theirs)), count)
        test += sorted(photograph for at in drawn for photograph in theirs[at])
        rest = set(range(len(theirs))) - set(drawn)
        training += sorted(photograph for at in rest for photograph in theirs[at])
    shared = [photograph for first, together in copies.items() if len(whose[first]) > 1 for photograph in together]
    return training + shared, test
