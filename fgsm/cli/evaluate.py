"""The command `evaluate`: how robust recognisers are, as a table and as one claim a recogniser."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from ..measures.claims import WORST, Claim, claim_file, write_claim
from ..measures.effort import Effort
from ..measures.evaluate import begin, go_on, spread, taken_up
from ..measures.trials import Trial, trials
from ..recognizers.recognizer import Recognizer, load
from ..recognizers.survey import Checkpoint, checksum, survey_of
from ..recognizers.testset import named_test_set
from .measure import all_tested, chosen
from .output import as_columns, counted, make_folder, printable, with_interval, written_when_stopped

BAR = "{l_bar}{bar}| {elapsed}, about {remaining} left"


@dataclass(frozen=True)
class Task:
    """A recogniser to evaluate: test faces, (N, 3, H, W), their class indices, (N,), the attacks, and the claim."""

    recognizer: Recognizer
    images: Tensor
    labels: Tensor
    attacks: Sequence[Trial]
    claim: Claim


def evaluate_command(arguments: argparse.Namespace) -> None:
    """Attack test faces until one attack fools them or all have been tried; go on where a call before has stopped."""
    make_folder(arguments.out)
    tasks = [_task(checkpoint, arguments) for checkpoint in chosen(arguments.model, all_tested)]
    until = None if arguments.minutes is None else time.monotonic() + 60 * arguments.minutes
    for task in tasks:
        if not task.claim.complete and (until is None or time.monotonic() < until):
            task.claim.limit_minutes = arguments.minutes
            _evaluate(task, arguments.out, until)
    claims = [task.claim for task in tasks]
    print("\n".join([claims_table(claims), *map(printable, about(claims))]))


def _task(checkpoint: Checkpoint, arguments: argparse.Namespace) -> Task:
    """What there is to do for one recogniser. Raises Refused where a claim is there that asks something else."""
    recognizer = load(checkpoint, survey_of())
    names, images, labels = named_test_set(recognizer)
    at = spread(arguments.faces or len(names), len(names))
    effort = Effort(arguments.restarts, arguments.queries, arguments.targets)
    attacks = trials(effort, len(recognizer.labels))
    weights, photographs = checksum(checkpoint), [names[place] for place in at]
    begun = begin(recognizer, weights, photographs, arguments.epsilon, arguments.seed, effort, attacks)
    return Task(recognizer, images[at], labels[at], attacks, taken_up(begun, arguments.out))


def _evaluate(task: Task, folder: Path, until: float | None) -> None:
    """Go on with a claim, and write it after every batch of faces, until that time."""
    claim, attacks = task.claim, task.attacks
    write_claim(claim, folder)  # where that cannot be, nothing is measured for nothing
    done = _work(attacks, [tried.seen for tried in claim.tried])
    progress = tqdm(total=_work(attacks, [claim.total] * len(attacks)), initial=done, bar_format=BAR)
    # A batch that is interrupted is not counted: what the file has is whole.
    with progress, written_when_stopped(claim_file(folder, claim.model), lambda: None):
        progress.set_description(claim.model)
        for trial, faces in go_on(claim, task.recognizer, task.images, task.labels, attacks):
            write_claim(claim, folder)
            progress.update(_work([trial], [faces]))
            left = claim.fooled_by.count(None)
            progress.set_description(f"{claim.model}, {trial.name}: {left} of {claim.total} not fooled")
            if until is not None and time.monotonic() > until:
                break


def _work(attacks: Sequence[Trial], faces: Sequence[int]) -> int:
    """About how many forward passes it takes to try each of `attacks` on so many faces."""
    return sum(attack.cost * count for attack, count in zip(attacks, faces, strict=True))


def claims_table(claims: Sequence[Claim]) -> str:
    """A row for each recogniser: accuracy after each attack that is done, and in the worst case with its interval."""
    after = list(dict.fromkeys(tried.attack for claim in claims for tried in claim.tried))
    rows = [["recogniser", "faces", *after, WORST, "minutes"]]
    for claim in claims:
        left = {share.after: share for share in claim.shares()}
        cells = [f"{left[attack].accuracy:.1%}" if attack in left else "-" for attack in after]
        worst = left.get(WORST)
        interval = with_interval(worst.right, worst.total) if worst else "not finished"
        minutes = sum(tried.seconds for tried in claim.tried) / 60
        rows.append([claim.model, str(claim.total), *cells, interval, f"{minutes:.1f}"])
    epsilon = " and ".join(dict.fromkeys(f"{claim.epsilon:.4f}" for claim in claims))
    return (
        f"Accuracy within epsilon {epsilon} (Linf, float32) after each attack and all before it; "
        f"each was tried on the faces that were left\n{as_columns(rows)}"
    )


def about(claims: Sequence[Claim]) -> list[str]:
    """Sentences on how hard was tried, on what the warnings are, and on what is not finished."""
    tried = (", ".join(f"{tried.attack} {tried.method}" for tried in claim.tried[1:]) for claim in claims)
    efforts = [f"Tried: {effort}." for effort in dict.fromkeys(tried)]
    return [*efforts, *(f"{claim.model}: {sentence}" for claim in claims for sentence in _about(claim))]


def _about(claim: Claim) -> list[str]:
    asked = [
        f"{tried.attack} asked {tried.queries} times for {counted(tried.attacked, 'face')}."
        for tried in claim.tried
        if tried.queries
    ]
    left = f"not finished; the same command goes on from {claim_file(Path(), claim.model)}."
    return [*asked, *claim.warnings, *([] if claim.complete else [left])]
