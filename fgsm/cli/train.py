"""The command `train`: a recogniser for the built-in faces, or for one's own."""

import argparse
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..faces.dataset import DataSet, builtin, data_set_of, gather
from ..recognizers.checkpoint import check_new_name
from ..recognizers.config import accuracy_of
from ..recognizers.train import INPUT_SIZE, Start, builtin_weights, imagenet_weights, recipe_for, train
from ..texts import Refused
from .arguments import IMAGENET
from .output import print_left_out


def train_command(arguments: argparse.Namespace) -> None:
    """Train, write the checkpoint, and say how well it does."""
    if arguments.name and len(arguments.arch) > 1:
        raise Refused("refused.one_name")
    names = [arguments.name or default_name(arguments, architecture) for architecture in arguments.arch]
    for name in names:
        check_new_name(name, built_in=arguments.data is None)
    data = builtin(INPUT_SIZE) if arguments.data is None else read_folder(arguments.data, arguments.seed)
    for architecture, name in zip(arguments.arch, names, strict=True):
        start = starting_weights(architecture, arguments.pretrained)
        recipe = recipe_for(architecture, len(data.training), arguments.adversarial, tuning=start is not None)
        recognizer, stopped = train(architecture, name, data, replace(recipe, seed=arguments.seed), start)
        config = recognizer.config
        early = f"its weights are those after epoch {config.epochs} of {recipe.epochs}"
        print(
            f"{name}: {accuracy_of(config)} of {len(config.test_photographs)} test faces, "
            f"trained in {config.training_minutes} minutes ({config.trained_on})"
            + (", stopped" if stopped else "")
            + (f"; {early}." if config.epochs != recipe.epochs else ".")
        )
        if stopped:
            break
    print("The page has it when it is loaded the next time.")


def default_name(arguments: argparse.Namespace, architecture: str) -> str:
    """A name for the recogniser, from data and architecture."""
    of_data = "" if arguments.data is None else re.sub(r"[^A-Za-z0-9_-]+", "-", arguments.data.resolve().name) + "-"
    return of_data + architecture + ("-robust" if arguments.adversarial else "")


def read_folder(root: Path, seed: int) -> DataSet:
    """The faces in a folder of people; says what is left out of it, and what remains."""
    if not root.is_dir():
        raise Refused("refused.no_folder", folder=root)
    gathered = gather(root, INPUT_SIZE, partial(tqdm, unit="file", desc="Reading"))
    print_left_out(gathered.left_out)
    data = data_set_of(gathered, root, seed)
    counts = f"{len(data.training)} photographs to train on, {len(data.test)} to test on"
    print(f"{data.title}: {len(data.labels)} people, {counts}.", flush=True)
    return data


def starting_weights(architecture: str, pretrained: str | None) -> Start | None:
    """The weights to start from, where some are asked for; says which they are."""
    if pretrained is None:
        return None
    start = None
    if pretrained == IMAGENET:
        try:
            start = imagenet_weights(architecture)
        except (OSError, RuntimeError):  # no connection, or what came is not what was sent
            print("The ImageNet weights cannot be downloaded here.", flush=True)
        except Refused as error:
            print(error, flush=True)
    start = start or builtin_weights(architecture)
    print(f"Training {architecture} starts from {start.title}.", flush=True)
    return start
