"""Attacks and measures on networks so small that every answer is known beforehand."""

import io
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fgsm.attacks import ATTACKS, Aim
from fgsm.attacks.attack import SEED, AlongOneDirection, aimed
from fgsm.attacks.bim import BIM, REACH, STEPS, bim
from fgsm.attacks.fgsm import FGSM, fgsm
from fgsm.attacks.gradient import in_halves, sign_gradient
from fgsm.attacks.pgd import PGD, pgd
from fgsm.attacks.pixels import as_8bit, perturb, perturb_8bit
from fgsm.attacks.random_signs import RANDOM_SIGNS, random_signs
from fgsm.cli.measure import curve_table
from fgsm.measures.curve import Snapshot, accuracy_curve, doubts, example_faces, explain_curves, parts_of
from fgsm.measures.epsilons import known_epsilon, parse_epsilons
from fgsm.measures.figures import accuracy_figure, examples_figure
from fgsm.measures.intervals import wilson_interval
from fgsm.measures.names import known_attack, known_attacks, known_person, known_recognizers
from fgsm.measures.outcomes import OTHER, RECOGNISED, TARGET, UNKNOWN, verdict_key
from fgsm.measures.report import aim_at, attack_report, verdict
from fgsm.measures.smallest import changes_8bit, last_recognised, smallest_epsilons
from fgsm.measures.survive import TREATMENTS, survival
from fgsm.measures.sweep import distinct_8bit, sweep
from fgsm.measures.tables import curves_as_csv, matrix_as_csv, write_table
from fgsm.measures.transfer import Matrix, are_comparable, comparable, explain_matrix, named, transfer_matrix
from fgsm.recognizers.survey import Checkpoint, Found, available_recognizers
from fgsm.texts import Refused, quoted, say, title


@dataclass(frozen=True)
class People:
    """Of a config, what measures ask for."""

    faces: str = "here"
    labels: tuple[str, ...] = ("dark", "light")
    test_photographs: tuple[str, ...] = ("a", "b")
    input_size: int = 2
    framing: str = "plain"
    training_unknown: bool = False
    threshold: float | None = None
    unknown: int | None = None


class Brightness(nn.Module):
    """Takes a picture for "light" where its mean is above `threshold`; how surely, says `slope`."""

    labels = ("dark", "light")
    input_size = 2
    device = torch.device("cpu")

    def __init__(self, threshold=0.5, slope=8.0, name="brightness"):
        super().__init__()
        self.threshold, self.slope, self.name = threshold, slope, name
        self.config = People()
        self.asked = 0

    def forward(self, images):
        self.asked += len(images)
        margin = self.slope * (images.mean((1, 2, 3)) - self.threshold)
        return torch.stack([-margin, margin], 1)


class Shades(nn.Module):
    """Takes a picture for the nearer of 0.2 and 0.8 in brightness, or nobody where that is beyond `threshold`."""

    labels = ("dark", "light", "unknown")
    input_size = 2
    device = torch.device("cpu")
    name = "shades"

    def __init__(self, threshold=0.15):
        super().__init__()
        self.config = People(labels=self.labels, threshold=threshold, unknown=2)

    def forward(self, images):
        apart = (images.mean((1, 2, 3))[:, None] - torch.tensor([0.2, 0.8])).abs()
        return -20 * torch.cat([apart, torch.full((len(images), 1), self.config.threshold)], 1)


def grey(*levels):
    """Pictures of 2 x 2 pixels, each of one grey level in 255."""
    return torch.tensor(levels, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 2, 2).contiguous() / 255


LEVELS = torch.arange(256, dtype=torch.float32).view(1, 1, 16, 16).expand(1, 3, 16, 16) / 255


# Attacks


def test_the_sign_climbs_the_loss_or_targeted_descends_it():
    images, labels = grey(100, 200), torch.tensor([0, 1])
    assert torch.equal(
        sign_gradient(Brightness(), images, labels), torch.tensor([1.0, -1.0]).view(2, 1, 1, 1) + 0 * images
    )
    targeted = sign_gradient(Brightness(), images, labels, targeted=True)
    assert torch.equal(targeted, -sign_gradient(Brightness(), images, labels))
    still = sign_gradient(Brightness(slope=0.0), images, labels)
    assert torch.equal(still, torch.zeros_like(images))


@pytest.mark.parametrize("halves", range(40))
def test_files_round_as_numpy_does_in_double_precision(halves):
    """At every half of a grey level, where single precision and rounding down go elsewhere."""
    epsilon = (halves + 0.5) / 255
    for sign in (-1.0, 1.0):
        levels = np.arange(256, dtype=np.float64) + 255 * epsilon * sign
        expected = np.clip(np.rint(levels), 0, 255).astype(np.float32) / np.float32(255)
        moved = perturb_8bit(LEVELS, torch.full_like(LEVELS, sign), epsilon)
        assert np.array_equal(moved[0, 0].flatten().numpy(), expected)
    assert moved.dtype == torch.float32


def test_epsilons_just_beside_a_half_go_each_their_way():
    ones = torch.ones_like(LEVELS)
    below, above = (perturb_8bit(LEVELS, ones, (7.5 + difference) / 255) for difference in (-1e-7, 1e-7))
    levels = 255 * LEVELS
    assert torch.equal((255 * below).round(), (levels + 7).clamp(max=255))
    assert torch.equal((255 * above).round(), (levels + 8).clamp(max=255))


def test_floats_stay_between_black_and_white():
    moved = perturb(grey(0, 100, 255), torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1, 1), 0.1)
    assert moved[:, 0, 0, 0].tolist() == pytest.approx([0.0, 100 / 255 + 0.1, 1.0])
    assert torch.equal(as_8bit(grey(7) + 0.4 / 255), grey(7)) and torch.equal(as_8bit(grey(7) + 0.6 / 255), grey(8))


def test_several_steps_stay_within_epsilon_and_white():
    images, labels = grey(100, 250), torch.tensor([0, 0])
    moved = bim(Brightness(), images, labels, 0.05, 3, 0.02)
    assert moved[:, 0, 0, 0].tolist() == pytest.approx([100 / 255 + 0.05, 1.0])
    assert bim(Brightness(), images, labels, 0.05, 2, 0.02)[0, 0, 0, 0].item() == pytest.approx(100 / 255 + 0.04)
    assert bim(Brightness(), images, labels, 0.05, 0, 0.02, start=images + 0.01).equal(images + 0.01)
    assert bim(Brightness(), images, labels, 0.05, 1, 0.02, targeted=True)[0, 0, 0, 0].item() == pytest.approx(
        100 / 255 - 0.02
    )


class Valley(nn.Module):
    """What it is asked of falls towards 0.5 from both sides."""

    def forward(self, images):
        margin = (images.mean((1, 2, 3)) - 0.5) ** 2
        return torch.stack([margin, -margin], 1)


def test_several_steps_turn_back_where_the_gradient_does():
    """Towards its own threshold and no further: the attack on "light" from above goes down, then up again."""
    moved = bim(Valley(), grey(140), torch.tensor([0]), 0.2, 4, 0.03)
    assert abs(moved.mean().item() - 0.5) < 0.03


@pytest.mark.parametrize("attack", [BIM, PGD], ids=["BIM", "PGD"])
def test_steps_are_a_tenth_of_their_reach(attack):
    """Where it turns back, a face is never further from there than a step."""
    step = REACH * 0.2 / STEPS
    moved = attack.craft(Valley(), grey(140), torch.tensor([0]), 0.2, [0])
    assert step == pytest.approx(0.05) and 1e-3 < (moved.mean() - 0.5).abs() <= step


def test_an_attack_leads_away_unless_it_is_told_towards_whom():
    images, labels, noise = grey(100), torch.tensor([0]), torch.zeros(1, 3, 2, 2)
    assert fgsm(Brightness(), images, labels, 0.1).mean() > images.mean()
    assert fgsm(Brightness(), images, labels, 0.1, targeted=True).mean() < images.mean()
    assert pgd(Brightness(), images, labels, 0.1, 1, 0.05, noise=noise).mean() > images.mean()


def test_a_pixel_without_a_gradient_stays_as_it_is():
    images = grey(0, 100, 255)
    assert torch.equal(perturb_8bit(images, torch.zeros_like(images), 0.1), images)
    assert torch.equal(perturb(images, torch.zeros_like(images), 0.1), images)


def test_pgd_starts_at_its_noise():
    images, labels = grey(100), torch.tensor([0])
    noise = torch.full_like(images, -0.5)
    assert pgd(Brightness(), images, labels, 0.1, 0, 0.0, noise=noise).equal(images - 0.05)
    torch.manual_seed(3)
    drawn = pgd(Brightness(), images.repeat(500, 1, 1, 1), labels.repeat(500), 0.1, 0, 0.0) - images
    assert (
        drawn.abs().max() <= 0.1 and drawn.mean().abs() < 0.005 and drawn.std() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    )
    one = pgd(Brightness(), images, labels, 0.1, 1, 0.02, targeted=True, noise=noise)
    assert one.mean().item() == pytest.approx(100 / 255 - 0.07)


def test_every_epsilon_of_pgd_starts_at_the_same_place():
    """Where no gradient moves anything, only the start is left: the same on the scale of each epsilon."""
    images, labels = grey(120, 130), torch.tensor([0, 1])
    moved = PGD.moves(Brightness(slope=0.0), images, labels, [3, 4]).at([0.1, 0.0, 0.2])
    assert torch.equal(moved[1], images)
    assert torch.allclose((moved[0] - images) / 0.1, (moved[2] - images) / 0.2, atol=1e-5)
    assert not torch.allclose(moved[0, 0] - images[0], moved[0, 1] - images[1], atol=1e-3)
    alone = PGD.moves(Brightness(slope=0.0), images[1:], labels[1:], [4]).at([0.2])
    assert torch.equal(alone[0, 0], moved[2, 1])


def test_random_signs_are_coins_of_each_position():
    images = grey(*[100] * 60)
    signs = random_signs(images, range(60))
    assert set(signs.unique().tolist()) == {-1.0, 1.0} and signs.shape == images.shape and abs(signs.mean()) < 0.1
    assert torch.equal(signs[7:8], random_signs(images[:1], [7])) and not torch.equal(signs[7], signs[8])
    moves = RANDOM_SIGNS.moves(Brightness(), images, torch.zeros(60, dtype=torch.int64), range(60))
    assert torch.equal(moves.sign, signs)
    coins = torch.randint(0, 2, images.shape[1:], generator=torch.Generator().manual_seed(SEED + 7))
    assert torch.equal(signs[7], 2.0 * coins - 1)
    assert torch.equal(aimed(RANDOM_SIGNS, Brightness(), images[:1], Aim(0)).sign, signs[:1])


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_every_attack_keeps(attack):
    """Epsilon 0 changes nothing, files are what floats round to, and one epsilon is one of many."""
    model, images, labels = Brightness(), grey(100, 180), torch.tensor([0, 1])
    moves = attack.moves(model, images, labels, [0, 1])
    floats, files = moves.both_at([0.0, 0.1, 0.04])
    assert floats.shape == files.shape == (3, 2, 3, 2, 2)
    assert torch.equal(floats, moves.at([0.0, 0.1, 0.04])) and torch.equal(floats[0], images)
    assert torch.allclose(files, (255 * floats).round() / 255, atol=1e-6)
    assert torch.equal(attack.craft(model, images, labels, 0.1, [0, 1]), floats[1])
    assert (floats[1] - images).abs().max() <= 0.1 + 1e-6
    assert (moves.sign is not None) == attack.one_direction
    assert attack.gradients(7) == attack.gradients_once + 7 * attack.gradients_per_epsilon
    if attack.may_aim:
        assert floats[1].mean((1, 2, 3)).tolist() == pytest.approx([100 / 255 + 0.1, 180 / 255 - 0.1], abs=1e-5)
        aimed_at = attack.craft(model, images, labels, 0.1, [0, 1], targeted=True)
        assert aimed_at.mean((1, 2, 3)).tolist() == pytest.approx([100 / 255 - 0.1, 180 / 255 + 0.1], abs=1e-5)


def test_traits_say_what_the_registry_does():
    assert list(ATTACKS) == ["FGSM", "random signs", "BIM", "PGD"] and all(
        a.name == name for name, a in ATTACKS.items()
    )
    assert [a.control for a in ATTACKS.values()] == [False, True, False, False]
    assert [a.gradients(3) for a in ATTACKS.values()] == [1, 0, 30, 30] and (STEPS, REACH) == (10, 2.5)
    assert FGSM.offers == "BIM" and {a.offers for a in (BIM, PGD, RANDOM_SIGNS)} == {None}
    assert len({(a.colour, a.dash) for a in ATTACKS.values()}) == 4 and not any(a.in_region for a in ATTACKS.values())


def test_an_aim_is_reached_away_from_somebody_or_at_somebody():
    answers = torch.tensor([0, 1, 2])
    assert Aim(1).reached(answers).tolist() == [True, False, True] and Aim(1).label == 1
    assert Aim(1, 2).reached(answers).tolist() == [False, False, True] and Aim(1, 2).label == 2
    up = aimed(FGSM, Brightness(), grey(100), Aim(1, 0))
    assert torch.equal(up.sign, -torch.ones(1, 3, 2, 2))  # towards "dark"


def test_what_does_not_fit_is_done_by_halves():
    asked = []

    def doubled(rows, more):
        asked.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError
        return rows * 2 + more

    rows = torch.arange(7.0)
    assert torch.equal(in_halves(doubled, rows, rows), 3 * rows) and asked[0] == 7
    with pytest.raises(torch.OutOfMemoryError):
        in_halves(lambda rows: doubled(rows.repeat(3), 0), rows[:1])


# Sweeps and curves


def test_a_sweep_scores_every_epsilon_in_its_place():
    model, images = Brightness(), grey(100, 120, 160)
    sign = torch.ones_like(images)
    epsilons = [0.0, 0.002, 0.05, 0.3]
    for eight_bit in (False, True):
        scores = sweep(model, images, sign, epsilons, eight_bit, batch_size=4)
        assert scores.shape == (4, 3, 2) and torch.allclose(scores.sum(2), torch.ones(4, 3))
        for at, epsilon in enumerate(epsilons):
            moved = perturb_8bit(images, sign, epsilon) if eight_bit else perturb(images, sign, epsilon)
            assert torch.allclose(scores[at], model(moved).softmax(1))
    assert not torch.equal(sweep(model, images, sign, [0.0015]), sweep(model, images, sign, [0.0015], True))


def test_positions_that_give_the_same_file_are_told():
    epsilons = [0.0, 0.001, 0.5 / 255, 0.002, 1 / 255, 1.4 / 255, 1.5 / 255, 1.6 / 255, 2.5 / 255]
    assert distinct_8bit(epsilons) == [0, 0, 2, 3, 3, 3, 6, 7, 8]
    assert distinct_8bit([1 / 255, 1.498 / 255, 100.4 / 255, 100 / 255]) == [0, 0, 2, 2]


MIXED = grey(40, 90, 200, 220, 60, 126), torch.tensor([0, 0, 1, 0, 1, 0])  # the fourth and fifth are taken wrongly


def test_fooled_are_those_who_had_been_recognised():
    images, labels = MIXED
    *_, curve = accuracy_curve(Brightness(), images, labels, [0.1, 0.0, 0.3], batch_size=4)
    # At 0.1 only 126 crosses; at 0.3 also 90 and 200 do, and the two that were wrong move further away.
    assert (curve.total, curve.recognised, curve.correct, curve.fooled) == (6, 4, [3, 4, 1], [1, 0, 3])
    assert curve.examples == [[(5, 1)], [], [(1, 1), (2, 0), (5, 1)]]
    assert curve.fooling_rate == [0.25, 0.0, 0.75] and curve.accuracy == [0.5, 4 / 6, 1 / 6]
    assert curve.intervals == [wilson_interval(correct, 6) for correct in curve.correct]
    assert (curve.model, curve.attack, curve.precision, curve.epsilons) == (
        "brightness",
        "FGSM",
        "float32",
        [0.1, 0.0, 0.3],
    )


def test_who_is_taken_for_nobody_is_counted_apart():
    """Of 0.22, 0.26, 0.78 and 0.5, the last is nobody's; a step of 0.3 leads into the middle, one of 0.6 across it."""
    images, labels = grey(56.1, 66.3, 198.9, 127.5), torch.tensor([0, 0, 1, 1])
    snapshots = list(accuracy_curve(Shades(), images, labels, [0.0, 0.1, 0.3, 0.6], batch_size=3))
    curve = snapshots[-1]
    # Two go up and two down: to 0.32, 0.36, 0.68, 0.4; then 0.52, 0.56, 0.48, 0.2; then 0.82, 0.86, 0.18 and black.
    assert (curve.threshold, curve.recognised, curve.total) == (0.15, 3, 4)
    assert curve.correct == [3, 2, 0, 0]
    assert curve.unknown == [1, 2, 3, 1]
    assert curve.confused == [0, 0, 1, 3]
    assert curve.fooled == [0, 1, 3, 3]
    assert curve.examples == [[], [(1, 2)], [(0, 2), (1, 2), (2, 2)], [(0, 1), (1, 1), (2, 0)]]
    assert (snapshots[0].unknown, snapshots[0].confused) == ([0, 1, 3, 0], [0, 0, 0, 3])
    *_, certain = accuracy_curve(Brightness(), *MIXED, [0.0, 0.3])
    assert (certain.threshold, certain.unknown, certain.confused) == (None, [0, 0], [2, 5])


def test_a_curve_without_0_still_knows_who_was_recognised():
    *_, curve = accuracy_curve(Brightness(), *MIXED, [0.3])
    assert (curve.recognised, curve.correct, curve.fooled) == (4, [1], [3])


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_progress_rises_to_one_and_counts_with_it(attack):
    images, labels = MIXED
    seen = list(accuracy_curve(Brightness(), images, labels, [0.0, 0.1], attack, batch_size=4))
    progress = [one.progress for one in seen]
    assert progress == sorted(set(progress)) and progress[-1] == 1
    expected = [4, 6] if attack.one_direction else [0, 4, 4, 6]
    assert [one.total for one in seen] == expected
    if not attack.one_direction:
        assert progress == pytest.approx([2 / 6, 4 / 6, 5 / 6, 1])
    by_one = list(accuracy_curve(Brightness(), images, labels, [0.0, 0.1], attack, batch_size=1))
    assert by_one[-1] == seen[-1]


def test_five_examples_are_kept_the_first_ones():
    images, labels = grey(*[100] * 8), torch.zeros(8, dtype=torch.int64)
    *_, curve = accuracy_curve(Brightness(), images, labels, [0.3], batch_size=3)
    assert curve.fooled == [8] and curve.examples == [[(at, 1) for at in range(5)]]


def test_example_faces_are_the_adversarial_ones():
    images, labels = MIXED
    crafted = example_faces(FGSM, Brightness(), images, labels, 0.1, [5, 2])
    assert torch.equal(crafted, fgsm(Brightness(), images[[5, 2]], labels[[5, 2]], 0.1))
    drawn = example_faces(RANDOM_SIGNS, Brightness(), images, labels, 0.1, [5])
    assert torch.equal(drawn, perturb(images[5:6], random_signs(images[5:6], [5]), 0.1))


def test_epsilons_come_in_parts():
    assert list(parts_of([1, 2, 3, 4, 5], 2)) == [(2, [1, 2]), (4, [3, 4]), (5, [5])]


def snapshot(model, correct, epsilons=(0.0, 0.1, 1.0), attack="FGSM", total=200, unknown=None, threshold=None):
    none = [0] * len(correct)
    about = (model, attack, "float32", list(epsilons))
    return Snapshot(*about, list(correct), none, unknown or none, correct[0], total, [[]], threshold)


@pytest.mark.parametrize(("risen", "said"), [(14, False), (15, True)])
def test_a_curve_that_rises_by_more_than_two_percent_is_explained(risen, said):
    """Of 200 faces, four are two percent: 10 and 14 is no rise worth a word, 10 and 15 is."""
    sentences = explain_curves([snapshot("ours", [198, 10, risen])], {}, "en")
    assert bool(sentences) == said
    if said:
        assert "ours recognises more faces at epsilon 1 than at 0.1" in sentences[0]
    assert explain_curves([snapshot("ours", [198, 10, risen], attack="PGD")], {}, "en") == []


def test_the_first_clear_rise_after_the_lowest_point_is_named():
    [sentence] = explain_curves([snapshot("ours", [198, 2, 5, 30, 60], (0, 0.1, 0.3, 0.5, 1))], {}, "en")
    assert "at epsilon 0.5 than at 0.1" in sentence


def test_depth_is_explained_where_it_does_not_help():
    shallow = snapshot("resnet18", [198, 20, 4])
    assert len(explain_curves([shallow, snapshot("resnet101", [198, 20, 4])], {}, "en")) == 1  # no harder to fool
    assert explain_curves([shallow, snapshot("resnet101", [198, 21, 4])], {}, "en") == []
    unattacked = [snapshot(name, [198], [0.0]) for name in ("resnet18", "resnet101")]
    assert explain_curves(unattacked, {}, "en") == []


def test_a_recogniser_of_unknown_training_is_doubted():
    configs = {"sure": People(), "unsure": People(training_unknown=True)}
    [sentence] = doubts(["sure", "unsure", "stranger"], configs, "en")
    assert sentence.startswith("unsure may have learned some of these very faces")
    assert explain_curves([snapshot("unsure", [5, 5, 5])], configs, "en") == [sentence]


def test_intervals_are_wilsons():
    for correct, total in ((0, 10), (3, 10), (10, 10), (199, 200)):
        low, high = wilson_interval(correct, total)
        for bound in {low, high} - {0.0, 1.0}:  # the bounds solve (share - p)^2 = z^2 p (1 - p) / n
            assert (correct / total - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / total, rel=1e-4)
        assert low - 1e-12 <= correct / total <= high + 1e-12
    assert wilson_interval(0, 10)[0] == pytest.approx(0) and wilson_interval(10, 10)[1] == pytest.approx(1)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    for bounds in (wilson_interval(3, 10), wilson_interval(199, 200)):
        assert 0 < bounds[0] < bounds[1] < 1
    narrow, wide = wilson_interval(3, 10, 0.5), wilson_interval(3, 10)
    assert wide[0] < narrow[0] < 0.3 < narrow[1] < wide[1]


# Transfer


def three():
    return [Brightness(name="one"), Brightness(0.6, name="two"), Brightness(0.5, -8.0, name="contrary")]


def test_a_matrix_counts_crafted_on_against_tried_on():
    images, labels = grey(100, 110, 140, 150, 200, 60), torch.tensor([0, 0, 1, 1, 1, 0])
    models = three()
    seen = list(transfer_matrix(models, images, labels, 0.1))
    last = seen[-1]
    assert [one.total for one in seen] == [0, 0, 4, 4, 4, 6] and last.progress == 1
    assert [one.progress for one in seen] == pytest.approx([4 / 18, 8 / 18, 4 / 6, 4 / 6 + 2 / 18, 4 / 6 + 4 / 18, 1])
    answers = [[named(model, images, torch.float32) for model in models]]
    for source in models:
        moved = fgsm(source, images, labels, 0.1)
        answers.append([named(model, moved, torch.float32) for model in models])
    right = torch.stack([torch.stack(row) for row in answers]) == labels
    assert last.clean == right[0].sum(1).tolist() and last.correct == right[1:].sum(2).tolist()
    lost = right[:1] & ~right[1:]
    assert last.fooled == lost.sum(2).tolist()
    for row in range(3):
        for column in range(3):
            expected = [(n, int(answers[1 + row][column][n])) for n in lost[row, column].nonzero().flatten().tolist()]
            assert last.examples[row][column] == expected[:5]
    assert (last.models, last.attack, last.precision, last.epsilon) == (
        ["one", "two", "contrary"],
        "FGSM",
        "float32",
        0.1,
    )
    assert last.accuracy(0, 1) == last.correct[0][1] / 6


def test_what_is_random_in_a_matrix_goes_by_the_position_in_the_test_set():
    """Beyond the first batch, too."""
    images, labels = grey(*range(110, 150, 4)), torch.zeros(10, dtype=torch.int64)
    models = [Brightness(threshold, 300.0, f"t{at}") for at, threshold in enumerate((0.5, 0.51))]
    *_, matrix = transfer_matrix(models, images, labels, 0.04, RANDOM_SIGNS)
    moved = perturb(images, random_signs(images, range(10)), 0.04)
    assert matrix.correct[0] == [int((model(moved).argmax(1) == 0).sum()) for model in models]
    again = perturb(images, random_signs(images, [*range(4), *range(4), 0, 1]), 0.04)
    assert matrix.correct[0] != [int((model(again).argmax(1) == 0).sum()) for model in models]


@pytest.mark.parametrize("entry", ["faces", "labels", "test_photographs", "input_size", "framing"])
def test_only_what_was_tested_alike_is_compared(entry):
    other = replace(People(), **{entry: 3 if entry == "input_size" else ("x",)})
    assert are_comparable(People(), People()) and not are_comparable(People(), other)
    assert comparable("a", {"a": People(), "b": other, "c": People(training_unknown=True)}) == ["a", "c"]
    models = three()
    models[1].config = other
    with pytest.raises(Refused, match="one and two cannot be compared"):
        next(transfer_matrix(models, *MIXED, 0.1))


def matrix_of(correct, total=100):
    count = len(correct)
    nothing = [[0] * count for _ in range(count)]
    names = ["a", "b", "c"][:count]
    return Matrix(names, "FGSM", "float32", 0.1, [total] * count, correct, nothing, total, [[[]] * count] * count)


@pytest.mark.parametrize(("other", "said"), [(48, 0), (47, 2)])
def test_one_that_is_fooled_clearly_more_than_the_source_is_explained(other, said):
    """By more than two percent of the faces, and the worst of several is named."""
    sentences = explain_matrix(matrix_of([[50, other, 49], [90, 10, 90], [90, 90, 10]]), {}, "en")
    assert len(sentences) == said
    if said:
        assert "crafted on a fool b more than a itself: 47.0%" in sentences[0] and "50.0% here" in sentences[0]
        assert sentences[1].startswith("That is no mistake")


def test_a_matrix_of_an_unsure_recogniser_says_so():
    sentences = explain_matrix(matrix_of([[1, 5], [5, 1]]), {"b": People(training_unknown=True)}, "en")
    assert len(sentences) == 1 and sentences[0].startswith("b may have learned")


# Tables


def test_tables_hold_counts_shares_and_intervals():
    curve = snapshot("ours", [4, 1], (0.0, 0.1), total=5, unknown=[0, 3])
    low, high = wilson_interval(1, 5)
    lines = curves_as_csv([curve]).splitlines()
    assert lines[0] == "model,attack,precision,epsilon,correct,total,accuracy,ci_low,ci_high,fooled,unknown"
    assert lines[2] == f"ours,FGSM,float32,0.1,1,5,0.2000,{low:.4f},{high:.4f},0,3" and len(lines) == 3
    matrix = replace(matrix_of([[1, 2], [3, 4]], 5), clean=[5, 4])
    lines = matrix_as_csv(matrix).splitlines()
    assert lines[0] == "attack,precision,epsilon,crafted_on,tried_on,correct,total,accuracy,ci_low,ci_high"
    assert lines[2].startswith("none,float32,0.0,,b,4,5,0.8000,") and lines[4].startswith(
        "FGSM,float32,0.1,a,b,2,5,0.4000,"
    )
    assert len(lines) == 7
    assert "0,0,0.0000,0.0000,1.0000" in curves_as_csv([snapshot("ours", [0], (0.1,), total=0)])


def test_the_printed_table_says_all_three_shares_where_there_is_a_threshold():
    certain = snapshot("sure", [40, 20], (0.0, 0.1), total=40)
    apart = snapshot("apart", [40, 20], (0.0, 0.1), total=40, unknown=[0, 19], threshold=0.5)
    title, head, *rows = curve_table([certain, apart]).splitlines()
    assert title == "Accuracy, scored in float32" and re.split(" {2,}", head) == [
        "epsilon",
        "sure, FGSM",
        "apart, FGSM",
    ]
    assert [re.split(" {2,}", row) for row in rows] == [
        ["0", "100.0% (0.0% fooled)", "100.0% (0.0% somebody else, 0.0% unknown)"],
        ["0.1", "50.0% (0.0% fooled)", "50.0% (2.5% somebody else, 47.5% unknown)"],
    ]


def bands(axes):
    """The heights, from below to above, of the grey bands at each epsilon."""
    grey_ones = [band for band in axes.collections if band.get_facecolor()[0][:3].tolist() == [128 / 255] * 3]
    corners = [band.get_paths()[0].vertices for band in grey_ones]
    return [
        {x: (min(band[band[:, 0] == x, 1]), max(band[band[:, 0] == x, 1])) for x in map(float, set(band[:, 0]))}
        for band in corners
    ]


def test_a_figure_draws_the_unknown_apart():
    about = {"epsilons": (0.0, 0.1), "total": 40}
    certain = snapshot("sure", [40, 20], **about)
    attacked = snapshot("apart", [40, 20], **about, unknown=[0, 15], threshold=0.5)
    control = snapshot("apart", [40, 39], **about, unknown=[0, 1], threshold=0.5, attack="random signs")
    sure, apart, everyone = accuracy_figure([certain, attacked, control]).axes
    assert bands(sure) == bands(everyone) == []
    assert bands(apart) == [{0.0: (1.0, 1.0), 0.1: (0.5, 0.875)}, {0.0: (1.0, 1.0), 0.1: (0.975, 1.0)}]
    named = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in (sure, apart, everyone)]
    assert [sum("unknown" in name for name in names) for names in named] == [0, 1, 0] and len(named[1]) == 3
    (nobody_unknown,) = accuracy_figure([snapshot("apart", [40, 20], **about, threshold=0.5)]).axes
    assert bands(nobody_unknown) == []


def test_an_unknown_face_is_named_so_among_the_examples():
    images, labels = grey(56.1, 198.9), torch.tensor([0, 1])
    *_, curve = accuracy_curve(Shades(), images, labels, [0.3])
    (row,) = [examples_figure(Shades(), images, labels, curve).axes]
    assert [axes.get_title() for axes in row][:3] == ["dark → unknown", "light → unknown", ""]


# The smallest epsilon


@pytest.mark.parametrize("positions", [2, 3, 21])  # it is reached at the first above 0 or later
def test_the_smallest_epsilon_is_where_the_threshold_is(positions):
    model, image = Brightness(0.5), grey(100)
    boundary = 0.5 - 100 / 255
    grid = [round(step / (positions - 1), 6) for step in range(positions)]
    sign = sign_gradient(model, image, torch.tensor([0]))
    answers = {}
    for scoring, eight_bit in (("float", False), ("8-bit", True)):
        scores = sweep(model, image, sign, grid, eight_bit)[:, 0]
        answers[scoring] = dict(enumerate(scores.argmax(1).tolist()))
    found = smallest_epsilons(model, image, sign, grid, answers, Aim(0))
    assert 0 <= found["float"]["epsilon"] - boundary <= 1e-5 and found["float"]["again"] is None
    assert found["8-bit"]["epsilon"] == pytest.approx(27.5 / 255, abs=2e-6)  # 100 becomes 128, above the half
    coarse = smallest_epsilons(model, image, None, grid, answers, Aim(0))
    assert coarse["float"]["epsilon"] == grid[math.ceil((positions - 1) * boundary)]


def test_changes_of_a_file_are_at_halves_and_a_little_above():
    changes = changes_8bit(0.4 / 255, 2.6 / 255)
    halves = [n + 0.5 for n in range(3)]
    expected = sorted([half / 255 for half in halves] + [half / 255 + 1e-6 for half in halves] + [2.6 / 255])
    assert changes == pytest.approx(expected, abs=1e-9)
    assert changes_8bit(0.6 / 255, 0.7 / 255) == [0.7 / 255]
    assert changes_8bit(0.5 / 255, 0.9 / 255) == [0.5 / 255 + 1e-6, 0.9 / 255]  # it has changed at 0.5 already


@pytest.mark.parametrize("level", [60, 100, 120, 127])
def test_the_last_position_before_the_face_is_fooled(level):
    epsilons = [round(step / 100, 6) for step in range(101)]
    fooled = [epsilon for epsilon in epsilons if level / 255 + epsilon > 0.5]
    last = last_recognised(Brightness(0.5), grey(level)[0], 0, epsilons)
    assert last == epsilons[max(0, epsilons.index(fooled[0]) - 1)]


def test_a_face_that_nothing_fools_is_recognised_to_the_end():
    epsilons = [round(step / 100, 6) for step in range(101)]
    assert last_recognised(Brightness(2.0), grey(100)[0], 0, epsilons) == 1.0
    assert last_recognised(Brightness(0.5), grey(200)[0], 0, epsilons) == 0.0  # taken wrongly from the start


# Reports


@pytest.mark.parametrize(
    ("is_attacked", "epsilon", "said"),
    [(True, 0.0, "unchanged"), (True, 0.1, "still"), (False, 0.0, "taken_unchanged"), (False, 0.1, "taken")],
)
def test_a_verdict_is_one_of_four(is_attacked, epsilon, said):
    assert verdict_key(Aim(0), 0 if is_attacked else 1, None, epsilon) == said
    probabilities = torch.tensor([0.756, 0.244] if is_attacked else [0.244, 0.756])
    sentence = verdict(Brightness(), probabilities, Aim(0), epsilon)
    words = {
        "unchanged": "Recognised as dark (76%)",
        "still": "Still recognised as dark (76%) at epsilon 0.1 (25.5/255)",
    }
    words |= {
        "taken": "Taken for light (76%) instead of dark at",
        "taken_unchanged": "instead of dark, even with nothing",
    }
    assert words[said] in sentence


def test_a_report_has_both_scorings():
    report, picture = attack_report(Brightness(), grey(100)[0], 0.2)
    assert (report["model"], report["attack"], report["epsilon"], report["target"]) == ("brightness", "FGSM", 0.2, None)
    assert report["attacked_on"] == "dark (its own clean prediction)"
    assert [place["label"] for place in report["clean"]["top"]] == ["dark", "light"]
    assert [report[scoring]["top"][0]["label"] for scoring in ("float", "8-bit")] == ["light", "light"]
    margin = 8 * (100 / 255 + 0.2 - 0.5)
    assert report["float"]["top"][0]["probability"] == pytest.approx(1 / (1 + math.exp(-2 * margin)), abs=1e-5)
    assert np.array_equal(np.unique(picture), [151]) and "dodged" not in report["float"]
    for scoring in ("float", "8-bit"):
        sure = report[scoring]["top"][0]["probability"]
        said = verdict(Brightness(), torch.tensor([1 - sure, sure]), Aim(0), 0.2)
        assert (report[scoring]["verdict"], report[scoring]["outcome"]) == (said, "other")
    named, _ = attack_report(Brightness(), grey(100)[0], 0.2, 1)  # against the recogniser's own prediction
    assert named["attacked_on"] == "light" and named["float"]["verdict"].startswith("Taken for dark")
    assert named["float"]["top"][0]["probability"] > named["clean"]["top"][0]["probability"]


def test_a_report_towards_somebody_says_what_was_reached():
    reached, _ = attack_report(Brightness(), grey(100)[0], 0.2, 0, FGSM, 1)
    missed, _ = attack_report(Brightness(), grey(100)[0], 0.05, 0, FGSM, 1)
    assert reached["attacked_on"] == "dark" and reached["target"] == "light"
    assert aim_at(Brightness(), torch.tensor([0.4, 0.6]), 0, 1) == Aim(0, 1)
    assert reached["float"]["verdict"].startswith("Taken for light")
    assert (reached["float"]["dodged"], reached["8-bit"]["impersonated"]) == (True, True)
    assert (missed["float"]["dodged"], missed["8-bit"]["impersonated"]) == (False, False)
    with pytest.raises(Refused, match="Random signs aim at nobody"):
        attack_report(Brightness(), grey(100)[0], 0.2, 0, RANDOM_SIGNS, 1)
    with pytest.raises(Refused, match="attacked as light"):
        aim_at(Brightness(), torch.tensor([0.4, 0.6]), None, 1)


def test_survivors_carry_their_answers():
    face = torch.cat([grey(90), grey(90)], 3)[0]
    survivors = {one.treatment: one for one in survival(Brightness(), face, Aim(0))}
    assert list(survivors) == ["png", "jpeg95", "jpeg75", "jpeg50", "half", "blur"]
    assert {(one.taken_for, one.outcome) for one in survivors.values()} == {(0, RECOGNISED)}
    margin = 8 * (90 / 255 - 0.5)
    assert survivors["png"].probability == pytest.approx(1 / (1 + math.exp(2 * margin)), abs=1e-5)
    assert np.array_equal(np.asarray(survivors["png"].picture), np.full((2, 4, 3), 90, np.uint8))


@pytest.mark.parametrize(
    ("level", "aim", "becomes"),
    [
        (56, Aim(0), RECOGNISED),
        (127, Aim(0), UNKNOWN),
        (199, Aim(0), OTHER),
        (199, Aim(0, 1), TARGET),
        (127, Aim(0, 1), UNKNOWN),
        (56, Aim(0, 1), RECOGNISED),
        (56, Aim(2, 1), OTHER),  # a stranger who is taken for another person than intended
        (127, Aim(2, 1), UNKNOWN),
    ],
)
def test_survivors_tell_their_four_outcomes_apart(level, aim, becomes):
    """Of a picture of one grey level nothing treats away anything."""
    assert {one.outcome for one in survival(Shades(), grey(level)[0], aim)} == {becomes}


def test_one_direction_is_perturbed_as_it_is():
    moves = AlongOneDirection(grey(100), -torch.ones(1, 3, 2, 2))
    assert moves.at([0.1])[0].equal(perturb(grey(100), moves.sign, 0.1))
    assert moves.both_at([0.1])[1][0].equal(perturb_8bit(grey(100), moves.sign, 0.1))


class Weighted(nn.Module):
    """Brightness with a weight that can be made in any mode, in which precision matters."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, 12), 1 / 12))

    def forward(self, images):
        assert self.weight.dtype == images.dtype == torch.float32
        margin = nn.functional.linear(images.flatten(1), self.weight)[:, 0]
        assert margin.dtype == torch.float32  # which autocast would make bfloat16
        return torch.stack([-margin, margin], 1)


def test_the_callers_modes_do_not_reach_the_gradient():
    images, labels = grey(100, 200), torch.tensor([0, 1])
    expected = sign_gradient(Weighted(), images, labels)
    assert set(expected.unique().tolist()) == {-1.0, 1.0}
    for mode in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16)):
        with mode:
            model = Weighted()
            assert torch.equal(sign_gradient(model, images, labels), expected)
            assert model.weight.grad is None
    assert torch.equal(sign_gradient(model, images.requires_grad_(), labels), expected) and images.grad is None


def test_what_surprises_is_explained_in_the_readers_language():
    risen = snapshot("resnet", [198, 2, 30])
    about = {"recogniser": title("resnet", "es"), "high": "1", "low": "0.1"}
    assert explain_curves([risen], {}, "es") == [say("curve.risen", "es", **about)]
    both = [
        snapshot("resnet18-robust", [198, 20, 4]),
        snapshot("resnet18", [9, 2, 2]),
        snapshot("resnet101", [9, 2, 1]),
    ]
    names = {"deep": title("resnet101", "es"), "shallow": title("resnet18", "es")}
    assert explain_curves(both, {}, "es") == [say("curve.depth", "es", **names)]
    unsure = {"resnet": People(training_unknown=True)}
    doubt = say("curve.training_unknown", "es", recogniser=title("resnet", "es"))
    assert (
        doubts(["resnet"], unsure, "es")
        == [doubt]
        == explain_matrix(replace(matrix_of([[1]]), models=["resnet"]), unsure, "es")
    )
    worse = replace(matrix_of([[50, 40], [90, 10]]), models=["resnet", "resnet18-robust"])
    names = {"source": title("resnet", "es"), "other": title("resnet18-robust", "es")}
    said = say("transfer.exceeds", "es", own="50.0%", less="40.0%", **names)
    assert explain_matrix(worse, {}, "es") == [said, say("transfer.why", "es")]


def test_a_table_is_written_as_it_is(tmp_path):
    write_table("a,é\r\nb,c\r\n", tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == "a,é\r\nb,c\r\n".encode()


def test_names_that_are_none_are_named_in_the_sentence():
    found = Found({"lost": Checkpoint("lost", Path("lost"), Lost(), "1")}, {})
    with pytest.raises(Refused, match="The faces that lost is tested on are not here"):
        known_recognizers(["lost"], found)
    with pytest.raises(Refused, match="at least one recogniser, not 'lost'"):
        known_recognizers("lost", found)
    with pytest.raises(Refused, match="at least one attack, not 7"):
        known_attacks(7)
    with pytest.raises(Refused, match=r"no attack named 'fgsm': choose from FGSM, random signs, BIM, PGD\."):
        known_attack("fgsm")
    with pytest.raises(Refused, match=r"no attack named 'PGD': choose from FGSM\."):
        known_attack("PGD", {"FGSM": FGSM})
    with pytest.raises(Refused, match="nobody named 'nobody'"):
        known_person(["dark"], "nobody")
    with pytest.raises(Refused, match="a person's name, not 7"):
        known_person(["dark"], 7)


@dataclass(frozen=True)
class Lost:
    """Of a config, where its faces are not."""

    faces: str = "nowhere/at/all"
    people: tuple[str, ...] = ()
    test_photographs: tuple[str, ...] = ("a/1.png",)


def test_epsilons_that_are_none_are_quoted():
    for text, said in (
        ("07", "'07' looks like a part of a number"),
        ("300", "'300' is not an epsilon: give 0 or numbers from 1e-06 to 1"),
        ("200", "200 is not an epsilon: epsilons go from 0 to 1. For grey levels write 200/255"),
        ("x", "'x' is not an epsilon: give 0 or numbers from 1e-06 to 1"),
    ):
        with pytest.raises(Refused) as refused:
            parse_epsilons(text)
        assert str(refused.value).startswith(said)
    for value, said in (
        (8, "8 is not an epsilon"),
        ("x" * 99, "'" + "x" * 39 + " is"),
        (10**400, "a number so large is"),
    ):
        with pytest.raises(Refused) as refused:
            known_epsilon(value)
        assert str(refused.value).startswith(said)
    assert quoted(["a"] * 99) == repr(["a"] * 40)[:40] and quoted(7) == "7"


def test_the_bounds_of_an_epsilon_belong_to_it():
    assert known_epsilon(1e-6) == known_epsilon("1e-6") == parse_epsilons("0.000001")[0] == 1e-6
    assert known_epsilon("0.5" + 37 * "0") == 0.5
    assert len(parse_epsilons(", ".join(f"0.{n:02}" for n in range(50)))) == 50
    for levels in ("2", "255"):
        for reading in (known_epsilon, parse_epsilons):
            with pytest.raises(Refused, match=f"{levels}/255"):
                reading(levels)
    for reading in (known_epsilon, parse_epsilons):
        with pytest.raises(Refused, match="'256' is not an epsilon"):
            reading("256")


def test_what_is_reached_and_lost_again_is_told_for_both_scorings():
    epsilons = [0.0, 0.1, 0.2, 0.3]
    answers = {"float": dict(enumerate([0, 1, 0, 1])), "8-bit": {3: 0, 1: 0, 0: 0}}
    found = smallest_epsilons(Brightness(), grey(100), None, epsilons, answers, Aim(0))
    assert found == {"float": {"epsilon": 0.1, "again": 0.2}, "8-bit": None}
    answers = {"float": {0: 0, 1: 0}, "8-bit": {0: 1, 1: 1}}
    found = smallest_epsilons(Brightness(), grey(100), torch.ones(1, 3, 2, 2), epsilons, answers, Aim(0))
    assert found == {"float": None, "8-bit": {"epsilon": 0.0, "again": None}}


def test_halving_and_blurring_are_pillows():
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    half = noise.resize((3, 4), Image.Resampling.BICUBIC).resize((7, 9), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(TREATMENTS["half"](noise)), np.asarray(half))
    tiny = noise.crop((0, 0, 1, 1))
    assert TREATMENTS["half"](tiny).size == (1, 1)
    assert TREATMENTS["jpeg50"](noise.convert("L")).mode == "RGB"
    for quality in (95, 75, 50):
        file = io.BytesIO()
        noise.save(file, "JPEG", quality=quality)
        assert np.array_equal(np.asarray(TREATMENTS[f"jpeg{quality}"](noise)), np.asarray(Image.open(file)))


def test_the_shipped_recognisers_can_be_compared():
    configs = available_recognizers()
    assert {"resnet", "resnet101", "resnet18", "resnet18-robust"} <= set(comparable("resnet18", configs))
