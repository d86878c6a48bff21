"""Other people's faces: folders of photographs, the course project's data set, data sets to fetch, training on them."""

import contextlib
import csv
import shutil
import subprocess
import sys
import types
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fgsm.faces import fetch
from fgsm.faces.copies import copies, fingerprint
from fgsm.faces.dataset import Gathered, builtin, data_set_of, gather
from fgsm.faces.people import list_people, split_at_random
from fgsm.measures.names import known_person
from fgsm.places import BUILTIN_FACES, MODELS, PROJECT
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.survey import available_recognizers
from fgsm.recognizers.testset import load_test_set, photographs_tested
from fgsm.recognizers.train import builtin_weights, fit, recipe_for, train

from .conftest import STAGE_DONE
from .driving import STAGE, set_epsilon

PEOPLE = {"Ana": 3, "Bruno": 11, "David_R": 22}  # names of folders, numbers of built-in people
NAME = "trained-in-a-test"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three people with six photographs each, in several formats and sizes, among things that cannot be used."""
    root = tmp_path_factory.mktemp("class")
    for person, number in PEOPLE.items():
        (root / person).mkdir()
        for at in range(1, 7):
            face = Image.open(BUILTIN_FACES / f"person_{number:02d}" / f"{at:02d}.png")
            wide = Image.new("RGB", (700, 500), (90, 120, 160))
            wide.paste(face.resize((230, 280)), (60 * at, 30 * at))
            picture = wide if at % 2 else face.convert("RGB")
            picture.save(root / person / f"{at}.{'jpg' if at < 4 else 'webp'}", quality=95)
    (root / "Ana" / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    (root / "Ana" / "notes.txt").write_text("not a picture")
    (root / "Ana" / ".DS_Store").write_bytes(b"hidden")
    shutil.copy(root / "Ana" / "1.jpg", root / "Bruno" / "the same.jpg")
    (root / "Once").mkdir()
    shutil.copy(BUILTIN_FACES / "person_40" / "01.png", root / "Once" / "1.png")
    (root / "Nobody").mkdir()
    (root / "Ana" / "older").mkdir()
    return root


def test_what_cannot_be_used_is_named_and_the_rest_used(folder):
    found = gather(folder, 112)
    people, left_out = found.people, found.left_out
    assert {person: len(faces) for person, faces in people.items()} == {"Ana": 6, "Bruno": 6, "David R": 6}
    assert len(left_out) == 6
    for name, reason in {
        "Ana/broken.jpg": "not a picture that can be read",
        "Ana/notes.txt": "not a picture that can be read",
        "Bruno/the same.jpg": "the same picture as Ana/1.jpg",
        "Ana/older": "is a folder",
        "Nobody": "Fewer than two different photographs",
        "Once": "Fewer than two different photographs",
    }.items():
        assert any(line.startswith(f"{name}: ") and reason in line for line in left_out)


def test_every_person_is_split_by_the_seed():
    people = {
        name: [Path(name) / f"{n}.jpg" for n in range(count)] for name, count in {"a": 2, "b": 10, "c": 37}.items()
    }
    training, test = split_at_random(people, seed=1)
    assert not set(training) & set(test) and len(training) + len(test) == 49
    assert [sum(p.parent.name == name for p in test) for name in people] == [1, 2, 7]
    assert split_at_random(people, seed=1) == (training, test) != split_at_random(people, seed=2)
    # A person's split does not depend on who else is there.
    assert set(split_at_random({"c": people["c"]}, seed=1)[1]) == {p for p in test if p.parent.name == "c"}


def gathered(people):
    """Faces of people as `gather` finds them, each of another picture."""
    return Gathered(people, {file: file for own in people.values() for file in own}, {}, [])


@pytest.fixture(scope="module")
def resaved(tmp_path_factory):
    """Three people with six photographs each, every one of them twice more: as a JPEG, and smaller as WebP."""
    root = tmp_path_factory.mktemp("resaved")
    for person in (3, 4, 5):
        folder = root / f"person_{person}"
        folder.mkdir()
        for photograph in sorted((BUILTIN_FACES / f"person_{person:02d}").glob("*.png"))[:6]:
            picture = Image.open(photograph)
            picture.resize((184, 224)).save(folder / f"{photograph.stem}.png")
            picture.resize((184, 224)).save(folder / f"{photograph.stem}_sent.jpg", quality=60)
            picture.resize((138, 168)).convert("RGB").save(folder / f"{photograph.stem}_small.webp", quality=70)
    return root


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_a_photograph_stay_on_one_side_of_the_split(resaved, seed):
    data = data_set_of(gather(resaved, 112), resaved, seed)
    sides = [{(p.parent.name, p.stem[:2]) for p in side} for side in (data.training, data.test)]
    assert not sides[0] & sides[1] and [len(side) for side in sides] == [15, 3]
    assert len(data.training) == 45 and len(data.test) == 9  # each with its copies


def test_photographs_of_one_person_are_no_copies():
    files = sorted(BUILTIN_FACES.rglob("*.png"))[:100]
    found = copies({file: np.stack([fingerprint(Image.open(file))] * 2) for file in files})
    assert sum(first != file for file, first in found.items()) <= 2


def test_people_before_one_white_wall_are_no_copies(tmp_path):
    for number in range(1, 4):
        (tmp_path / f"person_{number}").mkdir()
        for photograph in sorted((BUILTIN_FACES / f"person_{number:02d}").glob("*.png"))[:4]:
            wall = Image.new("RGB", (1200, 900), "white")
            wall.paste(Image.open(photograph).resize((220, 268)), (490, 300))
            wall.save(tmp_path / f"person_{number}" / photograph.name)
    found = gather(tmp_path, 112)
    groups = {}
    for file, first in found.copy_of.items():
        groups.setdefault(first, set()).add(file.parent.name)
    assert all(len(people) == 1 for people in groups.values()) and len(groups) >= 9 and len(found.people) == 3


def test_files_that_would_share_a_name_are_no_two_photographs(tmp_path):
    sources = sorted((BUILTIN_FACES / "person_01").glob("*.png"))
    for folder, photographs in (("Jose\u0301", sources[:4]), ("Jos\u00e9", sources[4:8])):
        (tmp_path / folder).mkdir()
        for number, photograph in enumerate(photographs):
            shutil.copy(photograph, tmp_path / folder / f"{number}.png")
    shutil.copytree(BUILTIN_FACES / "person_02", tmp_path / "bob")
    (tmp_path / "___").mkdir()
    found = gather(tmp_path, 112)
    assert len(found.people["José"]) == 4 and sum("several files of this name" in line for line in found.left_out) == 4
    assert list(found.people) == ["José", "bob"] or list(found.people) == ["bob", "José"]


def test_copies_under_two_names_never_test_anybody(tmp_path):
    people = {"a": [tmp_path / f"a{n}" for n in range(5)], "b": [tmp_path / f"b{n}" for n in range(5)]}
    for seed in range(10):
        training, test = split_at_random(people, seed, {tmp_path / "b0": tmp_path / "a0"})
        assert {tmp_path / "a0", tmp_path / "b0"} <= set(training) and len(training) + len(test) == 10
    one = {"a": people["a"][:2]}
    assert split_at_random(one, 0, {people["a"][1]: people["a"][0]}) == ([], people["a"][:2])


def test_names_are_composed_however_a_folder_spells_them(tmp_path):
    decomposed = "Zoe\u0308_Ange\u0301lica"
    for person, number in ((decomposed, 1), ("Bruno", 2)):
        (tmp_path / person).mkdir()
        for photograph in sorted((BUILTIN_FACES / f"person_{number:02d}").glob("*.png"))[:4]:
            shutil.copy(photograph, tmp_path / person / f"e\u0301{photograph.name}")
    data = data_set_of(gather(tmp_path, 112), tmp_path, seed=0)
    assert data.labels == ["Bruno", "Zoë Angélica"]
    recipe = replace(recipe_for("resnet18", 6, tuning=True), epochs=1, passes=1, small_part=0)
    models = tmp_path / "models"
    trained, _ = train("resnet18", "ours", data, recipe, builtin_weights("resnet18"), models)
    assert trained.labels == ("Bruno", "Zoë Angélica")
    assert all(name == unicodedata.normalize("NFC", name) for name in trained.config.test_photographs)
    assert sorted(photographs_tested(trained.config).values()) == [
        "Bruno",
        "Zoë Angélica",
    ]  # on a disk that spells them otherwise
    assert known_person(trained.labels, decomposed) == known_person(trained.labels, "zoë_angélica") == 1


def test_a_folder_of_models_that_cannot_be_written_is_told_before_training(tmp_path):
    people = {name: {Path(f"{name}{n}"): torch.rand(3, 112, 112) for n in range(2)} for name in "ab"}
    (tmp_path / "models").write_text("no folder")
    with pytest.raises(ValueError, match="models/ cannot be written"):
        train(
            "resnet18",
            "x",
            data_set_of(gathered(people), Path(), 0),
            recipe_for("resnet18", 2),
            models=tmp_path / "models",
        )


def test_fewer_than_two_people_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Fewer than two people"):
        data_set_of(gathered({"Ana": {tmp_path / f"{n}.png": torch.zeros(3, 8, 8) for n in (1, 2)}}), tmp_path, 0)


@pytest.fixture(scope="module")
def checkpoint(folder, tmp_path_factory):
    """A recogniser trained for one epoch from the built-in one, and the data it was trained on."""
    data = data_set_of(gather(folder, 112), folder, seed=3)
    recipe = replace(recipe_for("resnet18", len(data.training), tuning=True), epochs=1, small_part=0, seed=3)
    models = tmp_path_factory.mktemp("models")
    return train("resnet18", "ours", data, recipe, builtin_weights("resnet18"), models)[0], data, models


def test_a_curve_never_tests_on_a_training_face(checkpoint):
    trained, data, models = checkpoint
    config = available_recognizers(models)["ours"]
    assert not set(config.training_photographs) & set(config.test_photographs)
    assert len(config.training_photographs) == 15 and len(config.test_photographs) == 3
    images, labels = load_test_set(load_recognizer("ours", "cpu", models))
    assert [config.labels[at] for at in labels] == ["Ana", "Bruno", "David R"]
    for image in images:
        assert not any(torch.equal(image, face) for face in data.faces)
    (data.root / "Ana" / "new.jpg").write_bytes((data.root / "Ana" / "1.jpg").read_bytes())
    assert len(photographs_tested(config)) == 3
    (data.root / "Ana" / "new.jpg").unlink()
    right = (trained(images.to(trained.device)).argmax(1).cpu() == labels).float().mean()
    assert config.test_accuracy == pytest.approx(right.item())


def test_training_starts_from_the_weights_given():
    people = {name: {Path(f"{name}{n}"): torch.rand(3, 112, 112) for n in range(2)} for name in "ab"}
    data = data_set_of(gathered(people), Path(), 0)
    start = builtin_weights("resnet18")
    shipped = load_recognizer("resnet18", "cpu")
    assert not any(name.startswith("fc.") for name in start.state) and len(data.labels) == 2
    assert all(torch.equal(value, shipped.network.state_dict()[name]) for name, value in start.state.items())
    assert (start.mean, start.std) == (shipped.config.mean, shipped.config.std)


def test_every_face_in_training_has_its_own_persons_number():
    """Whatever order people and photographs come in."""
    people = {
        name: {Path(f"{n}{name}"): torch.full((3, 8, 8), at + n / 10) for n in range(6)}
        for at, name in enumerate("bca")
    }
    data = data_set_of(gathered(people), Path(), 0)
    assert data.labels == ["b", "c", "a"] and len(data.training) == 15
    for photograph, face, target in zip(data.training, data.faces, data.targets.tolist(), strict=True):
        assert photograph.name[1] == data.labels[target] and int(face[0, 0, 0]) == target
    built = builtin(16)
    expected = [built.labels.index(photograph.parent.name.replace("_", " ")) for photograph in built.training]
    assert built.targets.tolist() == expected == sorted(expected) and len(expected) == 200


@pytest.mark.parametrize("starts", [True, False])
def test_training_begins_with_the_weights_it_is_to_start_from(starts, tmp_path, monkeypatch):
    seen = []

    def looked_at(recognizer, faces, targets, recipe):
        seen.append(recognizer.network.state_dict()["conv1.weight"].cpu().clone())
        raise KeyboardInterrupt

    monkeypatch.setattr("fgsm.recognizers.train.fit", looked_at)
    people = {name: {Path(f"{name}{n}"): torch.rand(3, 112, 112) for n in range(2)} for name in "ab"}
    start = builtin_weights("resnet18")
    with pytest.raises(KeyboardInterrupt):
        data = data_set_of(gathered(people), Path(), 0)
        train("resnet18", "x", data, recipe_for("resnet18", 2), start if starts else None, tmp_path)
    assert torch.equal(seen[0], start.state["conv1.weight"]) == starts


def test_without_its_faces_a_recogniser_is_not_tested(checkpoint, tmp_path):
    *_, models = checkpoint
    config = replace(available_recognizers(models)["ours"], faces=str(tmp_path / "gone"))
    assert photographs_tested(config) == {}
    model = load_recognizer("ours", "cpu", models)
    model.config = config
    with pytest.raises(ValueError, match="are not here"):
        load_test_set(model)


def test_ctrl_c_keeps_the_best_weights_so_far(folder, monkeypatch):
    data = data_set_of(gather(folder, 112), folder, seed=0)
    recipe = replace(recipe_for("resnet18", 15, tuning=True), epochs=9, passes=1, batch_size=15, small_part=0)
    model = load_recognizer("resnet18", "cpu").requires_grad_(True)
    losses, weights = [], []  # of each epoch, which is one batch; after so many epochs
    real = torch.nn.functional.cross_entropy

    def cross_entropy(logits, truth, **settings):
        weights.append([parameter.detach().clone() for parameter in model.parameters()])
        if len(losses) == 3:
            raise KeyboardInterrupt
        loss = real(logits, truth, **settings)
        losses.append(loss.item())
        return loss

    monkeypatch.setattr("fgsm.recognizers.train.F.cross_entropy", cross_entropy)
    epochs, interrupted = fit(model, data.faces, data.targets, recipe)
    assert interrupted and epochs == 1 + losses.index(min(losses)) and not model.training
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), weights[epochs], strict=True))


def test_ctrl_c_in_the_first_epoch_saves_nothing(folder, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fgsm.recognizers.train.F.cross_entropy", interrupted)
    data = data_set_of(gather(folder, 112), folder, seed=0)
    with pytest.raises(KeyboardInterrupt):
        train("resnet18", "ours", data, recipe_for("resnet18", 15), models=tmp_path)
    assert list(tmp_path.iterdir()) == []


def in_original_layout(root, people):
    for person, photographs in people.items():
        (root / "Original Images" / "Original Images" / person).mkdir(parents=True)
        for photograph in photographs:
            target = root / "Original Images" / "Original Images" / person / f"{person}_{photograph.stem}.jpg"
            Image.open(photograph).save(target)


def in_table_layout(root, people):
    (root / "Faces" / "Faces").mkdir(parents=True)
    with open(root / "Dataset.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "label"])
        for person, photographs in people.items():
            for photograph in photographs:
                name = f"{person}_{photograph.stem}.jpg"
                Image.open(photograph).save(root / "Faces" / "Faces" / name)
                table.writerow([name, person])
        table.writerow(["lost.jpg", "Brad Pitt"])
        table.writerow(["../../secret.jpg", "Brad Pitt"])


@pytest.mark.parametrize("layout", [in_original_layout, in_table_layout])
def test_the_course_projects_data_set_is_read_as_it_comes(layout, tmp_path):
    celebrities = {"Brad Pitt": 1, "Camila Cabello": 2, "Zac Efron": 3}
    people = {name: sorted((BUILTIN_FACES / f"person_{n:02d}").glob("*"))[:4] for name, n in celebrities.items()}
    layout(tmp_path, people)
    found = list_people(tmp_path)
    lost = ["lost.jpg", "secret.jpg"] if layout is in_table_layout else []  # rows without their files
    assert {person: [file.name for file in files] for person, files in found.items()} == {
        person: [f"{person}_{n:02d}.jpg" for n in range(1, 5)] + lost * (person == "Brad Pitt")
        for person in celebrities
    }
    found = gather(tmp_path, 112)
    assert all("There is no file" in line for line in found.left_out)
    data = data_set_of(found, tmp_path, seed=0)
    assert data.labels == list(celebrities) and data.faces.shape == (9, 3, 112, 112)
    config = replace(
        available_recognizers()["resnet18"],
        faces=str(tmp_path),
        labels=tuple(data.labels),
        test_photographs=tuple(p.relative_to(tmp_path).as_posix() for p in data.test),
    )
    assert {file.name.split("_")[0]: person for file, person in photographs_tested(config).items()} == {
        p: p for p in celebrities
    }


def test_a_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "Dataset.csv").write_text("name;person\na;b\n")
    (tmp_path / "Faces").mkdir()
    with pytest.raises(ValueError, match="no columns named id and label"):
        list_people(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere", "--name", "x"), "There is no folder nowhere"),
        (("--data", BUILTIN_FACES / "person_01", "--name", "x"), "one folder of pictures per person"),
        (("--data", BUILTIN_FACES, "--name", "resnet18"), "is another recogniser's name"),
        (("--name", "resnet18_celeb_faces"), "is another recogniser's name"),
        (("--seed", "-1"), "is not a seed"),
        (("--seed", "9" * 20), "is not a seed"),
        (("--data", BUILTIN_FACES, "--name", "../x"), "cannot name a recogniser"),
        (("--data", BUILTIN_FACES, "--pretrained", "cats"), "invalid choice: 'cats'"),
        (("--arch", "resnet18", "resnet", "--name", "x"), "Leave out --name"),
    ],
)
def test_wrong_input_of_training_gets_one_line(arguments, message, command_line):
    code, _, error = command_line("train", "--arch", "resnet18", *arguments)
    assert code == 2 and message in error and len(error.strip().splitlines()) == 1


def test_celebrities_come_as_folders_of_people_with_licence_and_size_first(tmp_path, monkeypatch, capsys):
    people = {
        "Brad Pitt": [BUILTIN_FACES / "person_01" / "01.png"],
        "Zac Efron": [BUILTIN_FACES / "person_02" / "01.png"],
    }
    in_table_layout(tmp_path / "downloaded", people)
    said = []

    def get_dataset(request):
        assert (request.owner_slug, request.dataset_slug) == ("vasukipatel", "face-recognition-dataset")
        return types.SimpleNamespace(total_bytes=12_300_000, license_name="as you like")

    api = types.SimpleNamespace(dataset_api_client=types.SimpleNamespace(get_dataset=get_dataset))
    client = contextlib.nullcontext(types.SimpleNamespace(datasets=api))

    def download(name):
        said.append(capsys.readouterr().out)
        return str(tmp_path / "downloaded")

    # Not Kaggle's own library, which the tests do not require: it and torchattacks want different versions of requests.
    modules = {
        "kagglehub": {"dataset_download": download},
        "kagglehub.clients": {"build_kaggle_client": lambda: client},
        "kagglesdk.datasets.types.dataset_api_service": {"ApiGetDatasetRequest": types.SimpleNamespace},
    }
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("kagglesdk", "kagglesdk.datasets", "kagglesdk.datasets.types"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    counts = fetch.SOURCES["celebrities"].fetch(tmp_path / "data" / "celebrities")
    assert "12 MB" in said[0] and "Licence: as you like" in said[0]
    assert counts == {"Brad Pitt": 1, "Zac Efron": 1}
    assert {person: len(files) for person, files in list_people(tmp_path / "data" / "celebrities").items()} == counts
    with pytest.raises(ValueError, match="is there already"):
        fetch.SOURCES["celebrities"].fetch(tmp_path / "data" / "celebrities")


def test_labeled_faces_in_the_wild_come_through_scikit_learn(tmp_path, monkeypatch, capsys):
    """With the real library, which finds a small data set of that layout in its folder."""
    home = tmp_path / "home" / "lfw_home"
    for person, count in {"Ann_Lee": 30, "Bo_Xu": 31, "Once_Seen": 29}.items():
        (home / "lfw_funneled" / person).mkdir(parents=True)
        for at in range(count):
            Image.new("RGB", (250, 250), (at, 90, 120)).save(home / "lfw_funneled" / person / f"{person}_{at:04d}.jpg")
    for name in ("pairsDevTrain", "pairsDevTest", "pairs"):
        (home / f"{name}.txt").write_text("")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    counts = fetch.SOURCES["lfw"].fetch(tmp_path / "lfw")
    assert counts == {"Ann Lee": 30, "Bo Xu": 31}
    assert "233 MB" in capsys.readouterr().out
    assert {person: len(files) for person, files in list_people(tmp_path / "lfw").items()} == counts


def test_without_its_library_or_a_connection_fetching_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub.clients", None)
    with pytest.raises(ValueError, match=r"needs kagglehub: .* requirements-data.txt"):
        fetch.SOURCES["celebrities"].fetch(tmp_path / "celebrities")

    def broken():
        raise ConnectionError("name resolution")

    with pytest.raises(ValueError, match="check the connection"):
        fetch.Source("x", lambda: "", broken).fetch(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def trained(folder):
    """The folder trained on by the command, as anybody would, though for a shorter time."""
    shorter = "from fgsm.recognizers import train; train.TUNING_EPOCHS = 2; from fgsm.cli.main import main; main()"
    command = [sys.executable, "-c", shorter, "train", "--data", folder, "--arch", "resnet18", "--name", NAME]
    try:
        result = subprocess.run(
            [*command, "--pretrained", "built-in"], cwd=PROJECT, capture_output=True, text=True, timeout=400
        )
        assert result.returncode == 0, result.stderr
        yield result.stdout
    finally:
        shutil.rmtree(MODELS / NAME, ignore_errors=True)


def test_the_command_reports_what_it_did(trained):
    assert "Ana/broken.jpg: " in trained and "Once: Fewer than two different photographs" in trained
    assert "3 people, 15 photographs to train on, 3 to test on." in trained
    assert "starts from the built-in recogniser resnet18" in trained
    assert f"{NAME}: " in trained and "of 3 test faces, trained in " in trained


def test_a_folder_trained_now_is_in_the_open_pages_server_and_is_fooled_there(url, browser, trained):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    page.locator("#model input").click()
    page.get_by_role("option").filter(has_text=NAME).click()
    page.wait_for_function(f"document.querySelector('{STAGE} [data-show=attacked]').textContent.includes('Ana')")
    page.wait_for_selector(f"{STAGE_DONE}:not([data-prediction=''])", timeout=60_000)
    assert page.locator("#samples .film button").count() == 3
    assert "not used in training" in page.locator(f"{STAGE} [data-show=attacked]").inner_text()
    assert page.locator(f"{STAGE} [data-show=reference]").get_attribute("src").startswith("data:image/webp")
    set_epsilon(page, 0.1)
    page.wait_for_selector(f"{STAGE}[data-outcome=taken]")
    taken = page.locator(STAGE).get_attribute("data-prediction")
    assert taken in ("Bruno", "David R")
    page.get_by_role("tab", name="Accuracy curve").click()
    for text in ("ResNet-18 ·", NAME):  # the one chosen at first, and this one
        page.locator("#curve-models label").filter(has_text=text).click()
    page.locator("#curve-epsilons input, #curve-epsilons textarea").first.fill("0, 0.1")
    page.locator("#curve-start").click()
    page.wait_for_selector("#curve .chart[data-state=done]", timeout=60_000)
    assert "3 test faces" in page.locator("#curve .message").inner_text()
    page.context.close()
