"""A visitor's own picture: bringing it, finding the face in it, framing it, taking it away again."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr
from PIL import Image

from ..detect import Square, find_faces, frame, framing
from ..pictures import SMALLEST
from ..stage import data_url
from ..texts import Refused, say
from . import I18N, brought, caller, config_of, drawn_by, language_of, told
from .inputs import Photo
from .uploads import Upload
from .visit import Face, View, Visit, opened, show, staged, view_of

MOST_PICTURES = 20  # whose names a visit remembers
PREVIEW = 480  # pixels of a visitor's picture, to aim at the face in it


def claimed(visit: Visit, view: View, request: gr.Request) -> Upload:
    """The picture that the visit has brought, or the one on the stage where that one could not be used.

    Raises Refused where it is not the visit's.
    """
    if view.photo in visit.pictures and brought.find(view.photo) is None and visit.face is not None and visit.face.own:
        return visit.face.source
    upload = brought.claim(view.photo, request.session_hash)
    visit.pictures = {*list(visit.pictures)[-MOST_PICTURES:], upload.name}
    return upload


@staged
def choose_photo(request: gr.Request, visit: Visit, *settings: Any) -> Iterator[tuple]:
    """The stage, and the crop to adjust with the largest face in it."""
    view = view_of(visit, *settings)
    if view.photo is None:
        yield gr.skip(), None
        return
    before, shown, upload = visit.face, visit.attack, claimed(visit, view, request)
    visit.face = chosen = Face(upload)
    try:
        picture = opened(upload, caller(request))
    except Refused:
        brought.abandon(upload)
        if visit.face is chosen:
            visit.face = before
        raise
    brought.keep_only(upload)
    faces = find_faces(picture)
    size = config_of(view.model).input_size
    square = frame(picture, faces, size)
    cropper = crop(picture, square, faces, size, language_of(request))
    if visit.attack != shown and visit.face is not chosen:  # something else was chosen meanwhile, or this one removed
        gone = brought.find(upload.name) is None
        yield gr.skip(), None if gone else cropper
        return
    yield gr.skip(), cropper
    del picture  # up to 27 MB, which need not wait for the computing
    if visit.attack == shown:  # else a control was moved meanwhile, and has attacked this picture
        for message in show(visit, view, request, Face(upload, square=square)):
            yield message, gr.skip()


def crop(picture: Image.Image, square: Square, faces: list[Square], size: int, language: str) -> dict:
    """What assets/crop/crop.js draws, for a recogniser of that input size."""
    preview = picture.copy()
    preview.thumbnail((PREVIEW, PREVIEW))
    return {
        "preview": data_url(preview),
        "width": picture.width,
        "height": picture.height,
        "message": f"{framing(picture, faces, size, language)} {say('crop.help', language)}",
        "faces": [asdict(face) for face in faces],
        **asdict(square),
    }


@staged
def change_crop(request: gr.Request, event: gr.EventData, visit: Visit, *settings: Any) -> Iterator[dict]:
    """The stage with the square of the visitor's picture that the visitor has drawn."""
    view = view_of(visit, *settings)
    upload = claimed(visit, view, request)
    picture = opened(upload, caller(request))
    square = told(event, "x", "y", "side")
    if not all(type(value) in (int, float) and math.isfinite(value) for value in square):
        raise Refused("refused.request")
    x, y, side = square
    side = min(max(SMALLEST, side), *picture.size)
    square = Square(min(max(0.0, x), picture.width - side), min(max(0.0, y), picture.height - side), side)
    yield from show(visit, view, request, Face(upload, square=square))


@staged
def remove_photo(request: gr.Request, visit: Visit, *settings: Any) -> Iterator[tuple]:
    """The stage with a sample face again, and no crop: the visitor's picture is no longer kept."""
    view = view_of(visit, *settings)
    if not caller(request).visitor.has_page:
        raise Refused("refused.request")  # what a caller without a page has brought goes by itself
    brought.end(request.session_hash, files=False)
    yield gr.skip(), None
    if visit.face is not None and visit.face.own:
        visit.face = None
        for message in show(visit, view, request):
            yield message, gr.skip()


def build() -> tuple[Photo, gr.HTML]:
    """Lay out the picture, its crop, and what stands in for a camera."""
    with gr.Row(elem_id="own"):
        sources = ["upload", "webcam", "clipboard"]
        photo = Photo(sources=sources, label=I18N("page.photo"), height=300, elem_id="photo", min_width=280)
        cropper = drawn_by("crop", elem_id="crop", value=None, min_width=280)
    drawn_by("camera", elem_id="camera")
    gr.Markdown(I18N("page.privacy"))
    return photo, cropper
