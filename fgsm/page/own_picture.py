"""A visitor's own picture: bringing it, finding the face in it, framing it, taking it away again."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, cast

import gradio as gr
from PIL import Image

from ..faces.detect import Detection, detect
from ..faces.framing import Square, about_frame, fitted, frame, square_of
from ..texts import Refused, say
from .controls import View
from .drawings import I18N, drawn_by
from .inputs import Photo
from .messages import CropMessage, SquareMessage
from .photographs import data_url
from .staging import shown
from .uploads import STAGE, Upload
from .visit import Face, StageEvent, opened

TAB = "own"
MOST_PICTURES = 20  # whose names a visit remembers
MOST_DRAWN = 1e9  # pixels or degrees that a square may be drawn with, before it is fitted
PREVIEW = 480  # pixels of a visitor's picture, to aim at the face in it


def claimed(event: StageEvent) -> Upload:
    """The picture that the visit has brought, or the one on the stage where that one could not be used.

    Raises Refused where it is not the visit's.
    """
    visit, photo, uploads = event.visit, event.controls.photo, event.service.uploads
    if photo in visit.pictures and uploads.find(photo) is None and visit.face is not None and visit.face.brought:
        return cast(Upload, visit.face.source)
    upload = uploads.claim(photo, event.session)
    visit.pictures = {*list(visit.pictures)[-MOST_PICTURES:], upload.name}
    return upload


def choose_photo(event: StageEvent) -> Iterator[tuple[Any, CropMessage | None]]:
    """The stage, and the crop to adjust with the largest face in it."""
    view, visit, uploads = event.view(), event.visit, event.service.uploads
    if event.controls.photo is None:
        yield gr.skip(), None
        return
    before, shown_before, upload = visit.face, visit.newest, claimed(event)
    visit.face = chosen = Face(upload)
    try:
        picture = opened(event.service, upload, event.caller)
    except Refused:
        uploads.abandon(upload)
        if visit.face is chosen:
            visit.face = before
        raise
    uploads.keep_only(upload)
    framed, cropper = found_in(picture, upload, view, event.language)
    if visit.newest != shown_before and visit.face is not chosen:
        # something else was chosen meanwhile, or this one removed, or framed for another recogniser
        again = visit.face is not None and visit.face.source is upload
        yield gr.skip(), None if uploads.find(upload.name) is None else gr.skip() if again else cropper
        return
    yield gr.skip(), cropper
    del picture  # up to 27 MB, which need not wait for the computing
    if visit.newest == shown_before:  # else a control was moved meanwhile, and has attacked this picture
        for message in shown(event, view, framed):
            yield message, gr.skip()


def found_in(picture: Image.Image, upload: Upload, view: View, language: str) -> tuple[Face, CropMessage]:
    """The likeliest face in a visitor's picture as the view's recogniser frames it, and the crop that says so."""
    faces, config = detect(picture), view.model.config
    square = frame(picture, faces, config.input_size, config.framing)
    return Face(upload, None, square, config.framing), crop(picture, square, faces, view, language)


def framed_for(event: StageEvent, view: View, face: Face) -> tuple[Face, CropMessage | None]:
    """A face as the view's recogniser frames it: anew, with its crop, in a picture that was framed for another one.

    A square that the visitor has drawn stays as it is. Where there is none yet, the face is still being looked for.
    """
    if not isinstance(face.source, Upload):
        return face, None
    if face.square is not None and face.framing in (None, view.model.config.framing):
        return face, None
    return found_in(opened(event.service, face.source, event.caller), face.source, view, event.language)


def crop(picture: Image.Image, square: Square, faces: list[Detection], view: View, language: str) -> CropMessage:
    """What assets/crop/crop.js draws."""
    preview = picture.copy()
    preview.thumbnail((PREVIEW, PREVIEW))
    config = view.model.config
    keys = ("choose", "help") if len(faces) > 1 else ("help",)
    about = about_frame(picture, faces, config.input_size, config.framing, language)
    return {
        "preview": data_url(preview),
        "width": picture.width,
        "height": picture.height,
        "message": " ".join([about, *(say(f"crop.{key}", language) for key in keys)]),
        "faces": [in_message(square_of(face, picture, config.framing)) for face in faces],
        **in_message(square),
    }


def in_message(square: Square) -> SquareMessage:
    """A square as it is sent."""
    return cast(SquareMessage, asdict(square))


def change_crop(event: StageEvent) -> Iterator[Any]:
    """The stage with the square of the visitor's picture that the visitor has drawn."""
    view, upload = event.view(), claimed(event)
    picture = opened(event.service, upload, event.caller)
    drawn = event.told("x", "y", "side", "turn")
    if not all(type(value) in (int, float) and abs(value) < MOST_DRAWN for value in drawn):  # nor NaN
        raise Refused("refused.request")
    square = fitted(Square(*map(float, drawn)), picture)
    yield from shown(event, view, Face(upload, square=square))


def remove_photo(event: StageEvent) -> Iterator[tuple[Any, None]]:
    """The stage with a sample face again, and no crop: the visitor's picture is no longer kept."""
    view, visit = event.view(), event.visit
    if not event.caller.visitor.has_page:
        raise Refused("refused.request")  # what a caller without a page has brought goes by itself
    event.service.uploads.forget(event.session, STAGE)
    yield gr.skip(), None
    if visit.face is not None and visit.face.brought:
        visit.face = None
        for message in shown(event, view):
            yield message, gr.skip()


def take_photo(event: StageEvent) -> Iterator[tuple[Any, ...]]:
    """As `choose_photo` for one that the camera took; then it lies where a visitor's photograph does."""
    [name] = event.told("name")
    if not isinstance(name, str):
        raise Refused("refused.request")
    event.controls = replace(event.controls, photo=name)
    for stage, cropper in choose_photo(event):
        preview = cropper.get("preview") if cropper else None  # Gradio's word for no change has none
        photo, tab = ((name, preview), gr.Tabs(selected=TAB)) if preview else (gr.skip(), gr.skip())
        yield stage, cropper, photo, tab


def photo_of(label: Any, name: str, height: int, camera: bool = False) -> Photo:
    """An input for a picture of a face."""
    return Photo(
        sources=["upload", "webcam", "clipboard"] if camera else ["upload", "clipboard"],
        label=label,
        height=height,
        elem_id=name,
        elem_classes="photo",
        min_width=160,
    )


def build() -> tuple[Photo, gr.HTML]:
    """Lay out the picture, its crop, and what stands in for a camera."""
    with gr.Column(elem_id="own"):
        photo = photo_of(I18N("page.photo"), "photo", 200)
        cropper = drawn_by("crop", elem_id="crop", value=None)
    drawn_by("camera", elem_id="camera", elem_classes="camera-stand-in")
    gr.Markdown(I18N("page.privacy"))
    return photo, cropper
