"""An accuracy curve by this project and by its peers: same faces, same epsilons, same device, one run.

    python benchmarks/curve.py [--models resnet18 resnet ...] [--faces 200] [--growth]

Compared are the course project's loop (a batch of one; for every epsilon a forward, a full backward, a forward),
torchattacks and foolbox in batches, and ours in float32 and, where the hardware is fast at it, bfloat16. "of floor" is
the share of the arithmetic floor that a row reaches: the operations that one sign gradient per face and one forward per
epsilon need, over the rate of a large matrix product measured in the same run at the same precision.
"""

import argparse
import multiprocessing
import sys
import time
from pathlib import Path

import foolbox
import torch
import torch.nn.functional as F
import torchattacks
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fgsm.measures.curve import accuracy_curve
from fgsm.measures.epsilons import COURSE_EPSILONS
from fgsm.recognizers.recognizer import DEVICE, load_recognizer
from fgsm.recognizers.scoring import fast_dtype
from fgsm.recognizers.survey import available_recognizers
from fgsm.recognizers.testset import load_test_set

BATCH = 40


def course_loop(model, images, labels, epsilons):
    model.requires_grad_(True)
    correct = [0] * len(epsilons)
    for image, label in zip(images.split(1), labels.split(1), strict=True):
        for at, epsilon in enumerate(epsilons):
            x = image.clone().requires_grad_()
            model.zero_grad()
            F.cross_entropy(model(x), label).backward()
            adversarial = (x + epsilon * x.grad.sign()).clamp(0, 1)
            correct[at] += int(model(adversarial).argmax(1) == label)
    model.zero_grad()
    model.requires_grad_(False)
    return correct


def by_torchattacks(model, images, labels, epsilons):
    correct = []
    for epsilon in epsilons:
        attack = torchattacks.FGSM(model, eps=epsilon)
        correct.append(0)
        for batch, truth in zip(images.split(BATCH), labels.split(BATCH), strict=True):
            adversarial = attack(batch, truth)
            with torch.no_grad():
                correct[-1] += int((model(adversarial).argmax(1) == truth).sum())
    return correct


def by_foolbox(model, images, labels, epsilons):
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=images.device)
    attack = foolbox.attacks.LinfFastGradientAttack()
    correct = torch.zeros(len(epsilons), dtype=torch.int64)
    for batch, truth in zip(images.split(BATCH), labels.split(BATCH), strict=True):
        _, _, fooled = attack(wrapped, batch, truth, epsilons=list(epsilons))
        correct += (~fooled).sum(1).cpu()
    return correct.tolist()


def ours(dtype):
    def run(model, images, labels, epsilons):
        *_, final = accuracy_curve(model, images, labels, epsilons, dtype=dtype)
        return final.correct

    return run


def synchronize():
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def seconds(function, *arguments):
    synchronize()
    start = time.perf_counter()
    result = function(*arguments)
    synchronize()
    return time.perf_counter() - start, result


def matrix_rate(dtype):
    """Operations a second of a large matrix product, the best of five."""
    side = 8192 if DEVICE.type == "cuda" else 2048
    a, b = (torch.randn(side, side, device=DEVICE, dtype=dtype) for _ in range(2))
    a @ b
    return 2 * side**3 / min(seconds(torch.matmul, a, b)[0] for _ in range(5))


def operations(model):
    """Of a sign gradient (no weight gradients) and of a forward, for one face."""
    image, label = torch.rand(1, 3, model.input_size, model.input_size, device=DEVICE), torch.tensor([0], device=DEVICE)
    with FlopCounterMode(display=False) as gradient:  # it cannot follow autograd.grad, which sign_gradient uses
        F.cross_entropy(model(image.requires_grad_()), label).backward()
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(image)
    return gradient.get_total_flops(), forward.get_total_flops()


def compare(name, faces):
    model = load_recognizer(name)
    images, labels = (part[:faces].to(DEVICE) for part in load_test_set(model))
    dtypes = [torch.float32] + [torch.bfloat16] * (fast_dtype(DEVICE) == torch.bfloat16)
    rates = {dtype: matrix_rate(dtype) for dtype in dtypes}
    gradient, forward = operations(model)
    ways = {"course loop": course_loop, "torchattacks": by_torchattacks, "foolbox": by_foolbox}
    ways |= {f"ours, {str(dtype).removeprefix('torch.')}": ours(dtype) for dtype in dtypes}
    print(f"\n{name}, {len(images)} faces, {len(COURSE_EPSILONS)} epsilons; matrix product:", end=" ")
    print(
        ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {str(dtype).removeprefix('torch.')}" for dtype, rate in rates.items())
    )
    print(f"{'':16}{'seconds':>9}{'x loop':>9}{'x torchattacks':>16}{'of floor':>10}  counts")
    times, counts = {}, {}
    for way, function in ways.items():
        function(model, images[:BATCH], labels[:BATCH], COURSE_EPSILONS[:1])  # warm up
        times[way], counts[way] = seconds(function, model, images, labels, COURSE_EPSILONS)
        dtype = torch.bfloat16 if "bfloat16" in way else torch.float32
        floor = len(images) * (gradient / rates[torch.float32] + len(COURSE_EPSILONS) * forward / rates[dtype])
        apart = max(abs(a - b) for a, b in zip(counts[way], counts["course loop"], strict=True))
        agreement = "equal to the loop's" if apart == 0 else f"at most {apart} from the loop's"
        ratios = [
            f"{times[peer] / times[way]:.1f}" if peer in times else "" for peer in ("course loop", "torchattacks")
        ]
        print(
            f"{way:16}{times[way]:9.1f}{ratios[0]:>9}{ratios[1]:>16}{floor / times[way]:10.0%}  {agreement}", flush=True
        )


def measure_growth(faces, epsilons):
    """Seconds and peak memory, in MiB, of a curve in a process of its own."""
    import resource  # not on Windows

    model = load_recognizer("resnet18")
    images, labels = (part[:faces] for part in load_test_set(model))
    grid = [0.1 * step / (epsilons - 1) for step in range(epsilons)]
    ours(torch.float32)(model, images[:8], labels[:8], grid[:2])
    taken, _ = seconds(ours(torch.float32), model, images, labels, grid)
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def growth():
    print("\nresnet18, ours in float32, a process each")
    print(f"{'faces':>6}{'epsilons':>10}{'seconds':>9}{'peak MiB':>10}")
    for faces, epsilons in [(50, 10), (100, 10), (200, 10), (50, 5), (50, 20), (50, 40)]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            taken, peak = pool.apply(measure_growth, (faces, epsilons))
        print(f"{faces:6}{epsilons:10}{taken:9.1f}{peak:10.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=list(available_recognizers()))
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--growth", action="store_true", help="time and memory against faces and epsilons, too")
    arguments = parser.parse_args()
    print(f"{DEVICE.type}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in arguments.models:
        compare(name, arguments.faces)
    if arguments.growth:
        growth()


if __name__ == "__main__":
    main()
