"""The commands `curve`, `smallest` and `transfer`: measured over the test faces, written as tables and figures."""

import argparse
import math
import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import date

from tqdm import tqdm

from ..attacks.fgsm import FGSM
from ..measures.curve import Snapshot, accuracy_curve, explain_curves
from ..measures.figures import accuracy_figure, examples_figure, needed_figure, transfer_figure
from ..measures.made import Made, forget_made, write_made
from ..measures.names import known_attack
from ..measures.needed import LARGEST, SHORT, Needed, goals_of, needed_epsilons
from ..measures.tables import curves_as_csv, matrix_as_csv, needed_as_csv, write_table
from ..measures.transfer import Matrix, comparable, explain_matrix, transfer_matrix
from ..recognizers.recognizer import load
from ..recognizers.survey import Checkpoint, available_recognizers, checksum, default_recognizer, survey_of
from ..recognizers.testset import load_test_set, named_test_set, photographs_tested
from ..texts import ENGLISH, Refused
from .output import as_columns, make_folder, with_interval, written_when_stopped


def curve_command(arguments: argparse.Namespace) -> None:
    """Measure accuracy against epsilon."""
    attacks = [known_attack(name) for name in dict.fromkeys(arguments.attack)]
    checkpoints = chosen(arguments.model, all_tested)
    recognizers = [load(checkpoint, survey_of()) for checkpoint in checkpoints]
    make_folder(arguments.out)
    table = arguments.out / "accuracy.csv"
    forget_made(table)
    curves: dict[tuple[str, str], Snapshot] = {}

    def write() -> None:
        write_table(curves_as_csv(list(curves.values())), table)

    write()  # where that cannot be, nothing is measured for nothing
    with written_when_stopped(table, write):
        for recognizer in recognizers:
            images, labels = load_test_set(recognizer)
            for attack in attacks:
                with tqdm(total=len(images), unit="face", desc=f"{recognizer.name}, {attack.name}") as progress:
                    for curve in accuracy_curve(recognizer, images, labels, arguments.epsilons, attack):
                        progress.update(curve.total - progress.n)
                        if curve.total:
                            curves[recognizer.name, attack.name] = curve
                write()
                if attack is FGSM:
                    figure = examples_figure(recognizer, images, labels, curve)
                    figure.savefig(arguments.out / f"examples_{recognizer.name}.png", dpi=100)
    measured = list(curves.values())
    accuracy_figure(measured).savefig(arguments.out / "accuracy.png", dpi=110)
    write_made(made_of(arguments, checkpoints), table)
    print("\n".join([curve_table(measured), *explain_curves(measured, available_recognizers(), ENGLISH)]))


def all_tested() -> list[str]:
    """The recognisers whose test faces are on this machine."""
    return [name for name, config in available_recognizers().items() if photographs_tested(config)]


def chosen(names: Sequence[str], everyone: Callable[[], list[str]]) -> list[Checkpoint]:
    """The recognisers that are named, each once, or `everyone` where "all" is among them."""
    names = everyone() if "all" in names else names
    if not names:
        raise Refused("refused.no_recognisers")
    found = survey_of().look()
    return [found.named(name) for name in dict.fromkeys(names)]


def made_of(arguments: argparse.Namespace, checkpoints: Sequence[Checkpoint]) -> Made:
    """What is said of a table that is measured today."""
    weights = {checkpoint.name: checksum(checkpoint)[:SHORT] for checkpoint in checkpoints}
    return Made(f"python -m fgsm {shlex.join(arguments.words)}", date.today().isoformat(), weights)


def curve_table(curves: Sequence[Snapshot]) -> str:
    """A row for each epsilon, a column for each curve: accuracy, and what `outcomes_in` says."""
    heads = [f"{curve.model}, {curve.attack}" for curve in curves]
    precision = ", ".join(dict.fromkeys(curve.precision for curve in curves))
    rows = [["epsilon", *heads]]
    for at, epsilon in enumerate(curves[0].epsilons):
        cells = [f"{curve.accuracy[at]:.1%} ({outcomes_in(curve, at)})" for curve in curves]
        rows.append([f"{epsilon:g}", *cells])
    return f"Accuracy, scored in {precision}\n{as_columns(rows)}"


def outcomes_in(curve: Snapshot, at: int) -> str:
    """Of the faces first recognised, the share fooled; where there is a threshold, the shares of all that it parts."""
    if curve.threshold is None:
        return f"{curve.fooling_rate[at]:.1%} fooled"
    confused, unknown = (counts[at] / curve.total for counts in (curve.confused, curve.unknown))
    return f"{confused:.1%} somebody else, {unknown:.1%} unknown"


def smallest_command(arguments: argparse.Namespace) -> None:
    """Find the smallest epsilon that fools, face by face."""
    attacks = [known_attack(name) for name in dict.fromkeys(arguments.attack)]
    checkpoints = chosen(arguments.model, all_tested)
    make_folder(arguments.out)
    table = arguments.out / "smallest.csv"
    measured: list[Needed] = []

    def write() -> None:
        write_table(needed_as_csv(measured), table)

    write()  # where that cannot be, nothing is measured for nothing
    with written_when_stopped(table, write):
        for checkpoint in checkpoints:
            recognizer, weights = load(checkpoint, survey_of()), checksum(checkpoint)[:SHORT]
            names, images, labels = named_test_set(recognizer)
            for attack, goal in [(each, goal) for each in attacks for goal in goals_of(recognizer, each)]:
                measured.append(needed := Needed(recognizer.name, weights, attack.name, goal, names, []))
                with tqdm(total=len(names), unit="face", desc=f"{recognizer.name}, {attack.name}, {goal}") as progress:
                    for epsilons in needed_epsilons(recognizer, images, labels, attack, goal):
                        needed.epsilons.extend(epsilons)
                        progress.update(len(epsilons))
                write()
    needed_figure(measured).savefig(arguments.out / "smallest.png", dpi=110)
    print(needed_table(measured))


def needed_table(found: Sequence[Needed]) -> str:
    """A row for each recogniser, attack and goal: the quartiles of the smallest epsilons, and how many have none."""

    def shown(epsilon: float) -> str:
        return f"{epsilon:.4f} ({255 * epsilon:.1f}/255)" if math.isfinite(epsilon) else f"above {LARGEST:g}"

    rows = [["recogniser", "attack", "goal", "faces", "lower quartile", "median", "upper quartile", "none found"]]
    for needed in found:
        quartiles = [shown(needed.quantile(share)) for share in (0.25, 0.5, 0.75)]
        none = sum(map(math.isinf, needed.epsilons))
        about = [needed.model, needed.attack, needed.goal, str(len(needed.epsilons))]
        rows.append([*about, *quartiles, f"{none / len(needed.epsilons):.1%}"])
    return f"The smallest epsilon found that reaches the goal, up to {LARGEST:g}, scored in float32\n{as_columns(rows)}"


def transfer_command(arguments: argparse.Namespace) -> None:
    """Try faces crafted on each recogniser on every other."""
    attack, configs = known_attack(arguments.attack), available_recognizers()
    alike = chosen(arguments.model, lambda: comparable(default_recognizer(configs) or "", configs) if configs else [])
    if len(alike) < 2:
        raise Refused("refused.two_recognisers")
    recognizers = [load(checkpoint, survey_of()) for checkpoint in alike]
    images, labels = load_test_set(recognizers[0])
    table = arguments.out and arguments.out / "transfer.csv"
    if table:
        make_folder(arguments.out)
        forget_made(table)
    matrices = transfer_matrix(recognizers, images, labels, arguments.epsilon, attack)
    matrix = next(matrices)
    title = f"{attack.name}, epsilon {arguments.epsilon:g}"
    keep = written_when_stopped(table, lambda: write_table(matrix_as_csv(matrix), table)) if table else nullcontext()
    with keep, tqdm(total=len(images), unit="face", desc=title) as progress:
        for matrix in matrices:
            progress.update(matrix.total - progress.n)
    if table:
        write_table(matrix_as_csv(matrix), table)
        transfer_figure(matrix).savefig(arguments.out / "transfer.png", dpi=110)
        write_made(made_of(arguments, alike), table)
    print("\n".join([matrix_table(matrix), *explain_matrix(matrix, configs, ENGLISH)]))


def matrix_table(matrix: Matrix) -> str:
    """A row for each recogniser that faces were crafted on, a column for each that they met: accuracy and interval."""

    rows = [["crafted on", *(f"tried on {model}" for model in matrix.models)]]
    for source, counts in zip(["(no attack)", *matrix.models], [matrix.clean, *matrix.correct], strict=True):
        rows.append([source, *(with_interval(correct, matrix.total) for correct in counts)])
    return (
        f"Accuracy under {matrix.attack}, epsilon {matrix.epsilon:g}, scored in {matrix.precision}\n{as_columns(rows)}"
    )
