"""The command line: `fgsm COMMAND` or `python -m fgsm COMMAND`."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from ..page.machine import print_anything, print_nothing_more
from ..texts import Refused
from .arguments import parser, program
from .output import Stopped

COMMANDS = {  # the function of each, by module: what a command needs is loaded for that command alone
    "models": ("listing", "models_command"),
    "attacks": ("listing", "attacks_command"),
    "fetch": ("listing", "fetch_command"),
    "attack": ("attack", "attack_command"),
    "verify": ("verify", "verify_command"),
    "curve": ("measure", "curve_command"),
    "smallest": ("measure", "smallest_command"),
    "transfer": ("measure", "transfer_command"),
    "evaluate": ("evaluate", "evaluate_command"),
    "enrol": ("enrol", "enrol_command"),
    "train": ("train", "train_command"),
    "page": ("page", "page_command"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command: what `argv` asks for, or the program's own arguments. What fails is said in one sentence."""
    print_anything()
    try:
        try:
            words = sys.argv[1:] if argv is None else [*argv]
            arguments = parser().parse_args(words, argparse.Namespace(words=words))
            module, function = COMMANDS[arguments.command]
            getattr(importlib.import_module(f".{module}", __package__), function)(arguments)
        finally:
            print(end="", flush=True)
    except BrokenPipeError:  # whoever read has read enough
        print_nothing_more(sys.stdout)
        sys.exit(1)
    except Refused as error:
        _say(error)
        sys.exit(2)
    except OSError as error:  # a full disk, a folder that may not be written
        print_nothing_more(sys.stdout)
        written = error.filename or "The output, or a file, cannot be written"
        _say(f"{written}: {error.strerror or error}.")
        sys.exit(2)
    except Stopped as stopped:
        _say(stopped)
        sys.exit(130)
    except KeyboardInterrupt:
        _say("Stopped; nothing more was saved.")
        sys.exit(130)


def _say(sentence: object) -> None:
    print(f"{program()}: {sentence}", file=sys.stderr)
