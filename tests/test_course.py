"""The course project's checkpoints, dropped into models/."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from fgsm.places import BUILTIN_FACES, MODELS
from fgsm.recognizers.course_checkpoints import CELEBRITIES, LABELS
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.survey import available_recognizers, survey_of

from .conftest import STAGE_DONE

MEAN, STD = (0.6389, 0.4773, 0.4056), (0.2343, 0.1996, 0.1831)


def convolution(inputs, outputs, stride, activation):
    layers = [nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU()] if activation else []))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = convolution(inputs, outputs, stride, True)
        self.conv2 = convolution(outputs, outputs, 1, False)
        self.downsample = None
        if (inputs, stride) != (outputs, 1):
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.conv2(self.conv1(x))
        return torch.relu(y + (self.downsample(x) if self.downsample else x))


class CourseNetwork(nn.Module):
    """The course project's network, transcribed for this test: five stages of blocks of two convolutions."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.layer0 = nn.Sequential(*[Block(64, 64, 1) for _ in range(3)])
        self.layer1 = nn.Sequential(Block(64, 128, 2), *[Block(128, 128, 1) for _ in range(3)])
        self.layer2 = nn.Sequential(Block(128, 256, 2), *[Block(256, 256, 1) for _ in range(5)])
        self.layer3 = nn.Sequential(Block(256, 512, 2), *[Block(512, 512, 1) for _ in range(2)])
        self.layer4 = nn.Sequential(Block(512, 1024, 2), Block(1024, 1024, 1))
        self.fc = nn.Linear(1024, classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x), 3, 2, 1)
        for stage in (self.layer0, self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(x.mean((2, 3)))


NETWORKS = {
    "resnet_celeb_faces": CourseNetwork,
    "resnet18_celeb_faces": lambda classes: torchvision.models.resnet18(num_classes=classes),
    "resnet101_celeb_faces": lambda classes: torchvision.models.resnet101(num_classes=classes),
}


def made(name, classes=31):
    """A network of the course project with weights and batch statistics of its own."""
    torch.manual_seed(len(name))
    network = NETWORKS[name](classes)
    for key, value in network.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("zip_format", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_dropped_in_gives_the_original_logits(name, zip_format, tmp_path):
    network = made(name)
    torch.save(network.state_dict(), tmp_path / f"{name}.pth", _use_new_zipfile_serialization=zip_format)
    config = available_recognizers(tmp_path)[name]
    assert list(config.labels) == LABELS and config.test_accuracy is None
    recognizer = load_recognizer(name, "cpu", tmp_path)
    assert recognizer.input_size == 224 and not recognizer.training
    images = torch.rand(2, 3, 224, 224)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.inference_mode():
        expected = network((images - mean) / std)
        assert expected.std() > 1e-3
        assert torch.allclose(recognizer(images), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


def test_the_labels_are_the_31_people_in_order():
    assert len(LABELS) == 31 and sorted(LABELS) == LABELS
    assert (LABELS[0], LABELS[7], LABELS[-1]) == ("Akshay Kumar", "Brad Pitt", "Zac Efron")


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zip_format", [True, False])
def test_a_pickle_with_code_in_it_is_refused_and_not_run(zip_format, tmp_path):
    harm = tmp_path / "harm"
    file = tmp_path / "resnet18_celeb_faces.pth"
    torch.save({"fc.weight": Harmful(harm)}, file, _use_new_zipfile_serialization=zip_format)
    assert available_recognizers(tmp_path) == {}
    with pytest.raises(ValueError, match="holds more than weights") as refusal:
        load_recognizer("resnet18_celeb_faces", models=tmp_path)
    assert str(tmp_path) not in str(refusal.value) and not harm.exists()


FILES = [
    ("resnet18_celeb_faces", lambda: made("resnet18_celeb_faces", 40).state_dict(), "fc.weight is 40 x 512"),
    ("resnet18_celeb_faces", lambda: made("resnet101_celeb_faces").state_dict(), "another network than its name"),
    ("resnet_celeb_faces", lambda: torchvision.models.vgg11(num_classes=31).state_dict(), "another network than its"),
    ("resnet18_celeb_faces", lambda: [1, 2, 3], "not a plain state dict"),
    (
        "resnet18_celeb_faces",
        lambda: {"state_dict": made("resnet18_celeb_faces").state_dict()},
        "not a plain state dict",
    ),
    ("vgg_faces", lambda: torchvision.models.vgg11(num_classes=31).state_dict(), "none of the course project's"),
]


@pytest.mark.parametrize(("name", "content", "reason"), FILES)
def test_other_files_are_refused_in_a_sentence(name, content, reason, tmp_path):
    torch.save(content(), tmp_path / f"{name}.pth")
    assert available_recognizers(tmp_path) == {}
    assert reason in str(survey_of(tmp_path).look().refused[f"{name}.pth"])
    with pytest.raises(ValueError, match=reason):
        load_recognizer(name, models=tmp_path)


@pytest.mark.parametrize("content", [b"", b"not weights", b"<html>moved</html>", b"PK\x03\x04 truncated"])
def test_damaged_files_are_refused_in_a_sentence(content, tmp_path):
    (tmp_path / "resnet_celeb_faces.pth").write_bytes(content)
    assert available_recognizers(tmp_path) == {}
    with pytest.raises(ValueError, match=r"resnet_celeb_faces\.pth is damaged") as refusal:
        load_recognizer("resnet_celeb_faces", models=tmp_path)
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize("config", ["{", "[]", '{"architectures": ["BertModel"], "labels": []}'])
def test_a_foreign_folder_is_left_out_and_named(config, tmp_path):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(config)
    assert available_recognizers(tmp_path) == {}
    assert "models/bert holds no recogniser" in str(survey_of(tmp_path).look().refused["bert"])
    with pytest.raises(ValueError, match="holds no recogniser that can be read"):
        load_recognizer("bert", models=tmp_path)


@pytest.fixture
def dropped_in():
    """A checkpoint of the course project in models/, without its data set."""
    file = MODELS / "resnet18_celeb_faces.pth"
    if file.exists() or CELEBRITIES.exists():
        pytest.skip("the course project's own files are here")
    torch.save(made("resnet18_celeb_faces").state_dict(), file)
    yield
    file.unlink()


def test_without_its_faces_the_page_still_takes_pictures(dropped_in, url, browser):
    page = browser.new_context().new_page()
    page.goto(f"{url}/?model=resnet18_celeb_faces&face=person_24")
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    assert page.locator("#model input").input_value() == "ResNet-18 for celebrities"
    page.locator("#viewer [data-show=verdict]", has_text="Bring a picture of your own").wait_for()
    page.locator("#no-samples").wait_for()
    page.get_by_role("tab", name="Your photograph").click()
    page.locator("#photo input[type=file]").set_input_files(BUILTIN_FACES / "person_05" / "07.png")
    page.locator("#viewer [data-show=attacked]", has_text="ResNet-18 for celebrities knows 31 people").wait_for()
    page.wait_for_selector(f"{STAGE_DONE}:not([data-prediction=''])", timeout=60_000)
    assert page.locator("#viewer .stage").get_attribute("data-prediction") in LABELS
    page.context.close()
