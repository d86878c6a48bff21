"""The page as a service: what strangers may send and fetch, what stays of them, a crowd, a Space."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from gradio_client import Client, handle_file

from benchmarks import load
from fgsm.places import BUILTIN_FACES, PROJECT

from .driving import call

PHOTOGRAPH = BUILTIN_FACES / "person_05" / "07.png"


@pytest.fixture(scope="module")
def uploaded(url):
    """A photograph on the server, as the page's API takes it."""
    with open(PHOTOGRAPH, "rb") as file:
        [path] = httpx.post(f"{url}/gradio_api/upload", files={"files": file}).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize("epsilon", [float("nan"), float("inf"), -0.1, 1.5, 1e9, 10**400, "much", "", None, [0.1], {}])
def test_what_is_not_an_epsilon_gets_a_sentence(url, uploaded, epsilon):
    answer = call(url, "attack", uploaded, "resnet18", epsilon)
    assert "is not an epsilon: give a number from 0 to 1" in answer


@pytest.mark.parametrize("model", ["nobody", "../../x", "resnet18/../resnet", "", None, 7, ["resnet18"], {}])
def test_what_is_not_a_recogniser_gets_a_sentence(url, uploaded, model):
    answer = call(url, "attack", uploaded, model, 0.03)
    assert "There is no recogniser named" in answer
    assert "Traceback" not in answer and str(PROJECT) not in answer


@pytest.mark.parametrize(
    "epsilons", ["0, " * 10**5, "0.1, nan", "inf", "-1", "1e-9", "0,05", 5, None, ["a"], "9" * 10**5]
)
def test_epsilons_for_a_curve_are_checked(url, epsilons):
    answer = call(url, "curve", ["resnet18"], epsilons, ["FGSM"])
    assert "event: error" in answer and re.search("epsilon|a part of a number", answer.split("event: error")[1])


@pytest.mark.parametrize("models", [["../x"], "x", [None], [["resnet18"]], None, []])
def test_recognisers_for_a_curve_are_checked(url, models):
    answer = call(url, "curve", models, "0, 0.01", ["FGSM"])
    assert "There is no recogniser named" in answer or "at least one recogniser" in answer


def test_attacks_for_a_curve_are_checked(url):
    assert "There is no attack named 'XYZ'" in call(url, "curve", ["resnet18"], "0, 0.01", ["FGSM", "XYZ"])
    assert "Choose at least one attack" in call(url, "curve", ["resnet18"], "0, 0.01", [])


def test_names_given_many_times_count_once(url):
    assert "at least two recognisers" in call(url, "transfer", ["resnet18"] * 20_000, 0.02, "FGSM")


def test_no_picture_gets_a_sentence(url):
    assert "Give a picture of a face" in call(url, "attack", None, "resnet18", 0.03)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", str(PROJECT / "README.md"), str(PHOTOGRAPH), "models/resnet18/config.json", "../../etc/passwd"],
)
def test_files_of_the_server_cannot_be_attacked_or_fetched(url, path):
    answer = call(url, "attack", {"path": path, "meta": {"_type": "gradio.FileData"}}, "resnet18", 0.03)
    assert "event: error" in answer and "top" not in answer
    for route in ("gradio_api/file=", "file="):
        assert httpx.get(f"{url}/{route}{path}").status_code in (403, 404)


def test_a_visitors_picture_is_gone_when_the_visitor_is(url, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(url)
    page.get_by_role("tab", name="Your photograph").click()
    page.get_by_text("stays in this server's memory").wait_for()
    with page.expect_response(lambda response: "/upload?" in response.url) as upload:
        page.locator("#photo input[type=file]").set_input_files(PHOTOGRAPH)
    [name] = upload.value.json()
    page.wait_for_function("document.querySelector('#viewer [data-show=attacked]').textContent.includes('own clean')")
    address = f"{url}/gradio_api/file={name}"
    assert httpx.get(address).content == PHOTOGRAPH.read_bytes()
    context.close()
    for _ in range(300):
        if httpx.get(address).status_code == 404:
            break
        time.sleep(0.1)
    assert httpx.get(address).status_code == 404


def test_five_visitors_at_once_meet_no_error(url, monkeypatch):
    monkeypatch.setattr(load, "LOOKING", 1.0)
    monkeypatch.setattr(load, "MODELS", ["resnet18", "resnet18-robust"])
    crowd = load.Crowd(url, time.monotonic() + 6)
    with ThreadPoolExecutor(5) as visitors:
        list(visitors.map(crowd.visit, range(5)))
    assert crowd.failures == [] and len(crowd.waited["opening"]) == 5 and len(crowd.waited) > 1


def test_a_host_names_the_port_and_the_root_path():
    environment = os.environ | {"PORT": "7897", "GRADIO_ROOT_PATH": "/faces"}
    environment.pop("GRADIO_SERVER_PORT", None)
    server = subprocess.Popen([sys.executable, "app.py"], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(240):
            try:
                page = httpx.get("http://127.0.0.1:7897/config", timeout=5)
                break
            except httpx.TransportError:
                assert server.poll() is None, "app.py ended"
                time.sleep(0.25)
        assert page.json()["root"].endswith("/faces")
    finally:
        server.terminate()
        server.wait(30)


SPACES = """
calls = []

def GPU(function):
    def lent(*arguments):
        calls.append(function.__name__)
        return function(*arguments)
    return lent
"""


def test_a_space_lends_its_gpu_once_for_a_face(tmp_path):
    """With a package `spaces` as on ZeroGPU: one call for a face, at every epsilon."""
    (tmp_path / "spaces.py").write_text(SPACES)
    script = (
        "import spaces\n"
        "from fgsm.page.turns import House\n"
        "from fgsm.page.controls import View\n"
        "from fgsm.page.service import Service\n"
        "from fgsm.page.staging import messages\n"
        "from fgsm.page.visit import samples\n"
        "service = Service()\n"
        "chosen = service.choose('resnet18')\n"
        "messages = list(messages(service, View(chosen, 0.01), samples(service, chosen)[3], House()))\n"
        "assert len(messages) > 2\n"
        "print(spaces.calls)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(PROJECT)])}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.stdout.strip() == "['performed']", result.stderr


def test_the_image_runs_the_page_without_root():
    lines = (PROJECT / "Dockerfile").read_text("utf-8").splitlines()
    assert "USER visitor" in lines and lines[-1] == 'CMD ["python", "app.py"]'
    for line in lines:
        if line.startswith("COPY"):
            *sources, _ = [word for word in line.split()[1:] if not word.startswith("--")]
            assert all((PROJECT / source).exists() for source in sources)


def test_the_client_gets_the_servers_sentence(url):
    with pytest.raises(Exception, match="is not an epsilon"):
        Client(url, verbose=False).predict(handle_file(PHOTOGRAPH), "resnet18", 7, api_name="/attack")
