"""Adding people of one's own: each function answers one event. What the browser draws stands in assets/enrol/."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
from PIL import Image

from ..faces.framing import Square
from ..recognizers.enrol import BASE, people_in
from ..texts import Refused, say
from .controls import IMPERSONATE, choices
from .enrolment import ONE_PERSON, confused, drafted, recognizer_of, spread
from .messages import EnrolMessage
from .own_people import OwnPerson, changing, free_name
from .stage_events import faces_of, lists_of
from .staging import shown
from .uploads import Upload
from .visit import Face, StageEvent, opened

TAB = "enrol"
USE = "enrolment"  # what pictures are claimed for
AT_ONCE = 5  # pictures that one event brings
LONGEST_FILE = 100  # letters of a file's name
MOST_NOTES = 8

Whole = tuple[Any, ...]  # the drawing, the stage, the slider, the recogniser, samples, people to become, no samples
SKIP = gr.skip()


def message_for(event: StageEvent, problem: str = "", batch: int = 0, added: bool = False) -> EnrolMessage:
    """What assets/enrol draws: the visit's people and its draft, and what became of what was asked for."""
    own = event.visit.people
    return {
        "drafted": [
            {
                "number": picture.number,
                "group": picture.group,
                "photograph": picture.face.small,
                "face": picture.at + 1,
                "faces": len(picture.faces),
            }
            for picture in own.draft
        ],
        "people": [{"name": person.name, "photograph": person.face.small} for person in own.enrolled],
        "notes": list(own.notes),
        "problem": problem,
        "batch": batch,
        "added": added,
        "asked": own.asked,
    }


def add_pictures(event: StageEvent) -> Iterator[EnrolMessage]:
    """The draft with the pictures that the browser has sent, one after the other; then that this `batch` is done."""
    names, files, batch = event.told("names", "files", "batch")
    if not (_are_texts(names) and _are_texts(files) and len(names) == len(files) and type(batch) is int and batch > 0):
        raise Refused("refused.request")
    if batch == 1:
        event.visit.people.notes = ()
    with _claimed(event, names) as uploads:
        for name, file in zip(names, files, strict=True):
            _draft(event, _written(file), partial(_picture, event, uploads.get(name)))
            yield message_for(event)
    yield message_for(event, batch=batch)
    faces_of(event.service, event.service.choose(BASE))  # while a name is typed: it is wanted soon


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= AT_ONCE and all(isinstance(item, str) for item in value)


def _written(file: str) -> str:
    """The beginning of a file's name, without what is no letter."""
    return "".join(letter for letter in file[:LONGEST_FILE] if letter.isprintable())


@contextmanager
def _claimed(event: StageEvent, names: list[str]) -> Iterator[dict[str, Upload]]:
    """The uploads of these names that are the visit's, or may be, until they have been looked at."""
    uploads = {}
    for name in names:
        with suppress(Refused):
            uploads[name] = event.service.uploads.claim(name, event.session, USE)
    try:
        yield uploads
    finally:
        for upload in uploads.values():
            event.service.uploads.abandon(upload)


def _picture(event: StageEvent, upload: Upload | None) -> Image.Image:
    if upload is None:
        raise Refused("refused.gone")
    return opened(event.service, upload, event.caller)


def _draft(event: StageEvent, file: str, picture: Callable[[], Image.Image], drawn: Square | None = None) -> None:
    """Put a picture into the draft, of several faces in it the one in a square `drawn`, or a note on why not."""
    own, note = event.visit.people, None
    try:
        found = drafted(event, picture(), file, drawn)
        own.add(found)
        if len(found.faces) > 1:
            note = say("enrol.several", event.language, count=len(found.faces), file=file)
    except Refused as refused:
        note = say("enrol.not_used", event.language, file=file, why=refused.sentence(event.language))
    with changing:
        if note is not None and note not in own.notes:
            own.notes = (*own.notes, note)[-MOST_NOTES:]


def take_from_stage(event: StageEvent) -> Iterator[EnrolMessage]:
    """The draft with the picture whose face is on the stage."""
    face = event.face(event.view())
    if face is None:
        raise Refused("refused.no_picture")
    event.visit.people.notes = ()
    picture = partial(opened, event.service, face.source, event.caller)
    _draft(event, say("enrol.on_stage", event.language), picture, face.square)
    event.visit.people.asked += 1
    yield message_for(event)
    faces_of(event.service, event.service.choose(BASE))


def take_stranger(event: StageEvent) -> Iterator[tuple[EnrolMessage, Any]]:
    """`take_from_stage`, with its tab in front."""
    for message in take_from_stage(event):
        yield message, gr.Tabs(selected=TAB)


def other_face(event: StageEvent) -> EnrolMessage:
    """The draft with the next face in a picture of it that shows several."""
    [number] = event.told("number")
    return _answered(event, lambda: event.visit.people.turn(number))


def drop_picture(event: StageEvent) -> EnrolMessage:
    """The draft without a picture."""
    [number] = event.told("number")
    return _answered(event, lambda: event.visit.people.drop(number))


def _answered(event: StageEvent, change: Callable[[], Any]) -> EnrolMessage:
    try:
        change()
    except Refused as refused:
        return message_for(event, refused.sentence(event.language))
    return message_for(event)


def add_person(event: StageEvent) -> Iterator[Whole]:
    """The whole tab with the people of the draft enrolled, the first of them on the stage."""
    name, agreed = event.told("name", "agreed")
    try:
        people = _add(event, name, agreed)
    except Refused as refused:
        yield message_for(event, refused.sentence(event.language)), *[SKIP] * 6
        return
    event.controls = replace(event.controls, model=BASE)
    first = Face(people[0].face, people[0].name)
    yield from _shown(event, message_for(event, added=True), first, move_to=0.0)


def _add(event: StageEvent, name: object, agreed: object) -> list[OwnPerson]:
    own = event.visit.people
    if agreed is not True:
        raise Refused("refused.consent")
    if not isinstance(name, str):
        raise Refused("refused.request")
    with changing:
        people = own.from_draft(name, [*own.names(), *event.service.choose(BASE).config.labels])
        _enrol(event, (*people, *own.enrolled))
        own.draft, own.notes = (), tuple(_notes_on(event, people))[:MOST_NOTES]
    return people


def _enrol(event: StageEvent, people: tuple[OwnPerson, ...]) -> None:
    """Have the visit's own recogniser know these people, or have none where there is nobody."""
    visit = event.visit
    others = {name: own for name, own in visit.recognizers.items() if name != BASE}
    visit.recognizers = others | ({BASE: recognizer_of(event.service, people)} if people else {})
    visit.people.enrolled = people


def _notes_on(event: StageEvent, people: Sequence[OwnPerson]) -> Iterator[str]:
    """What a visitor should know of people who have just been enrolled."""
    names, language = [person.name for person in people], event.language
    yield say("enrol.added", language, people=", ".join(names))
    if any(len(person.embeddings) == 1 for person in people):
        yield say("enrol.one_picture", language)
    network = event.visit.recognizers[BASE].network
    for person in people:
        if (apart := spread(person.embeddings)) > ONE_PERSON:
            about = {"person": person.name, "distance": f"{apart:.2f}", "most": f"{ONE_PERSON:g}"}
            yield say("enrol.apart", language, **about)
    for one, other in confused(people_in(network), names, network.config.threshold or 0.0):
        yield say("enrol.confused", language, one=one, other=other)


def rename_person(event: StageEvent) -> Iterator[Whole]:
    """The whole tab with one of the visit's people under another name."""
    before, name = event.told("person", "name")

    def rename() -> str:
        visit, person = event.visit, event.visit.people.named(before)
        others = [other for other in visit.people.names() if other != before]
        known = free_name(name, [*others, *event.service.choose(BASE).config.labels])
        renamed = replace(person, name=known)
        _enrol(event, tuple(renamed if one is person else one for one in visit.people.enrolled))
        visit.target = known if visit.target == before else visit.target
        if _on_stage(event, person):
            visit.face = Face(person.face, known)
        return say("enrol.renamed", event.language, before=person.name, person=known)

    yield from _changed(event, rename)


def remove_person(event: StageEvent) -> Iterator[Whole]:
    """The whole tab without one of the visit's people."""
    [name] = event.told("person")

    def remove() -> str:
        visit, person = event.visit, event.visit.people.named(name)
        _enrol(event, tuple(one for one in visit.people.enrolled if one is not person))
        visit.target = None if visit.target == name else visit.target
        if _on_stage(event, person):
            visit.face = None
        return say("enrol.removed", event.language, person=person.name)

    yield from _changed(event, remove)


def _on_stage(event: StageEvent, person: OwnPerson) -> bool:
    return event.visit.face is not None and event.visit.face.source is person.face


def _changed(event: StageEvent, change: Callable[[], str]) -> Iterator[Whole]:
    """The whole tab after a change of the visit's people, and what it says of that, or why there is none."""
    try:
        with changing:
            event.visit.people.notes = (change(),)
    except Refused as refused:
        yield message_for(event, refused.sentence(event.language)), *[SKIP] * 6
    else:
        yield from _shown(event, message_for(event))


def show_person(event: StageEvent) -> Iterator[Any]:
    """The stage with one of the visit's people."""
    [name] = event.told("person")
    person = event.visit.people.named(name)
    yield from shown(event, event.view(), Face(person.face, person.name))


def _shown(
    event: StageEvent, said: EnrolMessage, face: Face | None = None, move_to: float | None = None
) -> Iterator[Whole]:
    """The whole tab, the drawing first, then the stage, and once it shows something, the lists."""
    service, visit, view = event.service, event.visit, event.view()
    if move_to is not None:
        view = replace(view, epsilon=move_to)
    slider = SKIP if move_to is None else view.slider
    model = gr.Dropdown(choices(service, event.language, visit.recognizers.values()), value=view.model.name)
    yield said, SKIP, slider, model, SKIP, SKIP, SKIP
    messages = shown(event, view, face, move_to)
    yield SKIP, next(messages, SKIP), SKIP, SKIP, SKIP, SKIP, SKIP
    yield SKIP, SKIP, SKIP, SKIP, *lists_of(event, view.model, visit.target, event.controls.goal == IMPERSONATE)
    for message in messages:
        yield SKIP, message, SKIP, SKIP, SKIP, SKIP, SKIP
