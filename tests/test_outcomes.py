"""Recognised, somebody else, the target, unknown: the four outcomes of an attack, wherever the page tells of them."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from gradio import EventData
from PIL import Image

from fgsm.attacks import ATTACKS, Aim
from fgsm.attacks.fgsm import FGSM, fgsm
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.measures.curve import Snapshot
from fgsm.measures.survive import Survivor
from fgsm.page.controls import Controls, View
from fgsm.page.curve_tab import CurveTab
from fgsm.page.event import Event
from fgsm.page.fooled import faces_and_labels
from fgsm.page.measurement import Board
from fgsm.page.service import Service
from fgsm.page.surviving import cards_of, survive, survivors_of
from fgsm.page.transfer_tab import TransferTab
from fgsm.page.visit import Face, StageEvent, Visit
from fgsm.places import ASSETS, BUILTIN_FACES
from fgsm.recognizers.enrol import embed
from fgsm.recognizers.testset import load_test_set
from fgsm.texts import Refused

PHOTOGRAPH = BUILTIN_FACES / "person_24" / "06.png"
CLASSIFIERS = ["resnet18", "resnet101", "resnet", "resnet18-robust"]
PEOPLE = {"dark": 0, "light": 1, "red": 2, "unknown": 3}


@pytest.fixture(scope="module")
def service():
    service = Service(device=torch.device("cpu"))
    service.visitors.meet("somebody", "").streams = 1  # and listens, however slow the machine is
    return service


@pytest.fixture(scope="module")
def dlib(service):
    return service.choose("dlib")


def event_of(service, language="en", data=None, kind=Event):
    request = SimpleNamespace(session_hash="somebody", client=None, headers={"accept-language": language})
    return kind(service, request, EventData(None, data) if data else None)


def cards(outcomes, target=None, unknown=3, language="en", attacked=0):
    """The cards of faces taken for these people, with these outcomes."""
    config = SimpleNamespace(labels=(*PEOPLE,), unknown=unknown)
    view = View(SimpleNamespace(name="ours", config=config), 0.01, target=target)
    picture = Image.new("RGB", (2, 2))
    distance = None if unknown is None else 0.412
    survivors = [Survivor("png", picture, PEOPLE[who], 0.756, distance, outcome) for who, outcome in outcomes]
    return cards_of(view, Aim(attacked, target and PEOPLE[target]), survivors, 1, language)


def words(message):
    return [(card["kind"], card["outcome"], card["who"], card["fooled"]) for card in message["cards"]]


def test_cards_tell_apart_what_becomes_of_a_face_that_shall_be_anybody_else():
    message = cards([("unknown", "unknown"), ("dark", "recognised"), ("light", "other"), ("unknown", "unknown")])
    assert words(message) == [
        ("unknown", "Unknown", "unknown", True),
        ("recognised", "Recognised again", "dark, distance 0.41", False),
        ("other", "Still fooled", "light, distance 0.41", True),
        ("unknown", "Unknown", "unknown", True),
    ]
    assert message["title"] == (
        "dark, ours, FGSM, epsilon 0.01: 3 of 4 still fool it, 2 as unknown and 1 as somebody else."
    )
    never = cards([("dark", "recognised"), ("unknown", "unknown")])
    assert [card["outcome"] for card in never["cards"]] == ["Recognised", "Unknown"]
    assert "does not fool it to begin with" in never["title"]
    sure = cards([("light", "other"), ("dark", "recognised")], unknown=None)
    assert sure["title"] == "dark, ours, FGSM, epsilon 0.01: 1 of 2 still fool it."
    assert [card["who"] for card in sure["cards"]] == ["light, 76%", "dark, 76%"]


def test_cards_tell_apart_what_becomes_of_a_face_that_shall_be_somebody_in_particular():
    outcomes = [("light", "target"), ("unknown", "unknown"), ("dark", "recognised"), ("red", "other")]
    message = cards(outcomes, "light")
    assert words(message) == [
        ("target", "Still light", "light, distance 0.41", True),
        ("unknown", "Unknown", "unknown", False),
        ("recognised", "Recognised again", "dark, distance 0.41", False),
        ("other", "Somebody else", "red, distance 0.41", False),
    ]
    assert message["title"].endswith("1 of 4 are still taken for light.")
    missed = cards(outcomes[1:], "light")
    assert [card["outcome"] for card in missed["cards"]] == ["Unknown", "Recognised again", "Somebody else"]
    assert "is not taken for light to begin with" in missed["title"]


def test_cards_speak_the_visitors_language():
    message = cards([("light", "target"), ("unknown", "unknown")], "light", language="es", attacked=3)
    assert message["title"].startswith("desconocida, ours, FGSM, epsilon 0.01: 1 de 2")
    assert message["cards"][1]["outcome"] == "Desconocida" and message["cards"][1]["who"] == "desconocida"


def test_what_survives_of_a_face_that_dlib_takes_for_nobody(service, dlib):
    controls = Controls("dlib", "FGSM", "dodge", 0.1, False, None, 0.01)
    event = event_of(service, kind=StageEvent).on(Visit(Face(PHOTOGRAPH, "person 24")), controls)
    message = survive(event)
    network = service.network(dlib)
    image = prepare(open_picture(PHOTOGRAPH), 150, network.config.framing)[None]
    file = (fgsm(network, image, torch.tensor([23]), 0.01) * 255).round() / 255
    assert network.labels[int(network(file).argmax())] == "unknown"
    first = message["cards"][0]
    assert (first["kind"], first["outcome"], first["fooled"]) == ("unknown", "Unknown", True)
    assert message["title"].startswith("person 24, dlib") and "as unknown and" in message["title"]
    aim, survivors = survivors_of(service, View(dlib, 0.001), image[0], 23)
    file = (fgsm(network, image, torch.tensor([23]), 0.001) * 255).round() / 255
    apart = np.linalg.norm(embed(network, file)[0] - network.network.templates[23])
    assert survivors[0].distance == pytest.approx(apart, abs=1e-3)
    assert cards_of(View(dlib, 0.001), aim, survivors, 1, "en")["cards"][0]["who"] == f"person 24, distance {apart:.2f}"


def test_a_stranger_can_only_be_moved_towards_somebody(service, dlib):
    stranger = torch.full((3, 150, 150), 0.5)
    assert int(service.network(dlib)(stranger[None]).argmax()) == dlib.config.unknown
    with pytest.raises(Refused, match="taken for nobody, so it can only be moved towards somebody"):
        survivors_of(service, View(dlib, 0.02, attack=ATTACKS["random signs"]), stranger, None)
    nearest = service.network(dlib)(stranger[None])[0, :40].argmax().item()
    aim, _ = survivors_of(service, View(dlib, 0.02), stranger, None)
    assert aim == Aim(40, nearest)
    aim, survivors = survivors_of(service, View(dlib, 0.0, target="person 07"), stranger, None)
    assert aim == Aim(40, 6) and {one.outcome for one in survivors} == {"unknown"}
    known, _ = survivors_of(service, View(dlib, 0.0), stranger, 23)  # who is enrolled, recognised or not
    assert known == Aim(23)


# The accuracy curve


@pytest.fixture(scope="module")
def measured(service):
    """dlib's curve on the tab: the board, and the last message."""
    tab, board = CurveTab(service), Board()
    *_, (message, *_) = tab.measure(board, (["dlib"], "0, 0.005, 0.3", ["FGSM"]), event_of(service))
    return tab, board, message


def test_the_curve_tab_counts_the_unknown_apart(service, dlib, measured):
    tab, _, message = measured
    (curve,) = message["curves"]
    network = service.network(dlib)
    images, labels = load_test_set(network)
    answers = torch.stack([network(fgsm(network, images, labels, epsilon)).argmax(1) for epsilon in (0.0, 0.005, 0.3)])
    assert curve["threshold"] == dlib.config.threshold and curve["total"] == len(images)
    expected = {
        "correct": answers == labels,
        "unknown": answers == 40,
        "confused": (answers != labels) & (answers != 40),
    }
    # Other batches round otherwise: a face that stands at the threshold may turn.
    for name, found in expected.items():
        assert curve[name] == pytest.approx(found.sum(1).tolist(), abs=1), name
    assert all(sum(counts) == len(images) for counts in zip(*(curve[name] for name in expected), strict=True))
    assert curve["unknown"][2] == len(images)  # nothing of a face is left
    *_, (again, *_) = tab.measure(Board(), (["dlib"], "0, 0.005, 0.3", ["FGSM"]), event_of(service))
    assert again["curves"] == [{**curve, "remembered": True}] and "computed before" in again["message"]


@pytest.mark.parametrize(("language", "word"), [("en", "unknown"), ("es", "desconocida")])
def test_faces_that_are_nobodys_have_no_photograph_beside_them(service, measured, language, word):
    tab, board, _ = measured
    at = {"model": "dlib", "attack": "FGSM", "epsilon": 0.3}
    shown = tab.examples(event_of(service, language, at), board.results)
    assert len(shown["faces"]) == 5
    for face in shown["faces"]:
        assert (face["taken"], face["reference"], face["reference_label"]) == (word, None, "")
        assert face["person"].startswith("person ")
    unharmed = tab.examples(event_of(service, "en", {**at, "epsilon": 0.0}), board.results)
    assert unharmed == {"title": "dlib's face network, FGSM, epsilon 0 (0.0/255): " + NOBODY, "faces": []}


NOBODY = "every face that was recognised still is."


def test_the_tabs_open_with_the_course_projects_recognisers(service):
    with gr.Blocks():
        curve, *_ = CurveTab(service).inputs()
        transfer, *_ = TransferTab(service).inputs()
    assert curve.value == ["resnet18"] and sorted(transfer.value) == sorted(CLASSIFIERS)
    assert "dlib" in [name for _, name in curve.choices]


def test_test_faces_are_shared_by_those_alone_that_are_shown_the_same_square(dlib, monkeypatch):
    service, loaded = Service(device=torch.device("cpu")), []
    monkeypatch.setattr(service, "network", lambda chosen: chosen.config.framing)
    monkeypatch.setattr("fgsm.page.fooled.load_test_set", lambda framing: loaded.append(framing) or (framing, framing))
    plain = replace(dlib, config=replace(dlib.config, framing="plain"))
    renamed = replace(dlib, name="renamed")
    faces = [faces_and_labels(service, chosen)[0] for chosen in (dlib, plain, renamed)]
    assert faces == [dlib.config.framing, "plain", dlib.config.framing] and len(loaded) == 2


# In the browser

MOUNT = """
async ([name, html, value]) => {
  document.querySelector('#mounted')?.remove();
  const element = document.createElement('div');
  element.id = 'mounted';
  element.innerHTML = html;
  document.body.append(element);
  const { mount } = await import(new URL(`drawings/${name}/${name}.js`, document.baseURI));
  mount({ element, props: { value }, trigger: () => {}, watch: () => {} });
}
"""


def drawn(page, name, value):
    """The drawing of a value, added to the page."""
    page.evaluate(MOUNT, [name, (ASSETS / name / f"{name}.html").read_text("utf-8"), value])
    return page.locator("#mounted")


def chart(service, **counts):
    """What the chart is sent of a curve over 40 faces."""
    rest = {"fooled": [0, 20], "recognised": 40, "total": 40, "examples": [[], []], "precision": "float32"}
    curve = Snapshot(model="dlib", attack=FGSM.name, epsilons=[0.0, 0.1], correct=[40, 20], **rest, **counts)
    return {"state": "done", "progress": 1, "message": "", "notes": [], **CurveTab(service).drawn({None: curve}, [])}


def heights(shape):
    """The heights in the plot, from 0 to 1, of a shape's corners."""
    bottom, top = 380 - 40, 14  # assets/chart/scales.js, with the chart as high as its style says
    corners = [corner.split(",") for corner in shape.get_attribute("points").split(" ")]
    return [round((bottom - float(y)) / (bottom - top), 3) for _, y in corners]


def test_the_chart_draws_the_unknown_apart(lasting_page, service):
    page = lasting_page
    page.add_style_tag(content="#mounted svg[role=group] { display: block; width: 600px; height: 380px; }")
    plot = drawn(page, "chart", chart(service, unknown=[0, 15], threshold=0.5))
    assert heights(plot.locator("polygon.unknown")) == [1, 0.875, 0.5, 1]
    assert heights(plot.locator("polyline.edge")) == [1, 0.875]
    assert "unknown (above it: taken for somebody else)" in plot.locator(".legend").text_content()
    said = [point.get_attribute("aria-label") for point in plot.locator("[data-testid=point]").all()]
    assert [text.split("\n")[-1] for text in said] == [
        "0 of 40 unknown, 0 taken for somebody else",
        "15 of 40 unknown, 5 taken for somebody else",
    ]


@pytest.mark.parametrize(("threshold", "lines"), [(None, 5), (0.5, 6)])
def test_the_chart_draws_no_band_where_nobody_is_unknown(lasting_page, service, threshold, lines):
    plot = drawn(lasting_page, "chart", chart(service, unknown=[0, 0], threshold=threshold))
    assert plot.locator("polygon.band").count() == 1
    assert plot.locator(".unknown").count() == 0 and "unknown" not in plot.locator(".legend").text_content()
    said = plot.locator("[data-testid=point]").first.get_attribute("aria-label")
    assert len(said.split("\n")) == lines and ("somebody else" in said) == (threshold is not None)


def test_the_faces_behind_a_point_read_naturally(lasting_page, service, measured):
    tab, board, _ = measured
    at = {"model": "dlib", "attack": "FGSM", "epsilon": 0.3}
    faces = drawn(lasting_page, "fooled", tab.examples(event_of(service, "en", at), board.results))
    assert faces.locator("figcaption").first.inner_text() == "unknown instead of person 01"
    assert faces.locator("img").count() == 5 and "→" not in faces.text_content()


def test_cards_look_as_different_as_their_outcomes(lasting_page):
    message = cards([("unknown", "unknown"), ("dark", "recognised"), ("light", "other")])
    figures = drawn(lasting_page, "cards", message).locator("figure").all()
    assert [figure.get_attribute("data-outcome") for figure in figures] == ["unknown", "recognised", "other"]
    assert [figure.get_attribute("class") == "fooled" for figure in figures] == [True, False, True]
