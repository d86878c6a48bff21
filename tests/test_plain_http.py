"""The page where browsers give no camera and no clipboard: over plain http, or where nobody allows it."""

import contextlib
import re
import shutil

import pytest

from fgsm.places import BUILTIN_FACES
from fgsm.texts import say

from .conftest import CHROMIUM_FLAGS, STAGE_DONE, open_page

NAME = "face.test"  # what browsers take for another machine's name
RAW_KEY = re.compile(r"\b(image|common|errors?|webcam|camera|viewer|page|refused|upload_text)\.[a-z_]+")
LOCALES = {"en": "en-US", "es": "es-ES"}


@pytest.fixture(scope="module")
def elsewhere(browser):
    """A browser for which NAME is this machine."""
    flags = [*CHROMIUM_FLAGS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    running = browser.browser_type.launch(executable_path=chromium, args=flags)
    yield running
    running.close()


@contextlib.contextmanager
def own_picture(browser, address, language):
    """The tab for one's own picture. In the end, the page has shown no raw message key and met with no error."""
    errors = []
    with open_page(browser, address, locale=LOCALES[language]) as page:
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.get_by_role("tab", name=say("page.own", language)).click()
        page.locator("#photo input[type=file]").wait_for(state="attached")
        yield page
        assert not RAW_KEY.search(page.locator("body").inner_text())
    assert not errors


@pytest.fixture(scope="module", params=LOCALES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def plain(elsewhere, url, language):
    """The page over plain http, at an address of a network."""
    with own_picture(elsewhere, url.replace("127.0.0.1", NAME), language) as page:
        assert not page.evaluate("window.isSecureContext")
        yield page


@pytest.fixture(scope="module")
def secure(elsewhere, url, language):
    """The page at this machine's own address, which counts as https."""
    with own_picture(elsewhere, url, language) as page:
        assert page.evaluate("window.isSecureContext")
        yield page


def bring(page, language, person):
    """A photograph of `person`, by the button; the stage shows it."""
    before = page.locator("#viewer .stage").get_attribute("data-ready")
    button = page.get_by_label(say("camera.take", language))
    button.set_input_files(BUILTIN_FACES / f"person_{person}" / "07.png")
    page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)
    assert page.locator("#viewer [data-show=clean]").inner_text().startswith(f"person {person}")
    page.locator("#crop img").wait_for()


def copy_link(page, language, word):
    page.get_by_role("button", name=say("viewer.link", language)).click()
    page.get_by_role("button", name=say(word, language)).wait_for(timeout=5_000)


def test_plain_http_gets_a_sentence_and_a_button_that_takes_photographs(plain, language):
    page = plain
    page.on("filechooser", lambda _: None)  # from now on, or a quick key would come before Playwright listens
    sentence = page.get_by_text(say("camera.https", language))
    sentence.wait_for(timeout=5_000)
    assert "https" in sentence.inner_text()
    assert not page.locator("#photo .source-selection").is_visible()
    button = page.get_by_label(say("camera.take", language))
    assert button.get_attribute("capture") == "user"
    with page.expect_file_chooser(timeout=10_000):
        button.press("Enter")
    bring(page, language, "05")
    bring(page, language, "06")  # in its place
    before = page.locator("#viewer .stage").get_attribute("data-ready")
    page.locator("#photo").get_by_label("Remove Image").click()
    page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)
    bring(page, language, "06")  # the same file once more


def test_plain_http_copies_the_link(plain, language):
    page = plain
    page.wait_for_url("**epsilon=**")
    copy_link(page, language, "viewer.copied")
    page.evaluate("document.body.append(document.createElement('textarea')); document.body.lastChild.focus()")
    page.keyboard.press("Control+v")
    page.wait_for_function("document.body.lastChild.value === window.location.href", timeout=5_000)


def test_a_link_that_cannot_be_copied_is_in_the_address_bar(plain, language):
    plain.evaluate("document.execCommand = () => false")
    copy_link(plain, language, "viewer.not_copied")
    plain.evaluate("delete document.execCommand")


def test_with_https_there_is_none_of_it(secure):
    page = secure
    assert page.locator("#photo .source-selection").is_visible()
    assert not page.locator("#camera").is_visible() and not page.locator("input[capture]").is_visible()


def test_a_refused_camera_or_clipboard_gets_a_sentence(secure, language):
    page = secure
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    page.get_by_role("tab", name=say("page.camera", language)).click()  # there is none
    page.locator("#snap").get_by_text(say("camera.refused", language)).wait_for(timeout=5_000)
    page.get_by_role("tab", name=say("page.own", language)).click()
    upload, clipboard = page.locator("#photo .source-selection button").all()
    sentence = page.locator("#camera").get_by_text(say("camera.refused", language))
    clipboard.click()  # nobody allows it
    sentence.wait_for(timeout=5_000)
    upload.click()
    sentence.wait_for(state="hidden", timeout=5_000)
    copy_link(page, language, "viewer.copied")


def test_over_plain_http_somebody_is_enrolled_from_a_photograph_taken_by_the_phone(plain, language):
    page = plain
    page.get_by_role("tab", name=say("page.enrol", language)).click()
    enrol = page.locator("#enrol")
    enrol.get_by_text(say("camera.https", language)).wait_for(timeout=5_000)
    assert not enrol.get_by_role("button", name=say("enrol.camera", language)).is_visible()
    taken = enrol.get_by_label(say("camera.take", language))
    assert taken.get_attribute("capture") == "user"
    taken.set_input_files(BUILTIN_FACES / "person_05" / "07.png")
    enrol.locator("figure img").wait_for(timeout=30_000)


def test_with_a_camera_that_nobody_allows_there_is_a_sentence(secure, language):
    page = secure
    page.get_by_role("tab", name=say("page.enrol", language)).click()
    page.locator("#enrol").get_by_role("button", name=say("enrol.camera", language)).click()  # there is no camera
    page.locator("#enrol").get_by_text(say("camera.refused", language)).wait_for(timeout=5_000)
    assert not page.locator("#enrol video").is_visible()
