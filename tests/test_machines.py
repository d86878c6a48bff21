"""On any machine: the page starts and commands print, or one sentence says what to do."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest

from fgsm.page import machine, temporary_folder
from fgsm.page.blocks import Page
from fgsm.page.uploads import Uploads
from fgsm.places import BUILTIN_FACES, MODELS, PROJECT
from fgsm.recognizers.survey import available_recognizers
from fgsm.recognizers.testset import photographs_tested
from fgsm.texts import Refused

from .conftest import STAGE_DONE, served
from .driving import call

PROXIES = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "socks://127.0.0.1:9",
    "no_proxy": "example.org",
}
WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--inh-caps=-all"]
READ = {"encoding": "utf-8", "errors": "replace"}
ADDRESSES = ("PORT", "GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME")


def run(*words, redirected="", **environment):
    """What `sh` says of Python with these arguments, its output not flushed at every line."""
    quiet = {name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", *ADDRESSES)}
    command = ["sh", "-c", f'"$0" "$@" {redirected}', sys.executable, *map(str, words)]
    return subprocess.run(
        command,
        cwd=PROJECT,
        env={**quiet, "PYTHONPATH": str(PROJECT), **environment},
        capture_output=True,
        timeout=60,
        **READ,
    )


@pytest.fixture
def place(monkeypatch):
    """Where the page listens with these variables."""
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)

    def found(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return machine.place()

    return found


@pytest.fixture
def taken():
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


# Where to listen


def test_a_port_in_use_gets_a_sentence_with_a_way_out(place, taken):
    with pytest.raises(Refused, match=f"Port {taken} is in use: .* GRADIO_SERVER_PORT=7860"):
        place(GRADIO_SERVER_PORT=taken)
    with pytest.raises(Refused, match=f"Port {taken} is in use: .* PORT=7860"):
        place(GRADIO_SERVER_PORT="", PORT=taken)


def test_the_port_is_the_hosts_then_gradios_then_7860(place, monkeypatch):
    tried = []
    monkeypatch.setattr(machine, "_bind", lambda *address: tried.append(address))
    assert place() == ("127.0.0.1", 7860)
    assert place(GRADIO_SERVER_PORT=7001) == ("127.0.0.1", 7001)
    assert place(PORT=7002, GRADIO_SERVER_NAME="[::1]") == ("::1", 7002)
    assert place(PORT="", GRADIO_SERVER_NAME="") == ("127.0.0.1", 7001)
    assert tried[2] == ("::1", 7002)


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "7860.0", "9" * 5000, "７８６０", " "])
def test_what_is_no_port_gets_a_sentence(place, port):
    with pytest.raises(Refused, match="which is no port: give a number from 1 to 65535"):
        place(PORT=port)


@pytest.mark.parametrize("name", ["192.0.2.1", "no.such.host.invalid", "a..b", "0.0.0.0:7860", "x" * 300])
def test_a_name_that_cannot_be_listened_at_is_named(place, name):
    with pytest.raises(Refused, match=f"cannot listen at {re.escape(name[:80])}, port 7897 "):
        place(GRADIO_SERVER_NAME=name, PORT=7897)


def test_a_port_that_was_in_use_a_moment_ago_is_free(place, taken):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server, _ = listening.accept()
            server.close()  # first, so that this end waits
            client.recv(1)
    assert place(PORT=port) == ("127.0.0.1", port)


@pytest.mark.parametrize(("variable", "value"), [("PORT", "abc"), ("GRADIO_SERVER_NAME", "192.0.2.1")])
def test_the_page_ends_with_that_sentence(variable, value, tmp_path):
    ended = run("app.py", TMPDIR=str(tmp_path), **{variable: value})
    assert ended.returncode == 2 and ended.stdout == ""
    assert value in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_during_the_start_gets_the_sentence(place, taken, monkeypatch, capsys):
    class Page:
        is_running = False

        def launch(self, **settings):
            raise OSError("Cannot find empty port")

    monkeypatch.setattr(machine, "end", lambda status: sys.exit(status))
    monkeypatch.setattr(machine, "when_stopped", lambda handler: None)
    monkeypatch.setenv("PORT", str(taken))
    with pytest.raises(SystemExit) as refused:
        machine.serve(Page())
    assert refused.value.code == 2 and f"Port {taken} is in use" in capsys.readouterr().err


# Starting


@contextlib.contextmanager
def read_only(path):
    """A copy of the page in which nobody without root's rights can write."""
    copy = path / "page"
    copy.mkdir()
    for name in ("app.py", "fgsm", "assets", "models"):
        source, left_out = PROJECT / name, shutil.ignore_patterns("__pycache__", "resnet", "resnet101", ".*")
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=left_out)
        else:
            shutil.copy(source, copy / name)
    for item in [copy, *copy.rglob("*")]:
        item.chmod(0o555 if item.is_dir() else 0o444)
    try:
        yield copy
    finally:
        for item in [copy, *copy.rglob("*")]:
            if item.is_dir():
                item.chmod(0o755)


def ipv6_host():
    """This machine's own address, of IPv6 where it has any."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return "127.0.0.1"
    return "[::1]"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no modes here")
def test_the_page_starts_where_little_is_allowed(tmp_path):
    """Behind dead proxies, from a read-only disk, beside somebody else's temporary folder, at an address of IPv6."""
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere")
    foreign = tmp_path / "gradio"
    foreign.mkdir(mode=0)
    if os.getuid() == 0:
        os.chown(foreign, 65534, 65534)
    away = {"HOME": "/nonexistent", "SSL_CERT_FILE": "/nonexistent", "PYTHONIOENCODING": "ascii"}
    prefix = WITHOUT_ROOTS_RIGHTS if os.getuid() == 0 else []
    with (
        read_only(tmp_path) as copy,
        served(tmp_path, copy, ipv6_host(), prefix, FGSM_MODELS="", **PROXIES, **away) as page,
    ):
        pass
    assert page.process.returncode == 0
    log = (tmp_path / "log").read_text("utf-8")
    assert "Traceback" not in log and "terminate called" not in log
    assert not list(tmp_path.glob("fgsm-page-*"))


def test_no_temporary_folder_gets_a_sentence(monkeypatch):
    def nowhere(**settings):
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkstemp", nowhere)
    with pytest.raises(Refused, match="another with TMPDIR"):
        temporary_folder.own_folder.__wrapped__()


def test_a_full_disk_at_the_start_gets_the_same_sentence(monkeypatch, capsys):
    monkeypatch.setattr(machine, "end", lambda status: sys.exit(status))
    with pytest.raises(SystemExit) as ended, machine.in_a_sentence():
        raise OSError(28, "No space left on device")
    assert ended.value.code == 2 and "another with TMPDIR" in capsys.readouterr().err
    with pytest.raises(PermissionError), machine.in_a_sentence():
        raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_can_be_stopped(number, tmp_path):
    with open(tmp_path / "log", "wb") as log:
        environment = os.environ | {"PORT": "7895", "TMPDIR": str(tmp_path)}
        page = subprocess.Popen([sys.executable, "app.py"], cwd=PROJECT, env=environment, stdout=log, stderr=log)
    for _ in range(600):
        if list(tmp_path.glob("fgsm-page-*.lock")):
            break
        time.sleep(0.05)
    time.sleep(0.3)  # amid the loading of Gradio
    page.send_signal(number)
    assert page.wait(20) == 128 + number
    assert (tmp_path / "log").read_bytes() == b"" and [file.name for file in tmp_path.iterdir()] == ["log"]


# Files for visitors


def test_a_full_disk_gets_a_sentence(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    uploads = Uploads()
    before = set(temporary_folder.own_folder().iterdir())
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(Refused) as refused:
        uploads.hand_out(b"x", "x.csv", "visit")
    assert "disk is full" in str(refused.value) and "disco" in refused.value.sentence("es")
    assert set(temporary_folder.own_folder().iterdir()) == before


def test_a_full_disk_gets_a_sentence_where_gradio_writes(monkeypatch):
    async def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gr.Blocks, "process_api", full)
    # In a thread of its own: where a browser is open, this one has a loop already.
    with ThreadPoolExecutor() as beside, pytest.raises(gr.Error, match="disk is full"):
        beside.submit(asyncio.run, Page(analytics_enabled=False).process_api(None, [])).result()


def test_a_temporary_folder_that_was_cleared_is_made_anew():
    uploads = Uploads()
    uploads.hand_out(b"x", "x.csv", "visit")
    shutil.rmtree(temporary_folder.own_folder())
    path = Path(uploads.hand_out(b"x", "x.csv", "visit"))
    assert path.read_bytes() == b"x"
    assert temporary_folder.own_folder().stat().st_mode & 0o777 == 0o700 or os.name != "posix"
    uploads.end("visit")


# Printing

NAMES = """
import sys
from fgsm.page import machine
machine.print_anything()
print("Zoë 李")
print("Zoë 李", file=sys.stderr)
"""
COMMAND = """
from fgsm.cli import listing, main
listing.models_command = lambda arguments: print("Zoë 李")
main.main()
"""


TRAINING = """
import sys
from dataclasses import replace
from pathlib import Path
from fgsm.cli.attack import as_text
from fgsm.faces.dataset import data_set_of, gather
from fgsm.measures.curve import accuracy_curve
from fgsm.measures.report import attack_report
from fgsm.measures.tables import curves_as_csv
from fgsm.page.machine import print_anything
from fgsm.recognizers import train
from fgsm.recognizers.recognizer import load_recognizer
from fgsm.recognizers.testset import load_test_set

folder, models = Path(sys.argv[1]), Path(sys.argv[2])
print_anything()
data = data_set_of(gather(folder, 112), folder, 0)
recipe = replace(train.recipe_for("resnet18", 6, tuning=True), epochs=1, passes=1, small_part=0)
train.train("resnet18", "ours", data, recipe, train.builtin_weights("resnet18"), models)
model = load_recognizer("ours", "cpu", models)
images, labels = load_test_set(model)
print(len(images), *model.labels)
print(as_text({**attack_report(model, images[0], 0.1)[0], "framing": ""}))
*_, curve = accuracy_curve(model, images, labels, [0.0])
print(curves_as_csv([curve]))
"""


def test_people_are_trained_on_and_printed_whatever_letters_the_locale_has(tmp_path, script):
    people = tmp_path / "Leute_ü"
    for person, number in (("Zoë", 1), ("李", 2)):
        shutil.copytree(BUILTIN_FACES / f"person_{number:02d}", people / person)
        (people / person / "10.png").rename(people / person / "é.png")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    printed = run(script(TRAINING), people, tmp_path / "models", **ascii_only)
    assert printed.returncode == 0 and "4 Zo\\xeb \\u674e" in printed.stdout, printed.stderr
    config = json.loads((tmp_path / "models" / "ours" / "config.json").read_text("utf-8"))
    assert config["labels"] == ["Zoë", "李"] and config["faces"].endswith("Leute_ü")
    assert len(photographs_tested(available_recognizers(tmp_path / "models")["ours"])) == 4  # found in this locale, too


@pytest.fixture
def script(tmp_path):
    """A file with the program that is given."""

    def written(program):
        (tmp_path / "script.py").write_text(program, "utf-8")
        return tmp_path / "script.py"

    return written


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        (NAMES, {"PYTHONIOENCODING": "cp1252"}),
        (NAMES, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        (COMMAND, {"PYTHONIOENCODING": "ascii:strict"}),
    ],
)
def test_names_that_the_terminal_has_no_letters_for_are_printed(program, environment, script):
    printed = run(script(program), "models", **environment)
    assert printed.returncode == 0, printed.stderr
    assert re.search(r"Zo.* \\u674e", printed.stdout) and "Traceback" not in printed.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk that is always full")
@pytest.mark.parametrize("word", ["models", "--help"])
def test_a_full_disk_gets_one_line(word, script):
    ended = run(script(COMMAND), word, redirected=">/dev/full")
    assert ended.returncode == 2
    assert "No space left on device" in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_reader_who_leaves_hears_nothing_of_it(buffered, script):
    ended = run(script(COMMAND), "models", redirected="| true", PYTHONUNBUFFERED=buffered)
    assert ended.stderr == ""


@pytest.fixture(scope="module")
def without_models(tmp_path_factory):
    """The page in a checkout of its own, whose models/ has gone, and that folder."""
    checkout = tmp_path_factory.mktemp("checkout")
    shutil.copy(PROJECT / "app.py", checkout)  # which finds fgsm, and that its project, by where it lies
    shutil.copytree(PROJECT / "fgsm", checkout / "fgsm")
    (checkout / "assets").symlink_to(PROJECT / "assets")
    with served(tmp_path_factory.mktemp("without"), checkout, FGSM_MODELS="") as running:
        yield running, checkout / "models"


def test_without_recognisers_the_page_starts_and_says_what_to_do(without_models, browser):
    server, models = without_models
    page = browser.new_context().new_page()
    page.goto(server.url)
    page.get_by_text("No recogniser can be used here: put the folder models/ back").first.wait_for(timeout=30_000)
    for name in ("resnet18", "resnet18-robust"):
        shutil.copytree(MODELS / name, models / name)
    (models / "resnet18-robust" / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    page.goto(server.url)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    said = call(server.url, "curve", ["resnet18-robust"], "0", ["FGSM"])
    assert "resnet18-robust/model.safetensors is a Git LFS pointer instead of weights: run git lfs pull" in said
    shutil.rmtree(models)
    assert "No recogniser can be used here" in call(server.url, "curve", ["resnet18"], "0", ["FGSM"])
    page.locator("#samples .film button").nth(3).click()
    page.get_by_text("No recogniser can be used here").first.wait_for(timeout=10_000)
    shutil.copytree(MODELS / "resnet18", models / "resnet18")
    page.locator("#samples .film button").nth(4).click()
    page.locator("#viewer [data-show=attacked]", has_text="person 05").wait_for(timeout=30_000)
    page.context.close()
