"""Conventions visitors expect: links that reopen a view, their own language, dark mode, keys, small screens."""

import contextlib
import copy
import json
import re
from dataclasses import replace

import httpx
import pytest

from fgsm.measures.names import spelled_like
from fgsm.page import staging
from fgsm.page import visit as visits
from fgsm.page.controls import Controls, view_of
from fgsm.page.service import Service
from fgsm.places import BUILTIN_FACES, PROJECT
from fgsm.texts import TEXTS

from .conftest import STAGE_DONE, function_number, open_page

STAGE = "#viewer .stage"


@pytest.fixture
def visit(browser, url):
    """Opens the page at an address of its own in a browser with settings of its own."""
    with contextlib.ExitStack() as pages:
        yield lambda query="", *ready, **settings: pages.enter_context(
            open_page(browser, url + query, *ready, **settings)
        )


def test_a_link_reopens_face_recogniser_and_epsilon(visit):
    page = visit("/?face=person_30&model=resnet18-robust&epsilon=0.3&top=1")
    page.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon === '0.3'")
    assert "person 30" in page.locator(f"{STAGE} [data-show=attacked]").inner_text()
    assert page.locator("#model input").input_value().startswith("ResNet-18, adversarially trained")
    assert float(page.locator("#epsilon input[type=range]").input_value()) == 0.3
    assert page.locator("#top input:checked").evaluate("radio => radio.value") == "1"


def test_the_address_follows_the_view(visit):
    page = visit()
    page.locator("#samples .film button").nth(20).click()
    page.wait_for_url("**face=person_21**")
    page.locator("#epsilon input[type=number]").fill("0.05")
    page.wait_for_url("**epsilon=0.05**")
    page.get_by_role("tab", name="Accuracy curve").click()
    page.wait_for_url("**tab=curve**")
    again = visit("/?" + page.url.split("?")[1], "#curve:visible")
    tab = again.get_by_role("tab", name="Accuracy curve")
    tab.and_(again.locator("[aria-selected=true]")).wait_for(timeout=10_000)
    again.get_by_role("tab", name="Attack").click()
    again.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon === '0.05'")
    assert "person 21" in again.locator(f"{STAGE} [data-show=attacked]").inner_text()


def test_a_link_that_makes_no_sense_opens_the_page_as_usual(visit):
    page = visit("/?face=../../x&model=nobody&epsilon=nan&top=7&tab=x")
    assert "person 24" in page.locator(f"{STAGE} [data-show=attacked]").inner_text()
    assert page.locator(STAGE).get_attribute("data-prediction")


@pytest.mark.parametrize("link", [{"epsilon": "1e999"}, {"face": "", "model": ""}, {"top": "7", "attack": "x"}])
def test_what_a_link_names_wrongly_is_as_usual(service, link):
    assert staging.asked_for(service, link) == staging.asked_for(service, {})


def test_the_link_can_be_copied(stage_page):
    page = stage_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.wait_for_url("**epsilon=**")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Link copied").wait_for(timeout=5_000)
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_spanish_visitors_read_spanish(visit):
    page = visit(locale="es-MX")
    for text in ("Engañe a un reconocedor", "Su fotografía", "Escala hasta", "Guardar imagen"):
        page.get_by_text(text).first.wait_for(timeout=5_000)
    assert page.locator(f"{STAGE} [data-show=verdict]").inner_text().startswith("Aún reconocida como person 24")
    assert "Atacada en su etiqueta verdadera" in page.locator(f"{STAGE} [data-show=attacked]").inner_text()
    page.locator("#epsilon input[type=range]").press("ArrowRight")
    page.get_by_text("Confundida con person").first.wait_for(timeout=5_000)
    page.get_by_role("tab", name="Curva de exactitud").click()
    page.locator("#curve-epsilons textarea, #curve-epsilons input").first.fill("siete")
    page.get_by_role("button", name="Medir aquí").click()
    page.get_by_text("'siete' no es un epsilon").first.wait_for(timeout=10_000)


def test_other_languages_read_english(visit):
    page = visit(locale="fr-FR")
    page.get_by_role("tab", name="Faces", exact=True).wait_for(timeout=5_000)
    assert page.locator(f"{STAGE} [data-show=verdict]").inner_text().startswith("Still recognised")
    assert "__i18n__" not in page.locator("body").inner_text()


def test_the_languages_say_the_same_things():
    first, *others = TEXTS.values()
    for other in others:
        assert first.keys() == other.keys()
        for key in first:
            assert set(re.findall(r"{\w+}", first[key])) == set(re.findall(r"{\w+}", other[key])), key


def test_every_text_that_the_drawings_name_exists():
    named = set()
    for file in (PROJECT / "assets").glob("*/*.[hj][ts]*"):
        named |= set(re.findall(r"""(?:say\('|data-(?:text|label)=")([\w.]+)['"]""", file.read_text("utf-8")))
    assert len(named) > 20
    assert named <= TEXTS["en"].keys()


def luminance(colour):
    red, green, blue = (int(value) for value in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_mode_is_dark_and_readable(visit):
    page = visit(color_scheme="dark")
    body = page.evaluate("getComputedStyle(document.querySelector('.gradio-container')).backgroundColor")
    verdict = page.locator(f"{STAGE} [data-show=verdict]").evaluate("node => getComputedStyle(node).color")
    assert luminance(body) < 40 and luminance(verdict) > 150


@pytest.mark.parametrize(
    "settings",
    [
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
        {"viewport": {"width": 1920, "height": 1080}},
    ],
    ids=["phone", "projector"],
)
def test_no_screen_scrolls_sideways(visit, settings):
    page = visit("/?tab=curve", "#curve:visible", **settings)
    page.locator("#curve .chart svg").first.wait_for()
    width = settings["viewport"]["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("tab", name="Attack").click()
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_moves_while_results_stream_in(visit):
    page = visit("/?face=person_08&attack=PGD&epsilon=0.02", f'{STAGE}:not([data-ready=""])')
    parts = "['.verdict', '.strip', '.note', '#samples']"
    places = f"{parts}.map(part => document.querySelector(part).getBoundingClientRect().top)"
    early = page.evaluate(places)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    assert page.evaluate(places) == pytest.approx(early, abs=1)


def test_the_stage_can_be_used_with_keys_and_heard(visit):
    page = visit()
    slider = page.get_by_role("slider").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#epsilon input[type=range]').ariaValueText.startsWith('0.014')")
    label = "document.querySelector('canvas[data-testid=adversarial]').ariaLabel"
    assert page.evaluate(label).startswith("Adversarial face, taken for person")
    heard = page.locator(f"{STAGE} [data-show=heard]")  # once, at rest, and not each of the steps on the way there
    page.wait_for_function("document.querySelector('[data-show=heard]').textContent.startsWith('Taken for')")
    assert heard.get_attribute("role") == "status"
    assert page.locator(f"{STAGE} [data-show=verdict]").get_attribute("aria-live") is None
    page.locator("#samples .film button").nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**face=person_04**")


def test_no_text_ends_the_script_that_holds_it():
    from fgsm.page.drawings import head

    assert head().count("</script>") == head().count("<script") == 2


CONTROLS = Controls("resnet18", "FGSM", "impersonate", 0.1, False, None, 0.03)


@pytest.fixture(scope="module")
def service():
    return Service()


def test_a_person_whom_the_recogniser_does_not_know_is_not_passed_over_in_silence(service):
    chosen = service.choose("resnet18")
    face = visits.first_face(service, chosen)

    def note(wanted, language):
        view = view_of(CONTROLS, chosen, wanted)
        message = {"attacked": chosen.config.labels.index(face.person), "target": None}
        return view.target, staging.note(service, view, face, message, language)

    target, said = note("Zoë", "en")
    assert target is None and said.startswith("ResNet-18 does not know Zoë, so the face only moves away")
    assert note("Zoë", "es")[1].startswith("ResNet-18 no conoce a Zoë")
    assert "Nobody to become is chosen yet" in note(None, "en")[1]
    target, said = note("person 07", "en")
    assert target == "person 07" and "does not know" not in said


def test_a_face_that_is_nobodys_is_said_to_move_towards_the_nearest(service):
    chosen = service.choose("dlib")
    view, face = view_of(replace(CONTROLS, model="dlib", goal="dodge"), chosen, None), visits.Face(BUILTIN_FACES / "x")
    towards = {"attacked": chosen.config.unknown, "target": 11}
    said = staging.note(service, view, face, towards, "en")
    assert said.startswith("dlib's face network knows 40 people, and this face is none of them.")
    assert "moved towards person 12" in said
    nowhere = staging.note(service, view, face, towards | {"target": None}, "en")
    assert "Random signs aim at nobody" in nowhere
    nearest = staging.note(service, view, face, {"attacked": 3, "target": None}, "es")
    assert "inscritas" in nearest


def test_links_name_people_however_they_are_spelled(service, monkeypatch):
    chosen = service.choose("resnet18")
    chosen = replace(chosen, config=replace(chosen.config, labels=("Angélica", "person 24")))
    monkeypatch.setattr(staging, "chosen_by", lambda service, link: chosen)
    sample = visits.Face(BUILTIN_FACES / "person_01" / "06.png", "Angélica")
    people = [visits.Face(BUILTIN_FACES / "x", "person 24"), sample]
    monkeypatch.setattr(visits, "samples", lambda service, chosen: people)
    assert [spelled_like(name, ["Weiss", "Weiß"]) for name in ("Weiß", "Weiss", "WEISS")] == ["Weiß", "Weiss", "Weiss"]
    for spelled in ("Ange\u0301lica", "Angélica", "angélica"):
        face, view, _ = staging.asked_for(service, {"face": spelled, "target": "person_24"})
        assert face == sample and view.target == "person 24"
        asked = {"face": "person_24", "target": spelled, "epsilon": "5.1/255"}
        face, view, named = staging.asked_for(service, asked)
        assert face.person == "person 24" and view.target == "Angélica" and named and view.epsilon == 0.02
    _, view, _ = staging.asked_for(service, {"face": "person_24", "target": "person_24"})
    assert view.target is None  # nobody becomes whom they are


def changed(value, changes):
    """What Gradio's browser client makes of an earlier value: it makes the changes in place, wherever it can."""
    for kind, path, new in changes:
        if not path:
            assert kind == "replace"
            value = new
            continue
        *way, last = path
        inside = value
        for step in way:
            inside = inside[step]
        if kind == "delete":
            del inside[last]
        elif kind == "add" and isinstance(inside, list):
            inside.insert(int(last), new)
        else:
            inside[last] = inside[last] + new if kind == "append" else new
    return value


def test_nothing_that_was_sent_is_taken_back_before_a_slow_browser_has_drawn_it(url):
    with httpx.Client(base_url=f"{url}/gradio_api", timeout=60) as http:
        controls = [None, "resnet18", "FGSM", "dodge", 1.0, False, None, 0.03]
        number = function_number(url, "change_slider")
        asked = {"data": controls, "fn_index": number, "session_hash": "slow-browser"}
        http.post("/queue/join", json=asked).raise_for_status()
        answer = http.get("/queue/data", params={"session_hash": "slow-browser"}).text
    messages = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith("data: ")]
    first, *rest = [message["output"]["data"] for message in messages if message["msg"] == "process_generating"]
    values, sent = [first], [copy.deepcopy(first)]
    for changes in rest:
        values.append([changed(old, new) for old, new in zip(values[-1], changes, strict=True)])
        sent.append(copy.deepcopy(values[-1]))
    (_, slider, _), (stage, *_) = values[:2]
    assert slider == sent[0][1] and slider["maximum"] == 1.0
    assert stage["model"] == "resnet18" and stage.keys() == sent[1][0].keys()
    assert [value["__type__"] for value in values[-1]][:2] == ["update"] * 2  # in the end, nothing new for either
