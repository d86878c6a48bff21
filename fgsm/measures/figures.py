"""Matplotlib figures of accuracy curves and of the faces behind them, for files and reports."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..attacks import ATTACKS
from ..recognizers.recognizer import Recognizer
from .curve import EXAMPLES, Snapshot, example_faces
from .needed import GOALS, LARGEST, Needed
from .transfer import Matrix

COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe & Ito: safe for colour-blind eyes
NEAREST = 5e-4  # epsilon at which a logarithmic axis begins
LINE = 1.5  # points, which dashes are multiples of


def accuracy_figure(curves: Sequence[Snapshot]) -> Figure:
    """A panel for each recogniser and, where there are several, one with all of them; dashes tell attacks apart.

    In its own panel, what a recogniser takes for nobody lies in a grey band above its accuracy: what is left above that
    is taken for somebody else.
    """
    models = list(dict.fromkeys(curve.model for curve in curves))
    panels = [[model] for model in models] + ([models] if len(models) > 1 else [])
    figure = Figure(figsize=(5.2 * len(panels), 4), layout="constrained")
    for axes, shown in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        drawn = [curve for curve in curves if curve.model in shown]
        if len(shown) == 1:
            _draw_unknown(axes, [curve for curve in drawn if any(curve.unknown)], models)
        for curve in drawn:
            _draw_curve(axes, curve, _colour(curve, models))
        axes.set_title(plain(shown[0]) if len(shown) == 1 else "all")
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("epsilon")
        axes.set_ylabel("accuracy, with 95% interval")
        axes.grid(alpha=0.25)
        axes.legend(fontsize="small")
    return figure


def _draw_curve(axes: Axes, curve: Snapshot, colour: str) -> None:
    low, high = zip(*curve.intervals, strict=True)
    axes.fill_between(curve.epsilons, low, high, color=colour, alpha=0.12, linewidth=0)
    (line,) = axes.plot(curve.epsilons, curve.accuracy, linewidth=LINE, color=colour, label=_name(curve))
    line.set(marker="o", markersize=4)
    if dash := ATTACKS[curve.attack].dash:
        line.set_linestyle((0, tuple(length / LINE for length in dash)))
    smallest = min((epsilon for epsilon in curve.epsilons if epsilon > 0), default=1e-4)
    axes.set_xscale("symlog", linthresh=smallest, linscale=0.5)  # shows 0 beside 0.0001 and 1


def _draw_unknown(axes: Axes, curves: Sequence[Snapshot], models: list[str]) -> None:
    for at, curve in enumerate(curves):
        top = [1 - confused / curve.total for confused in curve.confused]
        band = axes.fill_between(curve.epsilons, curve.accuracy, top, color="grey", alpha=0.2, linewidth=0)
        if at == 0:
            band.set_label("unknown; above it, somebody else")
        axes.plot(curve.epsilons, top, linestyle=":", linewidth=0.8, color=_colour(curve, models))


def _colour(curve: Snapshot, models: list[str]) -> str:
    """Colours tell recognisers apart or, where there is only one, its attacks."""
    if len(models) == 1:
        return ATTACKS[curve.attack].colour
    return COLOURS[models.index(curve.model) % len(COLOURS)]


def _name(curve: Snapshot) -> str:
    return plain(f"{curve.model}, {curve.attack} ({curve.precision})")


def plain(name: str) -> str:
    """`name` as Matplotlib draws it, letter by letter: between dollars it sees formulas, after a first _ nothing."""
    return (" " + name if name.startswith("_") else name).replace("$", r"\$")


def examples_figure(model: Recognizer, images: Tensor, labels: Tensor, curve: Snapshot) -> Figure:
    """The first faces fooled at each epsilon of a `curve` over `images` and `labels`: a row for each epsilon."""
    figure = Figure(figsize=(1.7 * EXAMPLES + 0.8, 2.05 * len(curve.epsilons)), layout="constrained")
    figure.suptitle(_name(curve), fontsize=10)
    grid = figure.subplots(len(curve.epsilons), EXAMPLES, squeeze=False)
    for at, (epsilon, line) in enumerate(zip(curve.epsilons, grid, strict=True)):
        for axes in line:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(f"epsilon {epsilon:g}", fontsize=9)
        if not curve.examples[at]:
            line[EXAMPLES // 2].text(0.5, 0.5, "nobody is fooled", ha="center", va="center", fontsize=9)
            continue
        positions = [position for position, _ in curve.examples[at]]
        faces = example_faces(ATTACKS[curve.attack], model, images, labels, epsilon, positions)
        for axes, face, (position, taken_for) in zip(line, faces, curve.examples[at], strict=False):
            person = model.labels[labels[position]]
            axes.imshow(face.permute(1, 2, 0).numpy())
            axes.set_title(plain(f"{person} \N{RIGHTWARDS ARROW} {model.labels[taken_for]}"), fontsize=7.5)
    return figure


def needed_figure(found: Sequence[Needed]) -> Figure:
    """The share of faces that each epsilon is enough for: a panel for each goal, colours for recognisers."""
    goals = [goal for goal in GOALS if any(needed.goal == goal for needed in found)]
    models = list(dict.fromkeys(needed.model for needed in found))
    figure = Figure(figsize=(6 * len(goals), 4.4), layout="constrained")
    for axes, goal in zip(figure.subplots(1, len(goals), squeeze=False)[0], goals, strict=True):
        for needed in found:
            if needed.goal == goal:
                _draw_needed(axes, needed, COLOURS[models.index(needed.model) % len(COLOURS)])
        axes.set(title=goal, xscale="log", ylim=(-0.03, 1.03), xlim=(NEAREST, LARGEST))
        axes.set(xlabel="epsilon", ylabel="share of faces that it is enough for")
        axes.grid(alpha=0.25)
    axes.legend(fontsize="small")
    return figure


def _draw_needed(axes: Axes, needed: Needed, colour: str) -> None:
    enough = sorted(max(NEAREST, epsilon) for epsilon in needed.epsilons if math.isfinite(epsilon))
    shares = [at / len(needed.epsilons) for at in range(len(enough) + 1)]
    steps = [*zip([NEAREST, *enough], shares, strict=True), (LARGEST, shares[-1])]
    (line,) = axes.step(*zip(*steps, strict=True), where="post", color=colour, linewidth=LINE)
    line.set_label(plain(f"{needed.model}, {needed.attack}"))
    if dash := ATTACKS[needed.attack].dash:
        line.set_linestyle((0, tuple(length / LINE for length in dash)))


def transfer_figure(matrix: Matrix) -> Figure:
    """A heat map of the accuracy of each recogniser, by the one that the faces were crafted on."""
    count = len(matrix.models)
    rows = [[correct / matrix.total for correct in row] for row in (matrix.clean, *matrix.correct)]
    figure = Figure(figsize=(1.5 * count + 2.6, 0.85 * count + 2.2), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(rows, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
    names = [plain(model) for model in matrix.models]
    axes.set_xticks(range(count), names, rotation=20, ha="right")
    axes.set_yticks(range(count + 1), ["no attack", *names])
    axes.set_xlabel("tried on")
    axes.set_ylabel("crafted on")
    axes.set_title(f"Accuracy under {matrix.attack}, epsilon {matrix.epsilon:g} ({matrix.precision})", fontsize=11)
    for at, row in enumerate(rows):
        for column, accuracy in enumerate(row):
            axes.text(column, at, f"{accuracy:.1%}", ha="center", va="center")
    figure.colorbar(image, label="accuracy")
    return figure
