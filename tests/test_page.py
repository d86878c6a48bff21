"""The page as a visitor has it: app.py behind headless Chromium."""

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from PIL import Image

from fgsm.attacks import Aim
from fgsm.attacks.fgsm import fgsm
from fgsm.attacks.gradient import sign_gradient
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.measures.report import verdict
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.survey import available_recognizers

from .conftest import STAGE_DONE, open_page
from .driving import OPENING, SLIDER, STAGE, pick_model, pixels, set_epsilon, shown, stage


@pytest.fixture(scope="module")
def changed_page(browser, url):
    """One page for tests that choose all they need, recogniser and face."""
    with open_page(browser, url) as opened:
        yield opened


def expected(photograph, name, epsilon, label=None):
    """Original, perturbation at gain 10 and adversarial face by NumPy; label and verdict by the library."""
    model = load_recognizer(name)
    image = prepare(photograph, model.input_size, model.config.framing)[None].to(model.device)
    target = model(image).argmax(1) if label is None else torch.tensor([model.labels.index(label)], device=model.device)
    sign = sign_gradient(model, image, target)[0].permute(1, 2, 0).cpu().numpy().astype(np.float64)
    original = (255 * image[0]).round().permute(1, 2, 0).cpu().numpy().astype(np.float64)
    moved = np.clip(original + 255 * epsilon * sign, 0, 255)
    perturbation = np.clip(np.rint(128 + 10 * (moved - original)), 0, 255)
    probabilities = model(fgsm(model, image, target, epsilon)).softmax(1)[0]
    pictures = {"original": original, "perturbation": perturbation, "adversarial": np.clip(np.rint(moved), 0, 255)}
    taken = model.labels[int(probabilities.argmax())]
    return pictures, taken, verdict(model, probabilities, Aim(int(target)), epsilon)


def assert_stage_shows(page, photograph, name, epsilon, label=None):
    pictures, taken, sentence = expected(photograph, name, epsilon, label)
    assert stage(page, "epsilon") == f"{epsilon:g}"
    for canvas, numbers in pictures.items():
        assert np.array_equal(pixels(page, canvas), numbers), canvas
    assert stage(page, "prediction") == taken
    assert shown(page, "verdict") == sentence


def test_it_opens_just_before_the_face_is_fooled(page):
    opening = float(stage(page, "epsilon"))
    person = shown(page, "clean").split(",")[0]
    assert 0 < opening < 0.1 and stage(page, "prediction") == person
    assert float(page.locator(SLIDER).input_value()) == pytest.approx(opening)
    page.locator(SLIDER).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon > {opening}")
    assert stage(page, "prediction") != person
    assert shown(page, "verdict").startswith("Taken for")


def test_the_first_drag_is_kept_while_the_opening_grid_streams_in(browser, url):
    with open_page(browser, url, f'{STAGE}:not([data-ready=""])') as page:
        set_epsilon(page, 0.07)
        page.wait_for_selector(STAGE_DONE, timeout=60_000)
        page.wait_for_timeout(500)
        assert stage(page, "epsilon") == "0.07" and float(page.locator(SLIDER).input_value()) == 0.07


def test_dragging_needs_no_request_and_draws_what_numpy_computes(stage_page):
    page, requests = stage_page, []
    page.on("request", lambda request: requests.append(request.url))
    box = page.locator(SLIDER).bounding_box()
    middle = box["y"] + box["height"] / 2
    seen = set()
    page.mouse.move(box["x"] + 2, middle)
    page.mouse.down()
    for step in range(41):
        page.mouse.move(box["x"] + 2 + step * (box["width"] - 4) / 40, middle)
        seen.add((stage(page, "epsilon"), pixels(page, "adversarial").tobytes()))
    page.mouse.up()
    assert len({epsilon for epsilon, _ in seen}) > 30 and len({picture for _, picture in seen}) > 15
    photograph = open_picture(OPENING)
    for epsilon in (0, 0.001, 0.002, 0.013, 0.05, 0.1):
        set_epsilon(page, epsilon)
        assert_stage_shows(page, photograph, "resnet18", epsilon, "person 24")
    page.wait_for_timeout(500)
    assert requests == []


@pytest.mark.parametrize(("number", "name"), enumerate(sorted(available_recognizers()), 21))
def test_another_face_and_another_recogniser_replace_the_first(changed_page, number, name):
    page, photograph = changed_page, BUILTIN_FACES / f"person_{number}" / "06.png"
    pick_model(page, name)
    page.locator("#samples .film button").nth(number - 1).click()
    page.locator(f"{STAGE} [data-show=attacked]", has_text=f"true label, person {number}").wait_for(timeout=60_000)
    page.wait_for_selector(STAGE_DONE, timeout=120_000)
    for epsilon in (0.008, 0.04):
        set_epsilon(page, epsilon)
        assert_stage_shows(page, open_picture(photograph), name, epsilon, f"person {number}")


def test_the_keyboard_and_the_number_box_move_it(stage_page):
    page = stage_page
    slider = page.locator(SLIDER)
    slider.focus()
    for key, epsilon in (("End", "0.1"), ("ArrowLeft", "0.099"), ("Home", "0"), ("ArrowRight", "0.001")):
        page.keyboard.press(key)
        page.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon === '{epsilon}'")
    box = page.locator("#epsilon input[type=number]")
    for typed, epsilon in (("0.025", "0.025"), ("7", "0.1"), ("-3", "0")):
        box.fill(typed)
        page.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon === '{epsilon}'")


def test_the_top_of_the_slider_can_be_chosen(stage_page):
    page = stage_page
    for top, steps in (("0.02", 0.0002), ("1", 0.01), ("0.1", 0.001)):
        before = stage(page, "ready")
        page.locator("#top label", has_text=top).last.click()
        page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)
        page.locator(SLIDER).focus()
        page.keyboard.press("End")
        page.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon === '{top}'")
        page.keyboard.press("ArrowLeft")
        wanted = f"{float(top) - steps:g}"
        page.wait_for_function(f"document.querySelector('{STAGE}').dataset.epsilon === '{wanted}'")


def test_the_five_most_likely_are_listed(stage_page):
    page = stage_page
    set_epsilon(page, 0.03)
    model = load_recognizer("resnet18")
    image = prepare(open_picture(OPENING), 112)[None].to(model.device)
    label = torch.tensor([model.labels.index("person 24")], device=model.device)
    first = model(image).softmax(1)[0].max()
    assert shown(page, "clean") == f"person 24, {100 * first:.1f}%"
    top = model(fgsm(model, image, label, 0.03)).softmax(1)[0].topk(5)
    rows = page.locator(f"{STAGE} [data-show=adversarial-top] li")
    assert rows.locator(".name").all_inner_texts() == [model.labels[i] for i in top.indices.tolist()]
    percents = [float(text.rstrip("%")) for text in rows.locator("output").all_inner_texts()]
    assert percents == pytest.approx([100 * value for value in top.values.tolist()], abs=0.06)
    sources = rows.locator("img").evaluate_all("all => all.map(i => i.src)")
    assert all(source.startswith("data:image/webp") for source in sources)


def test_below_half_a_grey_level_the_file_is_the_original(stage_page):
    page = stage_page
    set_epsilon(page, 0.001)
    assert np.array_equal(pixels(page, "adversarial"), pixels(page, "original"))
    assert "the file is the original" in shown(page, "file")


def test_a_picture_of_ones_own_is_attacked_on_the_recognisers_prediction(changed_page, tmp_path):
    page = changed_page
    pick_model(page, "resnet18")
    picture = Image.fromarray(
        np.asarray(Image.open(BUILTIN_FACES / "person_30" / "09.png").convert("RGB"))[:, ::-1].copy()
    )
    file = tmp_path / "visitor.png"
    picture.save(file)
    page.get_by_role("tab", name="Your photograph").click()
    page.locator("#photo input[type=file]").set_input_files(file)
    page.locator(f"{STAGE} [data-show=attacked]", has_text="own clean prediction").wait_for(timeout=60_000)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    for epsilon in (0.005, 0.06):
        set_epsilon(page, epsilon)
        assert_stage_shows(page, picture, "resnet18", epsilon)
    assert "own clean prediction" in shown(page, "attacked")


def test_what_is_not_a_picture_gets_a_sentence(stage_page, tmp_path):
    page = stage_page
    file = tmp_path / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    page.get_by_role("tab", name="Your photograph").click()
    page.locator("#photo input[type=file]").set_input_files(file)
    page.get_by_text("not a picture that can be read").wait_for(timeout=10_000)
    assert stage(page, "prediction")


def test_the_adversarial_face_downloads_as_png(stage_page, tmp_path):
    page = stage_page
    set_epsilon(page, 0.02)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save picture").click()
    assert download.value.suggested_filename == "adversarial_resnet18_0.02.png"
    file = tmp_path / "face.png"
    download.value.save_as(file)
    pictures, _, _ = expected(open_picture(OPENING), "resnet18", 0.02, "person 24")
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture.convert("RGB")), pictures["adversarial"])


def test_the_api_answers_with_the_same_report(url):
    photograph = BUILTIN_FACES / "person_05" / "07.png"
    report, picture = Client(url, verbose=False).predict(
        photo=handle_file(photograph), model="resnet18", epsilon=0.04, api_name="/attack"
    )
    pictures, taken, sentence = expected(open_picture(photograph), "resnet18", 0.04)
    assert report["float"]["top"][0]["label"] == taken and report["float"]["verdict"] == sentence
    saved = Image.open(picture["path"] if isinstance(picture, dict) else picture)
    assert saved.format == "PNG" and np.array_equal(np.asarray(saved), pictures["adversarial"])
