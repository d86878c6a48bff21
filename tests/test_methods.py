"""The attacks by name, the smallest epsilon that fools, what survives, and transfer, each against another way."""

import base64
import csv
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchattacks
from PIL import Image, ImageFilter
from torch import nn

from fgsm.attacks import ATTACKS, Aim
from fgsm.attacks.attack import aimed
from fgsm.attacks.bim import BIM
from fgsm.attacks.fgsm import FGSM, fgsm
from fgsm.attacks.gradient import sign_gradient
from fgsm.attacks.pgd import PGD
from fgsm.attacks.pixels import perturb, perturb_8bit
from fgsm.attacks.random_signs import RANDOM_SIGNS
from fgsm.faces.prepare import as_picture
from fgsm.measures.report import attack_report
from fgsm.measures.smallest import smallest_epsilons
from fgsm.measures.survive import TREATMENTS, survival
from fgsm.measures.sweep import sweep
from fgsm.measures.tables import MATRIX_COLUMNS, matrix_as_csv, write_table
from fgsm.measures.transfer import explain_matrix, transfer_matrix
from fgsm.page.stage import perform
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.testset import load_test_set
from fgsm.texts import Refused

GRID = [round(step / 1000, 6) for step in range(101)]


@pytest.fixture(scope="module")
def resnet18():
    return load_recognizer("resnet18", device="cpu")


class Line(nn.Module):
    """Two classes divided by a plane: where FGSM crosses it is known."""

    def __init__(self):
        super().__init__()
        weight = torch.randn(48, generator=torch.Generator().manual_seed(4))
        self.register_buffer("weight", weight)

    def forward(self, images):
        margin = (images - 0.5).flatten(1) @ self.weight
        return torch.stack([margin, -margin], 1)


@pytest.mark.parametrize("targeted", [False, True])
def test_bim_by_name_is_torchattacks_bim_of_ten_steps(resnet18, faces, targeted):
    images, labels = faces
    aim = (labels + 3) % 40 if targeted else labels
    peer = torchattacks.BIM(resnet18, eps=0.02, alpha=0.005, steps=10)
    if targeted:
        peer.set_mode_targeted_by_label(quiet=True)
    ours = BIM.craft(resnet18, images, aim, 0.02, range(8), targeted)
    assert (ours - peer(images, aim)).abs().gt(1e-6).float().mean() < 0.02


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_attack_goes_further_than_epsilon(resnet18, faces, attack):
    images, labels = faces
    moved = attack.craft(resnet18, images, labels, 0.02, range(8))
    assert 0.02 - 1e-6 < (moved - images).abs().max() <= 0.02 + 1e-6 and moved.min() >= 0 and moved.max() <= 1


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_is_random_depends_on_the_position_alone(attack):
    # On a network, ten steps carry the rounding of another batch size far; on a plane there is nothing to carry.
    images, labels = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(6)), torch.arange(8) % 2
    together = attack.craft(Line(), images, labels, 0.02, range(8))
    alone = attack.craft(Line(), images[5:6], labels[5:6], 0.02, [5])
    assert torch.equal(together[5:6], alone)


def test_pgd_starts_within_epsilon_but_not_at_the_face(faces):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 112 * 112, 2))
    nn.init.zeros_(flat[1].weight)  # no gradient: only the start moves the face
    images = faces[0][:2]
    change = PGD.craft(flat, images, torch.tensor([0, 1]), 0.1, [0, 1]) - images
    inside = (images > 0.1) & (images < 0.9)
    assert change.abs().max() <= 0.1 + 1e-6
    assert change[inside].std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert not torch.equal(change[0], change[1])


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_the_gradients_told_are_the_gradients_taken(resnet18, faces, attack, monkeypatch):
    taken = []
    real = torch.autograd.grad

    def counting(outputs, inputs, **settings):
        taken.append(len(inputs))  # images in the batch
        return real(outputs, inputs, **settings)

    monkeypatch.setattr(torch.autograd, "grad", counting)
    epsilons = [0.0, 0.01, 0.02, 0.03]
    *_, last = perform(resnet18, faces[0][0], epsilons, 0.01, int(faces[1][0]), attack)
    assert last["smallest"] and sum(taken) == attack.gradients(3)


def test_a_face_that_is_fooled_is_told_where_it_stands(resnet18, faces):
    face, label, asked = faces[0][0], int(faces[1][0]), []

    def standing_of(epsilon):
        asked.append(epsilon)
        return {"harder": 1, "easier": 0, "total": 1}

    epsilons = [0.0, 0.02, 0.04]
    *early, last = perform(resnet18, face, epsilons, 0.0, label, standing_of=standing_of)
    assert asked == [last["smallest"]["float"]["epsilon"]] and last["standing"] == standing_of(0)
    assert all(message["standing"] is None for message in early)
    for attack, target in ((BIM, None), (FGSM, 1 if label != 1 else 2)):
        *_, other = perform(resnet18, face, epsilons, 0.0, label, attack, target, standing_of=standing_of)
        assert other["standing"] is None


def assert_smallest_file(model, image, sign, aim, epsilon):
    """Between the two coarse positions around it, a file saved at no smaller epsilon, in steps of 1/2550, fools."""
    levels, direction = np.asarray(255 * image).round(), np.asarray(sign)

    def fools(at):
        file = torch.from_numpy(np.clip(np.rint(levels + 255 * at * direction), 0, 255).astype(np.float32) / 255)
        return bool(aim.reached(model(file).argmax(1)))

    assert fools(epsilon)
    assert not any(
        fools(n / 2550) for n in range(round(2550 * (epsilon - 0.04)), 2551) if 0 < n / 2550 < epsilon - 1e-9
    )


def on_grid(model, image, sign, aim, epsilons):
    answers = {"float": perturb, "8-bit": perturb_8bit}
    return {
        scoring: {at: int(model(moved(image, sign, epsilon)).argmax()) for at, epsilon in enumerate(epsilons)}
        for scoring, moved in answers.items()
    }


@pytest.mark.parametrize("distance", [0.0031, 0.0137, 0.0499])
def test_the_smallest_epsilon_is_where_the_plane_is(distance):
    model = Line()
    image = (0.5 + distance * model.weight.sign()).view(1, 3, 4, 4)
    image = (255 * image).round() / 255
    margin = float((image - 0.5).flatten() @ model.weight)
    boundary = margin / float(model.weight.abs().sum())  # the margin falls by epsilon * |weight|_1
    aim = Aim(0)
    sign = sign_gradient(model, image, torch.tensor([0]))
    found = smallest_epsilons(model, image, sign, GRID, on_grid(model, image, sign, aim, GRID), aim)
    assert 0 <= found["float"]["epsilon"] - boundary <= 1.1e-5
    assert found["float"]["again"] is None
    assert_smallest_file(model, image, sign, aim, found["8-bit"]["epsilon"])


def test_levels_between_coarse_positions_are_tried(resnet18, faces):
    coarse = [round(step / 20, 6) for step in range(21)]
    image, label = faces[0][:1], faces[1][:1]
    sign = sign_gradient(resnet18, image, label)
    aim = Aim(int(label))
    found = smallest_epsilons(resnet18, image, sign, coarse, on_grid(resnet18, image, sign, aim, coarse), aim)
    assert_smallest_file(resnet18, image, sign, aim, found["8-bit"]["epsilon"])
    at, before = found["float"]["epsilon"], found["float"]["epsilon"] - 1.1e-5
    assert int(resnet18(perturb(image, sign, at)).argmax()) != int(label)
    assert int(resnet18(perturb(image, sign, before)).argmax()) == int(label)


def test_what_is_recognised_again_is_said():
    answers = {"float": dict(enumerate([7, 7, 3, 3, 7, 3])), "8-bit": {0: 7, 3: 3, 5: 3}}
    epsilons = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    found = smallest_epsilons(None, None, None, epsilons, answers, Aim(7))
    assert found == {"float": {"epsilon": 0.2, "again": 0.4}, "8-bit": {"epsilon": 0.3, "again": None}}
    targeted = smallest_epsilons(None, None, None, epsilons, answers, Aim(3, target=9))
    assert targeted == {"float": None, "8-bit": None}
    wrong_from_the_start = smallest_epsilons(None, None, None, epsilons, answers, Aim(3))
    assert wrong_from_the_start["float"] == {"epsilon": 0.0, "again": 0.2}


def test_one_step_towards_somebody_often_fails_where_ten_arrive(resnet18):
    images, labels = load_test_set(resnet18)
    some, truth = images[::4], labels[::4]
    targets = (truth + 11) % 40
    reached = {}
    for attack in (FGSM, BIM):
        moved = attack.craft(resnet18, some, targets, 0.03, range(len(some)), targeted=True)
        reached[attack.name] = int((resnet18(moved).argmax(1) == targets).sum())
    assert reached["FGSM"] <= len(some) / 2 and reached["BIM"] >= 0.9 * len(some)


@pytest.mark.parametrize("attack", [FGSM, BIM], ids=["FGSM", "BIM"])
def test_survival_is_what_pillow_makes_of_the_face(resnet18, faces, attack):
    image, label = faces[0][:1], int(faces[1][0])
    stored = aimed(attack, resnet18, image, Aim(label)).both_at([0.03])[1][0, 0]
    face = as_picture(stored)

    def jpeg(quality):
        file = io.BytesIO()
        face.save(file, "JPEG", quality=quality)
        return Image.open(file)

    by_hand = {
        "png": face,
        "jpeg95": jpeg(95),
        "jpeg75": jpeg(75),
        "jpeg50": jpeg(50),
        "half": face.resize((56, 56), Image.Resampling.BICUBIC).resize((112, 112), Image.Resampling.BICUBIC),
        "blur": face.filter(ImageFilter.GaussianBlur(0.7)),
    }
    survivors = survival(resnet18, stored, Aim(label))
    assert [one.treatment for one in survivors] == list(by_hand) == list(TREATMENTS)
    for one, picture in zip(survivors, by_hand.values(), strict=True):
        pixels = torch.tensor(np.asarray(picture.convert("RGB"))).permute(2, 0, 1) / 255
        probabilities = resnet18(pixels[None]).softmax(1)[0]
        assert one.taken_for == int(probabilities.argmax())
        assert one.outcome == ("recognised" if one.taken_for == label else "other")
        assert one.probability == pytest.approx(probabilities.max().item(), abs=1e-3)


@pytest.fixture(scope="module")
def pair(resnet18):
    robust = load_recognizer("resnet18-robust", device="cpu")
    images, labels = load_test_set(resnet18)
    return [resnet18, robust], images[::2], labels[::2]


def test_transfer_counts_equal_torchattacks(pair):
    models, images, labels = pair
    *_, ours = transfer_matrix(models, images, labels, 0.03)
    assert ours.total == len(images)
    for row, source in enumerate(models):
        moved = torchattacks.FGSM(source, eps=0.03)(images, labels)
        for column, model in enumerate(models):
            clean, answers = model(images).argmax(1), model(moved).argmax(1)
            lost = [n for n in range(len(images)) if clean[n] == labels[n] != answers[n]]
            assert ours.clean[column] == int((clean == labels).sum())
            assert ours.correct[row][column] == int((answers == labels).sum())
            assert ours.fooled[row][column] == len(lost)
            assert ours.examples[row][column] == [(n, int(answers[n])) for n in lost[:5]]


def test_the_matrix_grows_and_is_handed_out_in_between(pair):
    models, images, labels = pair
    totals = [matrix.total for matrix in transfer_matrix(models, images[:10], labels[:10], 0.01)]
    assert totals == [0, 4, 4, 8, 8, 10]


def test_transfer_is_explained_where_another_is_fooled_more(pair):
    models, images, labels = pair
    *_, matrix = transfer_matrix(models, images, labels, 0.03)
    odd = replace(matrix, correct=[[15, 5], [20, 20]])
    sentences = explain_matrix(odd, {}, "en")
    assert len(sentences) == 2 and "25.0%" in sentences[0] and "75.0%" in sentences[0]
    assert explain_matrix(replace(matrix, correct=[[0, 20], [20, 10]]), {}, "en") == []


def test_transfer_as_csv(pair, tmp_path):
    *_, matrix = transfer_matrix(*pair, 0.03)
    write_table(matrix_as_csv(matrix), tmp_path / "transfer.csv")
    with open(tmp_path / "transfer.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == MATRIX_COLUMNS and len(rows) == 2 + 4
    last = rows[-1]
    assert last["crafted_on"] == last["tried_on"] == "resnet18-robust" and int(last["correct"]) == matrix.correct[1][1]


def test_recognisers_of_different_people_are_not_compared(resnet18):
    other = load_recognizer("resnet18", device="cpu")
    other.config = replace(other.config, labels=tuple(reversed(other.config.labels)))
    with pytest.raises(ValueError, match="cannot be compared"):
        next(transfer_matrix([resnet18, other], torch.zeros(1, 3, 112, 112), torch.tensor([0]), 0.1))


def test_a_stage_of_several_steps_has_the_images_of_the_attack(resnet18, faces):
    face, label = faces[0][2], int(faces[1][2])
    epsilons = [0.0, 0.01, 0.02]
    *_, last = perform(resnet18, face, epsilons, 0.01, label, BIM, target=3)
    assert last["sign"] is None and last["same_8bit"] == [0, 1, 2]
    for at, epsilon in enumerate(epsilons):
        moved = BIM.craft(resnet18, face[None], torch.tensor([3]), epsilon, [0], targeted=True)
        pixels = np.frombuffer(base64.b64decode(last["images"][str(at)]), np.uint8).reshape(112, 112, 3)
        expected = (255 * moved[0]).round().byte().permute(1, 2, 0).numpy()
        assert (pixels != expected).mean() < 0.02  # a gradient that is all but zero may turn with the batch


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_every_position_has_the_scores_of_its_own_file(resnet18, faces, attack):
    """Positions are scored from the slider's to both sides: an answer must not be taken for a neighbour's."""
    face, label = faces[0][0], int(faces[1][0])
    epsilons = [0.0, 0.004, 0.009, 0.016, 0.025, 0.05, 0.1]
    *_, last = perform(resnet18, face, epsilons, 0.016, label, attack)
    said = {}
    for positions, rows in last["scores"]["8-bit"]:
        probabilities = np.frombuffer(base64.b64decode(rows), np.float32).reshape(len(positions), -1)
        said |= zip(positions, probabilities, strict=True)
    for at, epsilon in enumerate(epsilons):
        if attack.one_direction:
            file = perturb_8bit(face[None], aimed(attack, resnet18, face[None], Aim(label)).sign, epsilon)
        else:
            pixels = np.frombuffer(base64.b64decode(last["images"][str(at)]), np.uint8).reshape(112, 112, 3)
            file = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
        assert said[last["same_8bit"][at]] == pytest.approx(resnet18(file).softmax(1)[0].numpy(), abs=1e-3), epsilon


def test_random_signs_change_as_much_and_fool_hardly_anybody(resnet18):
    images, labels = load_test_set(resnet18)
    some, truth = images[::2], labels[::2]
    random = RANDOM_SIGNS.craft(resnet18, some, truth, 0.03, range(len(some)))
    aimed = fgsm(resnet18, some, truth, 0.03)
    inside = (some > 0.03) & (some < 0.97)
    assert (random - some)[inside].abs().mean() == pytest.approx(0.03, rel=1e-4)
    right = [int((resnet18(moved).argmax(1) == truth).sum()) for moved in (random, aimed)]
    assert right[0] >= 0.9 * len(some) > 0.3 * len(some) >= right[1]


def test_a_file_that_a_slider_position_already_fools_is_claimed(resnet18, faces):
    """On the page's own slider: no position below the claim fools, whatever the face."""
    grid = [round(0.001 * step, 6) for step in range(101)]
    for image, label in zip(faces[0][:3].split(1), faces[1].tolist(), strict=False):
        sign, aim = sign_gradient(resnet18, image, torch.tensor([label])), Aim(label)
        swept = {name: sweep(resnet18, image, sign, grid, name == "8-bit") for name in ("float", "8-bit")}
        answers = {name: dict(enumerate(rows[:, 0].argmax(1).tolist())) for name, rows in swept.items()}
        found = smallest_epsilons(resnet18, image, sign, grid, answers, aim)["8-bit"]["epsilon"]
        first = next(at for at, answer in zip(grid, answers["8-bit"].values(), strict=True) if answer != label)
        assert first - 0.001 < found <= first


def test_tied_people_are_named_in_one_order():
    class Even(nn.Module):
        labels = ("a", "b", "c", "d")
        name, input_size, device = "even", 8, torch.device("cpu")
        config = SimpleNamespace(unknown=None, threshold=None)

        def forward(self, images):
            return torch.zeros(len(images), 4) + torch.tensor([0.0, 1.0, 1.0, 1.0]) + 0 * images.sum()

    report, _ = attack_report(Even(), torch.full((3, 8, 8), 0.2), 0.1)
    assert report["attacked_on"].startswith("b ") and report["clean"]["top"][0]["label"] == "b"
    assert [place["label"] for place in report["float"]["top"]] == ["b", "c", "d", "a"]
    assert report["float"]["verdict"].startswith("Still recognised as b")


def test_nobody_becomes_whom_they_are_taken_for(resnet18, faces):
    image, label = faces[0][0], int(faces[1][0])
    for attempt in (
        lambda: attack_report(resnet18, image, 0.03, None, FGSM, label),
        lambda: attack_report(resnet18, image, 0.03, label, FGSM, label),
        lambda: next(perform(resnet18, image, [0.0, 0.01], 0.0, None, FGSM, label)),
    ):
        with pytest.raises(Refused, match=f"This face is attacked as {resnet18.labels[label]}: name somebody else"):
            attempt()
