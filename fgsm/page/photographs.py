"""Pictures as a page can hold them, and a photograph of each person whom a recogniser knows."""

import base64
import io
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from PIL import Image

from ..faces.people import people_if_any
from ..faces.picture import open_picture
from ..faces.prepare import as_picture, prepare
from ..places import folder_of
from ..texts import Refused, text_of
from .service import Chosen, Own, Service, shared

REFERENCE_SIZE = 96  # pixels
MOST_REFERENCES = 2000  # kept, of all recognisers together


def data_url(picture: Image.Image) -> str:
    """`picture`, pixel by pixel, as a PNG that a page can hold."""
    return _url(picture, "png")


def small_url(picture: Image.Image) -> str:
    """`picture` as a page can hold it, small, and nearly the same to the eye."""
    return _url(picture, "webp", quality=80, method=6)


def _url(picture: Image.Image, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind.upper(), **options)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def contact_sheet(pictures: Sequence[Image.Image | None], columns: int, size: int) -> Image.Image:
    """Square pictures of `size` pixels side by side, row by row; an empty place for each that is None."""
    sheet = Image.new("RGB", (columns * size, max(1, -(-len(pictures) // columns)) * size), "#808080")
    for at, picture in enumerate(pictures):
        if picture is not None:
            sheet.paste(picture, (at % columns * size, at // columns * size))
    return sheet


def encode(array: np.ndarray) -> str:
    """The bytes of `array` as base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def reference_photograph(service: Service, chosen: Chosen, label: str) -> str | None:
    """Data URL of `reference_picture`; of somebody whom the visit has enrolled, of the face that it has."""
    if isinstance(chosen, Own) and label in chosen.faces:
        return chosen.faces[label].small
    picture = reference_picture(service, chosen, label)
    return small_url(picture) if picture else None


def reference_picture(service: Service, chosen: Chosen, label: str) -> Image.Image | None:
    """The first photograph of the person `label` that the recogniser is not tested on, framed.

    None where there is none on this machine.
    """
    chosen = shared(chosen)

    def made() -> tuple[Image.Image | None]:
        root = folder_of(chosen.config.faces)
        people = service.kept("people", chosen, lambda: people_if_any(root))
        for photograph in people.get(label, []):
            if text_of(photograph.relative_to(root)) not in chosen.config.tested:
                with suppress(Refused):  # a file that is no picture: the next one
                    return (as_picture(prepare(open_picture(photograph), REFERENCE_SIZE, chosen.config.framing)),)
        return (None,)

    return service.kept("references", chosen, made, label, most=MOST_REFERENCES)[0]
