"""The commands `models`, `attacks` and `fetch`: what there is, and what can be had."""

import argparse

from ..attacks import ATTACKS
from ..faces.fetch import SOURCES
from ..measures.claims import Claim
from ..measures.evidence import Evidence
from ..places import DATA
from ..recognizers.config import Config, accuracy_of, trained_in
from ..recognizers.networks import parameters_in
from ..recognizers.survey import survey_of
from ..texts import say
from .output import as_columns, counted, printable


def models_command(arguments: argparse.Namespace) -> None:
    """List the recognisers, and what cannot be used with the reason."""
    found, evidence = survey_of().look(), Evidence()
    rows = [["name", "architecture", "parameters", "data set", "clean accuracy", "worst case found", "trained in"]]
    for name, checkpoint in found.usable.items():
        config = checkpoint.config
        parameters = parameters_in(config)
        size, tested, worst = f"{parameters / 1e6:.1f} M", tested_in(config), worst_of(evidence.claim(checkpoint))
        rows.append([name, config.architecture, size, config.data, tested, worst, trained_in(config)])
    print(as_columns(rows))
    for problem in found.refused.values():
        print(printable(str(problem)))


def tested_in(config: Config) -> str:
    """A recogniser's clean accuracy, with the threshold where it has one."""
    accuracy = accuracy_of(config)
    tested = f"{accuracy} of {len(config.test_photographs)}" if accuracy else "not measured"
    return tested if config.threshold is None else f"{tested}, threshold {config.threshold:.2f}"


def worst_of(claim: Claim | None) -> str:
    """What is left of a recogniser's accuracy under the strongest attacks tried, where an evaluation was finished."""
    if claim is None:
        return "not measured"
    worst = claim.shares()[-1]
    warned = f", {counted(len(claim.warnings), 'warning')}" if claim.warnings else ""
    return f"{worst.accuracy:.1%} of {worst.total} at {claim.epsilon:.4f}{warned}"


def attacks_command(arguments: argparse.Namespace) -> None:
    """List the attacks."""
    rows = [["name", "what it is", "gradients for one epsilon", "for ten", "aims at a person"]]
    for name, attack in ATTACKS.items():
        counts = (str(attack.gradients(epsilons)) for epsilons in (1, 10))
        rows.append([name, say(attack.method), *counts, "yes" if attack.may_aim else "no"])
    print(as_columns(rows))


def fetch_command(arguments: argparse.Namespace) -> None:
    """Download a data set."""
    source = SOURCES[arguments.data]
    people = source.fetch(arguments.out or DATA / arguments.data)
    print(f"{sum(people.values())} photographs of {len(people)} people in {arguments.out or DATA / arguments.data}.")
