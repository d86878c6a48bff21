"""Shared by all tests: recognisers, prepared faces, and the page on a server of its own in headless Chromium."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHIPPED_MODELS = PROJECT / "models"  # with all of their test faces


def with_fewer_test_faces():
    """A folder of the shipped recognisers, each with the first test face of every person: a fifth to measure on."""
    folder = Path(tempfile.mkdtemp(prefix="fgsm-test-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in SHIPPED_MODELS.glob("*/*"):
        (folder / file.parent.name).mkdir(exist_ok=True)
        copy = folder / file.parent.name / file.name
        if file.name == "config.json":
            config = json.loads(file.read_text("utf-8"))
            config["test_photographs"] = config["test_photographs"][::5]
            copy.write_text(json.dumps(config), "utf-8")
        else:
            copy.symlink_to(file)
    return folder


if "PYTEST_XDIST_WORKER" in os.environ:  # as many at once as there are cores: one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["FGSM_MODELS"] = str(with_fewer_test_faces())  # a worker's own: some tests put recognisers in it

import torch

from fgsm.cli.main import main
from fgsm.faces.prepare import load_faces
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.survey import BUILT_IN, available_recognizers

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
STAGE_DONE = "#viewer .stage[aria-busy=false]"  # the face on the stage is scored at every epsilon
SHIPPED = sorted(BUILT_IN)


def pytest_collection_modifyitems(items):
    """Whatever asks for the browser is marked so."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.browser)


def person_of(photograph):
    """The person on a built-in photograph."""
    return photograph.parent.name.replace("_", " ")


@pytest.fixture(scope="session", params=SHIPPED)
def recognizer(request):
    return load_recognizer(request.param, "cpu", SHIPPED_MODELS)


@pytest.fixture
def faces(request):
    """Eight test faces of different people and their class indices, as the test's recogniser is shown them."""
    asked = "recognizer" in request.fixturenames
    config = request.getfixturevalue("recognizer").config if asked else available_recognizers()["resnet18"]
    return eight_faces(config.input_size, config.framing)


@functools.cache
def eight_faces(size, framing):
    photographs = [BUILTIN_FACES / f"person_{number:02d}" / "08.png" for number in range(1, 41, 5)]
    labels = available_recognizers()["resnet18"].labels
    return load_faces(photographs, size, framing), torch.tensor([labels.index(person_of(p)) for p in photographs])


@pytest.fixture
def command_line(capsys):
    """A command in this process, which saves the seconds that a new one takes: exit code, stdout and stderr."""

    def command(*arguments):
        code = 0
        try:
            main([*map(str, arguments)])
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return command


@dataclass
class Server:
    """The page, served by `python app.py`: its address, its process, and the temporary folder that it works in."""

    url: str
    process: subprocess.Popen
    folder: Path


@contextlib.contextmanager
def served(folder, checkout=PROJECT, host="127.0.0.1", prefix=(), **environment):
    """A server of the page in `checkout` on a free port, begun by `prefix`, with `folder` for temporary files."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": host, "TMPDIR": str(folder)}
    command = [*prefix, sys.executable, "app.py"]
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=checkout, env=os.environ | settings | environment, stderr=log)
    address = f"http://{host}:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except (urllib.error.URLError, TimeoutError):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        else:
            pytest.fail("app.py did not answer in two minutes")
        yield Server(address, process, folder)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that most tests share."""
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def url(server):
    """The address of that server."""
    return server.url


def function_number(url, name):
    """The number by which the page's queue knows the event called `name`."""
    functions = httpx.get(f"{url}/config").json()["dependencies"]
    return next(function["id"] for function in functions if function["api_name"] == name)


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None and os.environ.get("FGSM_BROWSER") != "required":
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@contextlib.contextmanager
def open_page(browser, address, ready=STAGE_DONE, **settings):
    """The page at an address, in a browser with settings of its own; in the end, no script has failed."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
    errors = []
    try:
        opened = context.new_page()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(address)
        opened.wait_for_selector(ready, timeout=60_000)
        yield opened
    finally:
        context.close()
    assert not errors


@pytest.fixture
def page(browser, url):
    """The page as it opens, which takes seconds: where a test needs none of its own, there is `lasting_page`."""
    with open_page(browser, url) as opened:
        yield opened


@pytest.fixture(scope="module")
def lasting_page(browser, url):
    """One page for a file's tests that leave it with the face, recogniser and attack that it opened with."""
    with open_page(browser, url) as opened:
        yield opened


@pytest.fixture
def stage_page(lasting_page):
    """That page, with the stage in sight."""
    lasting_page.get_by_role("tab", name="Attack").click()
    return lasting_page
