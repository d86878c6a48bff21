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
from .controls import DODGE, IMPERSONATE, settings_of
from .messages import Empty, PeopleMessage, Person, ShownMessage
from .own_face import OwnFace
from .own_picture import found_in
from .photographs import reference_photograph
from .service import Chosen, Service, shared
from .staging import asked_for, opening, shown
from .turns import House
from .uploads import Upload
from .visit import Face, StageEvent, first_face, label_of, opened, samples

THUMBNAIL = 112  # pixels
NO_PEOPLE: PeopleMessage = {"people": [], "chosen": None}

Stage = ShownMessage | Empty | Any  # or Gradio's word for no change


def open_page(event: StageEvent) -> Iterator[tuple[Any, ...]]:
    """The stage, and every control, as the page's link asks for them."""
    face, view = opening(event.service, event.link, event.caller)
    if event.visit.attack:
        return  # the visitor was quicker and has chosen a face
    event.visit.target = view.target
    values = (
        *settings_of(view, event.service, event.visit.recognizers.values(), event.language),
        gr.Accordion(open=view.target is not None or not view.attack.one_direction),
    )
    if face is None:  # this recogniser's people are not here
        yield {"note": say("page.no_samples", event.language)}, *values
    else:
        for message in shown(event, view, face, move_to=view.epsilon):
            yield message, *values
            values = (gr.skip(),) * len(values)  # from now on they are the visitor's


def gallery_of(service: Service, chosen: Chosen) -> list[tuple[Image.Image, str | None]]:
    """The sample faces as they are framed, small, each with its person; none of a visit's own."""

    def small(face: Face) -> Image.Image:
        return as_picture(prepare(opened(service, face.source, House()), THUMBNAIL, chosen.config.framing))

    chosen = shared(chosen)
    return service.kept("gallery", chosen, lambda: [(small(face), face.person) for face in samples(service, chosen)])


def people_of(service: Service, chosen: Chosen, target: str | None) -> PeopleMessage:
    """Everyone whom the recogniser knows, and whom the visitor wants to become."""
    people: list[Person] = [
        {"name": name, "photograph": reference_photograph(service, chosen, name)} for name in chosen.config.people
    ]
    return {"people": people, "chosen": target}


def lists_of(
    service: Service, chosen: Chosen, target: str | None, aiming: bool, own: Sequence[Face] = ()
) -> tuple[Any, Any, gr.Markdown]:
    """The sample faces, a visit's `own` first, the people to become for who aims at one, and a word without samples."""
    enrolled = [(face.source.small, face.person) for face in own if isinstance(face.source, OwnFace)]
    faces = [*enrolled, *gallery_of(service, chosen)]
    people = people_of(service, chosen, target) if aiming else gr.skip()
    return gr.update(value=faces, visible=bool(faces)), people, gr.Markdown(visible=not faces)


def open_lists(event: StageEvent, laid_out: list[Face]) -> tuple[Any, Any, gr.Markdown]:
    """The lists of the recogniser that a link names; the samples only where others are `laid_out` already."""
    _, view, _ = asked_for(event.service, event.link)
    aiming = view.target is not None
    gallery, people, none = lists_of(event.service, view.model, view.target, aiming)
    if samples(event.service, view.model) == laid_out:
        gallery = gr.skip()
    return gallery, gr.HTML(people, visible=True) if aiming else gr.skip(), none


def change_lists(event: StageEvent) -> tuple[Any, Any, gr.Markdown]:
    """The lists of another recogniser."""
    aiming = event.controls.goal == IMPERSONATE
    return lists_of(event.service, event.chosen, event.visit.target, aiming, event.visit.faces())


def choose_sample(event: StageEvent) -> Iterator[Stage]:
    """The stage with the sample face that was clicked."""
    view = event.view()
    [index] = event.told("index")
    faces = [*event.visit.faces(), *samples(event.service, view.model)]
    if type(index) is not int or not 0 <= index < len(faces):
        raise Refused("refused.request")
    yield from shown(event, view, faces[index])


def change_model(event: StageEvent) -> Iterator[tuple[Stage, Any]]:
    """The stage with another recogniser, and the same face unless it is a sample of somebody unknown to that one.

    A picture in which the visitor has drawn no square is framed anew where that one frames otherwise.
    """
    view = event.view()
    face, cropper = event.face(view), gr.skip()
    if face is None or (face.shared and label_of(view.model, face.person) is None):
        face = first_face(event.service, view.model)
    elif isinstance(face.source, Upload) and face.framing not in (None, view.model.config.framing):
        picture = opened(event.service, face.source, event.caller)
        face, cropper = found_in(picture, face.source, view, event.language)
        del picture
    for message in shown(event, view, face):
        yield message, cropper
        cropper = gr.skip()


def change_slider(event: StageEvent) -> Iterator[tuple[Stage, Any]]:
    """The stage and the slider, with another top or with the positions of another attack."""
    view = event.view().at_position()
    yield gr.skip(), view.slider
    for message in shown(event, view, move_to=view.epsilon):
        yield message, gr.skip()


def change_random(event: StageEvent) -> Iterator[tuple[Stage, Any, Any, Any]]:
    """The stage and the slider, and the goal and the people to become: random signs aim at nobody."""
    view = event.view().at_position()
    calm = (gr.skip(), gr.skip()) if view.attack.may_aim else (DODGE, gr.HTML(visible=False))
    yield gr.skip(), view.slider, *calm
    for message in shown(event, view, move_to=view.epsilon):
        yield message, gr.skip(), gr.skip(), gr.skip()


def change_goal(event: StageEvent) -> Iterator[tuple[Stage, Any, Any, Any]]:
    """The stage, the slider, the people to become, for those who want to, and random signs, which aim at nobody."""
    aiming = event.controls.goal == IMPERSONATE
    random = event.controls.random and not aiming
    event.controls = replace(event.controls, random=random)
    view = event.view().at_position()
    people = people_of(event.service, view.model, event.visit.target) if aiming else NO_PEOPLE
    yield gr.skip(), view.slider, gr.HTML(people, visible=aiming), random
    if event.visit.target is not None:
        for message in shown(event, view, move_to=view.epsilon):
            yield message, gr.skip(), gr.skip(), gr.skip()


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
