"""The command `verify`: do two pictures show one person?"""

import argparse
import json

from ..faces.picture import open_picture
from ..faces.prepare import framed
from ..measures.names import known_attack
from ..measures.verify import Verification, verification
from ..recognizers.recognizer import load_recognizer
from ..texts import Refused
from .output import check_png, save_picture


def verify_command(arguments: argparse.Namespace) -> None:
    """Compare two pictures, print what comes of it and, where asked to, save the attacked face."""
    attack = known_attack(arguments.attack)
    if arguments.out is not None:
        check_png(arguments.out)
        if arguments.epsilon is None:
            raise Refused("refused.out_without_epsilon")
    pictures = [open_picture(file) for file in (arguments.first, arguments.second)]
    recognizer = load_recognizer(arguments.model)
    shown = recognizer.input_size, recognizer.config.framing
    first, second = (framed(picture, *shown) for picture in pictures)
    found, adversarial = verification(recognizer, first, second, arguments.epsilon, attack)
    if arguments.out is not None and adversarial is not None:
        save_picture(adversarial, arguments.out)
    print(json.dumps(found, indent=1) if arguments.json else as_text(found))


def as_text(found: Verification) -> str:
    """A Verification for a terminal."""
    places = zip(("First", "Second"), found["framing"], strict=True)
    lines = [*(f"{place} picture: {about}" for place, about in places), "", f"{found['model']}: {found['verdict']}"]
    if found["attacked"]:
        way = "away from" if found["same"] else "towards"
        lines.append(f"{found['attack']}, epsilon {found['epsilon']:g}, the first picture moved {way} the second:")
        ways = {"float": "Float image", "8-bit": "8-bit image"}
        lines += [f"{ways[scoring]}: {attacked['verdict']}" for scoring, attacked in found["attacked"].items()]
    return "\n".join(lines)
