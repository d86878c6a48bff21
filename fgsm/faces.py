"""Folders of faces, the split into training and test faces, and the one way from a picture to model input.

A data set is a folder with one folder per person, each holding that person's photographs. Underscores in a
folder's name are read as spaces: `person_12` is "person 12".
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from .texts import Refused

PROJECT = Path(__file__).resolve().parent.parent
BUILTIN_FACES = PROJECT / "assets" / "faces"
TRAIN_PHOTOGRAPHS = 5  # of ten: the protocol the literature uses for the Database of Faces
SUFFIXES = {".png", ".jpg", ".jpeg", ".pgm", ".bmp", ".webp", ".tif", ".tiff", ".gif"}


def person_of(photograph: Path) -> str:
    """The label of a photograph: the name of its folder, with underscores read as spaces."""
    return photograph.parent.name.replace("_", " ")


def list_people(root: Path) -> dict[str, list[Path]]:
    """Photographs of each person under `root`, people and photographs in the order of their names.

    Raises Refused where `root` holds no folder with pictures.
    """
    folders = sorted(path for path in Path(root).glob("*") if path.is_dir())
    people = {
        folder.name.replace("_", " "): sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        for folder in folders
    }
    people = {person: photographs for person, photographs in people.items() if photographs}
    if not people:
        raise Refused("refused.no_faces")
    return people


def split(people: dict[str, list[Path]], train: int = TRAIN_PHOTOGRAPHS) -> tuple[list[Path], list[Path]]:
    """Training and test photographs: the first `train` of each person, and the others.

    With five of ten this is the protocol of Samaria & Harter's data set as in Lawrence et al., "Face Recognition: A
    Convolutional Neural-Network Approach", IEEE Trans. Neural Networks 8(1), 1997.
    """
    photographs = people.values()
    return [p for own in photographs for p in own[:train]], [p for own in photographs for p in own[train:]]


def open_picture(path: Path) -> Image.Image:
    """The picture in the file `path`, decoded. Raises Refused where that fails."""
    try:
        picture = Image.open(path)
        picture.load()
    except FileNotFoundError:
        raise Refused("refused.missing_file", file=path) from None
    except Exception:  # the decoders raise many kinds
        raise Refused("refused.unreadable") from None
    return picture


def upright_rgb(picture: Image.Image) -> Image.Image:
    """`picture` as a person sees it, in 8-bit RGB.

    Turned as its EXIF orientation says, first frame, transparency laid on white, 16 bits scaled to 8.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        return _scaled_to_8_bits(picture).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _scaled_to_8_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, dtype=np.float64)
    # Modes I and F do not say their scale: only what exceeds 255 can be on that of 16 bits.
    sixteen = picture.mode.startswith("I;16") or values.max(initial=0) > 255
    scale = 255 / 65535 if sixteen else 1.0
    return Image.fromarray(np.rint(values * scale).clip(0, 255).astype(np.uint8))


def prepare(picture: Image.Image, size: int) -> torch.Tensor:
    """Any picture as model input: upright, RGB, its centre square at `size` x `size` pixels.

    Returns float32 of shape (3, size, size) in [0, 1]; every value is n/255, so the tensor is an 8-bit picture.
    The one way in, for training, test sets and visitors alike.
    """
    square = ImageOps.fit(upright_rgb(picture), (size, size), method=Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(square))
    return pixels.permute(2, 0, 1).contiguous().float() / 255


def load_faces(photographs: Iterable[Path], size: int) -> torch.Tensor:
    """Photographs as one float32 batch of shape (N, 3, size, size) in [0, 1]."""
    return torch.stack([prepare(open_picture(photograph), size) for photograph in photographs])
