"""Training a recogniser from scratch and writing its checkpoint.

The recipe is fixed beforehand: AdamW under a one-cycle learning rate, label smoothing, strong random augmentation, and
smaller pictures in the first part of training, which costs half as much per face. Test faces are looked at once, when
the finished weights have been read back from disk.
"""

import json
import re
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from huggingface_hub import save_torch_state_dict
from torch import Tensor
from torchvision.transforms import v2
from tqdm import tqdm

from .attack import pgd
from .faces import BUILTIN_FACES, PROJECT, TRAIN_PHOTOGRAPHS, list_people, load_faces, person_of, split
from .recognizer import DEVICE, MODELS, Recognizer, load_recognizer, load_test_set
from .sweep import score

INPUT_SIZE = 112
PADDING = 16  # pixels repeated at the border, so that a shifted or turned face has no black corner


@dataclass(frozen=True)
class Recipe:
    """How a recogniser is trained.

    `small_size` is the side, in pixels, of the pictures in the first `small_part`. With an `adversarial_epsilon` every
    picture is attacked before the network learns from it, by FGSM with a random start as in Wong, Rice & Kolter, "Fast
    Is Better Than Free" (ICLR 2020); epsilon rises from 0 to its full size in the first half.
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


RECIPES = {
    "resnet18": Recipe(epochs=30, peak_learning_rate=2e-3),
    "resnet101": Recipe(epochs=34, peak_learning_rate=1e-3),
    "resnet": Recipe(epochs=26, peak_learning_rate=1e-3),
}
ADVERSARIAL_RECIPE = Recipe(
    epochs=60, peak_learning_rate=3e-3, label_smoothing=0.0, small_part=0.25, adversarial_epsilon=0.033
)


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


def fit(recognizer: Recognizer, faces: Tensor, targets: Tensor, recipe: Recipe) -> None:
    """Train `recognizer` in place on faces, (N, 3, size, size) in [0, 1], with class indices `targets`, (N,)."""
    augment = augmentation()
    per_epoch = recipe.passes * len(faces)
    steps = recipe.epochs * -(-per_epoch // recipe.batch_size)
    optimizer = torch.optim.AdamW(
        recognizer.parameters(), lr=recipe.peak_learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.peak_learning_rate, total_steps=steps)
    recognizer.train()
    with tqdm(total=steps, unit="batch", desc=f"Training {recognizer.name}") as progress:
        for epoch in range(recipe.epochs):
            size = recipe.small_size if epoch < recipe.small_part * recipe.epochs else INPUT_SIZE
            order = torch.cat([torch.randperm(len(faces)) for _ in range(recipe.passes)])
            for chosen in order.split(recipe.batch_size):
                batch = torch.stack([augment(face) for face in faces[chosen]]).to(recognizer.device)
                if size != INPUT_SIZE:
                    batch = F.interpolate(batch, size=size, mode="bilinear", antialias=True)
                truth = targets[chosen].to(recognizer.device)
                if recipe.adversarial_epsilon:
                    # Faces first, then resistance: from scratch the full epsilon hardly learns anything for long.
                    epsilon = recipe.adversarial_epsilon * min(1, 2 * epoch / recipe.epochs)
                    batch = pgd(recognizer, batch, truth, epsilon, 1, 1.25 * epsilon)
                loss = F.cross_entropy(recognizer(batch), truth, label_smoothing=recipe.label_smoothing)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                progress.update()
                progress.set_postfix(epoch=f"{epoch + 1}/{recipe.epochs}", loss=f"{loss.item():.3f}")
    recognizer.eval()


def save_checkpoint(recognizer: Recognizer, folder: Path) -> None:
    """Write the weights of `recognizer` as float16 safetensors, in files of at most 90 MB, and its config."""
    folder.mkdir(parents=True)
    halves = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in recognizer.network.state_dict().items()
    }
    save_torch_state_dict(halves, folder, max_shard_size="90MB")
    write_config(recognizer, folder)


def write_config(recognizer: Recognizer, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(recognizer.config, indent=1, ensure_ascii=False) + "\n", "utf-8")


def clean_accuracy(recognizer: Recognizer) -> float:
    """Fraction of its test faces that `recognizer` names right."""
    faces, labels = load_test_set(recognizer)
    predicted = score(recognizer, faces.to(recognizer.device)).argmax(1).cpu()
    return (predicted == labels).sum().item() / len(labels)


def train(architecture: str, name: str, recipe: Recipe, models: Path = MODELS) -> Recognizer:
    """Train `architecture` on the built-in faces, write `models/<name>/`, and return it as read back from there.

    The accuracy in its config is measured on the test faces through the weights on disk. A checkpoint of that name is
    replaced when the new one is whole. Raises ValueError for a name that is not a plain one.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"{name!r} cannot name a recogniser: use letters, digits, - and _ only.")
    torch.manual_seed(recipe.seed)
    people = list_people(BUILTIN_FACES)
    training, test = split(people)
    labels = list(people)
    faces = load_faces(training, INPUT_SIZE)
    targets = torch.tensor([labels.index(person_of(photograph)) for photograph in training])
    config = {
        "architecture": architecture,
        "input_size": INPUT_SIZE,
        "mean": [round(value, 4) for value in faces.mean((0, 2, 3)).tolist()],
        "std": [round(value, 4) for value in faces.std((0, 2, 3)).tolist()],
        "labels": labels,
        "data": "The Database of Faces",
        "faces": BUILTIN_FACES.relative_to(PROJECT).as_posix(),
        "split": f"photographs 1-{TRAIN_PHOTOGRAPHS} of each person train, the others test",
        "test_photographs": [photograph.relative_to(BUILTIN_FACES).as_posix() for photograph in test],
        "recipe": asdict(recipe),
    }
    recognizer = Recognizer(name, config).to(DEVICE, memory_format=torch.channels_last)
    start = time.perf_counter()
    fit(recognizer, faces, targets, recipe)
    config["trained_on"] = f"{DEVICE.type}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    config["training_minutes"] = round((time.perf_counter() - start) / 60, 1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        save_checkpoint(recognizer, folder)
        recognizer = load_recognizer(name, models=folder.parent)
        recognizer.config["test_accuracy"] = clean_accuracy(recognizer)
        write_config(recognizer, folder)
        shutil.rmtree(models / name, ignore_errors=True)
        shutil.copytree(folder, models / name)
    return recognizer
