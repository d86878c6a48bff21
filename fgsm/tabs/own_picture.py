"""A visitor's own picture: uploading, finding the face, framing it, and deleting it when the visit ends."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from .. import compute
from ..detect import Square, find_faces, frame, framing
from ..faces import SMALLEST
from ..stage import data_url
from ..texts import say
from . import I18N, drawn_by, language_of, politely
from .inputs import Photo
from .visit import Face, Visit, opened, show, view_of

PREVIEW = 480  # pixels of a visitor's picture, to aim at the face in it
brought: dict[str, set[Path]] = {}  # pictures of each visit


@politely
def choose_photo(request: gr.Request, visit: Visit, *values: Any) -> Iterator[tuple]:
    """The stage, and the crop to adjust with the largest face in it."""
    *settings, photo = values
    if photo is None:
        yield gr.skip(), None
        return
    brought.setdefault(request.session_hash, set()).add(photo)
    picture = opened(photo)
    faces = find_faces(picture)
    square = frame(picture, faces)
    shown = crop(picture, square, faces, language_of(request))
    for message in show(visit, view_of(visit, *settings), request, Face(photo, square=square)):
        yield message, shown
        shown = gr.skip()


def crop(picture: Image.Image, square: Square, faces: list[Square], language: str) -> dict:
    """What assets/crop/crop.js draws."""
    preview = picture.copy()
    preview.thumbnail((PREVIEW, PREVIEW))
    return {
        "preview": data_url(preview),
        "width": picture.width,
        "height": picture.height,
        "message": f"{framing(picture, faces, language)} {say('crop.help', language)}",
        "faces": [asdict(face) for face in faces],
        **asdict(square),
    }


@politely
def change_crop(request: gr.Request, event: gr.EventData, visit: Visit, *values: Any) -> Iterator[dict]:
    """The stage with the square of the visitor's picture that the visitor has drawn."""
    *settings, photo = values
    if photo is None:
        return
    picture = opened(photo)
    x, y, side = (float(value) for value in (event.x, event.y, event.side))
    side = min(max(SMALLEST, side), *picture.size)
    square = Square(min(max(0.0, x), picture.width - side), min(max(0.0, y), picture.height - side), side)
    yield from show(visit, view_of(visit, *settings), request, Face(photo, square=square))


def forget(request: gr.Request) -> None:
    """Delete the pictures of a visit that has ended, save what another visit has brought as well; give memory back."""
    own = brought.pop(request.session_hash, set())
    for photo in own - set().union(*brought.values()):
        photo.unlink(missing_ok=True)
    compute.give_back_memory()


def build() -> tuple[Photo, gr.HTML]:
    """Lay out the picture and its crop."""
    with gr.Row(elem_id="own"):
        sources = ["upload", "webcam", "clipboard"]
        photo = Photo(sources=sources, label=I18N("page.photo"), height=300, elem_id="photo", min_width=280)
        cropper = drawn_by("crop", elem_id="crop", value=None, min_width=280)
    gr.Markdown(I18N("page.privacy"))
    return photo, cropper
