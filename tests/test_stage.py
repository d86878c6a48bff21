"""One stage: everything one chooses and everything it does in one glance, and it answers at once."""

import contextlib
import re
import socket
import threading
from collections import Counter

import numpy as np
import pytest
import torch

from fgsm.attacks import ATTACKS, Aim
from fgsm.attacks.attack import aimed
from fgsm.attacks.fgsm import sign_gradient
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import load_faces, prepare
from fgsm.places import PROJECT
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.texts import TEXTS

from .conftest import STAGE_DONE, function_number, open_page
from .driving import OPENING, SLIDER, STAGE, pick_model, pixels, set_epsilon, shown, tick

LAPTOPS = [(1280, 720), (1366, 768)]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ZOOMED = {"viewport": {"width": 640, "height": 360}}
LANES_DONE = "#lanes .lanes[aria-busy=false] li"
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"


def box(page, selector):
    found = page.locator(selector).first.bounding_box()
    assert found, selector
    return found


# Where it stands


@pytest.mark.parametrize(("width", "height"), LAPTOPS)
def test_all_that_one_changes_while_looking_is_above_the_fold(browser, url, width, height):
    with open_page(browser, url, viewport={"width": width, "height": height}) as page:
        page.locator("#samples .film button").first.wait_for()
        above = ["#model", "#method", "#goal", "#top", "#random", SLIDER, ".verdict", "[data-show=adversarial-top]"]
        above += [f"canvas[data-testid={name}]" for name in ("original", "perturbation", "adversarial")]
        for part in above:
            found = box(page, part)
            assert found["y"] >= 0 and found["y"] + found["height"] <= height, part
        places = [box(page, part)["x"] for part in ("#samples", "[data-testid=original]", "[data-testid=adversarial]")]
        assert places == sorted(places) and places[-1] < box(page, ".verdict")["x"]
        assert box(page, "#choices")["y"] < box(page, "[data-testid=original]")["y"] < box(page, SLIDER)["y"]
        tiles = page.locator("#faces > .tab-wrapper [role=tab]:visible").all_inner_texts()
        assert {"Your photograph", "Camera", "Add a person"} <= set(tiles)


@pytest.mark.parametrize("settings", [PHONE, ZOOMED], ids=["phone", "zoomed"])
def test_on_a_small_screen_face_verdict_and_slider_stay_while_the_rest_scrolls(browser, url, settings):
    height = settings["viewport"]["height"]
    with open_page(browser, url, **settings) as page:
        for where in (200, 500, 800):
            page.evaluate(f"window.scrollTo(0, {where})")
            for part in ("[data-testid=adversarial]", ".verdict", SLIDER):
                found = box(page, part)
                assert found["y"] >= -1 and found["y"] + found["height"] <= height, (where, part)
        page.evaluate("window.scrollTo(0, 0)")
        for name in ("attack", "same", "curve", "transfer", "how"):
            assert page.get_by_role("tab", name=TEXTS["en"][f"page.{name}"], exact=True).is_visible()


def font_sizes(page, *selectors):
    sizes = "selector => parseFloat(getComputedStyle(document.querySelector(selector)).fontSize)"
    return [page.evaluate(sizes, selector) for selector in selectors]


CAPTIONS = (".original figcaption b", ".adversarial figcaption span", ".reference figcaption b", ".verdict", "li .name")


def test_on_a_projector_the_stage_fills_the_width_and_can_be_read(browser, url):
    with open_page(browser, url, viewport={"width": 1920, "height": 1080}) as page:
        assert min(font_sizes(page, *CAPTIONS, ".smallest")) >= 20
        assert box(page, "#bench")["width"] > 1800


def test_presenting_leaves_the_stage_the_slider_and_arrows(browser, url):
    with open_page(browser, url, viewport={"width": 1920, "height": 1080}) as page:
        page.locator("#samples .film button").first.wait_for()
        page.keyboard.press("p")
        page.get_by_role("button", name="The next face").wait_for()
        page.wait_for_function("parseFloat(getComputedStyle(document.querySelector('.smallest')).fontSize) >= 28")
        assert min(font_sizes(page, *CAPTIONS, ".smallest")) >= 28
        for hidden in ("#title", "#choices", "#faces", "#survive", "#all", ".download"):
            assert not page.locator(hidden).is_visible(), hidden
        for seen in ("[data-testid=adversarial]", SLIDER, ".verdict", "[data-show=adversarial-top]"):
            found = box(page, seen)
            assert found["y"] + found["height"] <= 1080, seen
        page.get_by_role("button", name="The next face").click()
        page.wait_for_url("**face=person_25**")
        page.get_by_role("button", name="The face before").click()
        page.wait_for_url("**face=person_24**")
        page.keyboard.press("p")
        page.locator("#choices").wait_for()


# It answers at once


WATCHED = """
() => {
  const stage = document.querySelector('#viewer .stage');
  const note = () => said.push([stage.ariaBusy, stage.querySelector('.verdict').textContent]);
  const said = (window.said = []);
  new MutationObserver(note).observe(stage, { attributes: true, childList: true, subtree: true, characterData: true });
}
"""


def test_whatever_is_chosen_dims_the_stage_at_once_and_no_old_verdict_stands(browser, url):
    with open_page(browser, url) as page:
        old, held, going_on = shown(page, "verdict"), [], False
        page.evaluate(WATCHED)
        # The server is not even asked yet.
        page.route("**/queue/join**", lambda route: route.continue_() if going_on else held.append(route))
        pick_model(page, "resnet101")
        page.wait_for_selector(f"{STAGE}.asking[aria-busy=true]")
        assert shown(page, "verdict") == "Asking ResNet-101…"
        while len(held) < 2:
            page.wait_for_timeout(50)
        waiting, going_on = reversed(held), True  # what is asked at once may come in either order
        for route in [*waiting]:
            route.continue_()
        page.wait_for_selector(STAGE_DONE, timeout=60_000)
        busy, verdicts = zip(*page.evaluate("window.said"), strict=True)
        first = verdicts.index("Asking ResNet-101…")
        assert old not in verdicts[first:] and busy[first] == "true"
        assert {state for state, verdict in zip(busy, verdicts, strict=True) if "Asking" in verdict} == {"true"}
        page.wait_for_url("**model=resnet101**")


def test_what_is_refused_leaves_what_was_shown_and_says_so(browser, url):
    with open_page(browser, url) as page:
        before = shown(page, "verdict")
        page.locator("#goal input").click()
        page.get_by_role("option").filter(has_text="somebody in particular").click()
        page.locator("#people button", has_text="person 24").click()  # who is on the stage
        page.get_by_text("This face is attacked as person 24: name somebody else").first.wait_for(timeout=10_000)
        page.wait_for_selector(STAGE_DONE)
        assert shown(page, "verdict") == before
        page.locator("[data-show=attacked]", has_text="Still shown: ResNet-18").wait_for()
        assert page.locator("#people [aria-pressed=true]").count() == 0  # nor does it look chosen


def test_a_question_that_never_arrives_leaves_what_was_shown(browser, url):
    with open_page(browser, url) as page:
        before = shown(page, "verdict")
        page.route("**/queue/join**", lambda route: route.fulfill(status=429, body='{"detail": "Slower."}'))
        page.locator("#samples button").nth(2).click()
        page.locator("[data-show=attacked]", has_text="Still shown: ResNet-18").wait_for()
        assert shown(page, "verdict") == before and page.locator(STAGE_DONE).count() == 1
        page.unroute("**/queue/join**")
        page.locator("#samples button").nth(3).click()
        page.wait_for_selector(f'{STAGE_DONE}:has-text("person 04")')


# Can you see it?


def test_pressing_or_space_shows_the_original_in_place(stage_page):
    page = stage_page
    set_epsilon(page, 0.05)
    moved = pixels(page, "adversarial")
    canvas = box(page, "[data-testid=adversarial]")
    page.mouse.move(canvas["x"] + 40, canvas["y"] + 40)
    page.mouse.down()
    assert np.array_equal(pixels(page, "adversarial"), pixels(page, "original"))
    page.mouse.up()
    assert np.array_equal(pixels(page, "adversarial"), moved) and not np.array_equal(moved, pixels(page, "original"))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.down(" ")
    assert np.array_equal(pixels(page, "adversarial"), pixels(page, "original"))
    with page.expect_download() as saved:
        page.evaluate("document.querySelector('#viewer .download').click()")
    assert np.array_equal(np.asarray(open_picture(saved.value.path())), moved)  # whatever is seen meanwhile
    page.keyboard.up(" ")
    assert np.array_equal(pixels(page, "adversarial"), moved)


def test_the_loupe_tells_any_pixel_its_change_and_its_sign(stage_page):
    page = stage_page
    set_epsilon(page, 0.05)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("button", name="Loupe").click()
    before, after = pixels(page, "original").astype(int), pixels(page, "adversarial").astype(int)
    model, image = load_recognizer("resnet18"), prepare(open_picture(OPENING), 112)[None]
    label = torch.tensor([model.labels.index("person 24")])
    signs = sign_gradient(model, image, label)[0].permute(1, 2, 0).int().numpy()
    canvas = box(page, "[data-testid=original]")
    for x, y in ((10, 20), (100, 64)):
        page.mouse.move(
            canvas["x"] + (x + 0.5) * canvas["width"] / 112, canvas["y"] + (y + 0.5) * canvas["width"] / 112
        )
        lines = page.locator(".loupe li").all_inner_texts()
        assert lines[0] == f"Pixel {x}, {y}"
        for channel, line in enumerate(lines[1:]):
            start, end = before[y, x, channel], after[y, x, channel]
            assert f"{start} {'−' if end < start else '+'} {abs(end - start)} = {end}" in line
            assert line.endswith(f"sign {'−0+'[signs[y, x, channel] + 1]}")
    page.get_by_role("button", name="Loupe").click()
    assert not page.locator(".loupe").is_visible() and requests == []


# All recognisers at once


def lanes(page):
    rows = page.locator("#lanes li").all()
    return {row.get_attribute("data-recogniser"): row.get_attribute("data-prediction") for row in rows}


def named_by(model, image):
    return model.labels[int(model(image.to(model.device)).argmax())]


def crafted(model, epsilon):
    """The opening face as an 8-bit file, attacked by the recogniser's own gradient."""
    image = load_faces([OPENING], model.config.input_size, model.config.framing).to(model.device)
    moves = aimed(ATTACKS["FGSM"], model, image, Aim(model.labels.index("person 24")))
    return moves.both_at([epsilon])[1][0]


def test_every_recogniser_has_a_lane_and_one_slider_moves_all(browser, url):
    with open_page(browser, url, viewport={"width": 1920, "height": 1080}) as page:
        joined = []
        page.on("request", lambda request: "queue/join" in request.url and joined.append(request.post_data))
        page.locator("#all button").first.click()
        page.locator(LANES_DONE).nth(4).wait_for(timeout=60_000)
        assert len(joined) == 1  # folded, they had cost nothing
        models = {name: load_recognizer(name, "cpu") for name in lanes(page)}
        assert len(models) == 5
        for epsilon in (0.02, 0.05):
            set_epsilon(page, epsilon)
            assert lanes(page) == {name: named_by(model, crafted(model, epsilon)) for name, model in models.items()}
        assert page.locator("#lanes .tick").count() >= 4 and len(joined) == 1
        page.locator("#lanes select").select_option("resnet18")
        page.wait_for_selector("#lanes .lanes[aria-busy=true]")
        page.locator(LANES_DONE).nth(4).wait_for(timeout=60_000)
        made = crafted(models["resnet18"], 0.05)
        alike = {name: model for name, model in models.items() if name != "dlib"}
        expected = {name: named_by(model, made) for name, model in alike.items()}
        expected["dlib"] = named_by(models["dlib"], crafted(models["dlib"], 0.05))  # which is shown other pixels
        assert lanes(page) == expected
        assert "attacked by its own gradient" in page.locator("#lanes li[data-recogniser=dlib]").inner_text()
        assert not page.locator("#lanes .old").count()
        page.route("**/queue/join**", lambda route: None)
        page.locator("#lanes select").select_option("resnet")
        page.wait_for_selector("#lanes .lanes.old[aria-busy=true]")
        page.locator("#lanes select").select_option("resnet18")
        page.wait_for_selector("#lanes .lanes:not(.old)[aria-busy=false]")
        page.locator("#samples button").first.click()  # which the server never hears of
        page.wait_for_selector("#lanes .lanes.old[aria-busy=true]")


def test_lanes_say_whom_a_face_is_to_become(browser, url):
    with open_page(browser, f"{url}/?target=person_03&top=0.02") as page:
        page.locator("#all button").first.click()
        page.locator(LANES_DONE).nth(4).wait_for(timeout=120_000)
        tips = page.locator("#lanes li small").all_inner_texts()
        assert len(tips) == 5 and all(tip.startswith(("taken for person 03", "not taken for")) for tip in tips)


# Curve, transfer, survival


def test_while_one_measures_the_other_tab_says_so_and_stops_it(browser, url):
    with open_page(browser, url) as page:
        page.get_by_role("tab", name="Transfer").click()
        page.locator("#transfer-start").click()
        page.wait_for_selector("#transfer [data-state=running]")
        page.get_by_role("tab", name="Accuracy curve").click()
        page.get_by_text('Your measurement under "Transfer" is running.').wait_for()
        page.get_by_role("button", name="Stop it").click()
        page.wait_for_selector("#transfer [data-state=stopped]", state="attached", timeout=20_000)
        assert not page.get_by_role("button", name="Stop it").is_visible()


def test_cards_of_another_epsilon_say_so_and_offer_to_try_again(browser, url):
    with open_page(browser, url) as page:
        set_epsilon(page, 0.03)
        page.locator("#survive button").first.click()
        page.locator("#survive-start").click()
        page.locator("#cards figure").nth(5).wait_for(timeout=20_000)
        again = page.get_by_role("button", name="Try that one")
        assert not again.is_visible()
        set_epsilon(page, 0.05)
        again.click()
        page.locator("#cards .title", has_text="epsilon 0.05").wait_for(timeout=20_000)
        assert not again.is_visible()


# Words and keys


def test_plain_words_have_their_terms_and_the_title_its_language(browser, url):
    with open_page(browser, url, locale="es-ES") as page:
        assert page.locator("html").get_attribute("lang") == "es"
        for late in ("Fool a face recogniser", ""):
            page.evaluate("title => { document.title = title; }", late)  # as Gradio does when it has drawn the page
            page.wait_for_function("title => document.title === title", arg=TEXTS["es"]["page.title"])
        page.locator("#random").hover()
        assert page.locator("#random").get_attribute("title") == TEXTS["es"]["term.random"]


def test_a_number_that_is_typed_becomes_the_one_that_is_shown(stage_page):
    page = stage_page
    number = page.locator("#epsilon input[type=number]")
    for typed, there in (("0.0136", "0.014"), ("0.02", "0.02"), ("0.0999", "0.1")):
        number.fill(typed)
        number.press("Tab")
        assert number.input_value() == there
        page.wait_for_selector(f'{STAGE}[data-epsilon="{there}"]')
        assert page.locator(SLIDER).input_value() == there


def test_a_question_mark_lists_the_keys(stage_page):
    page = stage_page
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    assert len(dialog.locator("dt").all()) == 7
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


# Everyone


@pytest.mark.parametrize("locale", ["en-US", "es-ES"])
@pytest.mark.parametrize("settings", [{}, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_tab(browser, url, locale, settings, scheme):
    # Colours on their way from one to another are nobody's to judge: without motion there are none.
    still = {"color_scheme": scheme, "reduced_motion": "reduce"}
    with open_page(browser, url, locale=locale, bypass_csp=True, **still, **settings) as page:
        page.add_script_tag(path=AXE)
        for name in ("attack", "same", "curve", "transfer", "how"):
            page.get_by_role("tab", name=TEXTS[locale[:2]][f"page.{name}"], exact=True).click()
            if name == "same":
                page.wait_for_selector("#same .pair[aria-busy=false]", timeout=60_000)
            if name == "transfer" and locale == "en-US" and not settings:
                tick(page, "transfer-models", "ResNet-18 ·", "adversarially trained")
                page.locator("#transfer-start").click()
                page.wait_for_selector("#transfer [data-state=done]", timeout=120_000)
            if name in ("curve", "transfer"):
                page.wait_for_selector(f"#{name}-csv:enabled", timeout=60_000)
            found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
            assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], name


# Weight


@contextlib.contextmanager
def counted(url):
    """An address that leads to that of the page, and how many bytes have come through it for each path."""
    host, port = url.removeprefix("http://").split(":")
    came, ends = Counter(), []

    def connect(near):
        far, asked = socket.create_connection((host, int(port))), ["/"]  # by one request after the other
        ends.extend((near, far))

        def there(piece):
            if found := re.match(rb"(?:GET|POST|HEAD) (/[^ ?]*)", piece):
                asked[0] = found[1].decode()

        def back(piece):
            came[asked[0]] += len(piece)

        for source, target, note in ((near, far, there), (far, near, back)):
            threading.Thread(target=copy, args=(source, target, note), daemon=True).start()

    def copy(source, target, note):
        with contextlib.suppress(OSError):
            while piece := source.recv(2**16):
                note(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                connect(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        listener.shutdown(socket.SHUT_RDWR)
        for end in ends:
            end.close()


def test_the_pages_own_share_of_the_first_load_is_small(browser, url):
    lists = function_number(url, "open_lists")
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    asked = []

    def hold(route):
        """The faces to choose from are asked for when the first face stands: what comes then is not counted."""
        asked.append(route.request.post_data_json["fn_index"])
        if asked[-1] == lists:
            route.abort()
        else:
            route.continue_()

    page.route("**/queue/join**", hold)
    with counted(url) as (address, came):
        page.goto(address)
        page.wait_for_selector(STAGE_DONE, timeout=60_000)
        own = {path: size for path, size in came.items() if not path.startswith(("/assets/", "/static/", "/theme.css"))}
        assert sum(own.values()) < 150_000 and len(own) < 45, own
        assert own["/"] > 10_000 and own["/gradio_api/queue/data"] > 10_000
        assert asked[-1] == lists
    context.close()


def test_the_list_of_recognisers_opened_by_tab_shows_all_and_closes_by_key(stage_page):
    page = stage_page
    options = page.get_by_role("option")
    page.get_by_role("tab", name="How it works").focus()
    page.keyboard.press("Tab")
    assert page.locator("#model input").evaluate("field => field === document.activeElement")
    options.nth(4).wait_for()
    page.keyboard.press("Escape")
    options.first.wait_for(state="hidden")
    page.keyboard.press("ArrowDown")
    options.nth(4).wait_for()
    page.keyboard.press("Tab")
    options.filter(has_text="ResNet").first.wait_for(state="hidden")
    assert page.locator("#method input").evaluate("field => field === document.activeElement")
