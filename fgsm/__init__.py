"""Fooling face recognisers with the Fast Gradient Sign Method (Goodfellow et al., 2015).

The library's public names, each loaded when it is first used: importing this costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attacks import ATTACKS
    from .attacks.bim import bim
    from .attacks.fgsm import fgsm
    from .attacks.gradient import sign_gradient
    from .attacks.pgd import pgd
    from .attacks.pixels import perturb
    from .faces.picture import open_picture
    from .faces.prepare import prepare
    from .measures.curve import accuracy_curve
    from .measures.sweep import sweep
    from .recognizers.enrol import enrol
    from .recognizers.recognizer import load_recognizer
    from .recognizers.survey import available_recognizers

__all__ = [
    "ATTACKS",
    "accuracy_curve",
    "available_recognizers",
    "bim",
    "enrol",
    "fgsm",
    "load_recognizer",
    "open_picture",
    "perturb",
    "pgd",
    "prepare",
    "sign_gradient",
    "sweep",
]

_PLACES = {
    "ATTACKS": "attacks",
    "accuracy_curve": "measures.curve",
    "available_recognizers": "recognizers.survey",
    "bim": "attacks.bim",
    "enrol": "recognizers.enrol",
    "fgsm": "attacks.fgsm",
    "load_recognizer": "recognizers.recognizer",
    "open_picture": "faces.picture",
    "perturb": "attacks.pixels",
    "pgd": "attacks.pgd",
    "prepare": "faces.prepare",
    "sign_gradient": "attacks.gradient",
    "sweep": "measures.sweep",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
