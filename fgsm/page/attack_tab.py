"""The tab "Attack": one face, dragged through epsilon. What the browser draws stands in assets/viewer/."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from ..attacks import ATTACKS
from ..attacks.fgsm import FGSM
from ..recognizers.enrol import BASE
from . import api, enrol_events, own_picture, stage_events
from .controls import CHOSEN_FROM, DEFAULT_TOP, DODGE, IMPERSONATE, POSITIONS, TOPS, Controls, choices
from .drawings import I18N, drawn_by, tell_drawing
from .event import Event, politely, without_last_word
from .gallery import Samples
from .inputs import Epsilon, Name, Text
from .service import Service
from .surviving import survive
from .visit import StageEvent, Visit, samples

# All wait for the one thread that computes; Gradio need not count them, but begins them in their order.
SHARED: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": None, "show_progress": "hidden"}
PRIVATE: dict[str, Any] = {**SHARED, "concurrency_id": "stage", "api_visibility": "undocumented"}


def answering(
    service: Service, visit: Component, inputs: Mapping[str, Component], handler: Callable[[StageEvent], Any]
) -> Callable[..., Any]:
    """`handler` as Gradio calls it: with the value of the `visit` and of each of `inputs`, which make the Controls."""

    def event_of(values: dict[Component, Any], request: gr.Request, data: gr.EventData | None) -> StageEvent:
        controls = Controls(**{name: values[component] for name, component in inputs.items()})
        return StageEvent(service, request, data).on(values[visit], controls)

    # Gradio hands over what the browser says of an event where it says something, and else leaves it out.
    def answer(values: dict[Component, Any], request: gr.Request, data: gr.EventData = None) -> Any:  # type: ignore[assignment]
        return politely(handler)(event_of(values, request, data))

    def go_on(values: dict[Component, Any], request: gr.Request, data: gr.EventData = None) -> Iterator[Any]:  # type: ignore[assignment]
        yield from politely(without_last_word(handler))(event_of(values, request, data))

    function: Callable[..., Any] = go_on if inspect.isgeneratorfunction(handler) else answer
    function.__name__ = handler.__name__
    return function


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay out the tab's components and bind their events."""
    visit, default = gr.State(Visit()), service.default()
    at_start = samples(service, default) if default else []
    with gr.Row(elem_id="controls"):
        model = Name(
            choices(service),
            value=default.name if default else None,
            label=I18N("page.recogniser"),
            elem_id="model",
            scale=4,
            min_width=280,
        )
        slider = gr.Slider(
            0,
            DEFAULT_TOP,
            0,
            step=DEFAULT_TOP / POSITIONS,
            label=I18N("page.epsilon"),
            elem_id="epsilon",
            interactive=True,
            scale=6,
            min_width=280,
        )
        top = gr.Radio(
            [(f"{top:g}", top) for top in TOPS],
            value=DEFAULT_TOP,
            label=I18N("page.top"),
            elem_id="top",
            scale=3,
            min_width=240,
        )
    random = gr.Checkbox(label=I18N("page.random"), elem_id="random", container=False)
    viewer = drawn_by("viewer", elem_id="viewer")
    with gr.Accordion(I18N("page.more"), open=False, elem_id="more") as more:
        with gr.Row():
            methods = [(I18N(attack.method), name) for name, attack in CHOSEN_FROM.items()]
            method = Name(methods, value=FGSM.name, label=I18N("page.method"), elem_id="method", min_width=280)
            goals = [(I18N(f"goal.{goal}"), goal) for goal in (DODGE, IMPERSONATE)]
            goal = gr.Radio(goals, value=DODGE, label=I18N("page.goal"), elem_id="goal", min_width=280)
        people = drawn_by("people", elem_id="people", value=None, visible=False)
    with gr.Accordion(I18N("page.survive"), open=False, elem_id="survive"):
        test = gr.Button(I18N("page.survive_start"), elem_id="survive-start")
        cards = drawn_by("cards", elem_id="cards", value={"title": "", "cards": []})
    with gr.Tabs(overflow_behavior="wrap", elem_id="faces") as faces:
        with gr.Tab(I18N("page.samples")):
            gallery = Samples(
                stage_events.gallery_of(service, default) if default else [],
                height=300,
                object_fit="cover",
                format="png",
                allow_preview=False,
                buttons=[],
                show_label=False,
                elem_id="samples",
            )
            no_samples = gr.Markdown(I18N("page.no_samples"), visible=False, elem_id="no-samples")
        with gr.Tab(I18N("page.own")):
            photo, cropper = own_picture.build()
        with gr.Tab(I18N("page.enrol"), id=enrol_events.TAB, visible=BASE in service.found().usable):
            enroller = drawn_by("enrol", elem_id="enrol", value=None)

    inputs: dict[str, Component] = {
        "model": model,
        "epsilon": slider,
        "top": top,
        "random": random,
        "method": method,
        "goal": goal,
        "photo": photo,
    }

    def on(trigger: Callable[..., Any], handler: Callable[[StageEvent], Any], *outputs: Any) -> None:
        trigger(answering(service, visit, inputs, handler), {visit, *inputs.values()}, list(outputs), **PRIVATE)

    def open_lists(event: StageEvent) -> tuple[Any, ...]:
        return stage_events.open_lists(event, at_start)

    on(demo.load, stage_events.open_page, viewer, slider, model, top, random, method, goal, more)
    on(demo.load, open_lists, gallery, people, no_samples)
    on(gallery.select, stage_events.choose_sample, viewer)
    on(photo.input, own_picture.choose_photo, viewer, cropper)
    on(photo.clear, own_picture.remove_photo, viewer, cropper)
    on(cropper.input, own_picture.change_crop, viewer)
    on(model.input, stage_events.change_model, viewer, cropper)
    on(model.input, stage_events.change_lists, gallery, people, no_samples)
    on(random.input, stage_events.change_random, viewer, slider, goal, people)
    for control in (top, method):
        on(control.input, stage_events.change_slider, viewer, slider)
    on(goal.input, stage_events.change_goal, viewer, slider, people, random)
    on(people.click, stage_events.choose_target, viewer)
    on(viewer.click, stage_events.take_offer, viewer, slider, method)
    on(viewer.select, enrol_events.take_stranger, enroller, faces)
    on(test.click, survive, cards)
    whole = (enroller, viewer, slider, model, gallery, people, no_samples)
    on(enroller.upload, enrol_events.add_pictures, enroller)
    on(enroller.apply, enrol_events.take_from_stage, enroller)
    on(enroller.select, enrol_events.other_face, enroller)
    on(enroller.clear, enrol_events.drop_picture, enroller)
    on(enroller.submit, enrol_events.add_person, *whole)
    on(enroller.edit, enrol_events.rename_person, *whole)
    on(enroller.delete, enrol_events.remove_person, *whole)
    on(enroller.click, enrol_events.show_person, viewer)
    tell_drawing(slider, "#viewer .stage")
    _offer_api(service, photo, model)


def _offer_api(service: Service, photo: Component, model: Component) -> None:
    """The endpoint /attack."""

    def answer(photo: str | None, model: Any, epsilon: Any, attack: Any, target: Any, request: gr.Request) -> Any:
        return politely(api.answer)(Event(service, request), photo, model, epsilon, attack, target)

    asked = [
        Epsilon(0.03, minimum=0, maximum=1, label="epsilon", visible=False),
        Name(list(ATTACKS), value=FGSM.name, label="attack", visible=False),
        Text("", label="target", visible=False),
    ]
    answered = [gr.JSON(visible=False), gr.Image(format="png", visible=False)]
    button = gr.Button(visible=False)
    button.click(answer, [photo, model, *asked], answered, api_name="attack", concurrency_limit=None)
