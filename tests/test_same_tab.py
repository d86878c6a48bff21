"""Two pictures, one person or not: the tab, its pictures, and /verify, also for strangers."""

import re
from itertools import pairwise

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from fgsm.attacks.gradient import sign_gradient
from fgsm.attacks.pixels import perturb, perturb_8bit
from fgsm.faces.picture import open_picture
from fgsm.faces.prepare import framed, prepare
from fgsm.measures.verify import verification
from fgsm.page.same_tab import APART, OPENING, sample_pair
from fgsm.page.service import Service
from fgsm.page.uploads import STAGE, Uploads
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.enrol import distances_to, pair_with
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.texts import TEXTS, Refused

from .conftest import function_number, open_page
from .test_strangers import GONE, Caller, arrived, refusal

PAIR = "#same .pair"
DONE = f"{PAIR}[aria-busy=false]"
SLIDER = "#same-epsilon input[type=range]"
ONE_PERSON = [BUILTIN_FACES / "person_24" / name for name in ("01.png", "10.png")]
TWO_PEOPLE = [BUILTIN_FACES / person / "01.png" for person in ("person_24", "person_25")]


@pytest.fixture(scope="module")
def recogniser():
    return load_recognizer("dlib", "cpu")


@pytest.fixture
def caller(url):
    opened = []

    def make(session):
        opened.append(Caller(url, session))
        return opened[-1]

    yield make
    for one in opened:
        one.http.close()


def square(recogniser, file):
    return prepare(open_picture(file), recogniser.input_size, recogniser.config.framing)


# /verify


@pytest.mark.parametrize(("pair", "same"), [(ONE_PERSON, True), (TWO_PEOPLE, False)])
def test_the_api_finds_what_the_library_finds(url, recogniser, pair, same):
    client = Client(url, verbose=False)
    first, second = map(handle_file, pair)
    said = client.predict(first=first, second=second, epsilon=0.03, api_name="/verify")
    frames = [framed(open_picture(file), recogniser.input_size, recogniser.config.framing) for file in pair]
    found, _ = verification(recogniser, *frames, 0.03)
    assert said.keys() == found.keys() and said["same"] is same and said["framing"] == found["framing"]
    assert said["distance"] == pytest.approx(found["distance"], abs=1e-4) and said["threshold"] == 0.55
    for scoring in ("float", "8-bit"):
        assert said["attacked"][scoring]["same"] is not same
        assert said["attacked"][scoring]["distance"] == pytest.approx(found["attacked"][scoring]["distance"], abs=1e-3)
    said = client.predict(first=first, second=second, api_name="/verify")
    assert said["epsilon"] is None and said["attacked"] == {}


@pytest.mark.parametrize(
    "path", [str(ONE_PERSON[0]), "/etc/passwd", "/no/such/file.png", "http://127.0.0.1/x.png", "picture-guess", ""]
)
def test_a_path_is_no_picture(caller, path):
    one = caller(None)
    mine, theirs = {"path": one.upload()}, {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
    for pair in ((mine, theirs), (theirs, mine), (theirs, theirs)):
        assert refusal(one.call("verify", *pair)) == GONE
    for event in ("bring_first", "bring_second"):
        assert refusal(one.call(event, theirs, theirs, 0)) == GONE
    assert '"distance"' in one.call("verify", mine, mine)  # a refused call has lost nothing


@pytest.mark.parametrize("photo", [["picture-x"], 7, True, {}, {"path": None}, {"path": ["x"]}, {"x": 1}])
def test_what_is_no_picture_at_all_gets_the_same_sentence(caller, photo):
    assert refusal(caller("odd").call("verify", photo, photo)) == GONE


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["nobody"], "There is no recogniser named"),
        ([["dlib"]], "There is no recogniser named"),
        (["resnet18"], "was trained to name its people"),
        (["dlib", 7], "from 0 to 1"),
        (["dlib", "much"], "is not an epsilon"),
        (["dlib", {"x": 1}], "is not an epsilon"),
        (["dlib", 0.1, "nothing"], "There is no attack named"),
        (["dlib", 0.1, None], "There is no attack named"),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence_and_loses_nothing(caller, server, asked, sentence):
    logged = (server.folder / "log").read_text()
    one = caller(None)
    photo = {"path": one.upload()}
    assert sentence in one.call("verify", photo, photo, *asked)
    assert "Give two pictures" in one.call("verify", photo, None)
    assert '"same": true' in one.call("verify", photo, photo, "dlib", "")
    assert "Traceback" not in (server.folder / "log").read_text().removeprefix(logged)


def test_what_a_caller_brought_goes_with_the_answer_and_never_to_the_disk(caller, server):
    one = caller(None)
    odd = [(BUILTIN_FACES / "person_09" / name).read_bytes() for name in ("08.png", "09.png")]
    names = [one.upload(data) for data in odd]
    photos = [{"path": name} for name in names]
    assert '"same": true' in one.call("verify", *photos, "dlib", 0.01, "FGSM")
    assert refusal(one.call("verify", *photos)) == GONE
    assert {httpx.get(f"{server.url}/gradio_api/file={name}").status_code for name in names} == {404}
    one.call("bring_first", *({"path": one.upload(data)} for data in odd), 0)
    held = [file.read_bytes() for file in server.folder.rglob("*") if file.is_file()]
    assert not set(odd) & set(held)


# The pictures of a visit


def test_a_visit_keeps_one_picture_in_each_place():
    uploads = Uploads()
    names = {place: [arrived(uploads) for _ in range(2)] for place in (STAGE, "first", "second")}
    for place, [before, after] in names.items():
        uploads.keep_only(uploads.claim(before, "visit", place))
        uploads.keep_only(uploads.claim(after, "visit", place))
    other = arrived(uploads)
    uploads.keep_only(uploads.claim(other, "another visit", "first"))

    def kept():
        return {place: [uploads.find(name) is not None for name in theirs] for place, theirs in names.items()}

    assert kept() == {place: [False, True] for place in names}
    held = uploads.find(names["first"][1])
    uploads.forget("visit", "first")
    assert kept() == {place: [False, place != "first"] for place in names} and not held.data
    uploads.end("visit")
    assert not any(map(any, kept().values())) and uploads.find(other)


def test_of_several_pictures_all_are_taken_or_none():
    uploads = Uploads()
    one, other = arrived(uploads), arrived(uploads)
    theirs = arrived(uploads)
    uploads.claim(theirs, "another visit")
    for wrong in ("picture-guess", theirs, None):
        with pytest.raises(Refused, match="no longer kept"):
            uploads.take("visit", one, wrong)
    assert uploads.take("visit", one, other) == [b"x" * 10] * 2
    assert uploads.find(one) is None and uploads.find(other) is None and uploads.find(theirs)


def test_the_first_visit_to_use_a_picture_has_it_to_itself(caller):
    visitor, stranger = caller("pair-visitor"), caller("pair-stranger")
    photos = [{"path": visitor.upload(file.read_bytes())} for file in ONE_PERSON]
    with visitor.page():
        assert '"sharpness"' in visitor.call("bring_first", *photos, 0)
        for event in ("bring_first", "bring_second"):
            assert refusal(stranger.call(event, *photos, 0)) == GONE
        assert refusal(stranger.call("verify", *photos)) == GONE
        assert '"sharpness"' in visitor.call("bring_second", *photos, 0.05)


def test_nobody_without_a_page_takes_a_picture_away(caller):
    one = caller("pair-by-hand")
    photos = [{"path": one.upload(file.read_bytes())} for file in ONE_PERSON]
    assert refusal(one.call("remove_first", *photos, 0)) == TEXTS["en"]["refused.request"]


@pytest.mark.parametrize("epsilon", [None, "x", 7, -1, [1], {"x": 1}])
@pytest.mark.parametrize("event", ["open_pair", "choose_one_person", "choose_two_people"])
def test_an_epsilon_that_is_none_gets_a_sentence(caller, server, event, epsilon):
    logged = (server.folder / "log").read_text()
    answer = caller(f"pair-{event}").call(event, None, None, epsilon)
    assert refusal(answer) == TEXTS["en"]["refused.request"]
    assert "Traceback" not in (server.folder / "log").read_text().removeprefix(logged)


def test_sample_pairs_show_what_they_say():
    service = Service()
    chosen = service.choose("dlib")
    seen = set()
    for number in range(12):
        for same in (True, False):
            first, second = sample_pair(service, chosen, number, same)
            assert first != second and (first.parent == second.parent) is same
            seen.add((first, second))
    assert len(seen) == 24
    assert sample_pair(service, chosen, 0, True)[0].parent.name == f"person_{OPENING + 1}"
    assert sample_pair(service, chosen, 1, True)[0].parent.name == f"person_{OPENING + 1 + APART}"


# The tab


@pytest.fixture(scope="module")
def shared_page(browser, url):
    with open_page(browser, f"{url}/?tab=same", DONE) as opened:
        yield opened


def data(page, name):
    return page.locator(PAIR).get_attribute(f"data-{name}")


def canvas(page, name):
    script = """name => {
      const node = document.querySelector(`#same canvas[data-show=${name}]`);
      return [...node.getContext('2d').getImageData(0, 0, node.width, node.height).data];
    }"""
    return np.array(page.evaluate(script, name), np.uint8).reshape(150, 150, 4)[..., :3]


def set_epsilon(page, value):
    page.locator("#same-epsilon input[type=number]").fill(str(value))
    page.wait_for_function(f"document.querySelector('{PAIR}').dataset.epsilon === '{value:g}'")


def choose(page, button):
    before = data(page, "ready")
    page.locator(f"#{button}").click()
    page.wait_for_selector(f'{DONE}:not([data-ready="{before}"])', timeout=60_000)


def bring(page, place, file):
    before = data(page, "ready")
    page.locator(f"#{place} input[type=file]").set_input_files(file)
    page.wait_for_selector(f'{DONE}:not([data-ready="{before}"])', timeout=60_000)


def as_uint8(image):
    return (255 * image).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("button", "same"), [("one-person", True), ("two-people", False)])
def test_the_verdict_turns_while_one_drags_and_nothing_is_asked(shared_page, button, same):
    page, requests = shared_page, []
    set_epsilon(page, 0)
    choose(page, button)
    verdicts = {True: "same", False: "different"}
    assert data(page, "verdict") == verdicts[same]
    page.on("request", lambda request: requests.append(request.url))
    box = page.locator(SLIDER).bounding_box()
    middle, seen = box["y"] + box["height"] / 2, []
    page.mouse.move(box["x"] + 2, middle)
    page.mouse.down()
    for step in range(31):
        page.mouse.move(box["x"] + 2 + step * box["width"] / 80, middle)
        seen.append((data(page, "epsilon"), data(page, "verdict"), data(page, "distance")))
        turned = "turned" in page.locator(PAIR).get_attribute("class")
        assert turned is (seen[-1][1] != verdicts[same])
    page.mouse.up()
    assert len({epsilon for epsilon, _, _ in seen}) > 20 and len({distance for _, _, distance in seen}) > 15
    assert {verdict for _, verdict, _ in seen} == {"same", "different"}
    words = {"same": "Same person: distance ", "different": "Different people: distance "}
    said = page.locator("#same .verdict").inner_text()
    assert said.startswith(words[data(page, "verdict")] + data(page, "distance"))
    set_epsilon(page, float(next(epsilon for epsilon, verdict, _ in seen if verdict != verdicts[same])))
    marker = page.locator("#same circle.now").bounding_box()
    mark = page.locator("#same line.threshold").bounding_box()
    assert (marker["x"] + marker["width"] / 2 > mark["x"]) is same
    assert requests == []


def test_pictures_and_distances_are_those_of_the_library(shared_page, recogniser, tmp_path):
    page = shared_page
    for place, file in zip(("first", "second"), TWO_PEOPLE, strict=True):
        bring(page, place, file)
    first, second = (square(recogniser, file) for file in TWO_PEOPLE)
    network = pair_with(recogniser, second)
    image = first[None]
    sign = sign_gradient(network, image, network(image).argmax(1))
    for epsilon in (0, 0.004, 0.05):
        set_epsilon(page, epsilon)
        moved, saved = perturb(image, sign, epsilon), perturb_8bit(image, sign, epsilon)
        assert np.array_equal(canvas(page, "original"), as_uint8(first))
        assert np.array_equal(canvas(page, "adversarial"), as_uint8(saved[0]))
        assert float(data(page, "distance")) == pytest.approx(distances_to(network, moved).item(), abs=2e-3)
        in_file = re.search(r"distance (\d\.\d+)", page.locator("#same [data-show=saved]").inner_text())[1]
        assert float(in_file) == pytest.approx(distances_to(network, saved).item(), abs=2e-3)
    assert "towards the second" in page.locator("#same [data-show=way]").inner_text()
    source = page.locator("#same img[data-show=second]").get_attribute("src")
    assert source.startswith("data:image/png;base64,")


def test_what_was_found_in_a_picture_is_said_and_a_sample_comes_back(shared_page, tmp_path):
    page = shared_page
    faces = [Image.open(file).convert("RGB") for file in TWO_PEOPLE]
    both = Image.new("RGB", (400, 200), (120, 130, 140))
    for at, face in enumerate(faces):
        both.paste(face.resize((150, 183)), (25 + 200 * at, 10))
    both.save(tmp_path / "both.png")
    Image.new("RGB", (300, 300), (90, 140, 190)).save(tmp_path / "sky.png")
    choose(page, "one-person")
    assert not page.locator("#same [data-show=about-0]").is_visible()
    bring(page, "first", tmp_path / "both.png")
    bring(page, "second", tmp_path / "sky.png")
    assert page.locator("#same [data-show=about-0]").inner_text().startswith("2 faces were found")
    assert page.locator("#same [data-show=about-1]").inner_text().startswith("No face was found")
    sky = page.locator("#same img[data-show=second]").get_attribute("src")
    first = page.locator("#same canvas[data-show=original]")
    seen = [first.screenshot()]
    for number in (1, 2, 1):
        before = data(page, "ready")
        page.get_by_role("button", name=f"Face {number} of 2: use the next").click()
        page.wait_for_selector(f'{DONE}:not([data-ready="{before}"])', timeout=60_000)
        seen.append(first.screenshot())
    assert seen[0] == seen[2] and seen[1] == seen[3] and seen[0] != seen[1]
    assert page.locator("#same button:visible").count() == 1  # in the other picture there is nobody
    before = data(page, "ready")
    page.locator("#second").get_by_label("Remove Image").click()
    page.wait_for_selector(f'{DONE}:not([data-ready="{before}"])', timeout=60_000)
    assert page.locator("#same img[data-show=second]").get_attribute("src") != sky
    assert page.locator("#same [data-show=about-0]").is_visible()
    choose(page, "two-people")
    for place in ("first", "second"):
        page.locator(f"#{place} input[type=file]").wait_for(state="attached")
    assert not page.locator("#same [data-show=about-0]").is_visible()


def test_what_is_no_picture_gets_a_sentence_and_leaves_the_other_place_alone(shared_page, tmp_path):
    page = shared_page
    choose(page, "two-people")
    before = data(page, "ready")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    page.locator("#first input[type=file]").set_input_files(tmp_path / "broken.png")
    page.get_by_text("not a picture that can be read").wait_for(timeout=10_000)
    assert data(page, "ready") == before
    (tmp_path / "face").write_bytes(ONE_PERSON[0].read_bytes())  # of no kind that a browser knows
    bring(page, "second", tmp_path / "face")
    assert data(page, "verdict") in ("same", "different")


def test_a_picture_on_the_stage_and_two_here_are_kept_at_once(browser, url):
    with open_page(browser, f"{url}/?tab=same", DONE) as page:
        names = []

        def answered(response):
            if response.url.endswith("/gradio_api/upload") or "/gradio_api/upload?" in response.url:
                names.append(response.json()[0])

        page.on("response", answered)
        for place, file in zip(("first", "second"), TWO_PEOPLE, strict=True):
            bring(page, place, file)
        page.get_by_role("tab", name="Attack", exact=True).click()
        page.get_by_role("tab", name="Your photograph").click()
        page.locator("#photo input[type=file]").set_input_files(ONE_PERSON[1])
        page.locator("#viewer [data-show=attacked]", has_text="own clean prediction").wait_for(timeout=60_000)

        def held():
            return [httpx.get(f"{url}/gradio_api/file={name}").status_code == 200 for name in names]

        assert held() == [True] * 3
        page.locator("#photo").get_by_label("Remove Image").click()
        page.locator("#viewer [data-show=attacked]", has_text="true label").wait_for(timeout=60_000)
        assert held() == [True, True, False]
        page.get_by_role("tab", name="Same person?").click()
        choose(page, "one-person")
        assert held() == [False] * 3


def test_a_page_whose_visitor_looks_elsewhere_compares_nothing(browser, url):
    number = function_number(url, "open_pair")
    with open_page(browser, url) as page:
        asked = []
        page.on(
            "request", lambda request: asked.append(request.post_data_json) if "queue/join" in request.url else None
        )
        assert page.locator(PAIR).count() == 0
        page.get_by_role("tab", name="Same person?").click()
        page.wait_for_selector(DONE, timeout=60_000)
        assert [one["fn_index"] for one in asked] == [number]
        page.get_by_role("tab", name="Attack", exact=True).click()
        page.get_by_role("tab", name="Same person?").click()
        set_epsilon(page, 0.03)
        assert len(asked) == 1


@pytest.mark.parametrize(("locale", "word"), [("en-US", "Same person: "), ("es-ES", "La misma persona: ")])
def test_it_fits_a_phone_in_the_dark(browser, url, locale, word):
    settings = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "locale": locale}
    with open_page(browser, f"{url}/?tab=same", DONE, **settings) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#same .verdict").inner_text().startswith(word)
        colours = page.evaluate(
            "['.verdict', 'svg .now'].map(name => getComputedStyle(document.querySelector(`#same ${name}`)))"
            ".map(style => style.fill === 'rgb(0, 0, 0)' ? style.color : style.fill)"
        )
        assert all(min(map(int, re.findall(r"\d+", colour)[:3])) > 200 for colour in colours)
        texts = page.locator("#same svg text").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().toJSON())"
        )
        row = sorted((one for one in texts if one["top"] > texts[0]["bottom"]), key=lambda one: one["left"])
        assert len(row) >= 4 and all(one["right"] <= next["left"] for one, next in pairwise(row))
        page.locator(SLIDER).focus()
        page.keyboard.press("End")
        page.wait_for_function(f"document.querySelector('{PAIR}').dataset.epsilon === '0.1'")
        assert data(page, "verdict") == "different"
