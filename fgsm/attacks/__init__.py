"""Attacks: pure tensor functions, and the registry of those that can be chosen by name.

A new attack is one file beside these and one entry in ATTACKS. What the page, the command line, charts and figures do
with it follows from its traits (see attack.py): nobody asks for its name.
"""

from .attack import Aim, Attack
from .bim import BIM
from .fgsm import FGSM
from .pgd import PGD
from .random_signs import RANDOM_SIGNS

ATTACKS: dict[str, Attack] = {attack.name: attack for attack in (FGSM, RANDOM_SIGNS, BIM, PGD)}

__all__ = ["ATTACKS", "Aim", "Attack"]
