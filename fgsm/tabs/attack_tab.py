"""The tab "Attack": one face, dragged through epsilon. What the browser draws stands in assets/viewer/."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
from PIL import Image
from torch import Tensor

from ..compute import House
from ..detect import find_faces, frame, framing
from ..faces import as_picture, prepare
from ..methods import ATTACKS, BIM, CONTROL, FGSM, PGD, SEVERAL_STEPS, Aim, adversarial
from ..recognizer import default_recognizer
from ..report import aim_at, attack_report
from ..stage import reference_photograph
from ..survive import survival
from ..sweep import score
from ..texts import Refused, say, title
from ..values import known_attack, known_epsilon, known_person, known_target
from . import (
    I18N,
    brought,
    caller,
    choices,
    computed_once,
    config_of,
    decoder,
    drawn_by,
    kept,
    known,
    language_of,
    on_gpu,
    own_picture,
    politely,
    recognizer,
    told,
)
from .inputs import Epsilon, Name, Text
from .visit import (
    DEFAULT_TOP,
    DODGE,
    IMPERSONATE,
    TOPS,
    Face,
    View,
    Visit,
    asked_for,
    controls,
    expected,
    face_of,
    first_face,
    label_of,
    opened,
    opening,
    prepared,
    samples,
    show,
    staged,
    view_of,
)

THUMBNAIL = 112  # pixels
OUTCOMES = {  # keys of texts for an aim reached, lost again, never reached; for the whole, then and else; by targeted
    False: ("fooled", "recognised", "not_fooled", "title", "fools_nobody"),
    True: ("target_reached", "target_missed", "target_never", "title_target", "target_fools_nobody"),
}
at_start: list[Face] = []  # the sample faces that the page was laid out with
TELL_STAGE = (
    "(value) => document.querySelector('#viewer .stage')?.dispatchEvent(new CustomEvent('epsilon', {detail: value}))"
)


@staged
def open_page(request: gr.Request, visit: Visit) -> Iterator[tuple]:
    face, view = opening(dict(request.query_params), caller(request))
    if visit.attack:
        return  # the visitor was quicker and has chosen a face
    visit.target = view.target
    values = (
        *controls(view, language_of(request)),
        gr.Accordion(open=view.attack in SEVERAL_STEPS or view.target is not None),
    )
    if face is None:  # this recogniser's people are not here
        yield {"note": say("page.no_samples", language_of(request))}, *values
    for message in show(visit, view, request, face, move_to=view.epsilon):
        yield message, *values
        values = (gr.skip(),) * len(values)  # from now on they are the visitor's


@kept
def gallery_of(model: str) -> list[tuple[Image.Image, str]]:
    """The sample faces as they are framed, small, each with its person."""
    return [(as_picture(prepare(opened(face.source, House()), THUMBNAIL)), face.person) for face in samples(model)]


def lists_of(model: str, target: str | None) -> tuple[gr.Gallery, dict, gr.Markdown]:
    """The sample faces, the people to become, and a word where there are no samples, of the recogniser `model`."""
    faces = gallery_of(model)
    return gr.Gallery(faces, visible=bool(faces)), people_of(model, target), gr.Markdown(visible=not faces)


def people_of(model: str, target: str | None) -> dict:
    """What assets/people draws: everyone whom the recogniser knows, and whom the visitor wants to become."""
    config = config_of(model)
    people = [{"name": name, "photograph": reference_photograph(config, name)} for name in config.labels]
    return {"people": people, "chosen": target}


@politely
def open_lists(request: gr.Request) -> tuple[Any, gr.HTML, gr.Markdown]:
    """The lists of the recogniser that a link names."""
    _, view, _ = asked_for(dict(request.query_params))
    gallery, people, none = lists_of(view.model, view.target)
    if samples(view.model) == at_start:
        gallery = gr.skip()  # it is there already
    return gallery, gr.HTML(people, visible=view.target is not None), none


@politely
def change_lists(visit: Visit, model: str, request: gr.Request) -> tuple[gr.Gallery, dict, gr.Markdown]:
    """The lists of another recogniser."""
    return lists_of(known(model), visit.target)


@staged
def choose_sample(request: gr.Request, event: gr.EventData, visit: Visit, *settings: Any) -> Iterator[dict]:
    view = view_of(visit, *settings)
    [index] = told(event, "index")
    faces = samples(view.model)
    if type(index) is not int or not 0 <= index < len(faces):
        raise Refused("refused.request")
    yield from show(visit, view, request, faces[index])


@staged
def change_model(request: gr.Request, visit: Visit, *settings: Any) -> Iterator[dict]:
    view = view_of(visit, *settings)
    face = face_of(visit, view)
    if face is None or (face.person is not None and label_of(view.model, face.person) is None):
        face = first_face(view.model)
    yield from show(visit, view, request, face)


@staged
def change_slider(request: gr.Request, visit: Visit, *settings: Any) -> Iterator[tuple]:
    """The stage and the slider, with another top or with the positions of another attack."""
    view = view_of(visit, *settings).at_position()
    yield gr.skip(), view.slider
    for message in show(visit, view, request, move_to=view.epsilon):
        yield message, gr.skip()


@staged
def change_random(request: gr.Request, visit: Visit, *settings: Any) -> Iterator[tuple]:
    """The stage and the slider, and the goal and the people to become: random signs aim at nobody."""
    view = view_of(visit, *settings).at_position()
    calm = (DODGE, gr.HTML(visible=False)) if view.attack == CONTROL else (gr.skip(), gr.skip())
    yield gr.skip(), view.slider, *calm
    for message in show(visit, view, request, move_to=view.epsilon):
        yield message, gr.skip(), gr.skip(), gr.skip()


@staged
def change_goal(
    request: gr.Request,
    visit: Visit,
    model: str,
    epsilon: float,
    top: float,
    random: bool,
    method: str,
    goal: str,
    photo: str | None,
) -> Iterator[tuple]:
    """The stage, the slider, the people to become, for those who want to, and random signs, which aim at nobody."""
    aiming = goal == IMPERSONATE
    view = view_of(visit, model, epsilon, top, random and not aiming, method, goal, photo).at_position()
    people = gr.HTML(people_of(view.model, visit.target), visible=aiming)
    yield gr.skip(), view.slider, people, random and not aiming
    if visit.target is not None:
        for message in show(visit, view, request, move_to=view.epsilon):
            yield message, gr.skip(), gr.skip(), gr.skip()


@staged
def choose_target(request: gr.Request, event: gr.EventData, visit: Visit, *settings: Any) -> Iterator[dict]:
    [person] = told(event, "person")
    labels = config_of(view_of(visit, *settings).model).labels
    before, visit.target = visit.target, labels[known_person(labels, person)]
    try:
        yield from show(visit, view_of(visit, *settings), request)
    except Refused:
        visit.target = before
        raise


@staged
def take_steps(request: gr.Request, visit: Visit, *settings: Any) -> Iterator[tuple]:
    """The stage, the slider and the method, with the iterative attack that the stage has offered."""
    view = replace(view_of(visit, *settings), attack=BIM).at_position()
    yield gr.skip(), view.slider, BIM
    for message in show(visit, view, request, move_to=view.epsilon):
        yield message, gr.skip(), gr.skip()


@on_gpu
def survivors_of(view: View, face: Tensor, label: int | None) -> tuple[Aim, list[dict]]:
    network = recognizer(view.model)
    image = face.unsqueeze(0).to(network.device)
    attacked = int(score(network, image).argmax()) if label is None else label
    aim = aim_at(network, view.attack, attacked, label_of(view.model, view.target))
    return aim, survival(network, adversarial(network, image, view.epsilon, aim)[1][0])


@politely
def survive(request: gr.Request, visit: Visit, *settings: Any) -> dict:
    """What assets/cards draws: the adversarial face on the stage, treated as pictures are treated."""
    view, language = view_of(visit, *settings), language_of(request)
    face = face_of(visit, view)
    if face is None:
        raise Refused("refused.no_picture")
    if view.missing is not None:
        raise Refused("refused.no_target")
    label, asker = label_of(view.model, face.person), caller(request)
    image, seconds = prepared(view.model, face, asker), expected(view)[1]
    aim, survivors = computed_once(asker, seconds, survivors_of, view, image, label)
    attacked = config_of(view.model).labels[aim.attacked]
    reached = [one["label"] != attacked if view.target is None else one["label"] == view.target for one in survivors]
    yes, lost, never, title_of, nobody = OUTCOMES[view.target is not None]
    no = lost if reached[0] else never  # as PNG it is what it was
    about = {
        "person": attacked,
        "target": view.target,
        "recogniser": title(view.model, language),
        "attack": say(f"attack.{view.attack}", language),
        "epsilon": f"{view.epsilon:g}",
        "fooled": sum(reached),
        "all": len(reached),
    }
    cards = [
        {
            "picture": one["picture"],
            "treatment": say(f"survive.{one['treatment']}", language),
            "outcome": say(f"survive.{yes if fooled else no}", language, target=view.target),
            "who": f"{one['label']}, {one['probability']:.0%}",
            "fooled": fooled,
        }
        for one, fooled in zip(survivors, reached, strict=True)
    ]
    return {"title": say(f"survive.{title_of if reached[0] else nobody}", language, **about), "cards": cards}


@on_gpu
def report_on(model: str, face: Tensor, epsilon: float, attack: str, target: int | None) -> tuple[dict, Image.Image]:
    return attack_report(recognizer(model), face, epsilon, None, attack, target)


@politely
def answer(
    photo: str | None, model: Any, epsilon: Any, attack: Any, target: Any, request: gr.Request
) -> tuple[dict, str]:
    """Attack a picture on the recogniser's own clean prediction, or towards the person named `target`.

    Returns the report and the path of the adversarial face as 8-bit PNG. The picture itself goes with the answer.
    """
    epsilon, attack, config = known_epsilon(epsilon), known_attack(attack), config_of(model)
    aimed_at = known_target(config.labels, target, attack)
    if photo is None:
        raise Refused("refused.no_picture")
    picture = decoder.picture(brought.take(photo, request.session_hash), caller(request))
    faces = find_faces(picture)
    face = prepare(picture, config.input_size, frame(picture, faces, config.input_size))
    seconds = expected(View(model, attack=attack))[1]
    asked = (model, face, epsilon, attack, aimed_at)
    report, image = computed_once(caller(request), seconds, report_on, *asked)
    file = io.BytesIO()
    image.save(file, "PNG")
    path = brought.hand_out(file.getvalue(), "adversarial.png", request.session_hash)
    return {**report, "framing": framing(picture, faces, config.input_size)}, path


def build(demo: gr.Blocks) -> None:
    """Lay out the tab's components and bind their events."""
    visit, default = gr.State(Visit()), default_recognizer()
    at_start[:] = samples(default) if default else []
    with gr.Row(elem_id="controls"):
        model = Name(choices(), value=default, label=I18N("page.recogniser"), elem_id="model", scale=4, min_width=280)
        slider = gr.Slider(
            0,
            DEFAULT_TOP,
            0,
            step=View(default).epsilons[1],
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
            methods = [(I18N(f"method.{method}"), method) for method in (FGSM, BIM, PGD)]
            method = Name(methods, value=FGSM, label=I18N("page.method"), elem_id="method", min_width=280)
            goals = [(I18N(f"goal.{goal}"), goal) for goal in (DODGE, IMPERSONATE)]
            goal = gr.Radio(goals, value=DODGE, label=I18N("page.goal"), elem_id="goal", min_width=280)
        people = drawn_by("people", elem_id="people", value=None, visible=False)
    with gr.Accordion(I18N("page.survive"), open=False, elem_id="survive"):
        test = gr.Button(I18N("page.survive_start"), elem_id="survive-start")
        cards = drawn_by("cards", elem_id="cards", value={"title": "", "cards": []})
    with gr.Tab(I18N("page.samples")):
        gallery = gr.Gallery(
            gallery_of(default) if default else [],
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

    # All wait for the one thread that computes; Gradio need not count them, but begins them in their order.
    shared = {"trigger_mode": "multiple", "concurrency_limit": None, "show_progress": "hidden"}
    private = {**shared, "concurrency_id": "stage", "api_visibility": "undocumented"}
    settings = [visit, model, slider, top, random, method, goal, photo]
    demo.load(open_page, visit, [viewer, slider, model, top, random, method, goal, more], **private)
    demo.load(open_lists, None, [gallery, people, no_samples], **private)
    gallery.select(choose_sample, settings, viewer, **private)
    photo.input(own_picture.choose_photo, settings, [viewer, cropper], **private)
    photo.clear(own_picture.remove_photo, settings, [viewer, cropper], **private)
    cropper.input(own_picture.change_crop, settings, viewer, **private)
    model.input(change_model, settings, viewer, **private)
    model.input(change_lists, [visit, model], [gallery, people, no_samples], **private)
    random.input(change_random, settings, [viewer, slider, goal, people], **private)
    for control in (top, method):
        control.input(change_slider, settings, [viewer, slider], **private)
    goal.input(change_goal, settings, [viewer, slider, people, random], **private)
    people.click(choose_target, settings, viewer, **private)
    viewer.click(take_steps, settings, [viewer, slider, method], **private)
    test.click(survive, settings, cards, **private)
    slider.change(None, slider, None, js=TELL_STAGE)

    asked = [
        Epsilon(0.03, minimum=0, maximum=1, label="epsilon", visible=False),
        Name(ATTACKS, value=FGSM, label="attack", visible=False),
        Text("", label="target", visible=False),
    ]
    answered = [gr.JSON(visible=False), gr.Image(format="png", visible=False)]
    gr.Button(visible=False).click(answer, [photo, model, *asked], answered, api_name="attack", concurrency_limit=None)
