import numpy as np
import pytest
import torch
from PIL import Image

from fgsm.attacks.fgsm import fgsm
from fgsm.attacks.pgd import pgd
from fgsm.faces.framing import PLAIN
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.resnet import ResNet
from fgsm.recognizers.survey import available_recognizers
from fgsm.recognizers.testset import load_test_set

from .conftest import SHIPPED_MODELS


def test_the_three_recognisers_are_shipped():
    assert {"resnet", "resnet18", "resnet101"} <= set(available_recognizers())


def test_accuracy_of_the_shipped_files_is_what_their_config_says(recognizer):
    """Recomputed with nothing of ours but the network: own reading, cropping and counting."""
    if recognizer.config.framing != PLAIN:
        pytest.skip("aligned by a detector: see test_enrolled.py")
    photographs = [BUILTIN_FACES / name for name in recognizer.config.test_photographs]
    images = []
    for photograph in photographs:
        picture = Image.open(photograph).convert("RGB")
        left, top = (picture.width - 92) // 2, (picture.height - 92) // 2
        square = picture.crop((left, top, left + 92, top + 92)).resize((112, 112), Image.Resampling.BICUBIC)
        images.append(torch.from_numpy(np.asarray(square).astype(np.float32) / 255).permute(2, 0, 1))
    with torch.inference_mode():
        answers = torch.cat([recognizer(part).argmax(1) for part in torch.stack(images).split(20)])
    named = [photograph.parent.name.replace("_", " ") for photograph in photographs]
    right = sum(recognizer.labels[at] == person for at, person in zip(answers.tolist(), named, strict=True))
    assert len(photographs) == 200
    assert right / len(photographs) == pytest.approx(recognizer.config.test_accuracy, abs=1e-9)


def test_weights_are_float16_safetensors_below_95_megabytes(recognizer):
    from safetensors import safe_open

    files = list((SHIPPED_MODELS / recognizer.name).glob("*.safetensors"))
    assert files and all(file.stat().st_size < 95e6 for file in files)
    for file in files:
        with safe_open(file, "pt") as weights:
            kinds = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118
        assert kinds <= {"F16", "I64"}


def test_a_recogniser_is_frozen_and_in_eval_mode(recognizer):
    assert not recognizer.training
    assert not any(parameter.requires_grad for parameter in recognizer.parameters())


def test_normalisation_is_inside(recognizer, faces):
    images, _ = faces
    mean, std = (torch.tensor(getattr(recognizer.config, key)).view(3, 1, 1) for key in ("mean", "std"))
    with torch.inference_mode():
        assert torch.allclose(recognizer(images), recognizer.network((images - mean) / std), atol=1e-3)


@pytest.mark.parametrize("name", ["nobody", "../models/resnet18", "", "resnet18/"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(ValueError, match="no recogniser named"):
        load_recognizer(name)


def test_resnet_has_the_course_projects_shape_and_names():
    network = ResNet(num_classes=31)
    assert sum(parameter.numel() for parameter in network.parameters()) == 54_892_767
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["conv1.0.weight"] == (64, 3, 7, 7) and "conv1.0.bias" not in shapes
    assert shapes["conv1.1.running_mean"] == (64,)
    assert shapes["layer0.0.conv1.0.bias"] == (64,) and "layer0.0.downsample.0.weight" not in shapes
    assert shapes["layer0.0.conv1.1.weight"] == shapes["layer0.0.conv2.1.weight"] == (64,)
    assert shapes["layer1.0.downsample.0.weight"] == (128, 64, 1, 1) and "layer1.0.downsample.0.bias" not in shapes
    assert shapes["layer4.1.conv2.0.weight"] == (1024, 1024, 3, 3) and shapes["fc.weight"] == (31, 1024)
    assert [len(network.get_submodule(f"layer{stage}")) for stage in range(5)] == [3, 4, 6, 3, 2]


def test_the_robust_recogniser_resists_and_does_not_hide_its_gradients():
    robust, plain = (load_recognizer(name, "cpu", SHIPPED_MODELS) for name in ("resnet18-robust", "resnet18"))
    images, labels = (part[::2] for part in load_test_set(robust))
    epsilon = 0.03

    def right(model, attacked):
        return model(attacked).argmax(1) == labels[: len(attacked)]

    one_step = right(robust, fgsm(robust, images, labels, epsilon))
    assert right(plain, fgsm(plain, images, labels, epsilon)).float().mean() < 0.1
    assert one_step.float().mean() >= 0.75
    some = 40
    torch.manual_seed(0)
    attacked = pgd(robust, images[:some], labels[:some], epsilon, 20, step_size=epsilon / 4)
    many_steps = right(robust, attacked)
    assert many_steps.float().mean() >= 0.58
    assert many_steps.sum() <= one_step[:some].sum()  # where more steps do less, gradients are masked
