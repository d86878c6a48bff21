"""What the command line takes: commands, their options and help. Nothing here waits for PyTorch."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from ..faces.fetch import SOURCES
from ..measures.effort import Effort
from ..measures.epsilons import COURSE_EPSILONS, known_epsilon, parse_epsilons
from ..recognizers.config import CLASSIFIERS, DLIB, MOST_ENROLLED, MOST_LABELS, MOST_PHOTOGRAPHS
from ..texts import Refused

T = TypeVar("T")

LONGEST_COUNT = 9  # digits
MOST_TRIED = 1_000_000  # restarts, queries, minutes
IMAGENET, BUILTIN_WEIGHTS = "imagenet", "built-in"  # what training may start from


def argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` as argparse wants it: its sentence, where it raises Refused, is shown."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except Refused as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed


epsilon, epsilon_list = argument(known_epsilon), argument(parse_epsilons)


def seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed: give a whole number from 0 to {2**32 - 1}")
    return int(text)


def count(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`."""

    def parsed(text: str) -> int:
        if not text.isdecimal() or len(text) > LONGEST_COUNT or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a count: give a whole number from 1 to {most}")
        return int(text)

    return parsed


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def program() -> str:
    """What this program is called, as it was called."""
    return "fgsm" if Path(sys.argv[0]).stem == "fgsm" else "python -m fgsm"


def parser() -> argparse.ArgumentParser:
    """What each command takes; the name of the one asked for is in `command`."""
    top = OneLineParser(prog=program(), description="Fool face recognisers with the Fast Gradient Sign Method.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str, description: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=description)

    add(
        "models",
        "list the recognisers and their clean accuracy",
        "List every recogniser in models/: architecture, size, data set, accuracy on its test faces, time of training.",
    )

    add("attacks", "list the attacks", "List every attack, the gradients it takes, and whether it can aim at a person.")

    command = add(
        "attack",
        "attack one photograph",
        "Attack one photograph and print whom it is taken for, as a float image and as an 8-bit picture.",
    )
    command.add_argument("photo", type=Path, help="a picture; its largest face is used, or its centre square")
    command.add_argument("--model", help="a name that 'models' lists (default: resnet18)", default="resnet18")
    command.add_argument(
        "--epsilon", type=epsilon, default=0.03, help="step size, 0 to 1, such as 0.03 or 8/255 (default: 0.03)"
    )
    command.add_argument("--attack", default="FGSM", help="a name that 'attacks' lists (default: FGSM)")
    command.add_argument("--target", metavar="PERSON", help="aim at being taken for this person (default: anyone else)")
    command.add_argument(
        "--label", metavar="PERSON", help="attack on this label (default: the recogniser's own clean prediction)"
    )
    command.add_argument("--out", type=Path, metavar="FILE.png", help="save the adversarial face, as 8-bit PNG")
    command.add_argument("--json", action="store_true", help="print the report as JSON")

    command = add(
        "verify",
        "say whether two photographs show one person",
        "Compare the faces in two photographs: their distance, the threshold, and whether they count as one person's. "
        "With an epsilon the first one is attacked, away from the second or, where they differ, towards it.",
    )
    for place in ("first", "second"):
        command.add_argument(place, type=Path, help="a picture; its likeliest face is used, or its centre square")
    command.add_argument("--model", help="a recogniser that compares faces (default: dlib)", default=DLIB)
    command.add_argument("--epsilon", type=epsilon, help="attack, with a step such as 0.03 or 8/255 (default: do not)")
    command.add_argument("--attack", default="FGSM", help="a name that 'attacks' lists (default: FGSM)")
    command.add_argument("--out", type=Path, metavar="FILE.png", help="save the attacked face, as 8-bit PNG")
    command.add_argument("--json", action="store_true", help="print what is found as JSON")

    command = add(
        "curve",
        "measure accuracy against epsilon over the test faces",
        "Measure accuracy against epsilon over the test faces, under one attack or several; write CSV and figures.",
    )
    command.add_argument("--model", nargs="+", default=["all"], help="names that 'models' lists, or all (default)")
    command.add_argument(
        "--epsilons", type=epsilon_list, default=list(COURSE_EPSILONS), help="such as '0, 0.01, 8/255'"
    )
    command.add_argument(
        "--attack",
        nargs="+",
        default=["FGSM", "random signs"],
        help="names that 'attacks' lists (default: FGSM and random signs)",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where CSV and figures go")

    command = add(
        "smallest",
        "find the smallest epsilon that fools, for each test face",
        "Find for each test face the smallest epsilon that makes it anybody else, and the one that makes it the next "
        "person in the list; print medians and quartiles, write CSV and figure.",
    )
    command.add_argument("--model", nargs="+", default=["all"], help="names that 'models' lists, or all (default)")
    command.add_argument(
        "--attack", nargs="+", default=["FGSM", "PGD"], help="names that 'attacks' lists (default: FGSM and PGD)"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where CSV and figure go")

    command = add(
        "transfer",
        "try faces crafted on each recogniser on every other",
        "Craft adversarial test faces on each recogniser and print how many every other one still names right.",
    )
    command.add_argument("--model", nargs="+", default=["all"], help="names that 'models' lists, or all (default)")
    command.add_argument(
        "--epsilon", type=epsilon, default=0.02, help="step size, 0 to 1, such as 0.02 or 8/255 (default: 0.02)"
    )
    command.add_argument("--attack", default="FGSM", help="a name that 'attacks' lists (default: FGSM)")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write CSV and figure there")

    command = add(
        "evaluate",
        "try every attack on the test faces, for the worst case",
        "Attack each test face by one method after another, from one step to AutoAttack, until one fools it or all "
        "have been tried; write what is left as a claim for each recogniser. Ctrl-C keeps what is counted, and the "
        'same command goes on from there. Needs pyautoattack: pip install ".[evaluate]".',
    )
    command.add_argument("--model", nargs="+", required=True, help="names that 'models' lists, or all")
    command.add_argument(
        "--epsilon", type=epsilon, default=8 / 255, help="the most a value may change, such as 0.03 (default: 8/255)"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the claims go")
    effort = Effort()
    for option, most, default, what in (
        ("--faces", MOST_PHOTOGRAPHS, None, "so many of the test faces (default: all)"),
        ("--restarts", MOST_TRIED, effort.restarts, f"random starts of PGD (default: {effort.restarts})"),
        (
            "--queries",
            MOST_TRIED,
            effort.queries,
            f"the most that Square may ask for a face (default: {effort.queries})",
        ),
        (
            "--targets",
            MOST_LABELS,
            effort.targets,
            f"the labels that APGD-T and FAB-T aim at, at most those that are wrong (default: {effort.targets})",
        ),
        ("--minutes", MOST_TRIED, None, "stop after so many; call again to go on (default: never)"),
    ):
        command.add_argument(option, type=count(most), default=default, metavar="N", help=what)
    command.add_argument("--seed", type=seed, default=0, help="of everything random (default: 0)")

    command = add(
        "enrol",
        "make a recogniser of the people in a folder, without training",
        "Enrol the people in a folder: every face is compared with their first photographs, and the others test how "
        "well that works. Nothing is trained. The recogniser goes to models/, where the page finds it.",
    )
    command.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="a folder of people, each a folder of photographs"
    )
    command.add_argument("--name", required=True, help="name of the folder in models/")
    command.add_argument(
        "--photographs",
        type=count(MOST_ENROLLED),
        default=5,
        metavar="N",
        help="how many of each person to enrol (default: 5)",
    )

    command = add(
        "train",
        "train a recogniser on the built-in faces, or on your own",
        "Train a recogniser on the built-in faces or on a folder of your own, and write its checkpoint to models/, "
        "where the page finds it. Ctrl-C ends training and keeps the best weights so far.",
    )
    command.add_argument("--arch", nargs="+", choices=CLASSIFIERS, required=True, help="the network's architecture")
    command.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a folder of people, each a folder of photographs (default: built-in)",
    )
    command.add_argument("--name", help="name of the folder in models/ (default: from folder and architecture)")
    command.add_argument(
        "--pretrained",
        nargs="?",
        const=IMAGENET,
        choices=(IMAGENET, BUILTIN_WEIGHTS),
        help="start from ImageNet weights or, where they cannot be downloaded, from the built-in recogniser of this "
        "architecture; 'built-in' asks for that one (default: from scratch)",
    )
    command.add_argument("--adversarial", action="store_true", help="train on attacked faces, which makes it robust")
    command.add_argument("--seed", type=seed, default=0, help="of the split and of training (default: 0)")

    command = add(
        "fetch",
        "download a data set of faces",
        "Download a data set and lay it out as a folder of people, for 'train --data'. Says licence and size first.",
    )
    command.add_argument("data", choices=SOURCES, help="which")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="where to (default: data/ and its name)")

    add("page", "open the page", "Serve the page on this machine; PORT, or GRADIO_SERVER_PORT, names another port.")
    return top
