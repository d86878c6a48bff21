"""What a stranger may not: read, delete or keep a file, use another's visit, run code by a name, stop the others."""

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from filelock import FileLock
from gradio.events import EventData
from PIL import Image

from fgsm.faces.picture import open_picture
from fgsm.page import admission, own_picture, stage_events
from fgsm.page.controls import Controls
from fgsm.page.curve_tab import CurveTab
from fgsm.page.event import Event, politely, without_last_word
from fgsm.page.housekeeping import look
from fgsm.page.lanes import show_lanes
from fgsm.page.measurement import Board
from fgsm.page.service import Service
from fgsm.page.temporary_folder import clear_abandoned
from fgsm.page.transfer_tab import TransferTab
from fgsm.page.turns import House
from fgsm.page.uploads import HANDED_OUT, MOST_FILES, UNCLAIMED, UNUSED, Uploads
from fgsm.page.visit import StageEvent, Visit, first_face
from fgsm.page.visitors import MOST, MOST_AT_ADDRESS, PATIENCE, Visitors
from fgsm.places import BUILTIN_FACES, PROJECT
from fgsm.texts import TEXTS, Refused

from .conftest import STAGE_DONE, function_number, served
from .driving import tick

PHOTOGRAPH = BUILTIN_FACES / "person_05" / "07.png"
GONE = TEXTS["en"]["refused.gone"]
CONTROLS = ["resnet18", "FGSM", "dodge", 0.1, False]  # as the page sends them, before a picture
PERSON_07 = {"index": 6, "person": "person 07"}
AT = (0.03, 0)  # epsilon, and which of the page's questions it is


class Caller:
    """Somebody who sends requests by hand, as one visit."""

    def __init__(self, url, session, **settings):
        self.session = session
        self.http = httpx.Client(base_url=f"{url}/gradio_api", timeout=60, **settings)

    def upload(self, data=None, name="face.png"):
        answer = self.http.post("/upload", files={"files": (name, data or PHOTOGRAPH.read_bytes())})
        assert answer.status_code == 200, answer.text
        return answer.json()[0]

    def post(self, event, *data):
        return self.http.post(f"/call/{event}", json={"data": data, "session_hash": self.session})

    def call(self, event, *data):
        """All that the server answers to an event, as text."""
        sent = self.post(event, *data)
        assert sent.status_code < 500
        if sent.status_code != 200:
            return sent.text
        return self.http.get(f"/call/{event}/{sent.json()['event_id']}").text

    @contextlib.contextmanager
    def page(self):
        """Keep the visit for as long as its page would: a visit without an open page goes with its last answer."""
        with self.http.stream("GET", f"/heartbeat/{self.session}") as heartbeat:
            next(heartbeat.iter_lines())
            yield


@pytest.fixture
def caller(url):
    opened = []

    def make(session, **settings):
        opened.append(Caller(url, session, **settings))
        return opened[-1]

    yield make
    for one in opened:
        one.http.close()


def refusal(answer):
    """The sentence of an error, or the whole answer where it is none."""
    found = re.search(r'event: error\ndata: {"error": "([^"]*)"', answer)
    return found[1] if found else answer


# Files


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
@pytest.mark.parametrize("event", ["choose_photo", "change_crop", "change_model", "attack"])
@pytest.mark.parametrize(
    "path", [str(PHOTOGRAPH), "/etc/passwd", "/no/such/file.png", "../../etc/passwd", "http://127.0.0.1/x.png", ""]
)
def test_a_path_is_no_picture_and_nobody_learns_whether_it_exists(caller, event, path, meta):
    picture = {"path": path, "url": path, **meta}
    data = [picture, "resnet18", 0.03] if event == "attack" else [*CONTROLS, picture, *AT]
    answer = caller("paths").call(event, *data)
    if event == "change_model":  # which shows a sample face, and leaves the picture alone
        assert path == "" or path not in answer
    else:
        assert refusal(answer) == GONE


@pytest.mark.parametrize("photo", ["picture-x", ["picture-x"], 7, True, {}, {"path": None}, {"path": ["x"]}, {"x": 1}])
def test_what_is_no_picture_at_all_gets_the_same_sentence(caller, photo):
    assert refusal(caller("odd").call("attack", photo, "resnet18", 0.03)) == GONE


def test_no_file_is_deleted_by_a_path_that_a_caller_named(caller, tmp_path):
    file = tmp_path / "kept.png"
    file.write_bytes(PHOTOGRAPH.read_bytes())
    stranger = caller("deleter")
    for session in ("deleter", "other"):
        stranger.session = session
        stranger.call("choose_photo", *CONTROLS, {"path": str(file), "meta": {"_type": "gradio.FileData"}}, *AT)
        with stranger.page():
            pass
    time.sleep(1.5)  # a look around the house
    assert file.exists()


def test_the_first_visit_to_use_a_picture_has_it_to_itself(caller):
    visitor, stranger = caller("visitor"), caller("stranger")
    name = visitor.upload()
    photo = {"path": name, "meta": {"_type": "gradio.FileData"}}
    with visitor.page():
        assert "own clean prediction" in visitor.call("choose_photo", *CONTROLS, photo, *AT)
        for event, data in (("choose_photo", [*CONTROLS, photo, *AT]), ("attack", [photo, "resnet18", 0.03])):
            assert refusal(stranger.call(event, *data)) == GONE
        assert "own clean prediction" in visitor.call("change_model", "resnet18-robust", *CONTROLS[1:], photo, *AT)


def test_two_visitors_who_send_the_same_file_are_both_served(caller):
    first, second = caller("twin-1"), caller("twin-2")
    names = [first.upload(), second.upload()]
    assert names[0] != names[1]
    for visitor, name in zip((first, second), names, strict=True):
        assert "own clean prediction" in visitor.call("choose_photo", *CONTROLS, {"path": name}, *AT)


def test_the_picture_of_a_visit_is_not_for_those_who_only_know_its_name(caller):
    visitor, stranger = caller("known-name"), caller("known-name")
    photo = {"path": visitor.upload()}
    with visitor.page():
        visitor.call("choose_photo", *CONTROLS, photo, *AT)
        for picture in (None, {"path": stranger.upload()}, {"path": "picture-guess"}):
            for event, data in (("change_model", [*CONTROLS, picture, *AT]), ("survive", [*CONTROLS, picture, *AT])):
                assert refusal(stranger.call(event, *data)) == GONE


def test_pictures_never_touch_the_disk(caller, server):
    visitor = caller("diskless")
    odd = BUILTIN_FACES / "person_09" / "09.png"
    visitor.call("choose_photo", *CONTROLS, {"path": visitor.upload(odd.read_bytes())}, *AT)
    visitor.upload(odd.read_bytes())
    held = [file.read_bytes() for file in server.folder.rglob("*") if file.is_file()]
    assert odd.read_bytes() not in held and not list(server.folder.rglob("deep_links"))


def test_what_an_api_caller_brought_goes_with_the_answer(caller, url):
    visitor = caller(None)
    name = visitor.upload()
    assert httpx.get(f"{url}/gradio_api/file={name}").status_code == 200
    answer = visitor.call("attack", {"path": name, "meta": {"_type": "gradio.FileData"}}, "resnet18", 0.03)
    report, picture = json.loads(answer.split("event: complete\ndata: ")[1])
    assert report["attack"] == "FGSM"
    assert httpx.get(f"{url}/gradio_api/file={name}").status_code == 404
    assert httpx.get(picture["url"]).content.startswith(b"\x89PNG")
    assert refusal(visitor.call("attack", {"path": name}, "resnet18", 0.03)) == GONE


def test_a_refused_call_loses_nothing(caller):
    visitor = caller(None)
    photo = {"path": visitor.upload()}
    for wrong in (["nobody", 0.03], ["resnet18", 7], ["resnet18", 0.03, "FGSM", "nobody"]):
        assert refusal(visitor.call("attack", photo, *wrong)) not in (GONE, "")
    assert "verdict" in visitor.call("attack", photo, "resnet18", 0.03)


def later(monkeypatch, seconds):
    now = time.monotonic()
    monkeypatch.setattr("fgsm.page.uploads.time.monotonic", lambda: now + seconds)


def arrived(uploads, size=10, address="here"):
    upload = uploads.begin(address)
    uploads.receive(upload, b"x" * size)
    return uploads.finish(upload)


def test_pictures_and_files_have_their_time(monkeypatch):
    uploads = Uploads()
    unclaimed, used = arrived(uploads), arrived(uploads)
    upload = uploads.claim(used, "visit")
    files = [uploads.hand_out(b"csv", "a.csv", session) for session in ("visit", "passer-by")]
    later(monkeypatch, UNCLAIMED + 1)
    uploads.look({"visit"})
    assert uploads.find(unclaimed) is None and uploads.find(used) is upload
    later(monkeypatch, HANDED_OUT + 1)
    uploads.look({"visit"})
    assert [os.path.exists(file) for file in files] == [True, False]
    later(monkeypatch, UNUSED + 1)
    uploads.look({"visit"})
    assert uploads.find(used) is None and not upload.data  # even for those who still refer to it
    uploads.end("visit")
    assert not os.path.exists(files[0])


def test_a_visit_holds_pictures_for_several_uses_at_once():
    uploads = Uploads()
    names = [arrived(uploads) for _ in range(5)]
    old, new = (uploads.claim(name, "visit") for name in names[:2])
    pair = [uploads.claim(name, "visit", "pair") for name in names[2:4]]
    other = uploads.claim(names[4], "other visit", "pair")
    with pytest.raises(Refused, match="no longer kept"):
        uploads.claim(new.name, "visit", "pair")
    assert uploads.claim(pair[0].name, "visit", "pair") is pair[0]

    def held():
        return [upload for upload in (old, new, *pair, other) if uploads.find(upload.name) is upload]

    uploads.keep_only(new)
    assert held() == [new, *pair, other] and not old.data
    uploads.keep_only(*pair)
    assert held() == [new, *pair, other]
    uploads.keep_only(pair[1])
    assert held() == [new, pair[1], other]
    uploads.forget("visit", "pair")
    assert held() == [new, other]
    uploads.end("visit")
    assert held() == [other]


def test_a_visit_is_handed_out_so_many_files():
    uploads = Uploads()
    files = [uploads.hand_out(b"x", "x", "visit") for _ in range(MOST_FILES + 2)]
    assert [os.path.exists(file) for file in files] == [False] * 2 + [True] * MOST_FILES
    uploads.end("visit")


def test_pictures_that_nobody_uses_make_room_and_those_in_use_never_do():
    uploads = Uploads(room=1000)
    used = arrived(uploads, 100, "school")
    uploads.claim(used, "pupil")
    idle = [arrived(uploads, 200, "hoarder") for _ in range(3)]
    assert [uploads.find(name) is not None for name in idle] == [False, True, True]  # half of the room for an address
    for number, name in enumerate(idle[1:]):
        uploads.claim(name, f"invented-{number}")
    with pytest.raises(Refused, match="Too many pictures"):
        arrived(uploads, 200, "hoarder")
    others = [arrived(uploads, 250, f"somebody-{number}") for number in range(3)]
    assert [uploads.find(name) is not None for name in others] == [False, True, True]
    assert all(uploads.find(name) for name in (used, *idle[1:]))


HOLD = (
    "import sys; from fgsm.page.temporary_folder import own_folder; print(own_folder(), flush=True); sys.stdin.read()"
)


def test_a_folder_whose_name_was_taken_anew_meanwhile_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "fgsm-page-x").mkdir()
    (tmp_path / "fgsm-page-x.lock").touch()
    acquire = FileLock.acquire

    def late(lock, *settings, **more):
        acquire(lock, *settings, **more)
        Path(lock.lock_file).unlink()
        Path(lock.lock_file).touch()

    monkeypatch.setattr(FileLock, "acquire", late)
    clear_abandoned()
    assert (tmp_path / "fgsm-page-x").is_dir() and (tmp_path / "fgsm-page-x.lock").exists()


def test_the_folder_of_a_killed_process_is_cleared_and_nobody_elses(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD], cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return process, process.stdout.readline().decode().strip()

    (tmp_path / "fgsm-page-of-another-program").mkdir()
    (killed, left), (living, kept) = start(), start()
    (tmp_path / left / "face.png").write_bytes(b"x")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    next_one, own = start()
    try:
        assert not os.path.exists(left)
        assert os.path.isdir(kept) and os.path.isdir(own) and (tmp_path / "fgsm-page-of-another-program").is_dir()
    finally:
        for process in (living, next_one):
            process.communicate()
    assert not os.path.exists(kept) and not os.path.exists(own)  # they ended in peace


def test_a_page_started_again_after_a_kill_serves_nothing_of_before(tmp_path):
    with served(tmp_path) as page:
        visitor = Caller(page.url, None)
        answer = visitor.call("attack", {"path": visitor.upload()}, "resnet18", 0.03)
        path = json.loads(answer.split("event: complete\ndata: ")[1])[1]["path"]
        assert os.path.exists(path)
        page.process.kill()
        page.process.wait()
    with served(tmp_path, FGSM_MODELS=str(tmp_path / "none")) as page:  # which starts faster
        assert not os.path.exists(path)
        assert httpx.get(f"{page.url}/gradio_api/file={path}").status_code == 404


# Visits


@pytest.fixture
def visit(browser, url):
    """A page open in a browser, and the name of its visit."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    with page.expect_request(lambda request: "/heartbeat/" in request.url) as heartbeat:
        page.goto(url)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)
    yield page, heartbeat.value.url.split("/")[-1]
    context.close()


def test_nobody_speaks_for_another_browsers_visit(visit, caller):
    page, session = visit
    stranger = caller(session)
    joined = {"data": [], "fn_index": 0, "session_hash": session}
    answers = [
        stranger.http.get(f"/heartbeat/{session}"),
        stranger.post("change_model", *CONTROLS, None, *AT),
        stranger.http.post("/queue/join", json=joined),
        stranger.http.post("/cancel", json={"session_hash": session, "fn_index": 0, "event_id": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert {answer.json()["detail"] for answer in answers} == {TEXTS["en"]["refused.stranger"]}
    page.locator("#samples .film button").nth(3).click()
    page.wait_for_url("**face=person_04**")


def test_nobody_listens_in_on_a_visit_without_a_cookie(caller, url):
    visitor = caller("overheard")
    index = function_number(url, "curve")
    body = {"data": [None, ["resnet101"], "0.0123, 0.0234", ["FGSM"]], "fn_index": index, "session_hash": "overheard"}
    assert visitor.http.post("/queue/join", json=body).status_code == 200
    address = f"{url}/gradio_api/queue/data?session_hash=overheard"
    with httpx.stream("GET", address, timeout=60) as own:
        lines = own.iter_lines()
        next(lines)
        assert httpx.get(address).status_code == 409
        assert any("process_generating" in line for line in lines)


@pytest.mark.parametrize("session", ["", "a b", "x" * 65, "<gradio-sep>", "../x", 7, None, ["x"], {"a": 1}])
def test_a_visit_has_a_plain_name(caller, session):
    body = {"data": [], "fn_index": 0, "session_hash": session}
    answer = caller("x").http.post("/queue/join", json=body)
    assert answer.status_code == 400 and "has no name" in answer.text


def test_visits_end_are_remembered_a_while_and_are_not_endless(monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr("fgsm.page.visitors.time.monotonic", lambda: now)
    guests = Visitors()
    page, passer_by = guests.meet("page", "here"), guests.meet("passer-by", "here")
    page.heartbeats, page.has_page, passer_by.asked = 1, True, now
    assert (page.key, passer_by.key) == ("visit page", "address here")
    now += PATIENCE + 1
    assert guests.look() == ([passer_by], [passer_by]) and guests.find("page") is page
    page.heartbeats, page.left = 0, now
    assert guests.look() == ([], [])  # it may come back
    now += PATIENCE + 1
    assert guests.look() == ([page], []) and guests.find("page") is page
    now += 3600
    assert guests.look() == ([], [page]) and guests.find("page") is None
    for number in range(MOST_AT_ADDRESS):
        guests.meet(str(number), "crowd").heartbeats = 1
    with pytest.raises(Refused, match="Too many visitors"):
        guests.meet("one more", "crowd")
    guests.meet("somebody else", "elsewhere")


def test_pages_opened_and_closed_do_not_add_up(monkeypatch):
    now = time.monotonic()
    monkeypatch.setattr("fgsm.page.visitors.time.monotonic", lambda: now)
    guests = Visitors()
    for number in range(MOST + 50):
        closed = guests.meet(f"visit-{number}", "here")
        closed.has_page, closed.left = True, now - PATIENCE - 1
    guests.look()
    assert guests.find("visit-49") is None and guests.find("visit-50") is not None


def test_when_a_visit_ends_nothing_of_it_is_kept():
    service = Service()
    guests, brought = service.visitors, service.uploads
    visitor = guests.meet("leaver", "here")
    visitor.has_page, visitor.left = True, time.monotonic() - PATIENCE - 1
    name = arrived(brought)
    upload = brought.claim(name, "leaver")
    file = brought.hand_out(b"x", "x.csv", "leaver")
    state = SimpleNamespace(config_values={1: "a stage with a face"}, state_data={})
    holder = type(
        "Holder", (), {"session_data": {"leaver": state}, "__contains__": lambda self, name: name == "leaver"}
    )
    cleaned = []

    async def clean_events(session_hash):
        cleaned.append(session_hash)

    queue = SimpleNamespace(
        pending_messages_per_session={"leaver": "messages"},
        pending_event_ids_session={"leaver": {"request"}},
        clean_events=clean_events,
    )
    blocks = SimpleNamespace(_queue=queue)
    looking = look(SimpleNamespace(get_blocks=lambda: blocks, state_holder=holder()), service)
    with ThreadPoolExecutor() as elsewhere:  # than where a browser's loop may run
        elsewhere.submit(asyncio.run, looking).result()
    assert brought.find(name) is None and not upload.data and not os.path.exists(file)
    assert state.config_values == {} and cleaned == ["leaver"]
    assert queue.pending_messages_per_session == queue.pending_event_ids_session == {}


# Addresses, numbers and names


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/gradio_api/deep_link?session_hash=x"),
        ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
        ("GET", "/gradio_api/file=http://127.0.0.1/"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/file=../../etc/passwd"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/monitoring"),
        ("GET", "/gradio_api/vibe-code"),
        ("GET", "/gradio_api/queue/data?session_hash=nobody"),
        ("GET", "/gradio_api/call/attack/nothing"),
        ("GET", "/gradio_api/stream/a/b/1/playlist.m3u8"),
        ("GET", "/gradio_api/custom_component/a/client/component/index.js"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/vibe-edit"),
        ("POST", "/gradio_api/run/attack"),
        ("POST", "/gradio_api/api/attack"),
        ("POST", "/gradio_api/call/nothing"),
        ("POST", "/gradio_api/call/v2/nothing"),
        ("POST", "/gradio_api/cancel"),
        ("POST", "/login"),
        ("PUT", "/"),
        ("DELETE", "/gradio_api/upload"),
    ],
)
def test_everything_else_is_closed_in_one_line(url, server, method, address):
    logged = (server.folder / "log").read_text()
    body = {"data": [], "session_hash": "x", "fn_index": 0, "event_id": "x"}
    answer = httpx.request(method, url + address, json=body if method != "GET" else None, timeout=10)
    assert 400 <= answer.status_code < 500
    assert len(answer.text.splitlines()) == 1 and len(answer.text) < 200
    new = (server.folder / "log").read_text().removeprefix(logged)
    assert len(new.splitlines()) == 1 and "Traceback" not in new


@pytest.mark.parametrize("index", [-1, 9999, 10**30, 0.5, True, "0", None, [0], {}])
def test_unknown_function_numbers_are_not_found(caller, url, index):
    one = caller("numbers")
    without_function = httpx.get(f"{url}/config").json()["dependencies"]
    without_function = next(one["id"] for one in without_function if not one["backend_fn"])
    assert one.http.post("/run/predict", json={"data": [], "fn_index": without_function}).status_code == 404
    for way in ("queue/join", "run/predict"):
        answer = one.http.post(f"/{way}", json={"data": [], "fn_index": index, "session_hash": "numbers"})
        assert answer.status_code == 404 and len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"fn_index": 0, "data": 5, "session_hash": "x"}', 400),
        (b'{"fn_index": 0, "data": ' + b"[" * 5000 + b"]" * 5000 + b', "session_hash": "x"}', 400),
        (b'{"fn_index": 0, "data": ' + b"[" * 30 + b"]" * 30 + b', "session_hash": "x"}', 400),
        (b'{"fn_index": 0, "data": ["' + b"x" * 10**6 + b'"], "session_hash": "x"}', 413),
    ],
)
def test_bodies_are_small_json_objects(url, body, status):
    answer = httpx.post(f"{url}/gradio_api/queue/join", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status and len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    "event",
    [
        *("choose_sample", "change_crop", "choose_target", "show_faces", "take_offer", "remove_photo", "survive"),
        *("show_lanes", "take_photo", "open_lists"),
        *("add_pictures", "other_face", "drop_picture", "add_person", "rename_person", "remove_person", "show_person"),
    ],
)
@pytest.mark.parametrize(
    "said", [None, {}, {"index": -1}, {"x": 10**400, "y": 0, "side": True}, {"person": ["x"]}, [], 7]
)
def test_events_out_of_order_get_a_sentence(caller, server, event, said):
    logged = (server.folder / "log").read_text()
    one = caller(f"order-{event}")
    index = function_number(server.url, event)
    body = {"data": [], "fn_index": index, "session_hash": one.session, "event_data": said}
    assert one.http.post("/queue/join", json=body).status_code == 200
    answer = one.http.get("/queue/data", params={"session_hash": one.session}).text
    assert "process_completed" in answer and "Traceback" not in answer and str(PROJECT) not in answer
    assert "Traceback" not in (server.folder / "log").read_text().removeprefix(logged)


def test_uploads_are_one_file_of_a_bounded_size(url):
    address = f"{url}/gradio_api/upload"
    two = [("files", ("a.png", b"x")), ("files", ("b.png", b"x"))]
    assert httpx.post(address, files=two).status_code == 400
    assert httpx.post(address, data={"files": "x"}).status_code == 400
    assert httpx.post(address, content=b"x").status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert httpx.post(address, content=b"--x\r\nnothing", headers=broken).status_code == 400
    assert httpx.post(address, content=b"--x\r\n" + b"a" * 20_000, headers=broken).status_code == 400
    cut_off = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\nnothing'
    assert httpx.post(address, content=cut_off, headers=broken).status_code == 400
    large = httpx.post(address, files={"files": ("a.png", b"x" * 40_000_001)}, timeout=60)
    assert large.status_code == 413 and "larger than 40 MB" in large.text


def progressive(scans):
    """A JPEG of 4 million pixels whose last layer comes so many more times."""
    file = io.BytesIO()
    Image.new("L", (2000, 2000), 90).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def test_a_small_file_cannot_keep_a_decoder_busy():
    assert open_picture(progressive(0)).size == (2000, 2000)
    slow = [
        progressive(400),
        b"P3\n3000 3000\n255\n" + b"1 2 3\n" * 1000,
        b"BM" + bytes(28) + b"\x01\0\0\0" + bytes(1000),
    ]
    for data in slow:
        with pytest.raises(Refused):
            open_picture(data)
    file = io.BytesIO()
    Image.new("L", (2100, 2100)).save(file, "JPEG2000")
    with pytest.raises(Refused, match="more than 4 million pixels"):
        open_picture(file.getvalue())


def commented(comments):
    """A GIF with so many pieces of comment, which the decoder joins one by one."""
    file = io.BytesIO()
    Image.new("L", (300, 300)).save(file, "GIF")
    data = file.getvalue()
    start = 13 + 3 * 2 ** ((data[10] & 7) + 1)  # behind the palette
    return data[:start] + b"!\xfe" + (b"\xff" + b"x" * 255) * comments + b"\0" + data[start:]


def tagged(tags):
    """A TIFF of one megabyte with so many tags, each of which holds all of it."""
    picture = {256: 300, 257: 300, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 300, 279: 90_000}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in picture.items()]
    entries += [struct.pack("<HHII", 40_000 + tag, 1, 10**6, 8) for tag in range(tags)]
    return b"II*\0" + struct.pack("<I", 8 + 10**6) + bytes(10**6) + struct.pack("<H", len(entries)) + b"".join(entries)


@pytest.mark.parametrize(("costly", "cheap"), [(commented(60_000), commented(20)), (tagged(1500), tagged(2))])
def test_a_picture_that_takes_long_or_much_memory_is_given_up_and_keeps_nobody_waiting(caller, costly, cheap):
    def elsewhere(number):
        return caller(f"costly-{number}", transport=httpx.HTTPTransport(local_address="127.0.0.2"))

    def attack(caller, picture):
        photo = {"path": caller.upload(picture), "meta": {"_type": "gradio.FileData"}}
        return caller.call("attack", photo, "resnet18", 0.03)

    with ThreadPoolExecutor() as pool:
        refused = [pool.submit(attack, elsewhere(number), costly) for number in range(3)]
        assert "verdict" in attack(caller("waiting"), cheap)
        assert not all(answer.done() for answer in refused)
        for answer in refused:
            assert TEXTS["en"]["refused.costly"] in answer.result()


@pytest.mark.parametrize(
    "value", [{"path": "http://127.0.0.1:9/x.png", "meta": {"_type": "gradio.FileData"}}, [[[]] * 9] * 9, "x" * 10**5]
)
def test_other_inputs_are_short_and_name_no_files(caller, server, value):
    before = {file for file in server.folder.rglob("*") if "gradio" in str(file) or "fgsm-page" in str(file)}
    answer = caller("flat").call("change_model", value, *CONTROLS[1:], None, *AT)
    assert "There is no recogniser named" in answer and len(answer) < 1000
    assert {file for file in server.folder.rglob("*") if "fgsm-page" in str(file)} <= before


def test_what_a_component_says_of_a_callers_value_is_no_html(caller):
    answer = caller("html").call(
        "change_model", "resnet18", "FGSM", "dodge", "<img src=x onerror=alert(1)>", False, None, 0.03
    )
    assert "event: error" in answer and "<img" not in answer


@pytest.mark.parametrize("header", ["host", "x-forwarded-host", "x-gradio-server"])
@pytest.mark.parametrize("value", ["evil.example", "http://x/$(touch evil.example)/gradio_api/info"])
def test_what_one_says_of_the_host_reaches_nobody_else(url, header, value):
    address = f"{url}/gradio_api/info"
    for asked in (address, url):
        httpx.get(asked, headers={header: value})
    httpx.post(f"{url}/gradio_api/call/v2/attack", json={}, headers={header: value})
    assert "127.0.0.1" in httpx.get(address).text and "evil" not in httpx.get(address).text + httpx.get(url).text


def test_a_file_comes_without_what_was_said_in_asking_and_is_kept_nowhere(url, caller):
    visitor = caller("handed-out")
    answer = visitor.call("attack", {"path": visitor.upload()}, "resnet18", 0.03)
    shown = re.search(r'"path": ?"(/[^"]+/adversarial\.png)"', answer)[1]
    asking = {"range": "bytes=0-3", "cookie": "secret=1", "access-control-expose-headers": "cookie", "x-said": "1"}
    answer = httpx.get(f"{url}/gradio_api/file={shown}", headers=asking)
    assert answer.status_code == 200 and not {"cookie", "x-said"} & answer.headers.keys()
    assert "no-store" in answer.headers["cache-control"] and answer.headers["x-content-type-options"] == "nosniff"


def test_whatever_its_content_type_a_body_is_json_for_gradio(url):
    body = json.dumps({"data": [None, "resnet18", 0.03]})
    sent = httpx.post(f"{url}/gradio_api/call/attack", content=body, headers={"content-type": "text/plain"})
    assert sent.status_code == 200 and sent.json().keys() == {"event_id"}


# Names that run as code

HOSTILE = [
    "<img src=x onerror=window.broken=1>",
    "${window.broken=1}",
    "{{window.broken}}{{{value}}}",
    "\"quoted\" 'name' `tick`",
    "two\nlines",
    "שלום \u202eevil",
    "🎭👩🏽‍🎓",
    "constructor",
    "$\\frac{x}$",
]
NAME = "_<b onclick=window.broken=1>${window.broken=1}{{x}}\"'$x_1$ 🎭"


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    """The page with one more recogniser: of people with such names, under such a name."""
    people = tmp_path_factory.mktemp("people")
    for number, name in enumerate(HOSTILE, 1):
        (people / name).mkdir()
        for at in (1, 6):
            file = BUILTIN_FACES / f"person_{number:02d}" / f"{at:02d}.png"
            Image.open(file).save(people / name / f"{at}.png")
    import torch
    from safetensors.torch import save_file

    from fgsm.places import MODELS
    from fgsm.recognizers.config import read_config
    from fgsm.recognizers.networks import build_network

    torch.manual_seed(0)
    shipped = json.loads((MODELS / "resnet18" / "config.json").read_text())
    config = {key: shipped[key] for key in ("architecture", "input_size", "mean", "std", "data")}
    config |= {"labels": sorted(HOSTILE), "faces": str(people), "test_accuracy": 0.5}
    config["test_photographs"] = [f"{name}/6.png" for name in HOSTILE]
    folder = MODELS / NAME
    try:
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        weights = build_network(read_config(config, NAME)).half().state_dict()
        save_file({name: value.contiguous() for name, value in weights.items()}, folder / "model.safetensors")
        yield NAME
    finally:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def test_names_are_shown_as_they_are_and_run_nothing(hostile_page, url, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1600}, accept_downloads=True)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_selector(STAGE_DONE, timeout=60_000)

    def texts(selector):
        return [" ".join(text.split()) for text in page.locator(selector).all_text_contents()]

    plain = {" ".join(name.split()) for name in HOSTILE}
    before = page.locator("#viewer .stage").get_attribute("data-ready")
    page.locator("#model input").click()
    page.get_by_role("option").filter(has_text="onclick").click()
    page.wait_for_function("document.querySelector('#samples').textContent.includes('onerror')")
    page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)
    assert {text for text in texts("#samples .film button")} == plain
    assert set(texts("#viewer [data-show=adversarial-top] .name")) <= plain
    page.locator("#goal input").click()
    page.get_by_role("option").filter(has_text="somebody in particular").click()
    page.locator("#people button").first.wait_for()
    assert set(texts("#people button")) == plain
    attacked = texts("#samples .film button")[0]
    for at in range(len(HOSTILE)):
        page.locator("#people button").nth(at).click()
        if texts("#people button")[at] == attacked:
            page.get_by_text("name somebody else to become").first.wait_for(timeout=10_000)
            continue
        page.locator("#viewer [data-show=goals]", has_text=texts("#people button")[at]).wait_for(timeout=30_000)
    page.locator("#survive button").first.click()
    page.locator("#survive-start").click()
    page.locator("#survive figure").nth(5).wait_for(timeout=30_000)
    assert all(any(name in text for name in plain) for text in texts("#survive figcaption"))
    page.get_by_role("tab", name="Accuracy curve").click()
    page.locator("#curve-models label").filter(has_text="ResNet-18 ·").click()
    page.locator("#curve-models label").filter(has_text="onclick").click()
    page.locator("#curve-epsilons input, #curve-epsilons textarea").first.fill("0, 0.1, 0.3")
    page.locator("#curve-start").click()
    page.wait_for_selector("#curve .chart[data-state=done]", timeout=60_000)
    assert NAME in page.locator("#curve .legend").inner_text()
    page.locator("#curve [data-testid=point]").last.click()
    page.wait_for_function("document.querySelector('#curve-faces p').textContent.includes('onclick')")
    for caption in texts("#curve-faces figcaption"):
        assert any(caption.startswith(name) for name in plain) and any(caption.endswith(name) for name in plain)
    with page.expect_download() as download:
        page.locator("#curve-png").click()
    assert Image.open(download.value.path()).width > 400
    page.get_by_role("tab", name="Transfer").click()
    assert any(NAME in text for text in texts("#transfer-models label"))
    assert page.evaluate("window.broken === undefined") and not errors
    context.close()


def test_a_refused_name_is_shown_as_it_is(page):
    page.evaluate("document.querySelector('#curve-epsilons')")
    page.get_by_role("tab", name="Accuracy curve").click()
    page.locator("#curve-epsilons input, #curve-epsilons textarea").first.fill("<img/src=x>")
    page.locator("#curve-start").click()
    page.get_by_text("'<img/src=x>' is not an epsilon").first.wait_for(timeout=10_000)
    assert page.locator(".toast-body img[src=x]").count() == 0


# Work without end


def processor_time(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads a process's time as Linux tells it")
def test_curves_that_nobody_listens_to_stop_and_others_are_answered(caller, server):
    flood = caller(None)
    epsilons = ", ".join(str(at / 100) for at in range(1, 51))
    sent = [flood.post("curve", ["resnet101"], epsilons, ["PGD"]) for _ in range(20)]
    sent += [flood.post("curve", ["resnet18"], f"0, 0.0{at}", ["PGD"]) for at in range(1, 10)]
    assert {answer.status_code for answer in sent} <= {200, 429}
    visitor = caller("patient")
    assert "verdict" in visitor.call("attack", {"path": visitor.upload()}, "resnet18", 0.03)
    for _ in range(60):
        before = processor_time(server.process.pid)
        time.sleep(1.0)
        if processor_time(server.process.pid) - before < 0.1:
            break
    else:
        pytest.fail("it still computes for nobody")
    assert httpx.get(f"{server.url}/gradio_api/queue/status").json()["queue_size"] == 0


def test_a_heartbeat_is_no_head(url):
    assert httpx.head(f"{url}/gradio_api/heartbeat/headless", timeout=10).status_code == 404
    assert httpx.head(f"{url}/drawings/viewer/viewer.js", timeout=10).status_code == 200


def test_one_who_reads_no_description_keeps_nobody_waiting(url):
    """Answers larger than what a connection holds, to somebody who never reads."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, int(port)))
        slow.settimeout(2)
        with contextlib.suppress(TimeoutError):  # the server reads no more
            for _ in range(80):
                slow.sendall(f"GET /gradio_api/info?all_endpoints=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        for _ in range(3):
            assert httpx.get(f"{url}/gradio_api/openapi.json", timeout=20).status_code == 200


def test_inputs_of_no_such_name_are_told_where_to_look(url):
    answer = httpx.post(f"{url}/gradio_api/call/v2/curve", json={"zzz": 1}, timeout=20)
    assert answer.status_code == 400 and "no inputs of these names" in answer.json()["detail"]


def test_a_long_measurement_is_refused_with_a_word_on_what_to_do(caller):
    epsilons = ", ".join(str(at / 100) for at in range(1, 51))
    answer = caller("ambitious").call("curve", ["resnet101"], epsilons, ["PGD"])
    assert re.search(r"would take about \d+ min here, where 30 are the most: choose fewer", answer)


def test_requests_at_once_are_bounded_and_those_unheard_make_room():
    service = Service()
    guests = service.visitors
    asking, unread = {}, {}
    queue = SimpleNamespace(event_ids_to_events=asking, pending_event_ids_session=unread)
    keeper = admission.Room(SimpleNamespace(_queue=queue), service)
    newcomer, page = guests.meet("newcomer", "here"), guests.meet("page", "here")
    page.heartbeats = 1
    for number in range(admission.EACH):
        assert keeper.has_room(newcomer)
        other = guests.meet(f"other-{number}", "here")
        other.asked, other.streams = time.monotonic(), 1
        asking[f"request-{number}"] = SimpleNamespace(session_hash=other.session)
    assert not keeper.has_room(newcomer)  # all are being listened to
    assert keeper.has_room(page)  # which counts for itself
    for number in (3, 5):
        guests.find(f"other-{number}").streams = 0
    assert not keeper.has_room(newcomer) and not guests.find("other-3").cancelled  # they have asked just now
    guests.find("other-5").asked -= admission.GRACE + 1
    assert not keeper.has_room(newcomer) and guests.find("other-5").cancelled == {"request-5"}
    del asking["request-5"]
    assert keeper.has_room(newcomer)
    unread["newcomer"] = set(range(admission.UNREAD))
    assert not keeper.has_room(newcomer)


@pytest.mark.parametrize(
    ("visits", "places"), [(20, admission.ALL - admission.RESERVED), (admission.ALL, admission.ALL)]
)
def test_who_has_least_is_let_in_before_who_invents_visits(visits, places):
    service = Service()
    guests = service.visitors
    asking = {}
    queue = SimpleNamespace(event_ids_to_events=asking, pending_event_ids_session={})
    keeper = admission.Room(SimpleNamespace(_queue=queue), service)
    newcomer = guests.meet("newcomer", "here")
    newcomer.heartbeats = 1
    crowd = [guests.meet(f"invented-{number}", "there") for number in range(visits)]
    for other in crowd:
        other.heartbeats = other.streams = 1
    for number in range(admission.ALL):
        other = crowd[number % len(crowd)]
        if not keeper.has_room(other):
            break
        asking[f"request-{number}"] = SimpleNamespace(session_hash=other.session)
    assert len(asking) == places and keeper.has_room(newcomer) == (places < admission.ALL)
    for number in range(len(asking), admission.ALL):
        asking[f"request-{number}"] = SimpleNamespace(session_hash=crowd[number % len(crowd)].session)
    for other in crowd:
        other.cancelled.clear()
    assert not keeper.has_room(newcomer)
    assert sum(len(other.cancelled) for other in crowd) == 1  # which makes room


# Nothing lost in a hurry


@pytest.fixture
def held():
    """A service whose computer is held up until the word is given."""
    go, begun = threading.Event(), threading.Event()
    service = Service()
    service.visitors.meet("somebody", "").streams = 1  # and listens, however slow the machine is

    def wait():
        begun.set()
        go.wait(30)

    def hold():
        with service.computer.work(House()) as work:
            work.run(wait)

    threading.Thread(target=hold).start()
    assert begun.wait(10)
    yield service, go
    go.set()


def asked(service, visit, handler, *controls, data=None, session="somebody"):
    """What a handler of the stage's says, as Gradio asks it."""
    request = SimpleNamespace(session_hash=session, client=None, headers={})
    event = StageEvent(service, request, EventData(None, data) if data else None).on(visit, Controls(*controls))
    return politely(without_last_word(handler))(event)


@pytest.mark.parametrize(("values", "last"), [([], gr.skip()), ([1], gr.skip()), ([(1, 2)], (gr.skip(), gr.skip()))])
def test_a_handler_changes_nothing_at_its_end_even_where_it_has_said_nothing(values, last):
    """Gradio sends None to every output of a generator that ends without a value: the crop and the stage went blank."""

    def handler():
        yield from values

    assert list(without_last_word(handler)()) == [*values, last]


def faces_in(said):
    """The messages about a face, of what a handler said."""
    parts = (part for one in said for part in (one if isinstance(one, tuple) else (one,)))
    return [part for part in parts if isinstance(part, dict) and "link" in part]


def in_background(computer, answers):
    """What a handler says of the stage, being heard by a thread of its own once its first step waits."""
    said = []
    before = computer.waiting()
    thread = threading.Thread(target=lambda: said.extend(answers))
    thread.start()
    while computer.waiting() == before and thread.is_alive():
        time.sleep(0.001)
    return thread, said


def arrived_at(service, data):
    upload = service.uploads.begin("")
    service.uploads.receive(upload, data)
    return service.uploads.finish(upload)


def test_what_is_chosen_while_the_page_is_busy_is_what_the_next_control_attacks(held):
    service, go = held
    visit, computer = Visit(), service.computer
    choosing = asked(service, visit, stage_events.choose_sample, *CONTROLS, None, *AT, data=PERSON_07)
    first = in_background(computer, choosing)
    turning = asked(service, visit, stage_events.change_slider, "resnet18", "BIM", *CONTROLS[2:], None, *AT)
    second = in_background(computer, turning)
    go.set()
    for thread, _ in (first, second):
        thread.join(120)
    newer = faces_in(second[1])
    assert all(message["id"] < newer[0]["id"] for message in faces_in(first[1]))
    links = [message["link"] for message in newer]
    assert links and all((link["face"], link["attack"]) == ("person_07", "BIM") for link in links)


def test_a_refused_choice_takes_nothing_away_from_the_one_before(service):
    visit, aiming = Visit(), ["resnet18", "FGSM", "impersonate", *CONTROLS[3:]]
    list(asked(service, visit, stage_events.choose_sample, *CONTROLS, None, *AT, data=PERSON_07))
    going_on = asked(service, visit, stage_events.change_slider, "resnet18", "BIM", *CONTROLS[2:], None, *AT)
    while not faces_in([next(going_on)]):
        pass
    number = visit.attack
    with pytest.raises(gr.Error, match="This face is attacked as person 07"):
        list(asked(service, visit, stage_events.choose_target, *aiming, None, *AT, data={"person": "person 07"}))
    assert faces_in(going_on)[-1]["smallest"] is not None
    assert visit.attack == number and visit.target is None


def test_a_picture_that_is_removed_while_it_is_attacked_is_shown_no_more(service):
    visit, name = Visit(), arrived_at(service, PHOTOGRAPH.read_bytes())
    going_on = asked(service, visit, own_picture.choose_photo, *CONTROLS, name, *AT, session="owner")
    while not faces_in([next(going_on)]):
        pass
    service.uploads.end("owner")
    assert faces_in(going_on) == []


def test_a_picture_is_framed_for_the_recogniser_that_is_chosen_before_it_is_attacked(service):
    visit, name = Visit(), arrived_at(service, PHOTOGRAPH.read_bytes())
    choosing = asked(service, visit, own_picture.choose_photo, *CONTROLS, name, *AT)
    assert "preview" in next(choosing)[1]
    said = list(asked(service, visit, stage_events.change_model, "dlib", *CONTROLS[1:], name, *AT))
    (crop,) = [crop for _, crop in said if crop and "preview" in crop]
    assert visit.face.framing == service.choose("dlib").config.framing and crop["side"] == visit.face.square.side
    assert faces_in(choosing) == []


@pytest.mark.parametrize("index", [0, 7, 8, 10**6])
def test_the_face_that_was_clicked_is_the_one_that_is_shown_wherever_it_is_by_now(service, index):
    said = {"index": index, "person": "person 09"}
    found = faces_in(asked(service, Visit(), stage_events.choose_sample, *CONTROLS, None, *AT, data=said))
    assert found[-1]["person"] == "person 09"
    for wrong in ("nobody", None, ["person 09"]):
        with pytest.raises(gr.Error, match=re.escape(TEXTS["en"]["refused.request"])):
            said = {"index": index, "person": wrong}
            list(asked(service, Visit(), stage_events.choose_sample, *CONTROLS, None, *AT, data=said))


@pytest.mark.parametrize("maker", [["resnet18"], {}, 7, None, "nobody"])
def test_what_the_lanes_are_made_on_is_a_recogniser(held, maker):
    service, go = held
    go.set()
    visit = Visit()
    list(asked(service, visit, stage_events.choose_sample, *CONTROLS, None, *AT, data=PERSON_07))
    with pytest.raises(gr.Error, match=re.escape(TEXTS["en"]["refused.request"])):
        list(asked(service, visit, show_lanes, *CONTROLS, None, *AT, data={"made_on": maker}))


def test_an_upload_chosen_while_the_page_is_busy_is_what_the_next_control_attacks(held):
    service, go = held
    visit, computer = Visit(), service.computer
    name = arrived_at(service, PHOTOGRAPH.read_bytes())
    first = in_background(computer, asked(service, visit, own_picture.choose_photo, *CONTROLS, name, *AT))
    turning = asked(service, visit, stage_events.change_slider, "resnet18", "BIM", *CONTROLS[2:], name, *AT)
    second = in_background(computer, turning)
    go.set()
    for thread, _ in (first, second):
        thread.join(120)
    crops = [crop for _, crop in first[1] if "preview" in crop]
    assert len(crops) == 1
    newer = faces_in(second[1])
    assert all(message["id"] < newer[0]["id"] for message in faces_in(first[1]))
    links = [message["link"] for message in newer]
    assert links and all((link["face"], link["attack"]) == (None, "BIM") for link in links)


@pytest.fixture(scope="module")
def service():
    service = Service()
    for name in ("somebody", "owner"):
        service.visitors.meet(name, "").streams = 1  # and listens, however slow the machine is
    return service


def test_a_picture_that_is_none_leaves_the_stage_as_it_is(service):
    visit = Visit()
    visit.face = before = first_face(service, service.choose("resnet18"))
    name = arrived_at(service, b"no picture")
    with pytest.raises(gr.Error, match="not a picture that can be read"):
        list(asked(service, visit, own_picture.choose_photo, *CONTROLS, name, *AT))
    assert visit.face is before and service.uploads.find(name) is None


def test_a_picture_removed_while_its_face_is_looked_for_leaves_no_crop(service, monkeypatch):
    visit = Visit()
    name = arrived_at(service, PHOTOGRAPH.read_bytes())

    def removed_meanwhile(picture):
        service.uploads.end("remover")
        visit.face, visit.newest = first_face(service, service.choose("resnet18")), visit.newest + 1
        return []

    monkeypatch.setattr(own_picture, "detect", removed_meanwhile)
    said = list(asked(service, visit, own_picture.choose_photo, *CONTROLS, name, *AT, session="remover"))
    assert [crop for _, crop in said if crop is None or "preview" in crop] == [None]
    assert not visit.face.brought


def measuring(tab, board, *values):
    request = SimpleNamespace(session_hash="drawer", client=None, headers={})
    tab.service.visitors.meet("drawer", "").streams = 1  # and listens, however slow the machine is
    return politely(tab.measure)(board, values, Event(tab.service, request))


def test_a_wrong_epsilon_leaves_what_is_being_drawn_alone(service):
    tab, board = CurveTab(service), Board()
    running = measuring(tab, board, ["resnet18"], "0, 0.0123", ["FGSM"])
    next(running), next(running)
    assert board.state == "running" and board.results
    said = []
    with pytest.raises(gr.Error, match="is not an epsilon"):
        said.extend(measuring(tab, board, ["resnet18"], "oops", ["FGSM"]))
    assert said == [] and board.state == "running"
    next(running)
    running.close()
    assert board.state == "stopped"
    wrong = measuring(tab, board, ["resnet18"], "oops", ["FGSM"])
    drawn, *files = next(wrong)
    assert drawn["state"] == "stopped" and drawn["curves"] and files == [gr.skip(), gr.skip()]


def test_a_stop_is_answered_once(service):
    """Drawing what was measured takes a turn of everybody's: whoever asks for it over and over gets nothing new."""
    tab, board = CurveTab(service), Board()
    running = measuring(tab, board, ["resnet18"], "0, 0.0567", ["FGSM"])
    next(running), next(running)
    running.close()
    event = Event(service, SimpleNamespace(session_hash="stopper", client=None, headers={}))
    drawn, *files = tab.stop(board, event)
    assert drawn["state"] == "stopped" and len(files) == 2
    assert tab.stop(board, event) == (gr.skip(),) * 3


def test_a_measurement_overtaken_by_another_says_nothing_more(service):
    """Gradio sends what came last once more when a handler is done: that would be the chart of before."""
    tab, board = CurveTab(service), Board()
    first = measuring(tab, board, ["resnet18"], "0, 0.0456", ["FGSM"])
    next(first), next(first)
    second = measuring(tab, board, ["resnet18"], "0, 0.0789", ["FGSM"])
    drawn, *_ = next(second)
    assert drawn["state"] == "running" and drawn["curves"] == []
    assert list(first) == [(gr.skip(),) * 3]
    second.close()


def test_in_the_middle_of_a_batch_a_heat_map_has_no_examples_beyond_its_counts(service):
    """Whatever is handed out, the examples in a cell are among those that it counts."""
    tab, board = TransferTab(service), Board()
    seen = []
    running = measuring(tab, board, ["resnet18", "resnet18-robust"], 0.0777, "FGSM")
    for _ in running:
        seen += board.results.values()
        if seen and seen[-1].total >= 12:
            running.close()
    assert {matrix.total for matrix in seen} >= {4, 8, 12} and len(seen) > len({matrix.total for matrix in seen})
    for matrix in seen:
        for counts, cells in zip(matrix.fooled, matrix.examples, strict=True):
            assert [len(cell) for cell in cells] == [min(5, count) for count in counts]


def test_the_slider_ends_where_the_last_top_was_chosen(visit):
    page, _ = visit
    for order in ((2, 0, 1), (0, 1, 2), (1, 2, 0)):
        for at in order:
            page.locator("#top label").nth(at).click()
            page.wait_for_timeout(350)
        page.wait_for_timeout(300)
        page.wait_for_selector(STAGE_DONE, timeout=60_000)
        page.wait_for_timeout(1500)
        chosen = ("0.02", "0.1", "1")[order[-1]]
        assert page.locator("#epsilon input[type=range]").get_attribute("max") == chosen


def test_after_a_stop_the_files_hold_what_is_drawn(visit):
    page, _ = visit
    page.get_by_role("tab", name="Accuracy curve").click()
    field = page.locator("#curve-epsilons input, #curve-epsilons textarea").first
    field.fill("0, 0.3")
    page.locator("#curve-start").click()
    page.wait_for_selector("#curve .chart[data-state=done]", timeout=60_000)
    tick(page, "curve-models", "ResNet-101")  # which takes its time
    field.fill("0, 0.0111, 0.0122, 0.0133, 0.0144, 0.0155, 0.0166")
    page.locator("#curve-start").click()
    page.wait_for_function("document.querySelectorAll('#curve [data-testid=point]').length === 7", timeout=60_000)
    assert page.locator("#curve-csv").is_disabled()
    page.locator("#curve-stop").click()
    page.wait_for_selector("#curve .chart[data-state=stopped]", timeout=30_000)
    with page.expect_download() as download:
        page.locator("#curve-csv").click()
    rows = download.value.path().read_text().splitlines()[1:]
    assert len(rows) == 7 and "0.0111" in rows[1]
    label = page.locator("#curve [data-testid=point]").first.get_attribute("aria-label")
    assert f" of {rows[0].split(',')[5]} recognised" in label


def test_removing_the_picture_brings_a_sample_face_back(visit, url):
    page, _ = visit
    page.get_by_role("tab", name="Your photograph").click()
    with page.expect_response(lambda response: "/upload?" in response.url) as upload:
        page.locator("#photo input[type=file]").set_input_files(PHOTOGRAPH)
    [name] = upload.value.json()
    page.wait_for_function("document.querySelector('#viewer [data-show=attacked]').textContent.includes('own clean')")
    page.locator("#photo button[aria-label='Remove Image']").click()
    page.wait_for_function("document.querySelector('#viewer [data-show=attacked]').textContent.includes('true label')")
    assert httpx.get(f"{url}/gradio_api/file={name}").status_code == 404
    assert page.locator("#crop .crop").is_hidden()
