"""Training a recogniser, from scratch or from weights that have learned something already, for a new checkpoint.

The recipe is fixed beforehand: AdamW under a one-cycle learning rate, strong random augmentation, and smaller pictures
in the first part of training, which costs half as much per face. It learns with label smoothing or, to become robust,
by TRADES; then its weights are averaged, and faces held out from training choose the epoch whose weights are kept. Test
faces choose nothing: they are looked at once, when the finished weights have been read back from disk.
"""

import copy
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2
from tqdm import tqdm

from ..faces.dataset import DataSet
from ..places import MODELS
from ..texts import Refused, text_of
from .checkpoint import check_name, check_writable, place_of, write_checkpoint
from .config import Config, read_config
from .recognizer import DEVICE, Recognizer, load_recognizer
from .resist import Guard, held_out, resized, trades

INPUT_SIZE = 112
PADDING = 16  # pixels repeated at the border, so that a shifted or turned face has no black corner


@dataclass(frozen=True)
class Recipe:
    """How a recogniser is trained.

    `small_size` is the side, in pixels, of the pictures in the first `small_part`. With an `adversarial_epsilon` the
    network learns by TRADES, with `beta` and so many `inner_steps`; epsilon rises from 0 to its full size in the first
    half. Its weights are a moving average: each step keeps the share `averaging` of what was before.
    """

    epochs: int
    peak_learning_rate: float
    passes: int = 4  # augmented copies of every face in an epoch
    batch_size: int = 40
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    small_size: int = 80
    small_part: float = 0.5
    seed: int = 0
    adversarial_epsilon: float = 0.0
    beta: float = 0.0
    inner_steps: int = 0
    averaging: float = 0.0


RECIPES = {
    "resnet18": Recipe(epochs=30, peak_learning_rate=2e-3),
    "resnet101": Recipe(epochs=34, peak_learning_rate=1e-3),
    "resnet": Recipe(epochs=26, peak_learning_rate=1e-3),
}
ADVERSARIAL_RECIPE = Recipe(
    epochs=80,
    peak_learning_rate=2e-3,
    label_smoothing=0.0,
    adversarial_epsilon=11 / 255,
    beta=6.0,
    inner_steps=4,
    averaging=0.99,
)

TUNING_EPOCHS, TUNING_RATE = 20, 1e-3  # where training starts from weights
FACES_IN_EPOCH, FACES_IN_TUNING_EPOCH = 800, 160  # about, of augmented copies, for small sets of faces


def recipe_for(architecture: str, faces: int, adversarial: bool = False, tuning: bool = False) -> Recipe:
    """How `architecture` is trained on so many faces; `tuning`, from weights, takes less."""
    recipe = ADVERSARIAL_RECIPE if adversarial else RECIPES[architecture]
    if tuning and not adversarial:
        recipe = replace(recipe, epochs=TUNING_EPOCHS, peak_learning_rate=TUNING_RATE)
    in_epoch = FACES_IN_TUNING_EPOCH if tuning else FACES_IN_EPOCH
    return replace(recipe, passes=max(1, round(in_epoch / faces)))


@dataclass
class Best:
    """The weights that stand highest so far, and the epoch that they are of."""

    standing: tuple[float, ...] = ()
    epoch: int = 0
    state: Mapping[str, Tensor] = field(default_factory=dict)

    def consider(self, standing: tuple[float, ...], epoch: int, network: nn.Module) -> None:
        """Keep the weights of `network` after `epoch` if they stand higher."""
        if standing > self.standing:
            self.standing, self.epoch, self.state = standing, epoch, copy.deepcopy(network.state_dict())


@dataclass(frozen=True)
class Start:
    """Weights to start from, all but the last layer's; the normalisation they expect; whence they are, in words."""

    state: dict[str, Tensor]
    mean: Sequence[float]
    std: Sequence[float]
    title: str


def imagenet_weights(architecture: str) -> Start:
    """Torchvision's ImageNet weights of `architecture`, downloaded on first use.

    Raises OSError where they cannot be, and Refused for an architecture that has none.
    """
    if architecture not in torchvision.models.list_models():
        raise Refused("refused.no_imagenet", architecture=architecture)
    weights = torchvision.models.get_model_weights(architecture).IMAGENET1K_V1
    state = weights.get_state_dict(progress=True, check_hash=True)
    preparation = weights.transforms()
    return Start(_without_last_layer(state), preparation.mean, preparation.std, "ImageNet weights of torchvision")


def builtin_weights(architecture: str) -> Start:
    """The weights of the built-in face recogniser of `architecture`."""
    recognizer = load_recognizer(architecture, "cpu")
    state = _without_last_layer(recognizer.network.state_dict())
    return Start(state, recognizer.config.mean, recognizer.config.std, f"the built-in recogniser {architecture}")


def _without_last_layer(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def augmentation() -> v2.Transform:
    """Random changes a photograph may undergo without its person changing: pose, framing, light, a hidden part."""
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.Pad(PADDING, padding_mode="edge"),
            v2.RandomAffine(
                degrees=11,
                translate=(0.1, 0.1),
                scale=(0.85, 1.15),
                shear=(-6, 6, -6, 6),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.CenterCrop(INPUT_SIZE),
            v2.ColorJitter(brightness=0.3, contrast=0.3),
            v2.RandomErasing(p=0.5, scale=(0.02, 0.15), value=0.5),
            v2.GaussianNoise(sigma=0.02),
        ]
    )


def loss_of(recognizer: Recognizer, batch: Tensor, truth: Tensor, recipe: Recipe, epsilon: float) -> Tensor:
    """What the network learns from: a batch of faces, (N, 3, size, size), with class indices `truth`, (N,)."""
    if recipe.adversarial_epsilon:
        return trades(recognizer, batch, truth, epsilon, recipe.inner_steps, recipe.beta)
    return F.cross_entropy(recognizer(batch), truth, label_smoothing=recipe.label_smoothing)


@dataclass(frozen=True)
class Epoch:
    """One that is over: its number from 1, the pictures' size, the epsilon, and the loss over all of its batches."""

    number: int
    size: int
    epsilon: float
    loss: float


def _epochs(
    recognizer: Recognizer, averaged: AveragedModel, faces: Tensor, targets: Tensor, recipe: Recipe
) -> Iterator[Epoch]:
    """Train epoch by epoch, on faces of the recogniser's size or, while that is enough, smaller ones."""
    augment = augmentation()
    per_epoch = -(-recipe.passes * len(faces) // recipe.batch_size)
    steps = recipe.epochs * per_epoch
    optimizer = torch.optim.AdamW(
        recognizer.parameters(), lr=recipe.peak_learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.peak_learning_rate, total_steps=steps)
    with tqdm(total=steps, unit="batch", desc=f"Training {recognizer.name}") as progress:
        for epoch in range(recipe.epochs):
            recognizer.train()
            size = recipe.small_size if epoch < recipe.small_part * recipe.epochs else INPUT_SIZE
            # Faces first, then resistance: from scratch the full epsilon hardly learns anything for long.
            epsilon = recipe.adversarial_epsilon * min(1, 2 * epoch / recipe.epochs)
            order = torch.cat([torch.randperm(len(faces)) for _ in range(recipe.passes)])
            total = 0.0
            for chosen in order.split(recipe.batch_size):
                batch = torch.stack([augment(face) for face in faces[chosen]]).to(recognizer.device)
                truth = targets[chosen].to(recognizer.device)
                loss = loss_of(recognizer, resized(batch, size), truth, recipe, epsilon)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                averaged.update_parameters(recognizer)
                total += loss.item()
                progress.update()
                progress.set_postfix(epoch=f"{epoch + 1}/{recipe.epochs}", loss=f"{loss.item():.3f}")
            yield Epoch(epoch + 1, size, epsilon, total)


def fit(recognizer: Recognizer, faces: Tensor, targets: Tensor, recipe: Recipe) -> tuple[int, bool]:
    """Train `recognizer` in place on faces, (N, 3, size, size) in [0, 1], with class indices `targets`, (N,).

    Returns how many epochs its weights have seen, and whether Ctrl-C ended training. Then they are the best so far: of
    the epochs with the largest pictures and the largest epsilon, the one with the smallest loss on training faces.
    During the first epoch, Ctrl-C raises KeyboardInterrupt.

    What is to be robust keeps its best averaged weights in any case, and the loss that counts is that under PGD on
    training faces held out. Should suddenly fewer of these resist, catastrophic overfitting has begun: training ends.
    """
    robust, interrupted = recipe.adversarial_epsilon > 0, False
    held = held_out(targets) if robust else torch.zeros(len(targets), dtype=torch.bool)
    guard = Guard(faces[held].to(recognizer.device), targets[held].to(recognizer.device), recipe.adversarial_epsilon)
    averaged = AveragedModel(recognizer, multi_avg_fn=get_ema_multi_avg_fn(recipe.averaging), use_buffers=True)
    best = Best()
    try:
        for epoch in _epochs(recognizer, averaged, faces[~held], targets[~held], recipe):
            if held.any():
                standing: tuple[float, ...] = (epoch.size, -guard.look(averaged.module, epoch.size))
            else:
                standing = (epoch.size, epoch.epsilon, -epoch.loss)
            if guard.lost:
                break
            best.consider(standing, epoch.number, averaged.module)
    except KeyboardInterrupt:
        if not best.epoch:
            raise
        interrupted = True
    finally:
        recognizer.eval()
    if not robust and not interrupted:
        return recipe.epochs, False
    recognizer.load_state_dict(best.state)
    return best.epoch, interrupted


def train(
    architecture: str, name: str, data: DataSet, recipe: Recipe, start: Start | None = None, models: Path = MODELS
) -> tuple[Recognizer, bool]:
    """Train `architecture` on `data`, and write `models/<name>/`.

    Returns the recogniser as read back from there, and whether Ctrl-C ended training. It starts from the weights of
    `start` or, without it, from scratch. The accuracy in its config is measured on the test faces through the weights
    on disk. Raises Refused for a name that is not a plain one, and for a folder that cannot be written.
    """
    check_name(name)
    check_writable(models)
    torch.manual_seed(recipe.seed)
    mean, std = (start.mean, start.std) if start else (data.faces.mean((0, 2, 3)), data.faces.std((0, 2, 3)))
    config = Config(
        architecture=architecture,
        input_size=INPUT_SIZE,
        mean=tuple(round(float(value), 4) for value in mean),
        std=tuple(round(float(value), 4) for value in std),
        labels=tuple(data.labels),
        data=data.title,
        faces=place_of(data.root),
        test_photographs=tuple(text_of(photograph.relative_to(data.root)) for photograph in data.test),
        split=data.split,
        training_photographs=tuple(text_of(photograph.relative_to(data.root)) for photograph in data.training),
        started_from=start.title if start else "scratch",
        recipe=asdict(recipe),
    )
    read_config(json.loads(json.dumps(config.as_dict())), name)  # or it would be refused once it is trained
    recognizer = Recognizer(name, config)
    if start:
        recognizer.network.load_state_dict(start.state, strict=False)
    recognizer.to(DEVICE).to(memory_format=torch.channels_last)
    began = time.perf_counter()
    epochs, interrupted = fit(recognizer, data.faces, data.targets, recipe)
    recognizer.config = replace(
        config,
        epochs=epochs,
        trained_on=f"{DEVICE.type}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        training_minutes=round((time.perf_counter() - began) / 60, 1),
    )
    return write_checkpoint(recognizer, models), interrupted
