import contextlib

import numpy as np
import pytest
import torch
import torchattacks
from torch import nn

from fgsm.attacks import ATTACKS, Aim
from fgsm.attacks.attack import aimed
from fgsm.attacks.bim import bim
from fgsm.attacks.fgsm import FGSM, fgsm
from fgsm.attacks.gradient import sign_gradient
from fgsm.attacks.pgd import pgd
from fgsm.attacks.pixels import perturb, perturb_8bit
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.measures.report import attack_report
from fgsm.measures.sweep import distinct_8bit, sweep
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.scoring import score

PHOTOGRAPH = BUILTIN_FACES / "person_01" / "08.png"


@pytest.fixture(scope="module", params=["resnet", "resnet18"])
def of_each_kind(request):
    """The course project's own network, and one of torchvision's: attacks know of no network what it is made of."""
    return load_recognizer(request.param, "cpu")


@pytest.fixture
def linear():
    """A linear model, for which the gradient is known, with random images and labels."""
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
    with torch.no_grad():
        model[1].weight.copy_(torch.randn(5, 48, generator=generator))
    images = torch.rand(6, 3, 4, 4, generator=generator)
    return model, images, torch.tensor([0, 1, 2, 3, 4, 0])


def test_sign_is_the_closed_form_of_a_linear_model(linear):
    model, images, labels = linear
    with torch.no_grad():
        # d(cross-entropy)/dx = W^T (softmax(Wx + b) - onehot(y))
        error = model(images).double().softmax(1) - nn.functional.one_hot(labels, 5)
        expected = (error @ model[1].weight.double()).sign().view_as(images)
    assert torch.equal(sign_gradient(model, images, labels).double(), expected)
    assert torch.equal(sign_gradient(model, images, labels, targeted=True).double(), -expected)


@pytest.mark.parametrize("epsilon", [0.001, 0.03, 0.3])
def test_fgsm_equals_torchattacks(recognizer, faces, epsilon):
    images, labels = (part[:2] for part in faces)
    expected = torchattacks.FGSM(recognizer, eps=epsilon)(images, labels)
    assert (fgsm(recognizer, images, labels, epsilon) - expected).abs().max() <= 1e-6


def test_targeted_equals_torchattacks_and_lowers_the_targets_loss(of_each_kind, faces):
    images, labels = (part[:3] for part in faces)
    targets = (labels + 7) % len(of_each_kind.labels)
    theirs = torchattacks.FGSM(of_each_kind, eps=0.002)
    theirs.set_mode_targeted_by_label(quiet=True)
    ours = fgsm(of_each_kind, images, targets, 0.002, targeted=True)
    assert (ours - theirs(images, targets)).abs().max() <= 1e-6
    before = nn.functional.cross_entropy(of_each_kind(images), targets)
    assert nn.functional.cross_entropy(of_each_kind(ours), targets) < before


def test_epsilon_zero_changes_nothing(of_each_kind, faces):
    images, labels = faces
    assert torch.equal(fgsm(of_each_kind, images, labels, 0.0), images)


def test_change_is_bounded_by_epsilon_and_stays_a_picture(of_each_kind, faces):
    images, labels = faces
    adversarial = fgsm(of_each_kind, images, labels, 0.05)
    assert 0.05 - 1e-6 < (adversarial - images).abs().max() <= 0.05 + 1e-6
    assert adversarial.min() >= 0 and adversarial.max() <= 1


@pytest.mark.parametrize("training", [False, True])
def test_inputs_mode_and_weights_are_left_alone(linear, training):
    model, images, labels = linear
    model.train(training)
    before, labels_before = images.clone(), labels.clone()
    sign = sign_gradient(model, images, labels)
    perturb(images, sign, 0.1)
    fgsm(model, images, labels, 0.1)
    assert torch.equal(images, before) and torch.equal(labels, labels_before)
    assert not images.requires_grad and images.grad is None
    assert model.training is training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_recogniser_in_eval_mode_keeps_its_state(recognizer, faces):
    before = {name: value.clone() for name, value in recognizer.state_dict().items()}
    fgsm(recognizer, *faces, 0.01)
    assert not recognizer.training
    assert all(torch.equal(value, before[name]) for name, value in recognizer.state_dict().items())


def test_gradient_is_found_under_no_grad_and_autocast(linear):
    model, images, labels = linear
    expected = sign_gradient(model, images, labels)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(sign_gradient(model, images, labels), expected)


def test_a_batch_equals_its_images_one_by_one(of_each_kind, faces):
    images, labels = (part[:4] for part in faces)
    together = sign_gradient(of_each_kind, images, labels)
    alone = torch.cat([sign_gradient(of_each_kind, images[i : i + 1], labels[i : i + 1]) for i in range(len(images))])
    # Convolutions of another batch size may add in another order, which can turn a gradient of almost nothing.
    assert (together == alone).double().mean() > 0.999


def test_a_batch_equals_its_images_exactly_where_arithmetic_is_exact(linear):
    model, images, labels = linear
    alone = torch.cat([sign_gradient(model, images[i : i + 1], labels[i : i + 1]) for i in range(len(images))])
    assert torch.equal(sign_gradient(model, images, labels), alone)


def test_8bit_image_equals_numpy(faces):
    images, _ = faces
    sign = torch.randint(-1, 2, images.shape, generator=torch.Generator().manual_seed(2)).float()
    pixels = (255 * images).round().numpy().astype(float)
    for epsilon in (0.0, 0.001, 0.0019, 0.002, 0.012, 0.1, 0.5, 1.0):
        expected = (pixels + 255 * epsilon * sign.numpy()).round().clip(0, 255)  # NumPy rounds a half to even
        ours = perturb_8bit(images, sign, epsilon)
        assert ((255 * ours).round().numpy() == expected).all()


def test_same_8bit_positions_give_the_same_image(faces):
    images, _ = faces
    sign = torch.randint(-1, 2, images.shape, generator=torch.Generator().manual_seed(3)).float()
    for top in (0.02, 0.1, 1.0):
        epsilons = [round(top * step / 100, 6) for step in range(101)]
        for at, first in enumerate(distinct_8bit(epsilons)):
            assert torch.equal(perturb_8bit(images, sign, epsilons[at]), perturb_8bit(images, sign, epsilons[first]))


@pytest.mark.parametrize("eight_bit", [False, True])
def test_sweep_equals_one_image_at_a_time(of_each_kind, faces, eight_bit):
    images, labels = faces[0][:2], faces[1][:2]
    sign = sign_gradient(of_each_kind, images, labels)
    epsilons = [0.004, 0.02, 1.0]
    probabilities = sweep(of_each_kind, images, sign, epsilons, eight_bit=eight_bit, batch_size=4)
    assert probabilities.shape == (3, 2, len(of_each_kind.labels))
    for e, epsilon in enumerate(epsilons):
        for n in range(2):
            x, s = images[n : n + 1], sign[n : n + 1]
            image = (x + epsilon * s).clamp(0, 1)
            if eight_bit:
                levels = np.rint(np.rint(255 * x.numpy()).astype(float) + 255 * epsilon * s.numpy().astype(float))
                image = torch.from_numpy(levels.clip(0, 255).astype(np.float32) / 255)
            with torch.no_grad():
                alone = of_each_kind(image).softmax(1)[0]
            assert torch.allclose(probabilities[e, n], alone, atol=1e-4)


@pytest.mark.parametrize("targeted", [False, True])
def test_bim_equals_torchattacks(of_each_kind, faces, targeted):
    images, labels = (part[:2] for part in faces)
    peer = torchattacks.BIM(of_each_kind, eps=0.01, alpha=0.003, steps=4)
    aim = labels
    if targeted:
        aim = (labels + 7) % len(of_each_kind.labels)
        peer.set_mode_targeted_by_label(quiet=True)
    ours = bim(of_each_kind, images, aim, 0.01, steps=4, step_size=0.003, targeted=targeted)
    # torchattacks averages the loss and adds in another order: a gradient that is all but zero may turn its sign.
    assert (ours - peer(images, aim)).abs().gt(1e-6).float().mean() < 0.001


@pytest.mark.parametrize("targeted", [False, True])
def test_pgd_equals_torchattacks_from_the_same_start(of_each_kind, faces, targeted):
    images, labels = (part[2:4] for part in faces)
    peer = torchattacks.PGD(of_each_kind, eps=0.01, alpha=0.003, steps=4, random_start=True)
    aim = labels
    if targeted:
        aim = (labels + 7) % len(of_each_kind.labels)
        peer.set_mode_targeted_by_label(quiet=True)
    torch.manual_seed(5)
    theirs = peer(images, aim)
    torch.manual_seed(5)
    start = (images + torch.empty_like(images).uniform_(-0.01, 0.01)).clamp(0, 1)  # as torchattacks draws it
    ours = bim(of_each_kind, images, aim, 0.01, steps=4, step_size=0.003, targeted=targeted, start=start)
    assert (ours - theirs).abs().gt(1e-6).float().mean() < 0.001


def test_pgd_starts_anywhere_within_epsilon_and_stays_there():
    two_classes = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))  # its gradient has the same sign everywhere
    images = torch.full((2, 3, 4, 4), 0.5)
    labels = torch.tensor([0, 1])
    change = pgd(two_classes, images, labels, 0.1, steps=0, step_size=0) - images
    assert change.abs().max() <= 0.1 + 1e-6 and change.std() == pytest.approx(0.1 / 3**0.5, rel=0.2)
    noise = torch.linspace(-1, 1, images.numel()).reshape(images.shape)
    started = pgd(two_classes, images, labels, 0.1, steps=0, step_size=0, noise=noise)
    assert torch.allclose(started, images + 0.1 * noise)
    moved = pgd(two_classes, images, labels, 0.1, steps=20, step_size=0.05)
    assert torch.allclose(moved, fgsm(two_classes, images, labels, 0.1), atol=1e-6)


def test_an_epsilon_for_each_image_equals_one_after_another(of_each_kind, faces):
    images, labels = faces[0][:2], faces[1][:2]
    each = torch.tensor([0.002, 0.03]).view(2, 1, 1, 1)
    together = bim(of_each_kind, images, labels, each, 2, each / 2)
    for n, epsilon in enumerate((0.002, 0.03)):
        alone = bim(of_each_kind, images[n : n + 1], labels[n : n + 1], epsilon, 2, epsilon / 2)
        assert (together[n] - alone[0]).abs().gt(1e-6).float().mean() < 0.01


@contextlib.contextmanager
def double_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def usual():
    """What each attack makes of a face, and reports of it, in the usual mode."""
    model = load_recognizer("resnet18", "cpu")
    face = prepare(open_picture(PHOTOGRAPH), 112)
    moved = {name: attack.craft(model, face[None], torch.tensor([0]), 0.02, [0]) for name, attack in ATTACKS.items()}
    return model, moved, {name: attack_report(model, face, 0.02, 0, attack)[0] for name, attack in ATTACKS.items()}


@pytest.fixture(scope="module", params=[torch.inference_mode, torch.no_grad, double_by_default])
def loaded_in_mode(request):
    """A mode, and a recogniser loaded in it."""
    with request.param():
        return request.param, load_recognizer("resnet18", "cpu")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_modes_of_whoever_calls_change_nothing(usual, loaded_in_mode, attack):
    """The recogniser loaded, the picture prepared and the attack made in such a mode, and only the attack."""
    model, expected, reports = usual
    mode, there = loaded_in_mode
    with mode():
        face = prepare(open_picture(PHOTOGRAPH), 112)
        assert score(there, face[None]).dtype == torch.float32
        for network in (model, there):
            moved = attack.craft(network, face[None], torch.tensor([0]), 0.02, [0])
            assert moved.dtype == torch.float32 and torch.equal(moved, expected[attack.name])
        assert attack_report(there, face, 0.02, 0, attack)[0] == reports[attack.name]


def test_a_network_made_in_inference_mode_has_its_gradient(linear):
    model, images, labels = linear
    expected = sign_gradient(model, images, labels)
    with torch.inference_mode():
        made = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5))
        made.load_state_dict(model.state_dict())
        inside = sign_gradient(made, images.clone(), labels.clone())
    assert torch.equal(inside, expected) and torch.equal(sign_gradient(made, images, labels), expected)
    assert aimed(FGSM, made, images[:1], Aim(0)).at([0.1]).shape == (1, 1, 3, 4, 4)
