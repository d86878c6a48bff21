"""The same answers on CUDA as on the CPU; skipped where there is no CUDA."""

import pytest
import torch

from fgsm.attacks.gradient import sign_gradient
from fgsm.faces.prepare import load_faces
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.dlib_network import INPUT_SIZE, DlibNetwork
from fgsm.recognizers.recognizer import load_recognizer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")


def test_signs_agree(recognizer, faces):
    images, labels = faces
    on_cuda = load_recognizer(recognizer.name, device="cuda")
    there = sign_gradient(on_cuda, images.cuda(), labels.cuda()).cpu()
    assert (there == sign_gradient(recognizer, images, labels)).double().mean() >= 0.999


def test_predictions_agree_on_all_test_faces(recognizer):
    on_cuda = load_recognizer(recognizer.name, device="cuda")
    images = load_faces([BUILTIN_FACES / p for p in recognizer.config.test_photographs], recognizer.input_size)
    with torch.inference_mode():
        assert torch.equal(on_cuda(images.cuda()).argmax(1).cpu(), recognizer(images).argmax(1))


def test_dlibs_network_agrees():
    network = DlibNetwork().eval()
    images = torch.rand(4, 3, INPUT_SIZE, INPUT_SIZE)
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        here = network(images)
        torch.testing.assert_close(network.cuda()(images.cuda()).cpu(), here, rtol=1e-4, atol=1e-5)
