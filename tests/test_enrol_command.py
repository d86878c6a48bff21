"""The command that enrols a folder of people: whom it takes, what it says, what it writes, and when it does not."""

import re
import shutil

import pytest
import torch
from PIL import Image

from fgsm.faces.people import list_people
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.places import BUILTIN_FACES, MODELS
from fgsm.recognizers.enrol import embed, people_in
from fgsm.recognizers.own_face import recurring
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.testset import load_test_set, photographs_tested

PEOPLE = {"Ana": 3, "Bruno_R": 11, "Carla": 22}  # names of folders, numbers of built-in people
STRANGER = 30
NAME = "enrolled-in-a-test"


def photograph(person, number):
    return BUILTIN_FACES / f"person_{person:02d}" / f"{number:02d}.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three people with six photographs each; on Ana's first a stranger is larger than she; others are no help."""
    root = tmp_path_factory.mktemp("class")
    for person, number in PEOPLE.items():
        (root / person).mkdir()
        for at in range(1, 7):
            shutil.copy(photograph(number, at), root / person / f"{at}.png")
    together = Image.new("RGB", (420, 240), (120, 130, 140))
    together.paste(Image.open(photograph(STRANGER, 1)).resize((180, 220)), (10, 10))
    together.paste(Image.open(root / "Ana" / "1.png").resize((130, 159)), (250, 40))
    together.save(root / "Ana" / "1.png")
    (root / "Ana" / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    for name in ("Once", "Sky"):
        (root / name).mkdir()
    shutil.copy(photograph(40, 1), root / "Once" / "1.png")
    Image.new("RGB", (300, 300), (90, 140, 190)).save(root / "Sky" / "1.png")
    return root


@pytest.fixture
def enrolled(command_line, folder):
    """What the command prints, and the recogniser that it has made."""
    code, output, error = command_line("enrol", "--data", folder, "--name", NAME, "--photographs", 3)
    assert code == 0, error
    yield output, load_recognizer(NAME, "cpu")
    shutil.rmtree(MODELS / NAME)


def test_a_folder_becomes_a_recogniser(enrolled, folder, command_line):
    output, recogniser = enrolled
    config = recogniser.config
    assert config.labels == ("Ana", "Bruno R", "Carla", "Once", "Sky", "unknown")
    assert config.enrolled == (3, 3, 3, 1, 1)
    assert config.training_photographs[:4] == ("Ana/1.png", "Ana/2.png", "Ana/3.png", "Bruno_R/1.png")
    assert config.test_photographs[:4] == ("Ana/4.png", "Ana/5.png", "Ana/6.png", "Bruno_R/4.png")
    assert len(photographs_tested(config)) == 9
    faces, labels = load_test_set(recogniser)
    predicted = recogniser(faces).argmax(1)
    right, unknown = (predicted == labels).sum().item(), (predicted == config.unknown).sum().item()
    assert config.test_accuracy == right / 9
    wrong = 9 - right - unknown
    said = re.search(r"Of 9 test photographs: (\d+) named right \(.*%\), (\d+) named wrongly .*, (\d+) unknown", output)
    assert tuple(map(int, said.groups())) == (right, wrong, unknown) and right >= 8
    line = next(line for line in command_line("models")[1].splitlines() if line.startswith(NAME))
    assert f"{right / 9:.1%} of 9" in line
    code, output, error = command_line("attack", folder / "Carla" / "5.png", "--model", NAME, "--epsilon", 0.05)
    assert code == 0 and "attacked on Carla" in output, error


def test_it_says_what_to_know_of_the_photographs(enrolled):
    output, _ = enrolled
    assert "Left out:\n  Ana/broken.jpg: " in output
    assert "class" in output and "5 people enrolled with 11 photographs." in output
    assert "No face was found in 1 of them, whose middle is used: Sky/1.png." in output
    assert "Several faces were found in 1 of them" in output and "other photographs: Ana/1.png." in output
    assert "With a single photograph, which is little to go by: Once, Sky." in output


def test_of_several_faces_the_one_that_comes_back_is_enrolled(enrolled, folder):
    _, recogniser = enrolled
    first, *others = people_in(recogniser)["Ana"]
    picture = open_picture(folder / "Ana" / "1.png")
    likeliest = embed(recogniser, prepare(picture, 150, recogniser.config.framing)[None])[0]
    assert (likeliest - others[0]).norm() > 0.55  # the stranger, as the larger of the two
    assert all((first - other).norm() < 0.45 for other in others)


def test_the_face_that_recurs_is_found():
    own, stranger, other = torch.eye(3)
    noise = torch.tensor([0.1, 0.1, 0.0])
    pictures = [torch.stack([stranger, own]), (own + noise)[None], torch.stack([own - noise, other])]
    assert recurring(pictures) == [1, 0, 0]
    assert recurring(pictures[:1]) == [0]  # there is nothing to compare with
    assert recurring([pictures[0], torch.stack([stranger, other])]) == [0, 0]


def test_people_who_look_alike_are_named(command_line, tmp_path):
    for name, numbers in {"Ana": (1, 2, 3), "Ana again": (4, 5, 6)}.items():
        (tmp_path / "twins" / name).mkdir(parents=True)
        for number in numbers:
            shutil.copy(photograph(3, number), tmp_path / "twins" / name)
    code, output, error = command_line("enrol", "--data", tmp_path / "twins", "--name", NAME)
    shutil.rmtree(MODELS / NAME)
    assert code == 0, error
    assert re.search(r"easily taken for each other: Ana and Ana again \(0\.\d\d\)\.", output)
    assert "No photograph is left to test on" in output


def test_underscores_and_spaces_are_one_name(tmp_path):
    for name in ("Ana_Maria", "Ana  Maria", "_Eva_"):
        (tmp_path / name).mkdir()
        shutil.copy(photograph(3, 1), tmp_path / name / f"{len(name)}.png")
    assert {name: len(files) for name, files in list_people(tmp_path).items()} == {"Ana Maria": 2, "Eva": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "FOLDER"), "--name"),
        (("--name", "x"), "--data"),
        (("--data", "FOLDER", "--name", "../x"), "cannot name a recogniser"),
        (("--data", "FOLDER", "--name", 300 * "x"), "100 at most"),
        (("--data", "FOLDER", "--name=-x"), "no - at the beginning"),
        (("--data", "FOLDER", "--name", "dlib"), "dlib is another recogniser's name"),
        (("--data", "FOLDER", "--name", "resnet18_celeb_faces"), "is another recogniser's name"),
        (("--data", "nowhere", "--name", "x"), "There is no folder nowhere"),
        (("--data", "fgsm/cli", "--name", "x"), "No faces found"),
        (("--data", "FOLDER", "--name", "x", "--photographs", "0"), "is not a count"),
        (("--data", "FOLDER", "--name", "x", "--photographs", "many"), "is not a count"),
    ],
)
def test_wrong_input_gets_one_line_and_exit_code_2(arguments, message, command_line, folder):
    before = sorted(MODELS.iterdir())
    code, _, error = command_line("enrol", *(folder if part == "FOLDER" else part for part in arguments))
    assert code == 2 and message in error and len(error.strip().splitlines()) == 1
    assert sorted(MODELS.iterdir()) == before


def test_nobody_is_called_unknown(command_line, tmp_path):
    (tmp_path / "Unknown").mkdir()
    shutil.copy(photograph(3, 1), tmp_path / "Unknown")
    code, output, error = command_line("enrol", "--data", tmp_path, "--name", NAME)
    assert code == 2 and output == "" and "The folder 'Unknown'" in error and 'other than "unknown"' in error


@pytest.mark.parametrize("occupied", ["file", "link"])
def test_what_is_no_recognisers_is_not_replaced_and_that_is_said_before_the_work(occupied, command_line, folder):
    place = MODELS / NAME
    place.write_text("mine") if occupied == "file" else place.symlink_to(folder)
    try:
        code, output, error = command_line("enrol", "--data", folder, "--name", NAME)
        assert (code, output) == (2, "") and f"/{NAME} is no recogniser's folder" in error
        assert place.is_symlink() or place.read_text() == "mine"
    finally:
        place.unlink()


def test_ctrl_c_leaves_nothing_half_written(command_line, folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    before = sorted(MODELS.rglob("*"))
    monkeypatch.setattr("fgsm.recognizers.checkpoint.write_config", interrupted)
    code, _, error = command_line("enrol", "--data", folder, "--name", NAME)
    assert code == 130 and "nothing more was saved" in error
    assert sorted(MODELS.rglob("*")) == before
