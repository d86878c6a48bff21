"""The scripts that draw: browsers get those in assets/ and nothing else, behind a root path, too, or without one."""

import asyncio
import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from fgsm.attacks import ATTACKS
from fgsm.page.drawings import head
from fgsm.page.zipped import zipped
from fgsm.places import ASSETS
from fgsm.texts import TEXTS

from .conftest import STAGE_DONE

SCRIPTS = sorted(f"{path.parent.name}/{path.name}" for path in ASSETS.glob("*/*.js"))
PURE = [
    "viewer/pixels.js",
    "viewer/ranking.js",
    "shared/formats.js",
    "chart/scales.js",
    "crop/square.js",
    "shared/distance.js",
    "enrol/groups.js",
]


@pytest.fixture
def visit(browser):
    """A page with what its console says of errors."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page, errors
    context.close()


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_served_as_it_is_and_asked_about_each_time(url, script):
    address = f"{url}/drawings/{script}"
    plain = {"accept-encoding": "identity"}
    answer = httpx.get(address, headers=plain)
    assert answer.status_code == 200 and answer.content == (ASSETS / script).read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache" and answer.headers["x-content-type-options"] == "nosniff"
    asked = httpx.head(address, headers=plain)
    assert asked.status_code == 200 and asked.content == b""
    assert asked.headers["etag"] == answer.headers["etag"]
    assert asked.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=1.0, identity;q=0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.00, br", False),
        ("identity", False),
        ("xgzip", False),
    ],
)
def test_an_answer_is_packed_for_whoever_takes_that(accepted, packed):
    sent = []

    async def send(message):
        sent.append(message)

    request = Request({"type": "http", "headers": [(b"accept-encoding", accepted.encode())]})
    answer = Response(b"text" * 99, media_type="text/javascript")
    with ThreadPoolExecutor() as pool:  # where no browser has a loop of its own
        pool.submit(lambda: asyncio.run(answer(request.scope, request.receive, zipped(request, send)))).result()
    start, body = sent
    headers = dict(start["headers"])
    assert (headers.get(b"content-encoding") == b"gzip") == packed and headers[b"vary"] == b"accept-encoding"
    assert (gzip.decompress(body["body"]) if packed else body["body"]) == b"text" * 99


def test_a_script_that_a_browser_has_is_not_sent_again(url):
    address = f"{url}/drawings/viewer/viewer.js"
    tag = httpx.get(address).headers["etag"].removeprefix("W/")
    for known in (tag, f"W/{tag}", f'"another", {tag}'):
        answer = httpx.get(address, headers={"if-none-match": known})
        assert answer.status_code == 304 and answer.content == b"" and answer.headers["etag"] == f"W/{tag}"
    assert httpx.get(address, headers={"if-none-match": '"another"'}).status_code == 200
    assert httpx.get(f"{url}/drawings/chart/chart.js").headers["etag"] != tag


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/viewer"),
        ("GET", "/viewer/"),
        ("GET", "/viewer/nothing.js"),
        ("GET", "/viewer/viewer.js/"),
        ("GET", "/viewer/viewer.js%00"),
        ("GET", "/viewer/viewer.js%0A"),
        ("GET", "/viewer/viewer.css"),
        ("GET", "/viewer/viewer.html"),
        ("GET", "/Viewer/viewer.js"),
        ("GET", "//viewer/viewer.js"),
        ("GET", "/viewer//viewer.js"),
        ("GET", "/viewer%2F..%2Fviewer%2Fviewer.js"),
        ("GET", "/%2E%2E/eslint.config.js"),
        ("GET", "/../eslint.config.js"),
        ("GET", "/texts/en.json"),
        ("GET", "/faces/person_01/01.png"),
        ("GET", "/celebrity_labels.json"),
        ("HEAD", "/viewer/nothing.js"),
        ("POST", "/viewer/viewer.js"),
        ("PUT", "/viewer/viewer.js"),
        ("DELETE", "/viewer/viewer.js"),
    ],
)
def test_nothing_else_is_a_script(url, method, path):
    address = httpx.URL(url).copy_with(raw_path=f"/drawings{path}".encode())  # as it stands: no dots are taken out
    answer = httpx.request(method, address)
    assert answer.status_code == 404 and len(answer.text) < 200


def test_the_pages_addresses_are_those_below_its_own(visit, url):
    """As behind a proxy that serves the page below a path of its own."""
    page, errors = visit
    asked = []

    def handed_on(route):
        asked.append(route.request.url.removeprefix(url))
        route.fulfill(response=route.fetch(url=route.request.url.replace("/faces/", "/", 1)))

    page.route(f"{url}/faces/**", handed_on)
    page.on("request", lambda request: asked.append(request.url.removeprefix(url)))
    page.goto(f"{url}/faces/?tab=attack")
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    for name in ("Your photograph", "Accuracy curve", "Transfer"):  # whose drawings come when they are looked at
        page.get_by_role("tab", name=name).click()
    for drawing in (".chart progress", ".heatmap progress"):
        page.locator(f"{drawing}[aria-label]").wait_for(state="attached")
    scripts = {path for path in asked if "/drawings/" in path}
    assert scripts <= {f"/faces/drawings/{script}" for script in SCRIPTS}
    assert scripts >= {f"/faces/drawings/{name}/{name}.js" for name in ("viewer", "camera", "chart", "heatmap")}
    assert not errors


def test_a_drawing_whose_script_is_lost_is_one_error_and_the_others_are_there(visit, url):
    page, errors = visit
    page.route("**/drawings/chart/chart.js", lambda route: route.fulfill(status=404))
    page.goto(url)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    assert not errors
    with page.expect_response("**/drawings/chart/chart.js"):
        page.get_by_role("tab", name="Accuracy curve").click()
    page.get_by_role("tab", name="Transfer").click()
    page.locator(".heatmap progress[aria-label]").wait_for(state="attached")
    said = [error for error in errors if not error.startswith("Failed to load resource")]  # the browser's own line
    assert len(said) == 1 and "drawings/chart/chart.js" in said[0]


def test_what_the_page_needs_is_there_though_nothing_is_drawn(visit, url):
    page, _ = visit
    page.add_init_script("delete Navigator.prototype.clipboard")
    drawings = re.compile(r"/drawings/(?!shared/)")
    page.route(drawings, lambda route: route.abort())
    page.goto(url)
    page.get_by_role("tab", name="How it works").wait_for()
    page.wait_for_function("window.fgsm?.opened && typeof navigator.clipboard?.writeText === 'function'")
    assert page.evaluate("Object.keys(window.fgsm).sort()") == ["opened", "selectTab"]
    page.get_by_role("tab", name="How it works").click()
    page.wait_for_url("**/?*tab=how*")


def test_the_head_holds_all_texts_and_no_end_of_a_script(monkeypatch):
    said = {**TEXTS, "xx": {"a": "</script><script>alert(1)</script><!--"}}
    monkeypatch.setattr("fgsm.page.drawings.TEXTS", said)
    texts = re.search(r'<script type="application/json" id="fgsm-texts">(.*?)</script>', head(), re.DOTALL)[1]
    assert "<" not in texts
    assert json.loads(texts) == said


def test_no_script_or_style_knows_an_attack():
    for file in (*ASSETS.glob("*/*.js"), *ASSETS.glob("*/*.css")):
        for name in ATTACKS:
            assert not re.search(rf"\b{name}\b", file.read_text("utf-8")), (file, name)


@pytest.mark.parametrize("script", PURE)
def test_what_is_pure_touches_no_page_and_imports_nothing_that_does(script):
    text = (ASSETS / script).read_text("utf-8")
    imported = {(ASSETS / script).parent.joinpath(path).resolve() for path in re.findall(r"from '([^']+)'", text)}
    assert imported <= {(ASSETS / pure).resolve() for pure in PURE}
    assert not re.search(r"\b(window|document|navigator|element)\b", text)
