"""What browsers are sent is what their scripts read: nothing more, nothing less."""

import types
import typing

import pytest

from fgsm.attacks.bim import BIM
from fgsm.attacks.fgsm import FGSM
from fgsm.measures.claims import CLEAN, WORST
from fgsm.page import messages, same_tab
from fgsm.page.stage import perform
from fgsm.places import ASSETS
from fgsm.recognizers.recognizer import load_recognizer

# Draws a value as the page does, and tells which of its keys the script has read.
DRAW = """
async ([name, html, values]) => {
  const seen = new Set();
  const recorded = (value, path) => {
    if (value === null || typeof value !== 'object') return value;
    return new Proxy(value, {
      get(target, key) {
        const found = target[key];
        if (typeof key === 'symbol' || typeof found === 'function' || key === 'length') return found;
        if (!Object.hasOwn(target, key) && found === undefined && Array.isArray(target)) return found;
        const place = Array.isArray(target) ? [...path, '[]'] : [...path, key];
        if (!Array.isArray(target)) seen.add(JSON.stringify(place));
        return recorded(found, place);
      },
    });
  };
  const element = document.createElement('div');
  element.innerHTML = html;
  document.body.append(element);
  const heard = [];
  const props = { value: null };
  const { mount } = await import(new URL(`drawings/${name}/${name}.js`, document.baseURI));
  mount({ element, props, trigger: () => {}, watch: (key, hear) => heard.push(hear) });
  for (const value of values) {
    props.value = recorded(value, []);
    for (const hear of heard) hear();
    for (const button of element.querySelectorAll('button')) button.click();
  }
  const rests = () => name !== 'viewer' || (seen.has('["model"]') && seen.has('["link"]')); // it saves and links later
  for (let n = 0; n < 100 && !rests(); n++) await new Promise((resolve) => setTimeout(resolve, 50));
  element.remove();
  return [...seen].map((path) => JSON.parse(path));
}
"""


def inside(kind):
    """The one type that is not None in a union, and what a list or a dict holds."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        [kind] = [one for one in typing.get_args(kind) if one is not type(None)]
    return kind


def sample(kind):
    """A value of a type; a text is the key of one."""
    kind = inside(kind)
    if typing.is_typeddict(kind):
        return {name: sample(one) for name, one in typing.get_type_hints(kind).items()}
    if typing.get_origin(kind) is tuple:
        return [sample(one) for one in typing.get_args(kind)]
    if typing.get_origin(kind) is list:
        return [sample(typing.get_args(kind)[0])] * 2
    return {str: "chart.epsilon", int: 1, float: 0.5, bool: True}[kind]


def keys_of(kind, path=()):
    """The paths of all keys of a message; those of a dict, whose keys are data, end there."""
    kind = inside(kind)
    if typing.get_origin(kind) is list:
        yield from keys_of(typing.get_args(kind)[0], (*path, "[]"))
    elif typing.is_typeddict(kind):
        for name, one in typing.get_type_hints(kind).items():
            yield (*path, name)
            yield from keys_of(one, (*path, name))


FOR_PROGRAMS = {  # that use the API, and read more than the page does
    ("curves", "[]", "precision"),
    ("curves", "[]", "examples"),
    ("attack",),
    ("epsilon",),
}


def data_in(kind, path=()):
    """The paths of a message below which keys are data."""
    kind = inside(kind)
    if typing.get_origin(kind) is list:
        yield from data_in(typing.get_args(kind)[0], (*path, "[]"))
    if typing.is_typeddict(kind):
        for name, one in typing.get_type_hints(kind).items():
            if typing.get_origin(inside(one)) is dict:
                yield (*path, name)
            yield from data_in(one, (*path, name))


STANDING = {"harder": 1, "easier": 2, "total": 3}


def stage_messages():
    """Faces on the stage by two attacks, one with a target that it does not reach, and fooled for sure."""
    recognizer = load_recognizer("resnet18", "cpu")
    import torch

    face = torch.full((3, 112, 112), 128 / 255)
    about = {
        "gain": 10,
        "note": "x",
        "stranger": True,
        "epsilon": 0.0,
        "link": {"face": None},
        "asked": 0,
        "person": "x",
    }
    for number, (last, label, attack, target) in enumerate(
        ((0.001, 3, FGSM, 7), (0.001, 3, BIM, None), (0.3, None, FGSM, None)), 1
    ):
        settings = (0.0, label, attack, target, lambda label: "data:,", lambda epsilon: STANDING)
        for message in perform(recognizer, face, [0.0, last], *settings):
            yield {**message, **about, "id": number}
    for message in pair_messages():  # of a recogniser that compares faces
        yield {**message["stage"], **about, "id": 4}


def pair_messages():
    """A face compared with another one, and moved towards it."""
    import torch

    recognizer = load_recognizer("dlib", "cpu")
    service = types.SimpleNamespace(network=lambda _: recognizer)
    view = types.SimpleNamespace(model=recognizer, epsilons=[0.0, 0.001], epsilon=0.0)
    faces = torch.rand(2, 3, 150, 150, generator=torch.Generator().manual_seed(0))
    for message in same_tab.performed(service, view, *faces):
        yield {"id": 1, "stage": message, "second": "data:,", "about": ["x", ""], "faces": ["x", ""], "gain": 10}


def lanes_messages():
    """The stage's own face met by one recogniser, and what is said where there is no answer."""
    [*_, message] = stage_messages()
    lane = {name: message[name] for name in messages.LaneMessage.__annotations__.keys() & message.keys()}
    lane |= {"made_on": "resnet18", "problem": "", "scores": message["scores"]["8-bit"]}
    yield {"id": 4, "models": ["resnet18", "dlib", "resnet"], "lanes": [lane, {**lane, "problem": "x"}]}


def resist_messages():
    """One recogniser after the attacks that have a text of their own."""
    message = sample(messages.ResistMessage)
    for left, after in zip(message["models"][0]["left"], (CLEAN, WORST), strict=True):
        left["after"] = after
    yield message


def made(name, kind):
    """Values of a drawing."""
    made = {"viewer": stage_messages, "same": pair_messages, "resist": resist_messages, "lanes": lanes_messages}
    return list(made[name]()) if name in made else [sample(kind)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("viewer", messages.ShownMessage),
        ("same", messages.PairMessage),
        ("film", messages.FilmMessage),
        ("asking", messages.Answered),
        ("lanes", messages.LanesMessage),
        ("cards", messages.CardsMessage),
        ("enrol", messages.EnrolMessage),
        ("crop", messages.CropMessage),
        ("fooled", messages.FooledMessage),
        ("chart", messages.ChartMessage),
        ("heatmap", messages.HeatmapMessage),
        ("resist", messages.ResistMessage),
    ],
)
def test_a_script_reads_what_it_is_sent_and_nothing_else(lasting_page, name, kind):
    values = made(name, kind)
    html = (ASSETS / name / f"{name}.html").read_text("utf-8")
    read = {tuple(path) for path in lasting_page.evaluate(DRAW, [name, html, values])}
    data = set(data_in(kind))
    named = {path for path in read if not any(path[: len(place)] == place and path != place for place in data)}
    sent = set(keys_of(kind))
    assert named <= sent
    unread = {path for path in sent - named if name != "same" or path[0] != "stage"}  # of which it draws a part
    assert unread == (FOR_PROGRAMS & sent if name in ("chart", "heatmap") else set())
