"""The command `page`: the page, on this machine."""

import argparse

from ..page.start import run


def page_command(arguments: argparse.Namespace) -> None:
    """Serve the page until it is stopped."""
    run()
