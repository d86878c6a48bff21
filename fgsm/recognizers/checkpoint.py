"""Writing a recogniser's checkpoint: config and float16 safetensors, in place of the old one when they are whole."""

import json
import os
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ..places import HOME, MODELS, PROJECT
from ..texts import Refused
from .course_checkpoints import ARCHITECTURE_OF
from .recognizer import Recognizer, load_recognizer
from .scoring import score
from .survey import BUILT_IN, LONGEST
from .testset import load_test_set


def write_checkpoint(
    recognizer: Recognizer, models: Path = MODELS, test: tuple[Tensor, Tensor] | None = None
) -> Recognizer:
    """Write `models/<name>/`, and return the recogniser as read back from there.

    The accuracy in its config is measured on its test faces, where there are any, through the weights on disk; `test`
    has them, as `load_test_set` returns them, where they need not be read. A
    checkpoint of that name is replaced when the new one is whole. Raises Refused for a folder that cannot be written.
    """
    check_writable(models)
    name = recognizer.name
    with tempfile.TemporaryDirectory(dir=models, prefix=".") as scratch:
        folder = Path(scratch) / name
        save_weights(recognizer, folder)
        write_config(recognizer, folder)
        recognizer = load_recognizer(name, models=folder.parent)
        if recognizer.config.test_photographs:
            recognizer.config = replace(recognizer.config, test_accuracy=clean_accuracy(recognizer, test))
            write_config(recognizer, folder)
        shutil.rmtree(models / name, ignore_errors=True)
        folder.rename(models / name)
    return recognizer


def save_weights(recognizer: Recognizer, folder: Path) -> None:
    """Write the weights of `recognizer` as float16 safetensors, in files of at most 90 MB, into a new folder."""
    from huggingface_hub import save_torch_state_dict  # takes a second, which a page need not wait for

    folder.mkdir(parents=True)
    halves = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in recognizer.network.state_dict().items()
    }
    save_torch_state_dict(halves, folder, max_shard_size="90MB")


def write_config(recognizer: Recognizer, folder: Path) -> None:
    """Write the config of `recognizer` into `folder`."""
    (folder / "config.json").write_text(
        json.dumps(recognizer.config.as_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8"
    )


def clean_accuracy(recognizer: Recognizer, test: tuple[Tensor, Tensor] | None = None) -> float:
    """Fraction of its test faces, or of those in `test`, that `recognizer` names right."""
    faces, labels = test or load_test_set(recognizer)
    predicted = score(recognizer, faces.to(recognizer.device)).argmax(1).cpu()
    return (predicted == labels).sum().item() / len(labels)


def check_writable(models: Path = MODELS) -> None:
    """Raise Refused where no checkpoint could be written: before the work, not after it."""
    try:
        models.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=models, prefix=".").cleanup()
    except OSError as error:
        raise Refused("refused.models_unwritable", folder=f"{models.name}/", reason=error.strerror) from None


def check_name(name: str) -> None:
    """Raise Refused where `name` could not be that of a folder, or might be one elsewhere."""
    if not re.fullmatch(rf"[A-Za-z0-9_][A-Za-z0-9_-]{{0,{LONGEST - 1}}}", name):
        raise Refused("refused.name", name=repr(name)[:60], longest=LONGEST)


def check_new_name(name: str, built_in: bool = False) -> None:
    """Raise Refused for a name that no recogniser of somebody's own may have; with `built_in`, it is no such one."""
    check_name(name)
    place = MODELS / name
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise Refused("refused.name_occupied", folder=f"{MODELS.name}/", name=name)
    if name in ARCHITECTURE_OF or (name in BUILT_IN and not built_in):
        raise Refused("refused.name_taken", name=name)


def place_of(root: Path) -> str:
    """The folder `root` as a config names it, and `places.folder_of` finds it: from ours, where it lies in one."""
    root = root.resolve()
    place = next((root.relative_to(ours) for ours in (PROJECT, HOME) if root.is_relative_to(ours)), root)
    return os.fsencode(place.as_posix()).decode("utf-8", "replace")
