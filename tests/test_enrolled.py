"""Recognition by comparison: templates, the threshold's rule, enrolment, and what a face that is nobody's becomes."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fgsm.attacks import ATTACKS, Aim
from fgsm.attacks.fgsm import fgsm
from fgsm.attacks.gradient import sign_gradient
from fgsm.faces.dataset import builtin
from fgsm.faces.framing import ALIGNED
from fgsm.faces.people import list_people, split
from fgsm.measures.outcomes import OTHER, RECOGNISED, TARGET, UNKNOWN, outcome_of, verdict_key
from fgsm.measures.report import aim_at, attack_report
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.config import read_config
from fgsm.recognizers.enrol import embed, enrol, known_name, people_in, with_people
from fgsm.recognizers.enrolled import HIGHEST, LOWEST, SHARPNESS, Enrolled, choose_threshold, distances_in
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.scoring import score
from fgsm.texts import Refused

from .conftest import SHIPPED_MODELS


class Corner(nn.Module):
    """An embedding that one can compute by hand: three mean colours, and zeros."""

    def forward(self, images):
        return nn.functional.pad(images.mean((2, 3)), (0, 125))


def colour(*values):
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 2, 2)


def enrolled(*people, threshold=0.5):
    """A network of people, each enrolled with some colours."""
    network = Enrolled([len(theirs) for theirs in people], threshold, Corner())
    network.embeddings[:] = torch.cat([Corner()(colour(*one)) for theirs in people for one in theirs])
    return network


def test_logits_are_distances_to_mean_templates_and_the_threshold():
    network = enrolled([(0, 0, 0), (0.2, 0, 0)], [(0, 1, 0)], threshold=0.4)
    logits = network(colour(0.4, 0, 0))
    expected = -SHARPNESS * torch.tensor([[0.3, math.hypot(0.4, 1), 0.4]])
    assert torch.allclose(logits, expected, atol=1e-3)
    assert torch.allclose(distances_in(logits.softmax(1), 0.4), -logits / SHARPNESS, atol=1e-5)


def test_means_take_no_more_memory_than_the_embeddings():
    counts = [20] * 3000 + [1]
    network = Enrolled(counts, 0.5, Corner())
    assert sum(buffer.nbytes for buffer in network.buffers()) <= 1.01 * 4 * 128 * sum(counts)
    network.embeddings.copy_(torch.randn(network.embeddings.shape, generator=torch.Generator().manual_seed(0)))
    by_hand = network.embeddings.numpy()[:-1].reshape(3000, 20, 128).mean(1)
    assert np.abs(network.templates[:-1].numpy() - by_hand).max() < 1e-6
    assert torch.equal(network.templates[-1], network.embeddings[-1])


def test_the_nearest_person_is_taken_within_the_threshold_and_nobody_beyond():
    network = enrolled([(0, 0, 0)], [(1, 0, 0)], threshold=0.3)
    places = torch.cat([colour(x, 0, 0) for x in (0.0, 0.29, 0.31, 0.69, 0.71, 1.0)])
    assert network(places).argmax(1).tolist() == [0, 0, 2, 2, 1, 1]


@pytest.mark.parametrize("others", [[], [[(0.9, 0.1, 0.4)]]])
def test_on_the_enrolled_picture_itself_the_gradient_points_somewhere(others):
    face = colour(0.5, 0.25, 0.125)
    network = enrolled([(0.5, 0.25, 0.125)], *others)
    sign = sign_gradient(network, face, torch.tensor([0]))
    assert (sign != 0).all()
    away = network(face + 0.1 * sign)
    assert away[0, 0] < network(face)[0, 0] - 1  # a logit, that is a distance of 0.05 at least


def test_the_shipped_recogniser_is_fooled_on_a_picture_that_alone_is_enrolled(dlib):
    face = builtin_faces(dlib, 24)[:1]
    alone = with_people(dlib, {"her": embed(dlib, face)}, "alone")
    assert score(alone, face)[0, 0] > 0.999
    moved = fgsm(alone, face, torch.tensor([0]), 0.05)
    assert score(alone, moved).argmax(1).item() == 1


# The threshold


def by_hand(embeddings, counts):
    """The rule in NumPy, slowly: the largest of fine steps at which at most 1% lie within another's template."""
    owners = np.repeat(np.arange(len(counts)), counts)
    templates = np.stack([embeddings[owners == person].mean(0) for person in range(len(counts))])
    nearest = []
    for one, owner in zip(embeddings, owners, strict=True):
        nearest.append(min(np.linalg.norm(one - t) for person, t in enumerate(templates) if person != owner))
    within = [step for step in np.arange(LOWEST, HIGHEST, 0.0005) if np.mean(np.array(nearest) <= step) <= 0.01]
    return within[-1] if within else LOWEST


@pytest.mark.parametrize("spread", [0.01, 0.044, 0.046, 0.05, 0.2])
def test_the_threshold_is_the_rules(spread):
    embeddings = np.random.default_rng(1).normal(0, spread, (300, 128)).astype(np.float32)
    counts = [3] * 100
    chosen = choose_threshold(torch.from_numpy(embeddings), counts)
    assert chosen == pytest.approx(by_hand(embeddings, counts), abs=0.001)


def test_between_its_limits_the_threshold_does_move():
    """Or the test above would compare limits alone."""
    spreads = (0.046, 0.05)
    chosen = [
        choose_threshold(
            torch.from_numpy(np.random.default_rng(1).normal(0, s, (300, 128)).astype(np.float32)), [3] * 100
        )
        for s in spreads
    ]
    assert LOWEST < chosen[0] < chosen[1] < HIGHEST


def test_who_is_alone_has_the_highest_threshold():
    assert choose_threshold(torch.rand(5, 128), [5]) == HIGHEST


# The shipped recogniser


@pytest.fixture(scope="module")
def dlib():
    return load_recognizer("dlib", "cpu", SHIPPED_MODELS)


@pytest.fixture(scope="module")
def aligned():
    """Every built-in photograph as its aligned square, (40, 10, 3, 150, 150)."""
    from fgsm.faces.prepare import load_faces

    photographs = [photograph for theirs in list_people(BUILTIN_FACES).values() for photograph in theirs]
    return load_faces(photographs, 150, ALIGNED).unflatten(0, (40, 10))


@pytest.fixture(scope="module")
def embedded(dlib, aligned):
    return embed(dlib, aligned.flatten(0, 1)).unflatten(0, (40, 10))


def builtin_faces(recognizer, person):
    from fgsm.faces.prepare import load_faces

    photographs = list_people(BUILTIN_FACES)[f"person {person:02d}"]
    return load_faces(photographs, recognizer.input_size, recognizer.config.framing)


def named_right(recognizer, aligned, people, photographs=slice(5, 10)):
    faces = aligned[people, photographs]
    predicted = score(recognizer, faces.flatten(0, 1)).argmax(1).unflatten(0, faces.shape[:2])
    return (predicted == torch.arange(len(faces))[:, None]).sum().item()


def test_all_test_faces_are_named_from_five_photographs_each(dlib, aligned):
    assert dlib.config.labels[-1] == "unknown" and dlib.config.enrolled == (5,) * 40
    assert named_right(dlib, aligned, slice(0, 40)) == 200 and dlib.config.test_accuracy == 1.0


def test_195_are_named_from_photograph_1_alone(dlib, aligned, embedded):
    once = with_people(dlib, {f"person {n:02d}": embedded[n, :1] for n in range(40)}, "once")
    assert named_right(once, aligned, slice(0, 40)) >= 195


@pytest.mark.parametrize("first", [0, 20])
def test_strangers_are_kept_out_and_the_known_let_in(dlib, aligned, embedded, first):
    known, strangers = range(first, first + 20), range(20 - first, 40 - first)
    half = with_people(dlib, {f"person {n:02d}": embedded[n, :5] for n in known}, "half")
    accepted = (score(half, aligned[list(strangers)].flatten(0, 1)).argmax(1) != half.config.unknown).sum().item()
    assert accepted <= 0.05 * 200
    faces = aligned[list(known), 5:].flatten(0, 1)
    rejected = (score(half, faces).argmax(1) == half.config.unknown).sum().item()
    assert rejected <= 0.02 * 100


def test_its_threshold_is_chosen_on_its_enrolment_photographs_alone(dlib, embedded):
    from_them = choose_threshold(embedded[:, :5].flatten(0, 1), [5] * 40)
    assert dlib.config.threshold == pytest.approx(from_them, abs=1e-3) and "1%" in dlib.config.threshold_rule
    training, test = split(list_people(BUILTIN_FACES))
    names = {file: file.relative_to(BUILTIN_FACES).as_posix() for file in training + test}
    assert list(dlib.config.training_photographs) == [names[file] for file in training]
    assert list(dlib.config.test_photographs) == [names[file] for file in test]


def test_its_templates_are_the_means_of_its_enrolment_photographs(dlib, embedded):
    assert (dlib.network.templates - embedded[:, :5].mean(1)).abs().max() < 1e-3  # float16
    people = people_in(dlib)
    assert list(people) == list(list_people(BUILTIN_FACES)) and people["person 40"].shape == (5, 128)


def test_joining_leaves_the_recogniser_that_is_joined_alone(dlib):
    before = dlib.config, dlib.network.templates.clone()
    face = builtin_faces(dlib, 3)[:1]
    more = with_people(dlib, {**people_in(dlib), "someone": embed(dlib, face)}, "more")
    assert more.labels[-2:] == ("someone", "unknown") and len(dlib.labels) == 41
    assert dlib.config is before[0] and torch.equal(dlib.network.templates, before[1])
    assert more.network.embedder is dlib.network.embedder
    assert score(more, face).argmax(1).item() == 40


def test_the_library_enrols_pictures_and_names_other_ones_of_these_people():
    people = list_people(BUILTIN_FACES)
    some = {name: people[name] for name in ("person 03", "person 17")}
    ours = enrol({name: [Image.open(file) for file in files[:2]] for name, files in some.items()}, "ours")
    assert (ours.name, ours.labels) == ("ours", ("person 03", "person 17", "unknown"))
    others = [[*people[name]][6] for name in (*some, "person 30")]
    from fgsm.faces.prepare import load_faces

    assert score(ours, load_faces(others, 150, ALIGNED)).argmax(1).tolist() == [0, 1, 2]
    with pytest.raises(Refused, match="at least one person"):
        enrol({})


@pytest.mark.parametrize("name", ["", "  ", "unknown", "Unknown ", "a" * 256, "a\nb\x07", "\u202eevil"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(Refused, match="Give a name"):
        known_name(name)


def test_a_name_is_composed_and_its_spaces_are_single():
    assert known_name("  Jose\u0301   Luis ") == "Jos\u00e9 Luis"


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ({"threshold": None}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"enrolled": [5] * 39}, "enrolled"),
        ({"enrolled": [0] * 40}, "enrolled"),
        ({"enrolled": [5] * 39 + [10**9]}, "enrolled"),
        ({"labels": [f"person {n}" for n in range(41)]}, "labels"),
        ({"labels": [*(f"person {n}" for n in range(39)), "UNKNOWN", "unknown"]}, "labels"),
        ({"labels": [*(f"person {n}" for n in range(39)), "\x1b[2J", "unknown"]}, "labels"),
        ({"input_size": 112}, "input_size"),
        ({"framing": "sideways"}, "framing"),
        ({"architecture": "resnet18"}, "threshold"),
    ],
)
def test_a_config_whose_enrolment_does_not_fit_is_refused_by_the_entry(dlib, change, entry):
    said = {**dlib.config.as_dict(), **change}
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    with pytest.raises(Refused, match=f"in its config.json, {entry} must be"):
        read_config({name: value for name, value in said.items() if value is not None}, "ours")


# Outcomes


@pytest.mark.parametrize(
    ("aim", "predicted", "outcome", "key"),
    [
        (Aim(0), 0, RECOGNISED, "still"),
        (Aim(0), 1, OTHER, "taken"),
        (Aim(0), 3, UNKNOWN, "unknown"),
        (Aim(0, 1), 1, TARGET, "taken"),
        (Aim(0, 1), 2, OTHER, "taken"),
        (Aim(0, 1), 3, UNKNOWN, "unknown"),
        (Aim(3, 1), 3, UNKNOWN, "unknown_stranger"),
        (Aim(3, 1), 1, TARGET, "let_in"),
        (Aim(3, 1), 2, OTHER, "let_in"),
    ],
)
def test_there_are_four_outcomes(aim, predicted, outcome, key):
    assert outcome_of(aim, predicted, 3) == outcome
    assert verdict_key(aim, predicted, 3, 0.01) == key


def test_a_stranger_is_moved_towards_the_nearest_unless_somebody_is_named(dlib):
    clean = torch.zeros(41)
    clean[40], clean[7], clean[9] = 0.6, 0.3, 0.1
    assert aim_at(dlib, clean) == Aim(40, 7)
    assert aim_at(dlib, clean, None, 9) == Aim(40, 9)
    assert aim_at(dlib, clean, 9) == Aim(9)
    assert aim_at(dlib, clean, None, None, ATTACKS["random signs"]) == Aim(40)
    for target in (40,):
        with pytest.raises(Refused):
            aim_at(dlib, clean, 9, target)


def test_a_report_on_a_stranger_says_who_is_nearest_and_gets_in(dlib, embedded, aligned):
    half = with_people(dlib, {f"person {n:02d}": embedded[n - 1, :5] for n in range(1, 21)}, "half")
    face = aligned[29, 6]
    probabilities = score(half, face[None])[0]
    apart = distances_in(probabilities, half.config.threshold)
    nearest = int(apart[:20].argmin())
    template = embedded[nearest, :5].mean(0)
    assert apart[nearest] == pytest.approx((embed(dlib, face[None])[0] - template).norm().item(), abs=2e-3)
    clean, _ = attack_report(half, face, 0.0)
    assert clean["float"]["outcome"] == UNKNOWN and clean["target"] == half.labels[nearest]
    assert clean["float"]["verdict"] == (
        f"Unknown. Nearest: {half.labels[nearest]}, distance {apart[nearest]:.2f}; "
        f"at most {half.config.threshold:.2f} counts as the same person."
    )
    let_in, _ = attack_report(half, face, 0.05, attack=ATTACKS["BIM"])
    assert let_in["float"]["outcome"] == TARGET and let_in["float"]["impersonated"]
    assert let_in["float"]["top"][0]["distance"] <= half.config.threshold


def test_faces_are_lost_to_nobody_and_the_report_says_so(dlib, aligned):
    report, _ = attack_report(dlib, aligned[23, 5], 0.03, label=23)
    assert report["clean"]["top"][0]["label"] == "person 24"
    assert report["float"]["outcome"] == UNKNOWN and report["float"]["top"][0]["label"] == "unknown"
    assert report["float"]["verdict"].startswith("Not recognised at epsilon 0.03 (7.6/255): unknown. Nearest: person ")


def test_the_built_in_data_set_can_be_aligned():
    data = builtin(150, ALIGNED)
    assert data.faces.shape == (200, 3, 150, 150) and data.targets.bincount().tolist() == [5] * 40
