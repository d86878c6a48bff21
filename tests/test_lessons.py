"""What the page teaches beyond one step and one curve, in headless Chromium."""

import numpy as np
import pytest
import torch
import torchattacks
from gradio_client import Client, handle_file

from fgsm.attacks import Aim
from fgsm.attacks.attack import aimed
from fgsm.attacks.bim import BIM
from fgsm.attacks.fgsm import fgsm
from fgsm.attacks.gradient import sign_gradient
from fgsm.attacks.pixels import perturb_8bit
from fgsm.attacks.random_signs import random_signs
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import prepare
from fgsm.measures.survive import survival
from fgsm.measures.sweep import sweep
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.testset import load_test_set

from .conftest import STAGE_DONE, open_page
from .driving import OPENING, SLIDER, STAGE, choose_model, pixels, set_epsilon, shown, stage, tick

ALL_FOUND = f"{STAGE_DONE}:not([data-smallest=''])"
PERSON_07 = "#people button:has-text('person 07')"


@pytest.fixture(scope="module")
def resnet18():
    return load_recognizer("resnet18", device="cpu")


@pytest.fixture(scope="module")
def face(resnet18):
    """The face that the page opens with, and its class index, as a batch of one."""
    return prepare(open_picture(OPENING), 112)[None], torch.tensor([resnet18.labels.index("person 24")])


def wait_for_another(page, before):
    page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=120_000)


def aim(page):
    """Want to become somebody in particular."""
    page.locator("#goal input").click()
    page.get_by_role("option").filter(has_text="somebody in particular").click()
    page.locator("#people button").first.wait_for(timeout=20_000)


def choose_method(page, name):
    before = stage(page, "ready")
    page.locator("#method input").click()
    page.get_by_role("option").filter(has_text=name).click()
    wait_for_another(page, before)


def test_the_smallest_epsilon_is_said_and_marked_on_the_slider(stage_page, resnet18, face):
    page = stage_page
    page.wait_for_selector(ALL_FOUND)
    smallest = float(stage(page, "smallest"))
    image, label = face
    named = [resnet18(fgsm(resnet18, image, label, at)).argmax() == label for at in (smallest, smallest - 1.1e-5)]
    assert named == [False, True]
    sentence = shown(page, "smallest")
    assert f"{smallest:.5f}".rstrip("0") in sentence
    sign = sign_gradient(resnet18, image, label)
    near = [n / 100 for n in range(int(25500 * smallest) - 60, int(25500 * smallest) + 60)]  # grey levels
    fooled = sweep(resnet18, image, sign, [level / 255 for level in near], eight_bit=True)[:, 0].argmax(1) != label
    assert (
        not fooled[0] and f"whole grey levels, does so from {near[fooled.tolist().index(True)] / 255:.5f}" in sentence
    )
    mark = page.locator(".strip .mark.smallest").bounding_box()
    track = page.locator(SLIDER).bounding_box()
    along = (mark["x"] + mark["width"] / 2 - track["x"] - 8) / (track["width"] - 16)
    assert along == pytest.approx(smallest / 0.1, abs=0.01)
    set_epsilon(page, round(smallest, 3))  # the curves behind the thumb have the slider's own scale
    circle = page.locator(".strip circle.attacked").bounding_box()
    middle = (circle["x"] + circle["width"] / 2 - track["x"] - 8) / (track["width"] - 16)
    assert middle == pytest.approx(round(smallest, 3) / 0.1, abs=0.005)


def test_the_strip_shows_both_confidences_at_the_slider(stage_page, resnet18, face):
    page = stage_page
    page.wait_for_selector(ALL_FOUND)
    set_epsilon(page, 0.04)
    probabilities = resnet18(fgsm(resnet18, *face, 0.04)).softmax(1)[0]
    rival = resnet18.labels[int(probabilities.argmax())]
    assert (shown(page, "strip-attacked"), shown(page, "strip-rival")) == ("person 24", rival)
    height = page.locator(".strip svg").bounding_box()["height"] - 16  # for its numbers
    for name, probability in (("attacked", probabilities[face[1]].item()), ("rival", probabilities.max().item())):
        circle = page.locator(f".strip circle.{name}")
        x, y = (float(circle.get_attribute(key)) for key in ("cx", "cy"))
        width = page.locator(".strip svg").bounding_box()["width"]
        assert (x - 8) / (width - 16) == pytest.approx(0.4, abs=0.01)  # where the thumb's middle is
        assert y == pytest.approx(4 + (height - 8) * (1 - probability), abs=1)


def test_random_signs_do_nothing_and_need_no_request(stage_page, resnet18, face):
    page = stage_page
    before = stage(page, "ready")
    page.get_by_label("Random changes").check()
    wait_for_another(page, before)
    page.wait_for_timeout(500)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    image, _ = face
    sign = random_signs(image, [0])
    for epsilon in (0.03, 0.05):
        set_epsilon(page, epsilon)
        moved = (255 * perturb_8bit(image, sign, epsilon)[0]).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(pixels(page, "adversarial"), moved)
        assert (
            stage(page, "prediction") == resnet18.labels[int(resnet18(image + epsilon * sign).argmax())] == "person 24"
        )
        assert shown(page, "change") == f"{epsilon:g} × random signs"
    page.wait_for_timeout(400)
    assert requests == []
    page.get_by_label("Random changes").uncheck()
    page.wait_for_function(f"document.querySelector('{STAGE}').dataset.prediction !== 'person 24'")


def test_becoming_somebody_fails_in_one_step_and_succeeds_in_ten(page, resnet18, face):
    image, _ = face
    aim(page)
    page.locator("#people button", has_text="person 24").click()  # who is on the stage
    page.get_by_text("This face is attacked as person 24: name somebody else").wait_for(timeout=10_000)
    before = stage(page, "ready")
    page.locator(PERSON_07).click()
    wait_for_another(page, before)
    page.get_by_text("No epsilon of this slider gets there").wait_for(timeout=10_000)
    set_epsilon(page, 0.03)
    target = torch.tensor([resnet18.labels.index("person 07")])
    peer = torchattacks.FGSM(resnet18, eps=0.03)
    peer.set_mode_targeted_by_label(quiet=True)
    taken = resnet18.labels[int(resnet18(peer(image, target)).argmax())]
    assert stage(page, "prediction") == taken not in ("person 07", "person 24")
    assert "Dodged" in shown(page, "goals") and "No impersonation" in shown(page, "goals")
    assert stage(page, "outcome") == "missed" and page.locator(".wanted img").get_attribute("src").startswith("data:")

    before = stage(page, "ready")
    page.get_by_role("button", name="Take ten steps instead").click()
    wait_for_another(page, before)
    assert stage(page, "prediction") == "person 07" and "Impersonation: taken for person 07" in shown(page, "goals")
    assert stage(page, "outcome") == "reached"
    assert not page.get_by_text("No epsilon of this slider").is_visible()
    assert page.locator("#method input").input_value().startswith("BIM")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    set_epsilon(page, 0.02)
    _, stored = (images[0] for images in aimed(BIM, resnet18, image, Aim(23, int(target))).both_at([0.02]))
    expected = (255 * stored[0]).round().byte().permute(1, 2, 0).numpy()
    # The page computed several epsilons in a batch: what ten steps make of its rounding is a grey level here and there.
    assert (pixels(page, "adversarial") != expected).mean() < 0.3
    assert np.abs(pixels(page, "adversarial").astype(int) - pixels(page, "original")).max() == 5  # 0.02 * 255
    page.wait_for_timeout(400)
    assert requests == []
    assert "200 in all" in shown(page, "attacked")
    page.wait_for_url("**target=person_07**")
    assert "attack=BIM" in page.url

    # What survives is counted by the goal: it is no success to be somebody else again.
    survivors = survival(resnet18, stored[0], Aim(23, int(target)))
    page.locator("#survive button").first.click()
    page.locator("#survive-start").click()
    page.locator("#cards figure").nth(5).wait_for(timeout=20_000)
    cards = page.locator("#cards figure").all_inner_texts()
    words = {int(target): "Still person 07", 23: "Recognised again"}
    assert [card.split("\n")[1] for card in cards] == [words.get(one.taken_for, "Somebody else") for one in survivors]
    left = sum(one.taken_for == int(target) for one in survivors)
    assert f"{left} of 6 are still taken for person 07" in page.locator("#cards .title").inner_text()


def test_a_link_reopens_attack_and_target(browser, url):
    with open_page(browser, f"{url}/?attack=PGD&target=person_03&epsilon=0.05&face=person_30") as page:
        assert "person 03" in shown(page, "goals") and "PGD takes 10 gradients" in shown(page, "attacked")
        assert page.locator("#method input").input_value().startswith("PGD")
        assert page.locator("#goal input").input_value().startswith("somebody in particular")
        assert page.locator("#people button[aria-pressed=true]").inner_text() == "person 03"


def test_ten_steps_fool_at_least_as_soon_as_one(stage_page):
    page = stage_page
    page.wait_for_selector(ALL_FOUND)
    one = float(stage(page, "smallest"))
    choose_method(page, "PGD")
    page.wait_for_selector(ALL_FOUND)
    assert float(stage(page, "smallest")) <= one + 0.005  # its positions are 0.005 apart
    choose_method(page, "FGSM")


def test_the_robust_recognisers_perturbation_is_explained(stage_page):
    choose_model(stage_page, "resnet18-robust")
    assert "was attacked while it learned" in shown(stage_page, "attacked")
    choose_model(stage_page, "resnet18")


def test_what_survives_is_shown_on_demand(stage_page, resnet18, face):
    page = stage_page
    assert page.locator("#cards figure").count() == 0
    set_epsilon(page, 0.03)
    page.wait_for_timeout(300)
    page.locator("#survive button").first.click()
    page.locator("#survive-start").click()
    page.locator("#cards figure").nth(5).wait_for(timeout=20_000)
    stored = perturb_8bit(face[0], sign_gradient(resnet18, *face), 0.03)
    taken = resnet18.labels[int(resnet18(stored).argmax())]
    cards = page.locator("#cards figure").all_inner_texts()
    assert cards[0].split("\n")[:2] == ["PNG", "Still fooled"] and taken in cards[0]
    assert "epsilon 0.03" in page.locator("#cards .title").inner_text()


def test_transfer_is_measured_drawn_and_clicked(lasting_page, url):
    page = lasting_page
    models = [load_recognizer(name, device="cpu") for name in ("resnet18", "resnet18-robust")]
    images, labels = load_test_set(models[0])
    page.get_by_role("tab", name="Transfer").click()
    tick(page, "transfer-models", "ResNet-18 ·", "adversarially trained")
    page.locator("#transfer-epsilon").locator("input, textarea").fill("0.03")
    page.locator("#transfer-start").click()
    page.wait_for_selector("#transfer .heatmap[data-state=done]", timeout=120_000)
    shown_accuracies = page.locator("#transfer .cell b").all_inner_texts()
    expected = [model(images).argmax(1).eq(labels).float().mean() for model in models]
    attack = torchattacks.FGSM(models[0], eps=0.03)
    moved = torch.cat([attack(*part) for part in zip(images.split(50), labels.split(50), strict=True)])
    expected += [model(moved).argmax(1).eq(labels).float().mean() for model in models]
    # Another batch size rounds otherwise: a sign may turn where the gradient is next to nothing, and with it a face.
    percents = [float(text.rstrip("%")) for text in shown_accuracies]
    assert len(percents) == 6 and percents[:4] == pytest.approx(
        [100 * accuracy.item() for accuracy in expected], abs=0.6
    )
    page.locator("#transfer button.cell").first.click()
    page.locator("#transfer-faces figure").nth(4).wait_for(timeout=20_000)
    assert "Crafted on ResNet-18, tried on ResNet-18" in page.locator("#transfer-faces p").first.inner_text()
    asked = (["resnet18", "resnet18-robust"], 0.03, "FGSM")
    value, *_ = Client(url, verbose=False).predict(*asked, api_name="/transfer")
    assert [f"{cell['accuracy']:.1%}" for row in value["rows"] for cell in row] == shown_accuracies


def test_transfer_of_one_recogniser_gets_a_sentence(lasting_page):
    page = lasting_page
    page.get_by_role("tab", name="Transfer").click()
    tick(page, "transfer-models", "ResNet-18 ·")
    page.locator("#transfer-start").click()
    page.locator("#transfer .message", has_text="at least two recognisers").wait_for(timeout=10_000)


def test_a_curve_of_several_steps_can_be_asked_for_and_stopped(lasting_page):
    page = lasting_page
    page.get_by_role("tab", name="Accuracy curve").click()
    page.locator("#curve-epsilons input, #curve-epsilons textarea").fill("0.02")
    for name in ("FGSM", "PGD"):
        page.locator("#curve-attacks label").filter(has_text=name).click()
    page.locator("#curve-start").click()
    page.locator("#curve .message", has_text="ResNet-18, PGD").wait_for(timeout=60_000)
    assert page.locator("#curve .point").first.get_attribute("data-attack") == "PGD"
    page.locator("#curve-stop").click()
    page.wait_for_selector("#curve .chart[data-state=stopped]", timeout=20_000)


def test_the_api_attacks_in_steps_towards_somebody(url):
    photograph = handle_file(BUILTIN_FACES / "person_05" / "07.png")
    client = Client(url, verbose=False)
    report, _ = client.predict(photograph, "resnet18", 0.04, "BIM", "person 09", api_name="/attack")
    assert report["attack"] == "BIM" and report["float"]["top"][0]["label"] == "person 09"
    assert report["float"]["dodged"] and report["float"]["impersonated"]
    with pytest.raises(Exception, match="knows nobody named"):
        client.predict(photograph, "resnet18", 0.04, "BIM", "nobody", api_name="/attack")


def test_the_perturbation_shown_is_the_change(stage_page):
    """With several steps the middle canvas is the amplified difference between the outer ones."""
    page = stage_page
    choose_method(page, "BIM")
    set_epsilon(page, 0.03)
    change = pixels(page, "adversarial").astype(int) - pixels(page, "original")
    assert np.array_equal(pixels(page, "perturbation"), np.clip(128 + 10 * change, 0, 255))
    assert shown(page, "change") == "change of at most 0.03"
    choose_method(page, "FGSM")
