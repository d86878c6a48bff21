"""Checkpoints from anywhere: used where they can be, else named with the reason, and never in the way of others."""

import json
import os
import pickle
import shutil
import struct
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

import fgsm.recognizers.survey
from fgsm.cli.main import main
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import as_picture, prepare
from fgsm.page.photographs import REFERENCE_SIZE, reference_photograph, small_url
from fgsm.page.service import Own, Service
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.config import MOST_LABELS, read_config
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.survey import available_recognizers, survey_of
from fgsm.recognizers.testset import photographs_tested
from fgsm.texts import Refused

from .conftest import SHIPPED_MODELS

SHIPPED = json.loads((SHIPPED_MODELS / "resnet18" / "config.json").read_text("utf-8"))
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 22466066\n"


@pytest.fixture
def models(tmp_path):
    """A folder of two recognisers: `sound`, and `other`, which a test spoils."""
    for name in ("sound", "other"):
        shutil.copytree(SHIPPED_MODELS / "resnet18", tmp_path / name)
    return tmp_path


@pytest.fixture
def service(models):
    """A page's service whose recognisers are those of `models`."""
    return Service(models, torch.device("cpu"))


def changed(models, **entries):
    (models / "other" / "config.json").write_text(json.dumps(SHIPPED | entries))


def assert_left_out(models, said, name="other"):
    started = time.process_time()
    assert list(available_recognizers(models)) == ["sound"]
    assert time.process_time() - started < 5  # seconds of a core; a million labels took a minute
    reason = str(survey_of(models).look().refused[name])
    assert said in reason and reason.endswith(".") and str(models) not in reason and "safe=" not in reason
    with pytest.raises(Refused, match=r"cannot be used|holds|is "):
        load_recognizer(name.removesuffix(".pth"), "cpu", models)
    assert load_recognizer("sound", "cpu", models).labels == tuple(SHIPPED["labels"])


@pytest.mark.parametrize(
    ("entry", "value", "needed"),
    [
        ("test_photographs", 5, "list"),
        ("test_photographs", None, "list"),
        ("test_photographs", [["a"]], "list"),
        ("labels", "abc", "distinct names"),
        ("labels", [], "distinct names"),
        ("labels", ["a", "a"], "distinct names"),
        ("labels", ["Ange\u0301lica", "Angélica"], "distinct names"),
        ("labels", ["a", 1], "distinct names"),
        ("labels", ["a", " "], "distinct names"),
        ("labels", ["a", "\ud800"], "distinct names"),
        ("labels", [str(n) for n in range(10**6)], "distinct names"),
        ("labels", None, "distinct names"),
        ("test_accuracy", "99%", "from 0 to 1"),
        ("test_accuracy", True, "from 0 to 1"),
        ("test_accuracy", float("nan"), "from 0 to 1"),
        ("test_accuracy", 99.5, "from 0 to 1"),
        ("input_size", 112.0, "whole number"),
        ("input_size", 10**9, "whole number"),
        ("mean", [0.5, 0.5], "three numbers"),
        ("std", [0.5, 0.5, 0], "three numbers above 0"),
        ("std", [0.5, 0.5, float("inf")], "three numbers above 0"),
        ("architecture", "vgg16", "one of resnet18"),
        ("architecture", ["resnet18"], "one of resnet18"),
        ("faces", 3, "text"),
        ("data", None, "text"),
        ("recipe", [1], "object"),
        ("recipe", {"adversarial_epsilon": "0.03"}, "object"),
        ("training_minutes", "ten", "minutes"),
        ("trained_on", 7, "text"),
        ("training_unknown", "no", "true or false"),
    ],
)
def test_a_config_is_checked_entry_by_entry(models, entry, value, needed):
    changed(models, **{entry: value})
    assert_left_out(models, f"in its config.json, {entry} must be")
    assert needed in str(survey_of(models).look().refused["other"])


def test_many_labels_are_read_quickly():
    labels = [f"person {n}" for n in range(MOST_LABELS)]
    assert len(read_config(SHIPPED | {"labels": labels}, "many").labels) == MOST_LABELS


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "5", "[" * 10**5, "{" + " " * 17 * 10**6 + "}", '{"labels": 1' + "0" * 5000]
)
def test_what_is_no_config_is_named(models, config):
    (models / "other" / "config.json").write_text(config)
    assert_left_out(models, "models/other holds no recogniser that can be read")


def weights(models):
    return models / "other" / "model.safetensors"


def truncated(file):
    file.write_bytes(file.read_bytes()[:-1000])


def forged(file):
    """A header that claims a tensor of 10^18 numbers."""
    header = json.dumps({"fc.weight": {"dtype": "F16", "shape": [10**9, 10**9], "data_offsets": [0, 8]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))


def other_shape(file):
    save_file(load_file(file) | {"fc.weight": torch.zeros(41, 512)}, file)


def of_another_network(file):
    shutil.copy(SHIPPED_MODELS / "resnet101" / "model.safetensors", file)


SPOILED = {
    "pointer": (lambda file: file.write_bytes(POINTER), "Git LFS pointer instead of weights: run git lfs pull"),
    "truncated": (truncated, "is damaged, incomplete or no file of weights"),
    "empty": (lambda file: file.write_bytes(b""), "is damaged"),
    "short": (lambda file: file.write_bytes(b"\xff" * 8), "is damaged"),
    "endless header": (lambda file: file.write_bytes(struct.pack("<Q", 2**62) + b"{}"), "is damaged"),
    "forged": (forged, "is damaged"),
    "a page": (lambda file: file.write_bytes(b"<html>moved</html>" * 100), "is damaged"),
    "missing": (lambda file: file.unlink(), "model.safetensors is missing"),
    "a folder": (lambda file: (file.unlink(), file.mkdir()), "model.safetensors is missing"),
    "other shape": (other_shape, "fc.weight is 41 x 512, where 40 x 512"),
    "another network": (of_another_network, "holds the weights of another network"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_weights_that_cannot_be_used_are_named_with_a_remedy(models, spoil):
    change, said = SPOILED[spoil]
    change(weights(models))
    assert_left_out(models, said)


INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "model-00002-of-00002.safetensors").unlink(), "00002.safetensors is missing"),
        (lambda folder: (folder / "model-00001-of-00002.safetensors").write_bytes(POINTER), "run git lfs pull"),
        (lambda folder: (folder / INDEX).write_bytes(POINTER), "run git lfs pull"),
        (
            lambda folder: (folder / INDEX).write_text('{"weight_map": {"a": "../../sound/model.safetensors"}}'),
            "damaged",
        ),
        (lambda folder: (folder / INDEX).write_text('{"weight_map": 5}'), "damaged"),
        (lambda folder: (folder / INDEX).write_text("{}"), "damaged"),
    ],
)
def test_every_part_of_the_weights_is_looked_at(models, spoil, said):
    shutil.rmtree(models / "other")
    shutil.copytree(SHIPPED_MODELS / "resnet", models / "other")
    spoil(models / "other")
    assert_left_out(models, said)


def test_weights_that_are_no_numbers_are_refused(models):
    state = load_file(weights(models))
    state["fc.bias"][3] = float("nan")
    save_file(state, weights(models))
    with pytest.raises(Refused, match="holds weights that are no numbers"):
        load_recognizer("other", "cpu", models)
    assert_left_out(models, "holds weights that are no numbers")  # from now on


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_and_links_to_nowhere_are_not_waited_for(models):
    for file in ("config.json", "model.safetensors"):
        folder = models / f"pipe-{file}"
        shutil.copytree(models / "sound", folder)
        (folder / file).unlink()
        os.mkfifo(folder / file)
    os.mkfifo(models / "resnet101_celeb_faces.pth")
    (models / "lost").mkdir()
    (models / "lost" / "config.json").symlink_to("nowhere")
    (models / os.fsdecode(b"\xff")).mkdir()
    assert list(available_recognizers(models)) == ["other", "sound"]
    said = {name: str(reason) for name, reason in survey_of(models).look().refused.items()}
    assert "is missing" in said["pipe-model.safetensors"] and "is missing" in said["resnet101_celeb_faces.pth"]
    assert "holds no recogniser" in said["pipe-config.json"] and "holds no recogniser" in said["lost"]
    assert len(said) == 5 and any("cannot name a recogniser" in reason for reason in said.values())


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no file without end")
def test_a_config_without_end_is_not_read(models):
    (models / "other" / "config.json").unlink()
    (models / "other" / "config.json").symlink_to("/dev/zero")
    assert_left_out(models, "holds no recogniser that can be read")


def test_a_nested_tensor_in_a_pth_file_breaks_nothing(models):
    nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
    torch.save({"fc.weight": nested}, models / "resnet18_celeb_faces.pth")
    assert "resnet18_celeb_faces.pth" in survey_of(models).look().refused
    assert list(available_recognizers(models)) == ["other", "sound"]


def test_no_file_takes_the_name_of_a_folder(models):
    shutil.copytree(models / "other", models / "sound.pth")
    assert list(available_recognizers(models)) == ["other", "sound", "sound.pth"]
    assert load_recognizer("sound", "cpu", models).labels == tuple(SHIPPED["labels"])
    (models / "other").rename(models / "resnet18_celeb_faces")
    pth(models / "resnet18_celeb_faces.pth", 1.0)
    assert "has the name of another checkpoint" in refusals(models)["resnet18_celeb_faces.pth"]
    assert len(load_recognizer("resnet18_celeb_faces", "cpu", models).labels) == 40


def test_finite_weights_whose_answers_are_not_are_refused(models):
    state = load_file(weights(models))
    state["bn1.running_var"][0] = -9
    save_file(state, weights(models))
    with pytest.raises(Refused, match="no numbers"):
        load_recognizer("other", "cpu", models)
    assert_left_out(models, "holds weights that are no numbers")


@pytest.mark.parametrize("faces", ["a" * 900, "nul\0", "/proc/1/fd", "assets/texts"])
def test_a_folder_of_faces_that_cannot_be_is_none(models, faces):
    changed(models, faces=faces)
    assert photographs_tested(available_recognizers(models)["other"]) == {}


def test_what_training_is_still_writing_is_not_listed(models):
    shutil.copytree(models / "sound", models / ".tmp-half-written")
    found = survey_of(models).look()
    assert list(found.usable) == ["other", "sound"] and found.refused == {}


def test_only_photographs_of_people_it_knows_are_tested(models):
    config = available_recognizers(models)["other"]
    tested = photographs_tested(replace(config, labels=config.labels[:3]))
    assert set(tested.values()) == set(SHIPPED["labels"][:3]) and len(tested) == 15


def test_a_person_is_shown_by_a_photograph_that_is_no_test_face(models, service):
    """Of whom all photographs are tested, there is none to show."""
    tested = [f"person_01/{n:02d}.png" for n in range(1, 11)] + [f"person_02/{n:02d}.png" for n in (1, 2)]
    changed(models, test_photographs=tested)
    chosen = service.choose("other")
    assert reference_photograph(service, chosen, "person 01") is None
    assert reference_photograph(service, chosen, "nobody") is None

    def shown(file):
        face = as_picture(prepare(open_picture(BUILTIN_FACES / "person_02" / file), REFERENCE_SIZE))
        return small_url(face)

    assert reference_photograph(service, chosen, "person 02") == shown("03.png") != shown("01.png")


def test_what_is_made_readable_is_read(models, monkeypatch):
    """As by chmod, which changes neither a file's size nor when it was written."""
    real = fgsm.recognizers.survey.read_json

    def closed(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fgsm.recognizers.survey.read_json", closed)
    assert "cannot be read (Permission denied)" in str(survey_of(models).look().refused["other"])
    monkeypatch.setattr("fgsm.recognizers.survey.read_json", real)
    (models / "other" / "config.json").chmod(0o600)
    (models / "sound" / "config.json").chmod(0o600)
    assert list(available_recognizers(models)) == ["other", "sound"]


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int8, torch.bool])
def test_a_pth_file_of_other_numbers_is_refused(models, dtype):
    pth(models / "resnet18_celeb_faces.pth", 1.0, dtype)
    assert "not a plain state dict" in refusals(models)["resnet18_celeb_faces.pth"]


def test_a_pointer_in_place_of_a_pth_file_is_named(models):
    (models / "resnet18_celeb_faces.pth").write_bytes(POINTER)
    assert "resnet18_celeb_faces.pth is a Git LFS pointer" in str(
        survey_of(models).look().refused["resnet18_celeb_faces.pth"]
    )
    assert list(available_recognizers(models)) == ["other", "sound"]


def test_models_names_what_is_left_out_and_lists_the_others(models, monkeypatch, capsys):
    weights(models).write_bytes(POINTER)
    monkeypatch.setattr("fgsm.cli.listing.survey_of", lambda: survey_of(models))
    main(["models"])
    *_, listed, problem = capsys.readouterr().out.splitlines()
    assert listed.startswith("sound ") and "99.5% of 200" in listed
    assert problem == "other/model.safetensors is a Git LFS pointer instead of weights: run git lfs pull."


def refusals(models):
    return {name: str(reason) for name, reason in survey_of(models).look().refused.items()}


def version_of(name, models):
    found = survey_of(models).look().usable.get(name)
    return found and found.version


def pth(path, fill, dtype=None):
    from fgsm.recognizers.course_checkpoints import course_config
    from fgsm.recognizers.networks import build_network

    network = build_network(course_config("resnet18_celeb_faces"))
    torch.nn.init.constant_(network.fc.bias, fill)
    torch.save({name: value.to(dtype or value.dtype) for name, value in network.state_dict().items()}, path)


def test_replaced_weights_are_another_version(models):
    file = models / "resnet18_celeb_faces.pth"
    seen = []
    for fill in (1.0, 2.0):
        pth(file, fill)
        loaded = load_recognizer("resnet18_celeb_faces", "cpu", models)
        assert loaded.network.fc.bias[0] == fill and loaded.version == version_of("resnet18_celeb_faces", models)
        seen.append(loaded.version)
    before = version_of("other", models)
    state = load_file(weights(models))
    save_file(state | {"fc.bias": state["fc.bias"] + 1}, weights(models))
    assert seen[0] != seen[1] and version_of("other", models) != before
    assert version_of("nobody", models) is None


def replace_weights(models, name):
    file = models / name / "model.safetensors"
    state = load_file(file)
    save_file(state | {"fc.bias": state["fc.bias"] + 1}, file)


def test_what_is_kept_is_of_the_present_weights(models, service):
    calls = []

    def counted(name, more):
        return service.kept("test", service.choose(name), lambda: calls.append((name, more)) or len(calls), more)

    assert [counted("other", 1), counted("other", 1), counted("sound", 1)] == [1, 1, 2]
    before = service.network(service.choose("other"))
    assert service.network(service.choose("other")) is before
    replace_weights(models, "other")
    assert [counted("other", 1), counted("other", 1), counted("sound", 1)] == [3, 3, 2]
    assert not torch.equal(service.network(service.choose("other")).network.fc.bias, before.network.fc.bias)


def test_weights_replaced_in_the_midst_of_an_event_are_not_taken_for_those_it_chose(models, service):
    chosen = service.choose("other")
    replace_weights(models, "other")
    with pytest.raises(Refused, match="replaced a moment ago: try once more"):
        service.network(chosen)
    assert service.network(service.choose("other")).version != chosen.version


def test_a_recogniser_of_one_visit_is_nobody_elses(models, service):
    """It is chosen by that visit alone, nothing of it is kept, and it travels by value."""
    network = load_recognizer("sound", "cpu", models)
    network.name = "mine"
    own = {"mine": Own(network)}
    assert service.choose("mine", own) is own["mine"]
    with pytest.raises(Refused, match="There is no recogniser named 'mine'"):
        service.choose("mine")
    calls = []
    for _ in range(2):
        service.kept("test", own["mine"], lambda: calls.append(1) or len(calls))
    assert len(calls) == 2 and service.network(own["mine"]) is network
    sent = pickle.loads(pickle.dumps(own["mine"]))
    assert torch.equal(sent.network.network.fc.bias, network.network.fc.bias) and sent.network is not network
    assert pickle.loads(pickle.dumps(service)) is service  # which stands for itself


def test_models_are_looked_through_again_only_where_they_have_changed(models, service, monkeypatch):
    read = []
    real = fgsm.recognizers.survey.read_json
    monkeypatch.setattr("fgsm.recognizers.survey.read_json", lambda path: read.append(path.parent.name) or real(path))
    for _ in range(3):
        service.choose("sound")
    assert sorted(read) == ["other", "sound"]
    changed(models, test_accuracy=0.5)
    assert service.choose("other").config.test_accuracy == 0.5 and sorted(read) == ["other", "other", "sound"]
