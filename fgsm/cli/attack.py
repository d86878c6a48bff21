"""The command `attack`: one photograph."""

import argparse
import json
from typing import Any

from ..faces.picture import open_picture
from ..faces.prepare import framed
from ..measures.names import known_attack, known_person, known_target
from ..measures.report import attack_report
from ..recognizers.recognizer import load_recognizer
from .output import check_png, printable, save_picture


def attack_command(arguments: argparse.Namespace) -> None:
    """Attack one photograph, print a report and, where asked to, save the adversarial face."""
    attack = known_attack(arguments.attack)
    if arguments.out is not None:
        check_png(arguments.out)
    picture = open_picture(arguments.photo)
    recognizer = load_recognizer(arguments.model)
    face, about, *_ = framed(picture, recognizer.input_size, recognizer.config.framing)
    label = None if arguments.label is None else known_person(recognizer.config.people, arguments.label)
    target = known_target(recognizer.config.people, arguments.target, attack)
    report, adversarial = attack_report(recognizer, face, arguments.epsilon, label, attack, target)
    report["framing"] = about
    if arguments.out is not None:
        save_picture(adversarial, arguments.out)
    print(json.dumps(report, indent=1) if arguments.json else as_text(report))


def as_text(report: dict[str, Any]) -> str:
    """A report of `attack_report` for a terminal."""
    columns = {"clean": "clean", "float": "adversarial, float", "8-bit": "adversarial, 8-bit"}
    lines = ["".join(title.ljust(28) for title in columns.values()).rstrip()]
    for places in zip(*(report[column]["top"] for column in columns), strict=True):
        cells = [f"{place['label']}  {how_sure(place)}" for place in places]
        lines.append("".join(cell.ljust(28) for cell in cells).rstrip())
    verdicts = [f"Float image: {as_verdict(report['float'])}", f"8-bit image: {as_verdict(report['8-bit'])}"]
    towards = f", towards {report['target']}" if report["target"] else ""
    heads = [report["framing"], f"{report['model']}, {report['attack']}, attacked on {report['attacked_on']}{towards}."]
    return "\n".join(map(printable, [*heads, "", *lines, "", *verdicts]))


def how_sure(place: dict[str, Any]) -> str:
    """The distance of one of the top labels, where the recogniser compares, else its probability."""
    return f"{place['distance']:.2f}" if "distance" in place else f"{place['probability']:.1%}"


def as_verdict(outcome: dict[str, Any]) -> str:
    """The verdict and, where the attack aimed at somebody, what it reached."""
    answers = {goal: "yes" if outcome[goal] else "no" for goal in ("dodged", "impersonated") if goal in outcome}
    return " ".join([outcome["verdict"], *(f"{goal.capitalize()}: {answer}." for goal, answer in answers.items())])
