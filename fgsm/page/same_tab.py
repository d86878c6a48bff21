"""The tab "Same person?": two pictures, how far apart they are, and the first one attacked. See assets/same/."""

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import gradio as gr
from torch import Tensor

from ..attacks import ATTACKS
from ..attacks.fgsm import FGSM
from ..faces.people import people_if_any
from ..faces.prepare import Framed, as_picture, framed
from ..measures.epsilons import known_epsilon
from ..places import folder_of
from ..recognizers.enrol import BASE, pair_with
from ..texts import Refused, say
from . import api
from .attack_tab import SHARED
from .controls import DEFAULT_TOP, POSITIONS, TOPS, View
from .drawings import I18N, drawn_by, tell_drawing
from .event import Event, politely, without_last_word
from .inputs import Name, Photo, Text
from .lent_gpu import on_gpu
from .messages import PairMessage, StageMessage
from .own_picture import photo_of
from .photographs import data_url
from .service import Chosen, Service
from .stage import perform
from .staging import expected
from .turns import Asker
from .uploads import Upload
from .visit import opened

PLACES = ("first", "second")
OPENING = 11  # the position of the person on the first pair; those on the next ones can be fooled as well
APART = 7  # positions from the person on one pair to that on the next
PRIVATE: dict[str, Any] = {**SHARED, "concurrency_id": "pair", "api_visibility": "undocumented"}


@dataclass
class Pair:
    """What one visit's tab shows: two sample faces, in whose places its own pictures may stand, and a rising number.

    `chosen` counts the sample pairs so far. By place, `unusable` has the name of a picture that could not be opened,
    and `meant` which of the faces in a picture of that name is compared.
    """

    samples: tuple[Path, Path] | None = None
    chosen: int = 0
    number: int = 0
    unusable: dict[str, str] = field(default_factory=dict)
    meant: dict[str, tuple[str, int]] = field(default_factory=dict)

    def meant_in(self, place: str, name: str | None) -> int:
        """Which of the faces in the picture of that name, in that place, is meant: 0 for the first."""
        picture, at = self.meant.get(place, ("", 0))
        return at if picture == name else 0


class PairEvent(Event):
    """An event of the tab's: with what it shows, the names of the pictures brought, and the epsilon of its slider."""

    pair: Pair
    photos: dict[str, str | None]
    epsilon: Any

    def on(self, pair: Pair, first: str | None, second: str | None, epsilon: Any) -> "PairEvent":
        self.pair, self.epsilon = pair, epsilon
        self.photos = dict(zip(PLACES, (first, second), strict=True))
        return self


def sample_pair(service: Service, chosen: Chosen, number: int, same: bool) -> tuple[Path, Path]:
    """Two photographs of one person, or of two, among those whom a recogniser knows; another pair for each `number`."""
    root = folder_of(chosen.config.faces)
    everyone = service.kept("people", chosen, lambda: people_if_any(root))
    people = [theirs for theirs in everyone.values() if len(theirs) > 1]
    if len(people) < 2:
        raise Refused("refused.no_pictures")
    at = OPENING + APART * number
    one, other = people[at % len(people)], people[(at + 1) % len(people)]
    return one[0], one[-1] if same else other[0]


def source_of(event: PairEvent, place: str) -> Path | Upload:
    """The picture that the visit has brought in that place or, where it has none that can be used, a sample face."""
    name, pair = event.photos[place], event.pair
    if name is not None and name != pair.unusable.get(place):
        upload = event.service.uploads.claim(name, event.session, place)
        event.service.uploads.keep_only(upload)
        return upload
    return cast(tuple[Path, Path], pair.samples)[PLACES.index(place)]


def framed_for(event: PairEvent, chosen: Chosen, place: str, source: Path | Upload) -> Framed:
    """The picture in that place as the recogniser sees it. One that cannot be opened is forgotten."""
    try:
        picture = opened(event.service, source, event.caller)
    except Refused:
        if isinstance(source, Upload):
            event.service.uploads.abandon(source)
            event.pair.unusable[place] = source.name
        raise
    meant = event.pair.meant_in(place, event.photos[place])
    return framed(picture, chosen.config.input_size, chosen.config.framing, event.language, meant)


def shown(event: PairEvent) -> Iterator[PairMessage]:
    """Messages about the two pictures, until the visit turns to another pair."""
    pair, service = event.pair, event.service
    chosen = service.choose(BASE)
    view = View(chosen, known_epsilon(event.epsilon)).at_position()
    pair.number = current = max(pair.number + 1, time.time_ns() // 1000)  # rises across restarts of the server, too
    if pair.samples is None:
        pair.samples = sample_pair(service, chosen, 0, same=True)
    sources = [source_of(event, place) for place in PLACES]
    first, second = (framed_for(event, chosen, *one) for one in zip(PLACES, sources, strict=True))
    ours = not any(isinstance(source, Upload) for source in sources)
    both = list(zip(sources, (first, second), strict=True))
    about = ["" if ours else about_picture(source, one, event.language) for source, one in both]
    faces = [other_face(one, event.language) for one in (first, second)]
    for message in messages(service, view, (first.face, second.face), sources, event.caller):
        if pair.number != current:
            return
        yield {
            "id": current,
            "stage": message,
            "second": data_url(as_picture(second.face)),
            "about": about,
            "faces": faces,
            "gain": TOPS[view.top],
        }


def about_picture(source: Path | Upload, one: Framed, language: str) -> str:
    """What is to be known of a picture: that it is ours, or how it was framed where that is not as expected."""
    if isinstance(source, Path):
        return say("same.sample", language)
    if one.faces > 1:
        return say("same.several", language, count=one.faces)
    return "" if one.about == say("framing.one", language) else one.about


def other_face(one: Framed, language: str) -> str:
    """What the button says that means the next face in a picture; empty where there is no other."""
    if one.faces < 2:
        return ""
    return say("same.other_face", language, face=one.at + 1, faces=one.faces)


def mean_other_face(event: PairEvent) -> Iterator[PairMessage]:
    """The pair with the next face in one of its pictures."""
    [place] = event.told("place")
    if place not in PLACES or (name := event.photos[place]) is None:
        raise Refused("refused.request")
    event.pair.meant[place] = name, event.pair.meant_in(place, name) + 1
    yield from shown(event)


def messages(
    service: Service, view: View, faces: tuple[Tensor, Tensor], sources: list[Path | Upload], asker: Asker
) -> Iterator[StageMessage]:
    """The stage's messages about the first of two faces; of sample faces that were compared before, at once all."""
    finished, key = service.results("pairs"), (view.model, *sources)
    if (before := finished.get(key)) is not None:
        yield before
        return
    seconds, first = expected(view)
    with service.computer.work(asker, seconds, first) as work:
        for message in service.stream(work, performed, service, view, *faces):
            yield message
    if not any(isinstance(source, Upload) for source in sources):
        finished.put(key, message)


@on_gpu
def performed(service: Service, view: View, first: Tensor, second: Tensor) -> Iterator[StageMessage]:
    """What `perform` says of the first face to a recogniser that knows the second alone."""
    yield from perform(pair_with(service.network(view.model), second), first, view.epsilons, view.epsilon)


def open_pair(event: PairEvent) -> Iterator[PairMessage]:
    """The pair that the tab begins with, or what stands there."""
    yield from shown(event)


def choose_pair(event: PairEvent, same: bool) -> Iterator[tuple[Any, Any, Any]]:
    """Another pair of sample faces, in place of whatever the visit has brought."""
    pair, service = event.pair, event.service
    pair.chosen += pair.samples is not None
    pair.samples = sample_pair(service, service.choose(BASE), pair.chosen, same)
    if event.caller.visitor.has_page:  # what a caller without a page has brought goes by itself
        for place in PLACES:
            service.uploads.forget(event.session, place)
    event.photos = dict.fromkeys(PLACES)
    values: tuple[Any, Any] = (None, None)
    for message in shown(event):
        yield message, *values
        values = (gr.skip(), gr.skip())


def choose_one_person(event: PairEvent) -> Iterator[tuple[Any, Any, Any]]:
    """Two photographs of one person."""
    yield from choose_pair(event, same=True)


def choose_two_people(event: PairEvent) -> Iterator[tuple[Any, Any, Any]]:
    """Photographs of two people."""
    yield from choose_pair(event, same=False)


def bring_picture(event: PairEvent) -> Iterator[PairMessage]:
    """A picture of the visit's own in one of the places."""
    yield from shown(event)


def remove_picture(event: PairEvent, place: str) -> Iterator[PairMessage]:
    """A sample face in that place again: the visit's own picture is no longer kept."""
    if not event.caller.visitor.has_page:
        raise Refused("refused.request")
    event.service.uploads.forget(event.session, place)
    event.photos[place] = None
    yield from shown(event)


def build(page: gr.Blocks, service: Service) -> None:
    """Lay out the tab's components and bind their events."""
    pair = gr.State(Pair())
    gr.Markdown(I18N("same.welcome"))
    with gr.Row():
        one_person = gr.Button(I18N("same.one_person"), elem_id="one-person", scale=2, min_width=140)
        two_people = gr.Button(I18N("same.two_people"), elem_id="two-people", scale=2, min_width=140)
        slider = gr.Slider(
            0,
            DEFAULT_TOP,
            0,
            step=DEFAULT_TOP / POSITIONS,
            label=I18N("page.epsilon"),
            elem_id="same-epsilon",
            interactive=True,
            scale=6,
            min_width=280,
        )
    drawing = drawn_by("same", elem_id="same", value=None)
    with gr.Row(elem_id="pair"):
        photos = [photo_of(I18N(f"same.{place}"), place, 240, camera=True) for place in PLACES]
    drawn_by("camera", elem_id="pair-camera", elem_classes="camera-stand-in")
    gr.Markdown(I18N("page.privacy"))

    def on(trigger: Callable[..., Any], handler: Callable[[PairEvent], Any], name: str, *outputs: Any) -> None:
        def answer(
            pair: Pair,
            first: Any,
            second: Any,
            epsilon: Any,
            request: gr.Request,
            data: gr.EventData = None,  # type: ignore[assignment]
        ) -> Iterator[Any]:
            event = PairEvent(service, request, data).on(pair, first, second, epsilon)
            yield from politely(without_last_word(handler))(event)

        answer.__name__ = name
        trigger(answer, [pair, *photos, slider], [drawing, *outputs], **PRIVATE)

    on(drawing.input, open_pair, "open_pair")
    on(drawing.select, mean_other_face, "mean_other_face")
    on(one_person.click, choose_one_person, "choose_one_person", *photos)
    on(two_people.click, choose_two_people, "choose_two_people", *photos)
    for place, photo in zip(PLACES, photos, strict=True):
        on(photo.input, bring_picture, f"bring_{place}")
        on(photo.clear, functools.partial(remove_picture, place=place), f"remove_{place}")
    tell_drawing(slider, "#same .pair")
    _offer_api(service, *photos)


def _offer_api(service: Service, first: Photo, second: Photo) -> None:
    """The endpoint /verify."""

    def answer(first: Any, second: Any, model: Any, epsilon: Any, attack: Any, request: gr.Request) -> Any:
        return politely(api.verify)(Event(service, request), first, second, model, epsilon, attack)

    asked = [
        Name([BASE], value=BASE, label="model", visible=False),
        Text("", label="epsilon", visible=False),
        Name(list(ATTACKS), value=FGSM.name, label="attack", visible=False),
    ]
    button = gr.Button(visible=False)
    button.click(answer, [first, second, *asked], gr.JSON(visible=False), api_name="verify", concurrency_limit=None)
