"""Which files show the same picture, perhaps saved otherwise or at another size."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

FINGERPRINT = 16  # rows of as many bits
# Of 400 photographs, seven copies of each (JPEG, WebP, other sizes, brighter) differ from it in up to 16 of 256 bits;
# two photographs of one person in 15 or more, in less than 30 one pair in a hundred. Of a whole picture much may be an
# empty wall, the same behind everybody; of a face alone the frame may be drawn otherwise in a copy: both must agree.
ALIKE = np.array([[20], [48]])  # bits, of the whole picture and of the framed face


def fingerprint(picture: Image.Image) -> np.ndarray:
    """What stays the same of a picture when it is saved or scaled once more, as 1 and -1 for FINGERPRINT^2 bits.

    Each bit says whether a place is brighter than its left neighbour (N. Krawetz, "Kind of Like That", 2013).
    """
    small = picture.convert("L").resize((FINGERPRINT + 1, FINGERPRINT), Image.Resampling.LANCZOS)
    grey = np.asarray(small).astype(np.int16)
    return np.where(np.diff(grey) > 0, 1, -1).astype(np.float32).ravel()


def copies(prints: Mapping[Path, np.ndarray]) -> dict[Path, Path]:
    """For each file the first of all that show the same picture, by the fingerprints of picture and face, (2, bits)."""
    files = list(prints)
    rows = np.array([prints[file] for file in files]).reshape(len(files), 2, FINGERPRINT**2)
    first = np.arange(len(files))
    for at in range(len(files)):
        differing = (FINGERPRINT**2 - np.einsum("nkb,kb->kn", rows[:at], rows[at])) / 2
        for other in np.flatnonzero((differing <= ALIKE).all(0)):  # one may link two groups
            low, high = sorted((first[other], first[at]))
            first[first == high] = low
    return {file: files[low] for file, low in zip(files, first, strict=True)}
