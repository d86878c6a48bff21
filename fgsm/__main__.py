"""The command line: python -m fgsm {models,attack,curve,transfer,train,fetch}."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from .arguments import IMAGENET, parser
from .course import ARCHITECTURE_OF
from .curve import Snapshot, accuracy_curve, wilson_interval, write_csv
from .curve import explain as explain_curves
from .dataset import DATA, DataSet, builtin, gather
from .dataset import own as own_faces
from .detect import find_faces, frame, framing
from .faces import prepare
from .fetch import SOURCES
from .figures import accuracy_figure, examples_figure, transfer_figure
from .machine import print_anything, print_nothing_more
from .methods import FGSM
from .pictures import open_picture
from .recognizer import (
    BUILT_IN,
    accuracy_of,
    available_recognizers,
    default_recognizer,
    faces_of,
    load_recognizer,
    load_test_set,
    refused_files,
)
from .report import attack_report
from .texts import ENGLISH, Refused
from .train import INPUT_SIZE, Start, builtin_weights, check_name, imagenet_weights, recipe_for, train
from .transfer import Matrix, comparable, explain, transfer_matrix
from .transfer import write_csv as write_matrix
from .values import known_person, known_recognizer, known_target


class Refusal(Exception):
    """Input that a command cannot use; its message says what to do."""


class Stopped(Exception):
    """A command was stopped by Ctrl-C; the message says what was saved."""


def models_command(arguments: argparse.Namespace) -> None:
    rows = [["name", "architecture", "parameters", "data set", "clean accuracy", "trained in"]]
    for name, config in available_recognizers().items():
        try:
            parameters = sum(weights.numel() for weights in load_recognizer(name, "cpu").parameters())
        except Refused:  # said below
            continue
        accuracy = accuracy_of(config)
        tested = f"{accuracy} of {len(config.test_photographs)}" if accuracy else "not measured"
        minutes = config.training_minutes
        training = "not recorded" if minutes is None else f"{minutes} min ({config.trained_on or 'not recorded where'})"
        rows.append([name, config.architecture, f"{parameters / 1e6:.1f} M", config.data, tested, training])
    print(as_columns(rows))
    for problem in refused_files().values():
        print(printable(str(problem)))


def attack_command(arguments: argparse.Namespace) -> None:
    picture = open_picture(arguments.photo)
    recognizer = load_recognizer(known_recognizer(arguments.model))
    faces = find_faces(picture)
    face = prepare(picture, recognizer.input_size, frame(picture, faces, recognizer.input_size))
    label = None if arguments.label is None else known_person(recognizer.labels, arguments.label)
    target = known_target(recognizer.labels, arguments.target, arguments.attack)
    report, adversarial = attack_report(recognizer, face, arguments.epsilon, label, arguments.attack, target)
    report["framing"] = framing(picture, faces, recognizer.input_size)
    if arguments.out is not None:
        save_picture(adversarial, arguments.out)
    print(json.dumps(report, indent=1) if arguments.json else as_text(report))


def as_text(report: dict) -> str:
    """A report of `attack_report` for a terminal."""
    columns = {"clean": "clean", "float": "adversarial, float", "8-bit": "adversarial, 8-bit"}
    lines = ["".join(title.ljust(28) for title in columns.values()).rstrip()]
    for places in zip(*(report[column]["top"] for column in columns), strict=True):
        cells = [f"{place['label']}  {place['probability']:.1%}" for place in places]
        lines.append("".join(cell.ljust(28) for cell in cells).rstrip())
    verdicts = [f"Float image: {as_verdict(report['float'])}", f"8-bit image: {as_verdict(report['8-bit'])}"]
    towards = f", towards {report['target']}" if report["target"] else ""
    heads = [report["framing"], f"{report['model']}, {report['attack']}, attacked on {report['attacked_on']}{towards}."]
    return "\n".join([*heads, "", *lines, "", *verdicts])


def as_verdict(outcome: dict) -> str:
    """The verdict and, where the attack aimed at somebody, what it reached."""
    answers = {goal: "yes" if outcome[goal] else "no" for goal in ("dodged", "impersonated") if goal in outcome}
    return " ".join([outcome["verdict"], *(f"{goal.capitalize()}: {answer}." for goal, answer in answers.items())])


def save_picture(picture: Image.Image, path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise Refusal(f"Name the adversarial picture something.png, not {path.name}: other formats would change it.")
    try:
        picture.save(path)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}.") from None


def curve_command(arguments: argparse.Namespace) -> None:
    names = chosen(
        arguments.model, lambda: [name for name, config in available_recognizers().items() if faces_of(config)]
    )
    recognizers = [load_recognizer(name) for name in names]
    make_folder(arguments.out)
    table = arguments.out / "accuracy.csv"
    curves: dict[tuple[str, str], Snapshot] = {}
    write_csv([], table)  # where that cannot be, nothing is measured for nothing
    with kept_when_stopped(table, lambda: write_csv(list(curves.values()), table)):
        for recognizer in recognizers:
            images, labels = load_test_set(recognizer)
            for attack in arguments.attack:
                with tqdm(total=len(images), unit="face", desc=f"{recognizer.name}, {attack}") as progress:
                    for curve in accuracy_curve(recognizer, images, labels, arguments.epsilons, attack):
                        progress.update(curve.total - progress.n)
                        if curve.total:
                            curves[recognizer.name, attack] = curve
                write_csv(list(curves.values()), table)
                if attack == FGSM:
                    figure = examples_figure(recognizer, images, labels, curve)
                    figure.savefig(arguments.out / f"examples_{recognizer.name}.png", dpi=100)
    measured = list(curves.values())
    accuracy_figure(measured).savefig(arguments.out / "accuracy.png", dpi=110)
    print("\n".join([curve_table(measured), *explain_curves(measured, ENGLISH)]))


def chosen(names: list[str], everyone: Callable[[], list[str]]) -> list[str]:
    """The recognisers that are named, each once, or `everyone` where "all" is among them."""
    names = everyone() if "all" in names else names
    if not names:
        raise Refused("refused.no_recognisers")
    return [known_recognizer(name) for name in dict.fromkeys(names)]


@contextmanager
def kept_when_stopped(table: Path, write: Callable[[], None]) -> Iterator[None]:
    """Whatever ends the measuring in here, Ctrl-C for example, what was counted until then is written to `table`."""
    try:
        yield
    except KeyboardInterrupt:
        write()
        raise Stopped(f"Stopped; {table} has what was counted until then.") from None


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{path} cannot be made a folder: {error.strerror}.") from None


def curve_table(curves: list[Snapshot]) -> str:
    """A row for each epsilon, a column for each curve: accuracy and, of the faces first recognised, those fooled."""
    heads = [f"{curve.model}, {curve.attack}" for curve in curves]
    precision = ", ".join(dict.fromkeys(curve.precision for curve in curves))
    rows = [["epsilon", *heads]]
    for at, epsilon in enumerate(curves[0].epsilons):
        cells = [f"{curve.accuracy[at]:.1%} ({curve.fooling_rate[at]:.1%} fooled)" for curve in curves]
        rows.append([f"{epsilon:g}", *cells])
    return f"Accuracy, scored in {precision}\n{as_columns(rows)}"


def transfer_command(arguments: argparse.Namespace) -> None:
    names = chosen(arguments.model, lambda: comparable(known_recognizer(default_recognizer())))
    if len(names) < 2:
        raise Refused("refused.two_recognisers")
    recognizers = [load_recognizer(name) for name in names]
    images, labels = load_test_set(recognizers[0])
    table = arguments.out and arguments.out / "transfer.csv"
    if table:
        make_folder(arguments.out)
    matrices = transfer_matrix(recognizers, images, labels, arguments.epsilon, arguments.attack)
    matrix = next(matrices)
    keep = kept_when_stopped(table, lambda: write_matrix(matrix, table)) if table else nullcontext()
    title = f"{arguments.attack}, epsilon {arguments.epsilon:g}"
    with keep, tqdm(total=len(images), unit="face", desc=title) as progress:
        for matrix in matrices:
            progress.update(matrix.total - progress.n)
    if table:
        write_matrix(matrix, table)
        transfer_figure(matrix).savefig(arguments.out / "transfer.png", dpi=110)
    print("\n".join([matrix_table(matrix), *explain(matrix, ENGLISH)]))


def matrix_table(matrix: Matrix) -> str:
    """A row for each recogniser that faces were crafted on, a column for each that they met: accuracy and interval."""

    def cell(correct: int) -> str:
        low, high = wilson_interval(correct, matrix.total)
        return f"{correct / matrix.total:.1%} ({low:.1%} to {high:.1%})"

    rows = [["crafted on", *(f"tried on {model}" for model in matrix.models)]]
    for source, counts in zip(["(no attack)", *matrix.models], [matrix.clean, *matrix.correct], strict=True):
        rows.append([source, *(cell(correct) for correct in counts)])
    return (
        f"Accuracy under {matrix.attack}, epsilon {matrix.epsilon:g}, scored in {matrix.precision}\n{as_columns(rows)}"
    )


def printable(text: str) -> str:
    """`text` in one line, whatever a name in it holds."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def as_columns(rows: list[list[str]]) -> str:
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def train_command(arguments: argparse.Namespace) -> None:
    if arguments.name and len(arguments.arch) > 1:
        raise Refusal("Leave out --name, or give one --arch: each recogniser needs a name of its own.")
    names = [arguments.name or default_name(arguments, architecture) for architecture in arguments.arch]
    for name in names:
        check_name(name)
        if name in ARCHITECTURE_OF or (arguments.data and name in BUILT_IN):
            raise Refusal(f"{name} is another recogniser's name: choose another --name.")
    data = builtin(INPUT_SIZE) if arguments.data is None else read_folder(arguments.data, arguments.seed)
    for architecture, name in zip(arguments.arch, names, strict=True):
        start = starting_weights(architecture, arguments.pretrained)
        recipe = recipe_for(architecture, len(data.training), arguments.adversarial, tuning=start is not None)
        config = train(architecture, name, data, replace(recipe, seed=arguments.seed), start).config
        stopped = config.epochs < recipe.epochs
        print(
            f"{name}: {accuracy_of(config)} of {len(config.test_photographs)} test faces, "
            f"trained in {config.training_minutes} minutes ({config.trained_on})"
            + (f", stopped; its weights are those after epoch {config.epochs} of {recipe.epochs}." if stopped else ".")
        )
        if stopped:
            break
    print("The page has it when it is loaded the next time.")


def default_name(arguments: argparse.Namespace, architecture: str) -> str:
    of_data = "" if arguments.data is None else re.sub(r"[^A-Za-z0-9_-]+", "-", arguments.data.resolve().name) + "-"
    return of_data + architecture + ("-robust" if arguments.adversarial else "")


def read_folder(root: Path, seed: int) -> DataSet:
    """The faces in a folder of people; says what is left out of it, and what remains."""
    if not root.is_dir():
        raise Refusal(f"There is no folder {root}.")
    gathered = gather(root, INPUT_SIZE, partial(tqdm, unit="file", desc="Reading"))
    if gathered.left_out:
        print("\n".join(["Left out:", *(f"  {reason}" for reason in gathered.left_out)]), flush=True)
    data = own_faces(gathered, root, seed)
    counts = f"{len(data.training)} photographs to train on, {len(data.test)} to test on"
    print(f"{data.title}: {len(data.labels)} people, {counts}.", flush=True)
    return data


def starting_weights(architecture: str, pretrained: str | None) -> Start | None:
    if pretrained is None:
        return None
    start = None
    if pretrained == IMAGENET:
        try:
            start = imagenet_weights(architecture)
        except (OSError, RuntimeError):  # no connection, or what came is not what was sent
            print("The ImageNet weights cannot be downloaded here.", flush=True)
        except Refused as error:
            print(error, flush=True)
    start = start or builtin_weights(architecture)
    print(f"Training {architecture} starts from {start.title}.", flush=True)
    return start


def fetch_command(arguments: argparse.Namespace) -> None:
    source = SOURCES[arguments.data]
    people = source.fetch(arguments.out or DATA / arguments.data)
    print(f"{sum(people.values())} photographs of {len(people)} people in {arguments.out or DATA / arguments.data}.")


COMMANDS = {
    "models": models_command,
    "attack": attack_command,
    "curve": curve_command,
    "transfer": transfer_command,
    "train": train_command,
    "fetch": fetch_command,
}


def main() -> None:
    print_anything()
    try:
        try:
            arguments = parser().parse_args()
            COMMANDS[arguments.command](arguments)
        finally:
            print(end="", flush=True)
    except BrokenPipeError:  # whoever read has read enough
        print_nothing_more(sys.stdout)
        sys.exit(1)
    except (Refusal, Refused) as error:
        print(f"python -m fgsm: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that may not be written
        print_nothing_more(sys.stdout)
        written = error.filename or "The output, or a file, cannot be written"
        print(f"python -m fgsm: {written}: {error.strerror or error}.", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print(f"python -m fgsm: {stopped}", file=sys.stderr)
        sys.exit(130)
    except KeyboardInterrupt:
        print("python -m fgsm: Stopped; nothing more was saved.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
