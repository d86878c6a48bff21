"""Pictures as a page can hold them, and a photograph of each person whom a recogniser knows."""

import base64
import io
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
    """`picture` as a PNG that a page can hold."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def encode(array: np.ndarray) -> str:
    """The bytes of `array` as base64."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def reference_photograph(service: Service, chosen: Chosen, label: str) -> str | None:
    """Data URL of the first photograph of the person `label` that the recogniser is not tested on.

    Of somebody whom the visit has enrolled it is that one. None where there is none on this machine.
    """
    if isinstance(chosen, Own) and label in chosen.faces:
        return chosen.faces[label].small
    chosen = shared(chosen)

    def made() -> tuple[str | None]:
        root = folder_of(chosen.config.faces)
        people = service.kept("people", chosen, lambda: people_if_any(root))
        for photograph in people.get(label, []):
            if text_of(photograph.relative_to(root)) not in chosen.config.tested:
                with suppress(Refused):  # a file that is no picture: the next one
                    face = prepare(open_picture(photograph), REFERENCE_SIZE, chosen.config.framing)
                    return (data_url(as_picture(face).quantize()),)
        return (None,)

    return service.kept("references", chosen, made, label, most=MOST_REFERENCES)[0]
