"""How long the stage waits for one face: its first scores and its whole grid, against recomputing at every step.

The baseline does what a page without a reused sign gradient does at each of the 101 positions: a forward and a full
backward pass, then a forward of the float and one of the 8-bit image.

    python benchmarks/stage.py
"""

import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fgsm.attacks.pixels import perturb, perturb_8bit
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.page.stage import perform
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import DEVICE, load_recognizer
from fgsm.recognizers.survey import available_recognizers

EPSILONS = [round(step / 1000, 6) for step in range(101)]
REPEATS = 5


def stage_seconds(recognizer, face, label):
    start = time.perf_counter()
    messages = perform(recognizer, face, EPSILONS, 0.012, label)
    next(messages)
    first = time.perf_counter() - start
    for _ in messages:
        pass
    return first, time.perf_counter() - start


def recomputing_seconds(recognizer, face, label):
    recognizer.requires_grad_(True)
    start = time.perf_counter()
    target = torch.tensor([label], device=recognizer.device)
    for epsilon in EPSILONS:
        image = face[None].to(recognizer.device).requires_grad_()
        F.cross_entropy(recognizer(image), target).backward()
        for perturbed in (perturb, perturb_8bit):
            with torch.no_grad():
                recognizer(perturbed(image, image.grad.sign(), epsilon)).softmax(1).cpu()
    seconds = time.perf_counter() - start
    recognizer.zero_grad()
    recognizer.requires_grad_(False)
    return seconds


def main():
    print(f"{DEVICE.type}, {torch.get_num_threads()} threads, torch {torch.__version__}; median of {REPEATS}")
    print(f"{'recogniser':12}{'first, s':>10}{'grid, s':>10}{'recomputing, s':>16}{'ratio':>8}")
    for name in available_recognizers():
        recognizer = load_recognizer(name)
        face = prepare(
            open_picture(BUILTIN_FACES / "person_24" / "06.png"), recognizer.input_size, recognizer.config.framing
        )
        label = recognizer.labels.index("person 24")
        stage_seconds(recognizer, face, label)  # warm up
        runs = [stage_seconds(recognizer, face, label) for _ in range(REPEATS)]
        first, grid = (sorted(times)[REPEATS // 2] for times in zip(*runs, strict=True))
        baseline = recomputing_seconds(recognizer, face, label)
        print(f"{name:12}{first:10.3f}{grid:10.2f}{baseline:16.2f}{baseline / grid:8.1f}")


if __name__ == "__main__":
    main()
