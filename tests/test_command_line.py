import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fgsm.attacks.fgsm import fgsm
from fgsm.attacks.gradient import sign_gradient
from fgsm.attacks.pixels import perturb_8bit
from fgsm.cli.main import COMMANDS, main
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.survey import BUILT_IN, available_recognizers, survey_of
from fgsm.recognizers.testset import load_test_set

from .conftest import SHIPPED_MODELS

PROJECT = Path(__file__).resolve().parent.parent
PHOTO = BUILTIN_FACES / "person_12" / "06.png"


def run(*arguments):
    command = [sys.executable, "-m", "fgsm", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)


@pytest.fixture
def few(monkeypatch):
    """Commands that measure do so on every other test face."""
    monkeypatch.setattr(
        "fgsm.cli.measure.load_test_set", lambda model: tuple(part[::2] for part in load_test_set(model))
    )


def test_models_lists_every_recogniser_with_its_accuracy(command_line):
    lines = command_line("models")[1].splitlines()
    for name in BUILT_IN:
        config = available_recognizers()[name]
        (line,) = [line for line in lines if line.split()[0] == name]
        assert f"{config.test_accuracy:.1%}" in line and config.data in line
        assert ("threshold 0.46" in line) == (name == "dlib")
    assert "not trained: 200 photographs enrolled" in next(line for line in lines if line.startswith("dlib "))
    assert "54.9 M" in next(line for line in lines if line.startswith("resnet "))


def test_attack_reports_and_saves_what_the_library_computes(tmp_path, command_line):
    file = tmp_path / "adversarial.png"
    code, output, error = command_line(
        "attack", PHOTO, "--model", "resnet18", "--epsilon", 0.03, "--out", file, "--json"
    )
    assert code == 0, error
    report = json.loads(output)

    model = load_recognizer("resnet18")
    image = prepare(open_picture(PHOTO), model.input_size)[None].to(model.device)
    label = model(image).argmax(1)
    adversarial = fgsm(model, image, label, 0.03)
    saved = perturb_8bit(image, sign_gradient(model, image, label), 0.03)
    assert np.array_equal(np.asarray(Image.open(file)), (255 * saved[0]).round().byte().permute(1, 2, 0).cpu().numpy())
    for part, scored in (("clean", image), ("float", adversarial), ("8-bit", saved)):
        top = report[part]["top"]
        probabilities = model(scored).softmax(1)[0]
        assert len(top) == 5
        assert top[0]["label"] == model.labels[int(probabilities.argmax())]
        assert top[0]["probability"] == pytest.approx(probabilities.max().item(), abs=1e-4)
    assert report["attacked_on"].startswith(model.labels[int(label)])


def test_attack_in_words_says_both_verdicts():
    output = run("attack", PHOTO, "--model", "resnet18", "--epsilon", 0.03).stdout
    assert "at epsilon 0.03 (7.6/255)" in output
    assert "Float image: " in output and "8-bit image: " in output


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS if name not in ("attacks", "page"))])
def test_help_explains(command, command_line):
    code, output, _ = command_line(*command, "--help")
    assert code == 0 and "usage: python -m fgsm" in output
    explanation = " ".join(output.split("\n\n")[1].split())
    assert len(explanation.split()) > 6 and explanation.endswith(".")
    assert "--help" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("attack", "nowhere.png"), "There is no file nowhere.png."),
        (("attack", "README.md"), "not a picture that can be read"),
        (("attack", PHOTO, "--model", "nobody"), "no recogniser named 'nobody'"),
        (("attack", PHOTO, "--model", "../../x"), "no recogniser named"),
        (("attack", PHOTO, "--epsilon", "1.5"), "from 0 to 1"),
        (("attack", PHOTO, "--epsilon", "-0.1"), "from 0 to 1"),
        (("attack", PHOTO, "--epsilon", "nan"), "from 0 to 1"),
        (("attack", PHOTO, "--epsilon", "much"), "from 0 to 1"),
        (("attack", PHOTO, "--label", "nobody"), "knows nobody named 'nobody'"),
        (("attack", PHOTO, "--out", "face.jpg"), ".png"),
        (("attack", PHOTO, "--out", "nowhere/face.png"), "cannot be written"),
        (("curve", "--model", "nobody", "--out", "x"), "no recogniser named 'nobody'"),
        (("curve", "--epsilons", "0, 7", "--out", "x"), "write 7/255"),
        (("curve",), "--out"),
        (("train", "--arch", "resnet18", "--name", "../x"), "cannot name a recogniser"),
        (("train", "--arch", "vgg"), "invalid choice: 'vgg'"),
        ((), "COMMAND"),
    ],
)
def test_wrong_input_gets_one_line_and_exit_code_2(arguments, message, command_line):
    code, _, error = command_line(*arguments)
    assert code == 2
    assert message in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [("attack", "nowhere.png"), ("attack", PHOTO, "--epsilon", "2")])
def test_a_process_ends_with_one_line_and_exit_code_2(arguments):
    result = run(*arguments)
    assert result.returncode == 2 and result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1 and "Traceback" not in result.stderr


def test_curve_writes_table_and_figures(tmp_path, command_line, few):
    code, output, error = command_line(
        "curve", "--model", "resnet18", "--epsilons", "0, 0.03", "--out", tmp_path / "results"
    )
    assert code == 0, error
    with open(tmp_path / "results" / "accuracy.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["attack"], row["epsilon"]) for row in rows] == [
        (attack, epsilon) for attack in ("FGSM", "random signs") for epsilon in ("0.0", "0.03")
    ]
    model = load_recognizer("resnet18")
    images, labels = (part[::2] for part in load_test_set(model))
    clean = int((model(images.to(model.device)).argmax(1).cpu() == labels).sum())
    assert [int(row["correct"]) for row in rows[::2]] == [clean] * 2 and {row["total"] for row in rows} == {"20"}
    assert int(rows[1]["correct"]) < 6 < int(rows[3]["correct"])
    for row in rows:
        assert f"{int(row['correct']) / 20:.1%}" in output
    for name in ("accuracy.png", "examples_resnet18.png"):
        with Image.open(tmp_path / "results" / name) as figure:
            assert figure.format == "PNG" and figure.convert("L").getextrema()[0] < 128


def test_training_writes_a_checkpoint_that_loads(tmp_path):
    from dataclasses import replace

    from fgsm.faces.dataset import builtin
    from fgsm.recognizers.train import RECIPES, recipe_for, train

    assert recipe_for("resnet18", 200) == RECIPES["resnet18"]
    recipe = replace(RECIPES["resnet18"], epochs=1, passes=1, small_part=0)
    data = builtin(112)
    data = replace(
        data, training=data.training[::5], faces=data.faces[::5], targets=data.targets[::5], test=data.test[::5]
    )
    trained, _ = train("resnet18", "brief", data, recipe, models=tmp_path)
    config = json.loads((tmp_path / "brief" / "config.json").read_text())
    assert config["recipe"]["epochs"] == 1 and 0 <= config["test_accuracy"] <= 1
    again = load_recognizer("brief", models=tmp_path)
    image = torch.rand(2, 3, 112, 112)
    assert torch.equal(trained(image.to(trained.device)), again(image.to(again.device)))


def test_the_readmes_example_runs():
    example = (PROJECT / "README.md").read_text("utf-8").split("```python\n")[1].split("```")[0]
    result = subprocess.run([sys.executable, "-c", example], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    clean, arrow, adversarial = result.stdout.strip().partition(" -> ")
    assert clean == "person 24" and arrow and adversarial != clean, result.stderr


def test_the_readmes_table_is_what_models_prints(command_line, monkeypatch):
    monkeypatch.setattr("fgsm.cli.listing.survey_of", lambda: survey_of(SHIPPED_MODELS))
    readme = (PROJECT / "README.md").read_text("utf-8")
    title, *lines = command_line("models")[1].splitlines()
    shown = [line for line in lines if line.split()[0] in BUILT_IN]
    assert len(shown) == len(BUILT_IN)
    for line in (title, *shown):
        assert " ".join(line.split()) in " ".join(readme.split())


def test_the_readmes_front_matter_suits_a_space():
    from huggingface_hub import RepoCard

    space = RepoCard((PROJECT / "README.md").read_text("utf-8")).data.to_dict()
    assert space["sdk"] == "gradio" and space["sdk_version"] and space["python_version"]
    assert (PROJECT / space["app_file"]).is_file()
    assert len(space["short_description"]) <= 60


@pytest.mark.parametrize("command", ["curve", "transfer"])
def test_ctrl_c_keeps_what_was_counted(command, command_line, tmp_path, monkeypatch):
    """As if it came after the second batch of faces."""
    measure = {"curve": "accuracy_curve", "transfer": "transfer_matrix"}[command]
    real = getattr(importlib.import_module("fgsm.cli.measure"), measure)

    def interrupted(models, images, labels, *rest):
        snapshots = (snapshot for snapshot in real(models, images[:20], labels[:20], *rest) if snapshot.total)
        yield next(snapshots)
        yield next(snapshots)
        raise KeyboardInterrupt

    monkeypatch.setattr(f"fgsm.cli.measure.{measure}", interrupted)
    settings = {"curve": ("--epsilons", "0, 8/255", "--attack", "FGSM"), "transfer": ("--epsilon", "8/255")}[command]
    code, output, error = command_line(command, "--model", "resnet18", "resnet18-robust", *settings, "--out", tmp_path)
    assert code == 130 and "has what was counted until then" in error and output == ""
    with open(tmp_path / {"curve": "accuracy.csv", "transfer": "transfer.csv"}[command], newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["precision"] for row in rows} == {"float32"} and len(rows) == {"curve": 2, "transfer": 6}[command]
    assert all(0 < int(row["total"]) <= 20 for row in rows)
    if command == "curve":
        assert [float(row["epsilon"]) for row in rows] == [0.0, 8 / 255]


def test_a_fault_of_ours_is_no_wrong_input(monkeypatch):
    """A sentence of NumPy's or Python's would send whoever reads it the wrong way."""

    def broken(*_):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr("fgsm.cli.attack.attack_report", broken)
    with pytest.raises(ValueError, match="broadcast"):
        main(["attack", str(PHOTO)])


def test_nobody_is_told_to_become_whom_they_are(command_line):
    code, _, error = command_line("attack", PHOTO, "--target", "PERSON_12")
    assert code == 2 and "This face is attacked as person 12: name somebody else" in error


def test_published_results_say_their_precision(command_line, few):
    _, output, _ = command_line("transfer", "--model", "resnet18", "resnet18-robust", "--epsilon", "0")
    assert output.startswith("Accuracy under FGSM, epsilon 0, scored in float32\n")
