"""What may be asked for, and the one sentence for everything else."""

import pytest

from fgsm.attacks.fgsm import FGSM
from fgsm.attacks.pgd import PGD
from fgsm.attacks.random_signs import RANDOM_SIGNS
from fgsm.measures.epsilons import COURSE_EPSILONS, known_epsilon, parse_epsilons
from fgsm.measures.names import known_attack, known_attacks, known_person, known_recognizers, known_target
from fgsm.recognizers.survey import survey_of
from fgsm.texts import Refused

DECOMPOSED = "Ange\u0301lica"
LABELS = ("person 07", "Angélica", "ANA", "ana")


def test_epsilons_are_read_sorted_and_once():
    assert parse_epsilons("8/255, 0; 8 / 255 1e-4") == [0.0, 0.0001, 8 / 255]
    assert parse_epsilons(0.01) == [0.01]
    assert parse_epsilons("0.1, 0 0.1;1e-4") == [0.0, 0.0001, 0.1]
    assert parse_epsilons(", ".join(map(str, COURSE_EPSILONS))) == list(COURSE_EPSILONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one"),
        ("0.1, nan", "'nan' is not an epsilon"),
        ("inf", "not an epsilon"),
        ("-0.1", "not an epsilon"),
        ("1e-30", "not an epsilon"),
        ("0,01", "write decimals with a point"),
        ("2", "write 2/255"),
        ("0, 8", "write 8/255"),
        ("0_1", "not an epsilon"),
        ("-0", "not an epsilon"),
        ("8/0", "not an epsilon"),
        ("300/255", "not an epsilon"),
        (None, "not an epsilon"),
        (True, "not an epsilon"),
        (["0.1"], "not an epsilon"),
        (10**400, "not an epsilon"),
        ("a bit", "'a' is not an epsilon"),
        (" ".join(str(n / 1000) for n in range(100)), "at most 50"),
    ],
)
def test_nonsense_epsilons_are_refused_in_a_sentence(text, message):
    with pytest.raises(ValueError, match=message):
        parse_epsilons(text)


@pytest.mark.parametrize(
    ("value", "epsilon"),
    [
        (0, 0.0),
        (1, 1.0),
        (0.03, 0.03),
        ("8/255", 8 / 255),
        (" 8 / 255 ", 8 / 255),
        ("1e-3", 0.001),
        ("0,03", 0.03),
        ("7,5/255", 7.5 / 255),
    ],
)
def test_an_epsilon_is_a_number_or_text_of_one(value, epsilon):
    assert known_epsilon(value) == epsilon and type(known_epsilon(value)) is float


@pytest.mark.parametrize(
    "value",
    [True, False, "True", -0.1, 1.5, 10**400, -(10**400), "1e999", "nan", float("nan"), "0_1", "-0", [0.1], {}, b"1"],
)
def test_what_is_no_epsilon_is_refused_with_an_example(value):
    with pytest.raises(Refused, match=r"is not an epsilon: give a number from 0 to 1, such as 0\.03 or 8/255"):
        known_epsilon(value)


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_epsilon_is_asked_for(value):
    with pytest.raises(Refused, match="An empty field is not an epsilon"):
        known_epsilon(value)


@pytest.mark.parametrize("value", [8, "8", 8.0, "255"])
def test_grey_levels_are_told_how_they_are_written(value):
    with pytest.raises(Refused, match=f"write {float(value):g}/255"):
        known_epsilon(value)


@pytest.mark.parametrize("value", [["PGD"], None, True, "fgsm", "", {}, 7])
def test_an_attack_is_one_name(value):
    assert known_attack("PGD") is PGD
    with pytest.raises(Refused, match=r"There is no attack named .*: choose from FGSM"):
        known_attack(value)


def test_attacks_and_recognisers_come_in_lists():
    found = survey_of().look()
    assert known_attacks(["PGD", "FGSM", "PGD"]) == [FGSM, PGD]
    assert list(known_recognizers(["resnet18", "resnet", "resnet18"], found)) == ["resnet18", "resnet"]
    for check in (known_attacks, lambda values: known_recognizers(values, found)):
        for value in (None, "FGSM", True, {}):
            with pytest.raises(Refused, match="Give a list of at least one"):
                check(value)
        with pytest.raises(Refused, match="Choose at least one"):
            check([])
        with pytest.raises(Refused, match="There is no"):
            check([["resnet18"]])


@pytest.mark.parametrize("value", [None, True, ["resnet18"], "", "nobody", "../resnet18", 10**400])
def test_a_recogniser_is_one_name(value):
    with pytest.raises(Refused, match=r"no recogniser named .*: choose one of dlib, resnet, "):
        survey_of().look().named(value)


def test_people_are_found_however_they_are_spelled():
    for spelled, index in {"person_07": 0, "Person 07": 0, DECOMPOSED: 1, "angélica": 1, "ANA": 2, "ana": 3}.items():
        assert known_person(LABELS, spelled) == index
    with pytest.raises(Refused, match="nobody named 'nobody'"):
        known_person(LABELS, "nobody")


@pytest.mark.parametrize("value", [["person 07"], 7, True, {}])
def test_a_target_is_a_name(value):
    assert known_target(LABELS, None, FGSM) is None and known_target(LABELS, "", RANDOM_SIGNS) is None
    with pytest.raises(Refused, match="A target is a person's name"):
        known_target(LABELS, value, FGSM)
    with pytest.raises(Refused, match="Random signs aim at nobody"):
        known_target(LABELS, "person 07", RANDOM_SIGNS)
