import csv

import pytest
import torch
import torchattacks

from fgsm.attacks.bim import BIM
from fgsm.attacks.fgsm import FGSM
from fgsm.attacks.random_signs import RANDOM_SIGNS, random_signs
from fgsm.measures.curve import Snapshot, accuracy_curve, explain_curves
from fgsm.measures.intervals import wilson_interval
from fgsm.measures.tables import CURVE_COLUMNS, curves_as_csv, write_table
from fgsm.recognizers.recognizer import DEVICE, load_recognizer
from fgsm.recognizers.scoring import fast_dtype
from fgsm.recognizers.testset import load_test_set

from .conftest import SHIPPED_MODELS

EPSILONS = [0.0, 0.005, 0.01, 0.03, 0.3]


@pytest.fixture(scope="module")
def some():
    """resnet18 with a test face of everybody."""
    model = load_recognizer("resnet18", device="cpu")
    return model, *load_test_set(model)


def last(snapshots):
    *_, final = snapshots
    return final


def test_counts_equal_torchattacks_with_a_loop_of_its_own(some):
    model, images, labels = some[0], some[1][::2], some[2][::2]
    ours = last(accuracy_curve(model, images, labels, EPSILONS, dtype=torch.float32))
    with torch.no_grad():
        clean = [int(model(image[None]).argmax()) for image in images]
    assert ours.total == len(images) and ours.recognised == sum(c == y for c, y in zip(clean, labels, strict=True))
    for at, epsilon in enumerate(EPSILONS):
        attack = torchattacks.FGSM(model, eps=epsilon)
        correct, fooled = 0, []
        for n, (image, label) in enumerate(zip(images, labels, strict=True)):
            adversarial = attack(image[None], label[None])
            with torch.no_grad():
                answer = int(model(adversarial).argmax())
            correct += answer == label
            if clean[n] == label and answer != label:
                fooled.append((n, answer))
        assert ours.correct[at] == correct, epsilon
        assert ours.fooled[at] == len(fooled), epsilon
        assert ours.examples[at] == fooled[:5], epsilon


def test_faces_that_dlib_takes_for_nobody_are_those_of_torchattacks():
    model = load_recognizer("dlib", device="cpu")
    images, labels = (part[::5] for part in load_test_set(model))
    epsilons = [0.0, 0.005, 0.01]
    ours = last(accuracy_curve(model, images, labels, epsilons, batch_size=3))
    assert model.labels[40] == "unknown" and 0 < ours.unknown[2] < len(images)
    for at, epsilon in enumerate(epsilons):
        answers = model(torchattacks.FGSM(model, eps=epsilon)(images, labels)).argmax(1)
        assert ours.unknown[at] == int((answers == 40).sum()), epsilon
        assert ours.correct[at] == int((answers == labels).sum()), epsilon
        assert ours.confused[at] == int(((answers != labels) & (answers != 40)).sum()), epsilon


def test_snapshots_grow_to_the_final_one_whatever_the_batch(some):
    model, images, labels = some[0], some[1][:12], some[2][:12]
    snapshots = list(accuracy_curve(model, images, labels, [0.01, 0.05], batch_size=5))
    assert [snapshot.total for snapshot in snapshots] == [5, 10, 12]
    assert snapshots[-1] == last(accuracy_curve(model, images, labels, [0.01, 0.05], batch_size=12))


@pytest.mark.skipif(fast_dtype(DEVICE) != torch.bfloat16, reason="bfloat16 takes minutes on this hardware")
def test_bfloat16_counts_are_within_one_percent():
    model = load_recognizer("resnet18", models=SHIPPED_MODELS)
    images, labels = (part[::2] for part in load_test_set(model))
    epsilons = [0.0, 0.01]
    exact = last(accuracy_curve(model, images, labels, epsilons, dtype=torch.float32))
    brief = last(accuracy_curve(model, images, labels, epsilons, dtype=torch.bfloat16))
    assert brief.precision == "bfloat16" and exact.precision == "float32"
    assert all(abs(a - b) <= 0.01 * len(images) for a, b in zip(brief.correct, exact.correct, strict=True))


def test_bfloat16_forwards_keep_the_sign_in_float32(some):
    model, images, labels = some[0], some[1][:4], some[2][:4]
    exact = last(accuracy_curve(model, images, labels, [0.0, 0.03], dtype=torch.float32))
    brief = last(accuracy_curve(model, images, labels, [0.0, 0.03], dtype=torch.bfloat16))
    assert brief.precision == "bfloat16" and brief.correct[0] == exact.correct[0]
    assert abs(brief.correct[1] - exact.correct[1]) <= 1


def test_the_control_has_the_same_size_and_is_not_the_gradient(some):
    model, images, labels = some[0], some[1][:8], some[2][:8]
    signs = random_signs(images, range(8))
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(signs[3:], random_signs(images[3:], range(3, 8)))  # a face's signs do not depend on its batch
    assert abs(signs.mean()) < 0.01
    from fgsm.attacks.gradient import sign_gradient

    agreement = (signs == sign_gradient(model, images, labels)).double().mean()
    assert 0.45 < agreement < 0.55


def test_random_signs_fool_less_than_the_gradient(some):
    model, images, labels = some
    control = last(accuracy_curve(model, images, labels, [0.03], attack=RANDOM_SIGNS))
    attacked = last(accuracy_curve(model, images, labels, [0.03], attack=FGSM))
    assert control.attack == "random signs" and control.correct[0] > 0.8 * len(images) > 2 * attacked.correct[0]


def test_no_more_than_one_batch_is_computed_ahead(some):
    model, images, labels = some
    seen = []
    hook = model.register_forward_hook(lambda module, args, output: seen.append(len(output)))
    try:
        snapshots = accuracy_curve(model, images, labels, EPSILONS, batch_size=4)
        next(snapshots)
        assert sum(seen) == 4 * (1 + len(EPSILONS))  # one forward for the gradient, one for each epsilon
        snapshots.close()
    finally:
        hook.remove()


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),  # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_interval_has_the_published_values(correct, total, low, high):
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_csv_holds_the_counts(some, tmp_path):
    model, images, labels = some[0], some[1][:6], some[2][:6]
    curve = last(accuracy_curve(model, images, labels, [0.0, 0.05]))
    write_table(curves_as_csv([curve]), tmp_path / "accuracy.csv")
    with open(tmp_path / "accuracy.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == CURVE_COLUMNS and len(rows) == 2
    for at, row in enumerate(rows):
        assert (int(row["correct"]), int(row["total"]), int(row["fooled"])) == (curve.correct[at], 6, curve.fooled[at])
        assert row["unknown"] == "0"
        assert float(row["accuracy"]) == pytest.approx(curve.correct[at] / 6, abs=1e-4)
        low, high = wilson_interval(curve.correct[at], 6)
        assert (float(row["ci_low"]), float(row["ci_high"])) == pytest.approx((low, high), abs=1e-4)


def snapshot(model, correct, epsilons=(0.0, 0.1, 1.0)):
    fooled = [max(0, correct[0] - count) for count in correct]
    examples = [[] for _ in correct]
    return Snapshot(model, "FGSM", "float32", list(epsilons), list(correct), fooled, [0] * 3, correct[0], 200, examples)


def test_what_surprises_is_explained_and_nothing_else():
    falls, rises = snapshot("resnet18", [198, 10, 4]), snapshot("resnet18", [198, 2, 30])
    assert explain_curves([falls], {}, "en") == []
    assert (
        len(explain_curves([rises], {}, "en")) == 1
        and "at epsilon 1 than at 0.1" in explain_curves([rises], {}, "en")[0]
    )
    assert "no harder to fool" in explain_curves([falls, snapshot("resnet101", [196, 9, 4])], {}, "en")[0]
    assert "no es más difícil" in explain_curves([falls, snapshot("resnet101", [196, 9, 4])], {}, "es")[0]
    assert explain_curves([falls, snapshot("resnet101", [199, 100, 50])], {}, "en") == []


def test_the_curve_of_several_steps_equals_torchattacks(some):
    model, images, labels = some[0], some[1][::7], some[2][::7]
    snapshots = list(accuracy_curve(model, images, labels, [0.0, 0.004, 0.01], BIM, torch.float32, batch_size=3))
    # Before each batch's own snapshot there is one after each epsilon but the last, and each tells of progress.
    assert [snapshot.total for snapshot in snapshots] == [0, 0, 3, 3, 3, 6]
    assert [round(18 * snapshot.progress) for snapshot in snapshots] == [3, 6, 9, 12, 15, 18]
    for at, epsilon in enumerate((0.0, 0.004, 0.01)):
        peer = torchattacks.BIM(model, eps=epsilon, alpha=epsilon / 4, steps=10)
        right = int((model(peer(images, labels)).argmax(1) == labels).sum())
        assert abs(snapshots[-1].correct[at] - right) <= 1
    assert snapshots[0].intervals == [(0.0, 1.0)] * 3
