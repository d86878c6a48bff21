"""What the controls of the stage do: each function answers one event."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image

from ..attacks import ATTACKS
from ..faces.prepare import as_picture, prepare
from ..measures.names import known_person
from ..texts import Refused, say
from .controls import IMPERSONATE, settings_of
from .messages import Empty, FilmMessage, Person, ShownMessage
from .own_people import OwnPerson
from .own_picture import framed_for
from .photographs import REFERENCE_SIZE, contact_sheet, reference_picture, small_url
from .service import Chosen, Service, shared
from .staging import asked_for, opening, shown
from .turns import House
from .visit import Face, StageEvent, first_face, label_of, opened, samples

COLUMNS = 8  # of small faces in one picture
FACES, PEOPLE = "faces", "people"  # tabs

Stage = ShownMessage | Empty | Any  # or Gradio's word for no change


def open_page(event: StageEvent) -> Iterator[tuple[Any, ...]]:
    """The stage, and every control, as the page's link asks for them."""
    face, view = opening(event.service, event.link, event.caller)
    if event.visit.newest:
        return  # the visitor was quicker and has chosen a face
    event.visit.target = view.target
    values = settings_of(view, event.service, event.visit.recognizers.values(), event.language)
    if face is None:  # this recogniser's people are not here
        yield {"note": say("page.no_samples", event.language)}, *values
    else:
        for message in shown(event, view, face, move_to=view.epsilon):
            yield message, *values
            values = (gr.skip(),) * len(values)  # from now on they are the visitor's


def faces_of(service: Service, chosen: Chosen, own: Sequence[OwnPerson] = ()) -> FilmMessage:
    """The faces to attack: a visit's `own` people, and the sample faces as they are framed, small."""

    def small(face: Face) -> Image.Image:
        return as_picture(prepare(opened(service, face.source, House()), REFERENCE_SIZE, chosen.config.framing))

    def made() -> tuple[list[str], str]:
        faces = samples(service, chosen)
        return [face.person or "" for face in faces], sheet_of([small(face) for face in faces])

    chosen = shared(chosen)
    return film_of(own, *service.kept("faces", chosen, made), None)


def people_of(service: Service, chosen: Chosen, own: Sequence[OwnPerson], target: str | None) -> FilmMessage:
    """Everyone whom the recogniser knows, and whom the visitor wants to become."""

    def made() -> tuple[list[str], str]:
        people = list(shared(chosen).config.people)
        return people, sheet_of([reference_picture(service, chosen, person) for person in people])

    known = [person for person in own if person.name in chosen.config.people]
    return film_of(known, *service.kept("targets", shared(chosen), made), target)


def film_of(own: Sequence[OwnPerson], names: list[str], pictures: str, chosen: str | None) -> FilmMessage:
    """What assets/film draws."""
    people: list[Person] = [{"name": person.name, "photograph": person.face.small} for person in own]
    return {"own": people, "names": names, "pictures": pictures, "columns": COLUMNS, "chosen": chosen}


def sheet_of(pictures: Sequence[Image.Image | None]) -> str:
    """All of them in one picture, which costs a browser one request."""
    return small_url(contact_sheet(pictures, COLUMNS, REFERENCE_SIZE))


def lists_of(event: StageEvent, chosen: Chosen, target: str | None, aiming: bool) -> tuple[FilmMessage, Any, Any]:
    """The faces to attack, the people to become for who aims at one, and a word where there are no faces."""
    own = event.visit.people.enrolled
    faces = faces_of(event.service, chosen, own)
    people = people_of(event.service, chosen, own, target) if aiming else gr.skip()
    return faces, people, gr.Markdown(visible=not (faces["own"] or faces["names"]))


def open_lists(event: StageEvent) -> tuple[Any, ...]:
    """The lists of the recogniser that a link names; the people to become are in front where it aims at one."""
    _, view, _ = asked_for(event.service, event.link)
    aiming = view.target is not None
    tabs = aiming_tabs(True) if aiming else (gr.skip(), gr.skip())
    return *lists_of(event, view.model, view.target, aiming), *tabs


def aiming_tabs(aiming: bool) -> tuple[Any, Any]:
    """The tab of the people to become, for who wants to, and the tab that is in front then."""
    return gr.Tab(visible=aiming), gr.Tabs(selected=PEOPLE if aiming else FACES)


def change_lists(event: StageEvent) -> tuple[FilmMessage, Any, Any]:
    """The lists of another recogniser."""
    return lists_of(event, event.chosen, event.visit.target, event.controls.goal == IMPERSONATE)


def choose_sample(event: StageEvent) -> Iterator[Stage]:
    """The stage with the face that was clicked: the one of that name at that place, or elsewhere in a list by now."""
    view = event.view()
    index, person = event.told("index", "person")
    faces = [*event.visit.faces(), *samples(event.service, view.model)]  # as `faces_of` shows them
    if type(index) is not int or index < 0:
        raise Refused("refused.request")
    named = [face for face in (*faces[index : index + 1], *faces) if face.person == person]
    if not named:
        raise Refused("refused.request")
    yield from shown(event, view, named[0])


def change_model(event: StageEvent) -> Iterator[tuple[Stage, Any]]:
    """The stage with another recogniser, and the same face unless it is a sample of somebody unknown to that one.

    A picture in which the visitor has drawn no square is framed anew where that one frames otherwise.
    """
    view = event.view()
    face, cropper = event.face(view), None
    if face is None or (face.shared and label_of(view.model, face.person) is None):
        face = first_face(event.service, view.model)
    else:
        face, cropper = framed_for(event, view, face)
    for message in shown(event, view, face):
        yield message, cropper or gr.skip()
        cropper = None


def change_slider(event: StageEvent) -> Iterator[tuple[Stage, Any]]:
    """The stage and the slider, with another top or with the positions of another attack."""
    view = event.view().at_position()
    yield gr.skip(), view.slider
    for message in shown(event, view, move_to=view.epsilon):
        yield message, gr.skip()


def change_random(event: StageEvent) -> Iterator[tuple[Stage, Any, Any]]:
    """The stage and the slider; random signs aim at nobody, and the goal rests meanwhile."""
    view = event.view().at_position()
    yield gr.skip(), view.slider, gr.Dropdown(interactive=view.attack.may_aim)
    for message in shown(event, view, move_to=view.epsilon):
        yield message, gr.skip(), gr.skip()


def change_goal(event: StageEvent) -> Iterator[tuple[Any, ...]]:
    """The stage, the slider and, for those who want to become somebody, the people to choose from."""
    aiming = event.controls.goal == IMPERSONATE
    view = event.view().at_position()
    own, target = event.visit.people.enrolled, event.visit.target
    people = people_of(event.service, view.model, own, target) if aiming else gr.skip()
    yield gr.skip(), view.slider, people, *aiming_tabs(aiming)
    for message in shown(event, view, move_to=view.epsilon):
        yield message, *(gr.skip(),) * 4


def choose_target(event: StageEvent) -> Iterator[Stage]:
    """The stage with the face on its way to the person who was clicked."""
    [person] = event.told("person")
    visit, known = event.visit, event.view().model.config.people
    before, visit.target = visit.target, known[known_person(known, person)]
    try:
        yield from shown(event, event.view())
    except Refused:
        visit.target = before
        raise


def take_offer(event: StageEvent) -> Iterator[tuple[Stage, Any, Any]]:
    """The stage, the slider and the method, with the attack that is offered where one never reaches its target."""
    view = event.view()
    if view.attack.offers is None:
        raise Refused("refused.request")
    view = replace(view, attack=ATTACKS[view.attack.offers]).at_position()
    yield gr.skip(), view.slider, view.attack.name
    for message in shown(event, view, move_to=view.epsilon):
        yield message, gr.skip(), gr.skip()
