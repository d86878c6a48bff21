"""The command `enrol`: a recogniser of the people in a folder, made without training."""

import argparse
from collections import Counter
from functools import partial
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from ..attacks import Aim
from ..faces.dataset import DataSet, Gathered, first_of_each, gather
from ..faces.people import list_people
from ..measures.outcomes import OTHER, RECOGNISED, UNKNOWN, outcome_of
from ..recognizers.checkpoint import check_new_name, check_writable, write_checkpoint
from ..recognizers.enrol import BASE, enrolled_from, known_name, people_in
from ..recognizers.enrolled import distances
from ..recognizers.own_face import with_own_faces
from ..recognizers.recognizer import Recognizer, load_recognizer
from ..recognizers.scoring import score
from ..texts import Refused, text_of
from .output import counted, print_left_out, printable

MOST_NAMED = 5  # files, people or pairs in one sentence


def enrol_command(arguments: argparse.Namespace) -> None:
    """Enrol the people in a folder, write the checkpoint, and say how well it tells them apart."""
    root: Path = arguments.data
    check_new_name(arguments.name)
    check_writable()
    if not root.is_dir():
        raise Refused("refused.no_folder", folder=root)
    for person in list_people(root):
        known_name(person, "refused.folder_name")
    base = load_recognizer(BASE)
    reading = partial(tqdm, unit="file", desc="Reading")
    gathered = gather(root, base.input_size, reading, base.config.framing, least=1)
    print_left_out(gathered.left_out)
    if not gathered.people:
        raise Refused("refused.nobody")
    data = with_own_faces(first_of_each(gathered, root, arguments.photographs), gathered, base)
    print(
        printable(
            f"{data.title}: {counted(len(data.labels), 'person', 'people')} enrolled with "
            f"{counted(len(data.training), 'photograph')}."
        )
    )
    for sentence in about_enrolment(data, gathered):
        print(printable(sentence))
    test = test_set(data, gathered)
    recognizer = write_checkpoint(enrolled_from(data, base, arguments.name), test=test)
    for sentence in (*about_people(recognizer), about_test(recognizer, test)):
        print(printable(sentence))
    print("The page has it when it is loaded the next time.")


def test_set(data: DataSet, gathered: Gathered) -> tuple[Tensor, Tensor] | None:
    """The test faces, as `gather` prepared them, and their class indices; None where there are none."""
    if not data.test:
        return None
    at = {file: (label, face) for label, theirs in enumerate(gathered.people.values()) for file, face in theirs.items()}
    labels, faces = zip(*(at[file] for file in data.test), strict=True)
    return torch.stack(faces), torch.tensor(labels)


def about_enrolment(data: DataSet, gathered: Gathered) -> list[str]:
    """What to know of the photographs enrolled: where nobody or several faces were found, and who has only one."""
    faces = {text_of(file.relative_to(data.root)): len(gathered.seen[file]) for file in data.training}
    nobody = [name for name, count in faces.items() if count == 0]
    several = [name for name, count in faces.items() if count > 1]
    counts = data.targets.bincount(minlength=len(data.labels)).tolist()
    once = [person for person, count in zip(data.labels, counts, strict=True) if count == 1]
    sentences = []
    if nobody:
        sentences.append(f"No face was found in {len(nobody)} of them, whose middle is used: {named(nobody)}.")
    if several:
        used = "of which the one is used that comes back in the person's other photographs"
        sentences.append(f"Several faces were found in {len(several)} of them, {used}: {named(several)}.")
    if once:
        sentences.append(f"With a single photograph, which is little to go by: {named(once)}.")
    return sentences


def about_people(recognizer: Recognizer) -> list[str]:
    """A sentence on pairs of people who are nearer to each other than the threshold."""
    templates = torch.stack([embeddings.mean(0) for embeddings in people_in(recognizer).values()])
    apart, threshold = distances(templates, templates), recognizer.config.threshold or 0.0
    names = recognizer.config.people
    near = sorted((apart[i, j].item(), i, j) for i, j in combinations(range(len(names)), 2) if apart[i, j] <= threshold)
    if not near:
        return [f"Threshold {threshold:g}: everybody is farther from everybody else than that."]
    pairs = named([f"{names[i]} and {names[j]} ({distance:.2f})" for distance, i, j in near])
    return [f"Threshold {threshold:g}. Nearer to each other than that, and easily taken for each other: {pairs}."]


def about_test(recognizer: Recognizer, test: tuple[Tensor, Tensor] | None) -> str:
    """How many of the test photographs are named right, named wrongly, and taken for nobody."""
    if test is None:
        return "No photograph is left to test on: give each person more of them, or enrol fewer with --photographs."
    faces, labels = test
    predicted = score(recognizer, faces.to(recognizer.device)).argmax(1).tolist()
    unknown = recognizer.config.unknown
    counts = Counter(
        outcome_of(Aim(label), guess, unknown) for label, guess in zip(labels.tolist(), predicted, strict=True)
    )
    words = {RECOGNISED: "named right", OTHER: "named wrongly", UNKNOWN: "unknown"}
    shares = [f"{counts[outcome]} {word} ({counts[outcome] / len(labels):.1%})" for outcome, word in words.items()]
    return f"Of {counted(len(labels), 'test photograph')}: {', '.join(shares)}."


def named(names: list[str]) -> str:
    """The first few of `names`, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
