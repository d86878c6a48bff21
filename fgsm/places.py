"""Where things lie: what came with the program, recognisers, data sets."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = not (_PACKAGE / "assets").is_dir()  # which an installed package has within

PROJECT = _PACKAGE.parent if _CHECKOUT else _PACKAGE  # from where configs name what came with the program
ASSETS = PROJECT / "assets"
BUILTIN_FACES = ASSETS / "faces"
HOME = PROJECT if _CHECKOUT else Path.cwd()  # where the owner keeps recognisers and data
MODELS = Path(os.environ.get("FGSM_MODELS") or HOME / "models").absolute()
DATA = HOME / "data"  # where other data sets are downloaded to


def path_of(text: str) -> Path:
    """The path that `text` names, in the spelling that this process's locale asks for."""
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


def folder_of(faces: str) -> Path:
    """The folder of faces that a config names: absolute, from where the program lies, or from where its data do."""
    named = path_of(faces)
    try:
        return PROJECT / named if (PROJECT / named).exists() else HOME / named
    except OSError:  # no name that a file could have
        return HOME / named
