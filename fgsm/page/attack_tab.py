"""The tab "Attack": one face, dragged through epsilon. What the browser draws stands in assets/viewer/."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from .inputs import Epsilon, Name, Text, Whole
from .lanes import show_lanes
from .messages import Answered
from .service import Service
from .surviving import survive
from .visit import StageEvent, Visit

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


def then_answered(
    handler: Callable[[StageEvent], Iterator[Any]], outputs: int
) -> Callable[[StageEvent], Iterator[Any]]:
    """A handler of so many outputs, with one more that says which of the page's questions has no face for an answer.

    That is one that is refused, or changes nothing, or comes to nothing since another event came first. Faces say
    themselves which question they answer.
    """

    @functools.wraps(handler)
    def handle(event: StageEvent) -> Iterator[Any]:
        def last(refused: bool) -> tuple[Any, ...]:
            answered: Answered = {"number": event.asked, "refused": refused}
            return *(gr.skip(),) * outputs, answered

        shown = False
        try:
            for said in handler(event):
                values = said if isinstance(said, tuple) else (said,)
                shown = shown or any(isinstance(value, dict) and "link" in value for value in values)
                yield *values, gr.skip()
        except Exception:
            yield last(True)
            raise
        if not shown:
            yield last(False)

    return handle


def numbering(inputs: Sequence[Component], asked: Component, model: Component) -> str:
    """JavaScript that numbers what the page asks for: see assets/asking/. Gradio hands over values in this order."""
    order = sorted(inputs, key=lambda component: component._id)
    return f"(...values) => window.fgsm.ask(values.slice(0, {len(order)}), {order.index(asked)}, {order.index(model)})"


def build(demo: gr.Blocks, service: Service) -> None:
    """Lay out the tab's components and bind their events."""
    visit, default = gr.State(Visit()), service.default()
    with gr.Column(elem_id="bench"):
        with gr.Row(elem_id="choices"):
            model = Name(
                choices(service),
                value=default.name if default else None,
                label=I18N("page.recogniser"),
                elem_id="model",
                filterable=False,
            )
            methods = [(I18N(attack.method), name) for name, attack in CHOSEN_FROM.items()]
            method = Name(methods, value=FGSM.name, label=I18N("page.method"), elem_id="method", filterable=False)
            goals = [(I18N(f"goal.{goal}"), goal) for goal in (DODGE, IMPERSONATE)]
            goal = Name(goals, value=DODGE, label=I18N("page.goal"), elem_id="goal", filterable=False)
            tops = [(f"{top:g}", top) for top in TOPS]
            top = gr.Radio(tops, value=DEFAULT_TOP, label=I18N("page.top"), elem_id="top")
            random = gr.Checkbox(label=I18N("page.random"), elem_id="random")
        with gr.Tabs(overflow_behavior="wrap", elem_id="faces") as faces:
            with gr.Tab(I18N("page.samples"), id=stage_events.FACES):
                samples = drawn_by("film", elem_id="samples", value=None)
                no_samples = gr.Markdown(I18N("page.no_samples"), visible=False, elem_id="no-samples")
            with gr.Tab(I18N("page.people"), id=stage_events.PEOPLE, visible=False) as people_tab:
                gr.Markdown(I18N("page.choose_target"))
                people = drawn_by("film", elem_id="people", value=None)
            with gr.Tab(I18N("page.own"), id=own_picture.TAB):
                photo, cropper = own_picture.build()
            with gr.Tab(I18N("page.camera")):
                snap = drawn_by("snap", elem_id="snap", value=None)
            with gr.Tab(I18N("page.enrol"), id=enrol_events.TAB, visible=BASE in service.found().usable):
                enroller = drawn_by("enrol", elem_id="enrol", value=None)
        viewer = drawn_by("viewer", elem_id="viewer")
        slider = gr.Slider(
            0,
            DEFAULT_TOP,
            0,
            step=DEFAULT_TOP / POSITIONS,
            label=I18N("page.epsilon"),
            elem_id="epsilon",
            interactive=True,
        )
    with gr.Accordion(I18N("page.lanes"), open=False, elem_id="all"):
        everybody = drawn_by("lanes", elem_id="lanes", value=None)
    with gr.Accordion(I18N("page.survive"), open=False, elem_id="survive"):
        test = gr.Button(I18N("page.survive_start"), elem_id="survive-start", size="sm")
        cards = drawn_by("cards", elem_id="cards", value=None)
    asking, asked = drawn_by("asking", elem_id="asking", value=None), Whole(0, visible=False)

    inputs: dict[str, Component] = {
        "model": model,
        "method": method,
        "goal": goal,
        "top": top,
        "random": random,
        "photo": photo,
        "epsilon": slider,
        "asked": asked,
    }
    numbered = numbering([visit, *inputs.values()], asked, model)

    def on(
        trigger: Callable[..., Any], handler: Callable[[StageEvent], Any], *outputs: Any, js: str | None = None
    ) -> None:
        every = {visit, *inputs.values()}
        trigger(answering(service, visit, inputs, handler), every, list(outputs), js=js, **PRIVATE)

    def ask(trigger: Callable[..., Any], handler: Callable[[StageEvent], Iterator[Any]], *outputs: Any) -> None:
        """As `on`, for what changes the stage: it says so at once, and is busy until all is answered."""
        on(trigger, then_answered(handler, len(outputs)), *outputs, asking, js=numbered)

    on(demo.load, stage_events.open_page, viewer, slider, model, top, random, method, goal)
    on(samples.apply, stage_events.open_lists, samples, people, no_samples, people_tab, faces)
    ask(samples.select, stage_events.choose_sample, viewer)
    ask(photo.input, own_picture.choose_photo, viewer, cropper)
    ask(snap.upload, own_picture.take_photo, viewer, cropper, photo, faces)
    ask(photo.clear, own_picture.remove_photo, viewer, cropper)
    ask(cropper.input, own_picture.change_crop, viewer)
    ask(model.input, stage_events.change_model, viewer, cropper)
    on(model.input, stage_events.change_lists, samples, people, no_samples)
    ask(random.input, stage_events.change_random, viewer, slider, goal)
    for control in (top, method):
        ask(control.input, stage_events.change_slider, viewer, slider)
    ask(goal.input, stage_events.change_goal, viewer, slider, people, people_tab, faces)
    ask(people.select, stage_events.choose_target, viewer)
    ask(viewer.click, stage_events.take_offer, viewer, slider, method)
    on(viewer.select, enrol_events.take_stranger, enroller, faces)
    on(test.click, survive, cards)
    on(everybody.apply, show_lanes, everybody)
    whole = (enroller, viewer, slider, model, samples, people, no_samples)
    on(enroller.upload, enrol_events.add_pictures, enroller)
    on(enroller.apply, enrol_events.take_from_stage, enroller)
    on(enroller.select, enrol_events.other_face, enroller)
    on(enroller.clear, enrol_events.drop_picture, enroller)
    ask(enroller.submit, enrol_events.add_person, *whole)
    ask(enroller.edit, enrol_events.rename_person, *whole)
    ask(enroller.delete, enrol_events.remove_person, *whole)
    ask(enroller.click, enrol_events.show_person, viewer)
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
