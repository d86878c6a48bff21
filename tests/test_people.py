"""People of a visit's own: enrolled, attacked, renamed, removed, seen by nobody else, and gone with the visit."""

import asyncio
import gc
import io
import itertools
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from gradio.events import EventData
from PIL import Image

from fgsm.faces.detect import detect
from fgsm.faces.framing import FRAMINGS, cut, frame
from fgsm.faces.picture import open_picture
from fgsm.page import enrol_events, enrolment, own_people, own_picture, stage_events
from fgsm.page.controls import Controls
from fgsm.page.enrolment import confused, count, group_of
from fgsm.page.event import politely
from fgsm.page.housekeeping import look
from fgsm.page.own_face import SIDE, OwnFace, cut_out, squares_of
from fgsm.page.own_people import MOST_PEOPLE, MOST_PICTURES, Drafted, OwnPeople
from fgsm.page.service import Own, Service
from fgsm.page.visit import StageEvent, Visit
from fgsm.places import BUILTIN_FACES
from fgsm.recognizers.enrol import enrol
from fgsm.texts import Refused, say

from .conftest import CHROMIUM_FLAGS, STAGE_DONE, open_page
from .driving import set_epsilon
from .hostile import saved

SKIP = gr.skip()


def photograph(person, number=1):
    return open_picture(BUILTIN_FACES / f"person_{person:02d}" / f"{number:02d}.png")


@pytest.fixture(scope="module")
def service():
    service = Service()
    for name in ("ana's", "ben's"):
        service.visitors.meet(name, f"{name} address").streams = 1  # and listens, however slow the machine is
    return service


class Guest:
    """One visit, whose events are asked for by hand."""

    def __init__(self, service, session="ana's"):
        self.service, self.session, self.visit = service, session, Visit()
        self.controls = Controls("resnet18", "FGSM", "dodge", 0.1, False, None, 0.03)

    def see(self, handler, **told):
        """What an event first sends to the stage."""
        return next(one for answer in self.ask(handler, most=None, **told) for one in in_stage(answer))

    def ask(self, handler, most=100, **told):
        request = SimpleNamespace(session_hash=self.session, client=None, headers={})
        event = StageEvent(self.service, request, EventData(None, told)).on(self.visit, self.controls)
        answer = politely(handler)(event)
        if most is None or not hasattr(answer, "__next__"):
            return answer
        return list(itertools.islice(answer, most))

    def upload(self, data):
        upload = self.service.uploads.begin("")
        self.service.uploads.receive(upload, data)
        return self.service.uploads.finish(upload)

    def bring(self, *pictures, files=None):
        """The last message after pictures, or bytes that are none, were brought for the draft."""
        files = files or [f"{number}.png" for number in range(len(pictures))]
        names = [self.upload(one if isinstance(one, bytes) else saved(one, "PNG")) for one in pictures]
        said = self.ask(enrol_events.add_pictures, names=names, files=list(files), batch=1)[-1]
        assert said["batch"] == 1 and not any(self.service.uploads.find(name) for name in names)
        return said

    def add(self, name="Ana", agreed=True):
        return self.ask(enrol_events.add_person, 3, name=name, agreed=agreed)  # what is there, not the whole grid

    def enrol(self, person=5, name="Ana", photographs=(1,)):
        self.bring(*(photograph(person, number) for number in photographs))
        return self.add(name)


@pytest.fixture
def guest(service):
    return Guest(service)


def in_stage(answer):
    """What an answer sends to the stage, where it does."""
    return [one for one in (answer[:2] if isinstance(answer, tuple) else [answer]) if "pixels" in one]


def first_said(answers):
    return answers[0][0] if isinstance(answers[0], tuple) else answers[0]


# Enrolling


def test_somebody_enrolled_is_known_and_on_the_stage(guest, service):
    shared = service.choose("dlib")
    said = guest.bring(photograph(5, 1), photograph(5, 2))
    assert [(one["face"], one["faces"], one["group"]) for one in said["drafted"]] == [(1, 1, None)] * 2
    answers = guest.add(" Ana  María ")
    said = first_said(answers)
    assert said["added"] and said["drafted"] == [] and [one["name"] for one in said["people"]] == ["Ana María"]
    own = guest.visit.recognizers["dlib"]
    assert own.config.labels == ("Ana María", *shared.config.labels) and own.config.enrolled == (2, *[5] * 40)
    assert own.config.test_accuracy is None and service.choose("dlib") == shared
    [last] = in_stage(answers[1])
    assert last["labels"][last["attacked"]] == "Ana María" and last["epsilon"] == 0.0
    assert last["references"]["Ana María"] == said["people"][0]["photograph"]
    assert last["link"]["face"] is None and "Ana" not in str(last["link"])
    assert "true label, Ana María: the very picture that was enrolled" in last["note"]
    assert answers[0][2].value == 0.0 and answers[0][3].value == "dlib"
    film = next(answer[4] for answer in answers if answer[4] != SKIP)
    assert film["own"] == [{"name": "Ana María", "photograph": said["people"][0]["photograph"]}]
    assert len(film["names"]) == 40


def test_an_embedding_of_a_draft_is_that_of_the_picture(guest):
    picture = photograph(9).resize((900, 1100))
    guest.bring(picture)
    [drafted] = guest.visit.people.draft
    alone = enrol({"x": [picture], "y": [photograph(1)]}).network.embeddings[0]
    others = enrol({"x": [photograph(10)]}).network.embeddings[0]
    assert (drafted.embeddings[0] - alone).norm() < 0.1 < 0.3 < (drafted.embeddings[0] - others).norm()


def test_a_class_is_enrolled_at_once_from_the_names_of_its_files(guest):
    files = ["Zoë_1.png", "Ben_1.png", "Zoë_2.jpg"]
    said = guest.bring(photograph(3, 1), photograph(4, 1), photograph(3, 2), files=files)
    assert [one["group"] for one in said["drafted"]] == ["Zoë", "Ben", "Zoë"]
    answers = guest.add("")
    assert guest.visit.people.names() == ["Zoë", "Ben"]
    assert guest.visit.recognizers["dlib"].config.enrolled[:2] == (2, 1)
    assert any(note.startswith("One picture is enough") for note in first_said(answers)["notes"])
    guest.enrol(6, "Ida", (1, 2))
    assert guest.visit.people.names() == ["Ida", "Zoë", "Ben"]  # the last ones first
    assert not any(note.startswith("One picture") for note in guest.visit.people.notes)


@pytest.mark.parametrize(
    ("file", "person"),
    [
        ("Ana_1.jpg", "Ana"),
        ("Ana_María_12.JPEG", "Ana María"),
        ("ana.jpg", None),
        ("_1.jpg", None),
        ("IMG_1234.jpg", None),
        ("unknown_1.png", None),
        ("\u202eana_1.png", None),
        ("a\n_1.png", None),
        (f"{'x' * 300}_1.png", None),
    ],
)
def test_files_say_whose_they_are(file, person):
    assert group_of(file) == person


def test_of_several_faces_any_can_be_meant(guest):
    both = Image.new("RGB", (500, 260), (120, 120, 120))
    both.paste(photograph(12).resize((184, 224)), (20, 18))
    both.paste(photograph(20).resize((138, 168)), (320, 60))
    said = guest.bring(both, files=["both.png"])
    [tile] = said["drafted"]
    assert (tile["face"], tile["faces"]) == (1, 2) and said["notes"][0].startswith("2 faces were found in both.png")
    turned = guest.ask(enrol_events.other_face, number=tile["number"])
    assert turned["drafted"][0]["face"] == 2 and turned["drafted"][0]["photograph"] != tile["photograph"]
    guest.add("Ana")
    templates = guest.visit.recognizers["dlib"].network.network.templates
    apart = (templates[1:] - templates[0]).norm(dim=1)
    assert guest.visit.recognizers["dlib"].config.people[1 + int(apart.argmin())] == "person 20"
    again = guest.bring(both)
    for face in (2, 1):
        again = guest.ask(enrol_events.other_face, number=again["drafted"][0]["number"])
        assert again["drafted"][0]["face"] == face


def test_a_picture_of_nobody_is_not_used_and_the_others_are(guest):
    broken = saved(photograph(5), "PNG")[:900]
    said = guest.bring(Image.new("RGB", (300, 300), "green"), broken, photograph(5), files=["wall.png", "x.png", "a"])
    assert len(said["drafted"]) == 1
    assert said["notes"][0] == "wall.png is not used: No face was found."
    assert said["notes"][1].startswith("x.png is not used: This ")


def test_the_face_on_the_stage_can_be_enrolled(guest):
    guest.see(stage_events.choose_sample, index=6, person="person 07")
    said = guest.ask(enrol_events.take_from_stage)[-1]
    assert len(said["drafted"]) == 1
    answers = guest.add("Ana")
    assert "Ana and person 07 are nearer to each other than the threshold" in " ".join(first_said(answers)["notes"])


def test_who_is_confused_is_told_once_with_whoever_is_nearest():
    line = {name: torch.tensor([[at, 0.0]]) for name, at in {"a": 0.0, "b": 0.3, "c": 1.0, "d": 1.4}.items()}
    assert list(confused(line, ["a", "b"], 0.35)) == [("a", "b")]
    assert list(confused(line, ["a", "d"], 0.45)) == [("a", "b"), ("d", "c")]
    assert list(confused(line, ["d"], 0.39)) == []


def test_what_is_kept_of_a_picture_frames_the_face_as_the_picture_does():
    portrait = photograph(12).resize((276, 336))
    for turn, place in ((0, (900, 700)), (25, (500, 300)), (-20, (0, 0))):
        picture = Image.new("RGB", (1600, 1200), (110, 120, 130))
        picture.paste(portrait.rotate(turn, expand=True, fillcolor=(110, 120, 130)), place)
        face = detect(picture)[0]
        part, squares = cut_out(picture, squares_of(face, picture))
        assert max(part.size) <= SIDE
        for framing in FRAMINGS:
            kept = np.asarray(cut(part, squares[framing], 112), dtype=float)
            whole = np.asarray(cut(picture, frame(picture, [face], 0, framing), 112), dtype=float)
            assert np.abs(kept - whole).mean() < 4


# Attacking, renaming, removing


def test_another_recogniser_sees_a_stranger_and_nothing_is_kept_for_others(guest, service):
    guest.enrol()
    before = dict(service.results("stage")._results)
    last = [one for answer in guest.ask(stage_events.change_model) for one in in_stage(answer)][-1]
    assert last["smallest"] and service.results("stage")._results == before
    assert last["model"] == "resnet18" and last["labels"][last["attacked"]] != "Ana"
    assert "it does not know Ana" in last["note"] and last["link"]["face"] is None
    film, *_ = guest.ask(stage_events.change_lists)
    assert [one["name"] for one in film["own"]] == ["Ana"] and len(film["names"]) == 40
    assert guest.see(stage_events.choose_sample, index=1, person="person 01")["link"]["face"] == "person_01"
    assert "it does not know Ana" in guest.see(stage_events.choose_sample, index=0, person="Ana")["note"]
    guest.controls = replace(guest.controls, model="dlib")
    last = guest.see(stage_events.change_model)
    assert last["labels"][last["attacked"]] == "Ana"


def test_one_can_become_somebody_enrolled_and_no_link_says_so(guest):
    guest.enrol()
    guest.controls = replace(guest.controls, model="dlib", goal="impersonate")
    guest.see(stage_events.choose_sample, index=8, person="person 08")
    offered = next(answer[2] for answer in guest.ask(stage_events.change_goal, 1) if answer[2] != SKIP)
    assert [one["name"] for one in offered["own"]] == ["Ana"]
    assert offered["own"][0]["photograph"].startswith("data:image/png")
    last = guest.see(stage_events.choose_target, person="Ana")
    assert last["labels"][last["target"]] == "Ana" and last["link"]["target"] is None
    last = guest.see(enrol_events.rename_person, person="Ana", name="Zoë")
    assert last["labels"][last["target"]] == "Zoë" and last["link"]["target"] is None and "Ana" not in last["labels"]
    last = guest.see(enrol_events.remove_person, person="Zoë")
    assert last["target"] is None and "Zoë" not in last["labels"] and guest.visit.target is None


def test_renamed_and_removed_people_are_so_everywhere(guest, service):
    guest.enrol()
    guest.enrol(8, "Ben")
    guest.controls = replace(guest.controls, model="dlib")
    shown = guest.see(enrol_events.show_person, person="Ana")
    assert shown["labels"][shown["attacked"]] == "Ana"
    last = guest.see(enrol_events.rename_person, person="Ana", name="Ana B.")
    assert last["labels"][last["attacked"]] == "Ana B." and guest.visit.people.names() == ["Ben", "Ana B."]
    faces = [weakref.ref(person.face) for person in guest.visit.people.enrolled]
    last = guest.see(enrol_events.remove_person, person="Ana B.")
    assert "Ana B." not in last["labels"] and last["labels"][last["attacked"]] == "person 24"
    guest.see(enrol_events.remove_person, person="Ben")
    assert guest.visit.recognizers == {} and guest.visit.people.enrolled == ()
    gc.collect()
    assert [face() for face in faces] == [None, None]


# What is refused


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "refused.person"),
        ("  ", "refused.person"),
        ("Unknown", "refused.person"),
        ("x" * 300, "refused.person"),
        ("a\0b", "refused.person"),
        ("\u202eana", "refused.person"),
        ("Person 07", "refused.person_taken"),
        ("zoë", "refused.person_taken"),
        (None, "refused.request"),
        (["Ana"], "refused.request"),
        (7, "refused.request"),
    ],
)
def test_names_that_are_none_or_taken_are_refused_in_a_sentence(guest, name, why):
    guest.enrol(1, "Zoë")
    guest.bring(photograph(2))
    values = {"longest": 255, "unknown": "unknown", "name": name}
    assert first_said(guest.add(name))["problem"] == say(why, **values)
    assert len(guest.visit.people.draft) == 1  # nothing is lost
    guest.add("Ana")
    if isinstance(name, str) and name.lower() == "zoë":
        guest.ask(enrol_events.rename_person, 1, person="Zoë", name="ZOË")  # one's own name in another case
        assert "ZOË" in guest.visit.people.names()
        name = "Ana"
    said = first_said(guest.ask(enrol_events.rename_person, person=guest.visit.people.names()[1], name=name))
    assert said["problem"] and len(guest.visit.people.names()) == 2


@pytest.mark.parametrize("agreed", [False, None, 1, "true", [True]])
def test_without_consent_nobody_is_enrolled(guest, agreed):
    guest.bring(photograph(2))
    assert first_said(guest.add("Ana", agreed))["problem"] == say("refused.consent")
    assert guest.visit.recognizers == {} and guest.visit.people.enrolled == ()


def test_nobody_is_enrolled_without_pictures(guest):
    assert first_said(guest.add("Ana"))["problem"] == say("refused.no_picture")
    said = guest.bring(photograph(2))
    assert guest.ask(enrol_events.drop_picture, number=said["drafted"][0]["number"])["drafted"] == []
    assert first_said(guest.add("Ana"))["problem"] == say("refused.no_picture")


def test_so_many_pictures_of_a_person_and_no_more(guest):
    said = guest.bring(*[photograph(1, number) for number in range(1, 6)])
    assert len(said["drafted"]) == MOST_PICTURES and said["notes"] == []
    said = guest.bring(photograph(2), photograph(3), files=["more.png", "Ana_1.png"])
    assert len(said["drafted"]) == MOST_PICTURES + 1 and said["notes"][0].startswith("more.png is not used: At most 5")
    assert first_said(guest.add("Ana"))["problem"] == say("refused.too_many_pictures", most=MOST_PICTURES)
    guest.ask(enrol_events.drop_picture, number=said["drafted"][0]["number"])
    guest.add("Ana")
    assert guest.visit.recognizers["dlib"].config.enrolled[0] == MOST_PICTURES


def picture_of(group, faces=1):
    return Drafted("x", group, tuple(OwnFace(None, {}, "", "") for _ in range(faces)), torch.rand(faces, 128))


def test_so_many_people_and_no_more():
    own = OwnPeople()
    for number in range(MOST_PEOPLE):
        own.add(picture_of(f"somebody {number}"))
    with pytest.raises(Refused, match="At most 40 people"):
        own.add(picture_of("one more"))
    own.add(picture_of("somebody 0"))
    own.enrolled = tuple(own.from_draft("", []))
    assert len(own.enrolled) == MOST_PEOPLE
    own.draft = ()
    with pytest.raises(Refused, match="At most 40 people"):
        own.add(picture_of(None))
    own.enrolled, crowd = own.enrolled[:1], OwnPeople()
    for number in range(100):
        picture = picture_of(f"{number // MOST_PICTURES}", 4)
        if number < own_people.MOST_DRAFTED // 4:
            crowd.add(picture)
        else:
            with pytest.raises(Refused, match="Too many pictures"):
                crowd.add(picture)


def test_all_visits_together_hold_so_many_faces_and_one_address_half_of_them(monkeypatch):
    monkeypatch.setattr(enrolment, "MOST_FACES", 8)
    service = Service()

    def faces(address, number):
        made = [OwnFace(None, {}, "", address) for _ in range(number)]
        count(service, made)
        return made

    school, home = faces("school", 4), faces("home", 2)
    with pytest.raises(Refused, match="Too many pictures"):
        faces("school", 1)
    elsewhere = faces("elsewhere", 2)
    with pytest.raises(Refused, match="Too many pictures"):
        faces("home", 1)
    del school
    gc.collect()
    assert len(faces("school", 4)) == 4 and len(home) == len(elsewhere) == 2


@pytest.mark.parametrize("handler", ["other_face", "drop_picture"])
@pytest.mark.parametrize("number", [0, -1, 7, "1", 1.0, True, None, [1], {}])
def test_a_picture_that_is_not_in_the_draft_changes_nothing(guest, handler, number):
    guest.bring(photograph(2))
    before = guest.visit.people.draft
    assert guest.ask(getattr(enrol_events, handler), number=number)["problem"] == say("refused.gone")
    assert guest.visit.people.draft == before


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"names": "picture-x", "files": ["x"], "batch": 1},
        {"names": ["x"], "files": [], "batch": 1},
        {"names": ["x"] * 6, "files": ["x"] * 6, "batch": 1},
        {"names": [["x"]], "files": ["x"], "batch": 1},
        {"names": ["x"], "files": [None], "batch": 1},
        {"names": ["x"], "files": ["x"], "batch": "1"},
    ],
)
def test_pictures_are_told_of_as_the_page_does_or_not_at_all(guest, told):
    with pytest.raises(gr.Error, match="This page never asks for that"):
        guest.ask(enrol_events.add_pictures, **told)


def test_people_who_are_not_enrolled_are_refused(guest):
    guest.enrol()
    for person in ("Ben", "ana", "person 01", None, 7, ["Ana"]):
        for handler, told in ((enrol_events.rename_person, {"name": "X"}), (enrol_events.remove_person, {})):
            assert first_said(guest.ask(handler, person=person, **told))["problem"] == say("refused.not_enrolled")
        with pytest.raises(gr.Error, match="Nobody of this name"):
            guest.ask(enrol_events.show_person, person=person)
    assert guest.visit.people.names() == ["Ana"]


# For one visit alone


def test_two_visits_do_not_see_each_other(guest, service):
    other = Guest(service, "ben's")
    name = guest.upload(saved(photograph(5), "PNG"))
    service.uploads.claim(name, "ana's")
    said = other.ask(enrol_events.add_pictures, names=[name, "/etc/passwd"], files=["a", "b"], batch=1)[-1]
    gone = say("refused.gone")
    assert said["drafted"] == [] and said["notes"] == [f"{file} is not used: {gone}" for file in "ab"]
    assert service.uploads.find(name) is not None  # it is still the other's
    guest.enrol()
    other.enrol(6, "Ben")
    assert guest.visit.people.names() == ["Ana"] and other.visit.people.names() == ["Ben"]
    mine, theirs = (one.visit.recognizers["dlib"] for one in (guest, other))
    assert "Ben" not in mine.config.labels and "Ana" not in theirs.config.labels
    assert isinstance(mine, Own) and mine.network.network.embedder is theirs.network.network.embedder
    stranger = Guest(service, "ben's")
    stranger.controls = replace(guest.controls, model="dlib")
    last = stranger.see(stage_events.change_model)
    assert {"Ana", "Ben"}.isdisjoint(last["labels"])
    film, *_ = stranger.ask(stage_events.change_lists)
    assert film["own"] == [] and len(film["names"]) == 40
    for kept in service._kept.values():
        assert not any(str(key).count("Ana") for key in kept._results)


def test_when_the_visit_ends_nobody_enrolled_is_left_and_late_work_brings_nobody_back(guest, service):
    guest.enrol()
    guest.visit.target = "Ana"
    guest.bring(photograph(6))
    faces = [weakref.ref(guest.visit.people.enrolled[0].face), weakref.ref(guest.visit.people.draft[0].face)]
    network = weakref.ref(guest.visit.recognizers["dlib"].network)
    state = SimpleNamespace(config_values={1: "a gallery"}, state_data={3: guest.visit, 4: "a chart"})

    class Holder(dict):
        session_data = time_last_used = property(lambda self: self)

    service = Service()
    visitor = service.visitors.meet("leaver", "here")
    visitor.has_page = True
    queue = SimpleNamespace(pending_messages_per_session={}, pending_event_ids_session={})
    app = SimpleNamespace(get_blocks=lambda: SimpleNamespace(_queue=queue), state_holder=Holder(leaver=state))
    with ThreadPoolExecutor() as elsewhere:  # than where a browser's loop may run
        elsewhere.submit(asyncio.run, look(app, service)).result()
    left = state.state_data[3]
    assert left is not guest.visit and state.config_values == {} and state.state_data[4] == "a chart"
    assert (left.face, left.target, left.recognizers) == (None, None, {})
    guest.enrol(7, "Ben")  # what was being computed
    assert left.people.enrolled == left.people.draft == ()
    guest.visit = None
    gc.collect()
    assert [one() for one in (*faces, network)] == [None] * 3


def plain(value):
    """Whether all of a message is what JSON has: Gradio turns NumPy's numbers into text."""
    if isinstance(value, dict):
        return all(type(key) is str for key in value) and all(map(plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(plain, value))
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize("model", ["resnet18", "dlib"])
def test_messages_hold_python_numbers_alone(guest, model):
    picture = Image.new("RGB", (500, 300), "grey")
    picture.paste(photograph(5).resize((184, 224)), (20, 30))
    guest.controls = replace(guest.controls, model=model, photo=guest.upload(saved(picture, "PNG")))
    said = [part for answer in guest.ask(own_picture.choose_photo) for part in answer if part != SKIP]
    assert any("preview" in part for part in said) and any("pixels" in part for part in said)
    assert all(map(plain, said))
    assert plain(guest.bring(photograph(6)))


def two_people():
    """Person 12, large, on the left, and person 5 on the right."""
    picture = Image.new("RGB", (900, 500), "grey")
    picture.paste(photograph(12).resize((276, 336)), (40, 60))
    picture.paste(photograph(5).resize((184, 224)), (600, 120))
    return picture


def on_stage(guest, picture, **square):
    """A picture brought to the stage, with a square drawn on it."""
    guest.controls = replace(guest.controls, photo=guest.upload(saved(picture, "PNG")))
    guest.ask(own_picture.choose_photo)
    guest.see(own_picture.change_crop, **square)


def test_a_name_is_asked_for_anew_though_only_the_last_message_be_drawn(guest):
    first, second = (guest.ask(enrol_events.take_from_stage)[-1] for _ in range(2))
    assert second["drafted"] == first["drafted"] and second["asked"] > first["asked"] > 0


def test_whom_the_square_on_the_stage_shows_is_enrolled(guest):
    on_stage(guest, two_people(), x=600, y=140, side=184, turn=0)
    said = first_said(guest.ask(enrol_events.take_from_stage)[-1:])
    assert said["asked"] == 1 and [(one["face"], one["faces"]) for one in said["drafted"]] == [(1, 2)]
    guest.add("Five")
    embeddings = guest.visit.people.enrolled[0].embeddings
    by_hand = enrol({"Five": [photograph(5)]}).network.embeddings
    assert (embeddings - by_hand).norm() < 0.3  # of person 12 it would be 0.7


def test_a_face_that_is_found_by_the_visitor_alone_is_enrolled(guest):
    on_stage(guest, photograph(5).rotate(90, expand=True), x=10, y=0, side=92, turn=-90)
    assert detect(photograph(5).rotate(90, expand=True)) == []
    said = first_said(guest.ask(enrol_events.take_from_stage)[-1:])
    assert [(one["face"], one["faces"]) for one in said["drafted"]] == [(1, 1)] and said["notes"] == []


def test_pictures_of_two_people_under_one_name_are_told(guest):
    guest.bring(photograph(3), photograph(4))
    said = first_said(guest.add())
    assert any(note.startswith("Two pictures of Ana are 0.") and "one person?" in note for note in said["notes"])
    guest.bring(photograph(3), photograph(3, 2))
    said = first_said(guest.add("Ben"))
    assert not any("Two pictures" in note for note in said["notes"])


@pytest.mark.parametrize(
    "told",
    [
        {"names": [], "files": [], "batch": 10**200},
        {"names": [], "files": [], "batch": -1},
        {"names": ["nobody's"], "files": ["\ud800"], "batch": 1},
    ],
)
def test_what_no_browser_says_is_refused(guest, told):
    with pytest.raises(gr.Error, match="This page never asks for that"):
        guest.ask(enrol_events.add_pictures, **told)


def test_files_are_named_in_letters_that_can_be_seen(guest):
    said = guest.bring(b"no picture", files=["a\x1b[2J\u202eb.png"])
    assert said["notes"][0].startswith("a[2Jb.png is not used")


# In a browser


@pytest.fixture(scope="module")
def camera(browser, tmp_path_factory):
    """A browser whose camera sees somebody move."""
    video = tmp_path_factory.mktemp("camera") / "somebody.mjpeg"
    frames = io.BytesIO()
    for number in range(1, 9):
        seen = Image.new("RGB", (640, 480), (120, 130, 140))
        seen.paste(photograph(7, number).resize((276, 336), Image.Resampling.BICUBIC), (180, 70))
        seen.save(frames, "JPEG", quality=92)
    video.write_bytes(frames.getvalue())
    fake = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
    ]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    running = browser.browser_type.launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, *fake])
    yield running
    running.close()


def on_disk(folder):
    return {file for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock" and file.name != "log"}


NAME = "Zoë ${window.run=1} <img src=x onerror=alert(1)> {{value}}"


@pytest.mark.parametrize(
    "settings",
    [{}, {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}],
    ids=["wide", "phone"],
)
def test_somebody_before_the_camera_is_enrolled_and_fooled(camera, server, service, settings):
    before = on_disk(server.folder)
    with open_page(camera, server.url, **settings) as page:
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.get_by_role("tab", name="Add a person").click()
        page.get_by_role("button", name="Use the camera").click()
        page.wait_for_function("document.querySelector('#enrol video').videoWidth > 0")
        page.get_by_role("button", name="Take the picture").click()
        page.locator("#enrol figure img").wait_for(timeout=30_000)
        page.get_by_label("Name", exact=True).fill(NAME)
        page.get_by_label("Whoever is shown here agrees").check()
        page.get_by_role("button", name="Add", exact=True).click()
        recognised = "name => document.querySelector('#viewer .stage').dataset.prediction === name"
        page.wait_for_function(recognised, arg=NAME, timeout=30_000)
        assert page.locator("#model input").input_value().startswith("dlib")
        assert NAME in page.locator("#viewer [data-show=attacked]").inner_text()
        assert not page.locator("#enrol video").is_visible()
        assert page.evaluate("document.querySelector('#enrol video').srcObject") is None
        set_epsilon(page, 0.05)
        page.wait_for_selector(
            "#viewer .stage[data-outcome]:not([data-outcome=''], [data-outcome=still])", timeout=60_000
        )
        page.wait_for_selector(STAGE_DONE, timeout=60_000)
        assert page.locator("#viewer .stage").get_attribute("data-prediction") != NAME
        page.wait_for_url("**epsilon=0.05**")
        assert "Zo" not in page.url and "face=" not in page.url
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        page.get_by_role("button", name="Use the camera").click()
        page.wait_for_function("(window.video = document.querySelector('#enrol video')).videoWidth > 0")
        page.get_by_role("tab", name="Faces", exact=True).click()
        page.wait_for_function("window.video.srcObject === null")  # nobody is filmed unawares
        first = page.locator("#samples .film button").first
        first.get_by_text("Zoë").wait_for()
        assert "data:image/png" in first.locator(".face").evaluate("face => face.style.background")
        assert page.evaluate("window.run") is None
        assert on_disk(server.folder) == before


def test_what_the_camera_takes_is_on_the_stage_as_a_photograph_of_ones_own(camera, url):
    with open_page(camera, url) as page:
        before = page.locator("#viewer .stage").get_attribute("data-ready")
        page.get_by_role("tab", name="Camera").click()
        page.wait_for_function("document.querySelector('#snap video')?.videoWidth > 0")
        page.get_by_role("button", name="Take the picture").click()
        page.wait_for_selector(f'{STAGE_DONE}:not([data-ready="{before}"])', timeout=60_000)
        assert "nobody has said who this is" in page.locator("#viewer [data-show=attacked]").inner_text()
        page.locator("#crop .square, #crop [role=slider], #crop svg").first.wait_for()  # its face can be framed
        assert "own" in page.evaluate("document.querySelector('#snap video')?.srcObject === null ? 'own' : 'filmed'")
        page.locator("#photo").get_by_label("Remove Image").click()
        page.wait_for_url("**face=person_24**")


ASKING_FIRST = """() => {
  const devices = navigator.mediaDevices;
  const real = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    await new Promise((allow) => { window.allow = allow; });
    return (window.stream = await real(wanted));
  };
}"""


def test_a_camera_that_is_closed_before_it_is_allowed_stays_closed(camera, url):
    with open_page(camera, url) as page:
        page.evaluate(ASKING_FIRST)
        page.get_by_role("tab", name="Add a person").click()
        page.get_by_role("button", name="Use the camera").click()
        page.wait_for_function("Boolean(window.allow)")
        page.get_by_role("button", name="Close the camera").click()
        page.evaluate("window.allow()")
        page.wait_for_function("window.stream?.getTracks().every(({ readyState }) => readyState === 'ended')")


def test_a_stranger_on_the_stage_is_offered_to_be_enrolled(browser, url, tmp_path):
    Image.blend(photograph(5), photograph(9), 0.5).save(tmp_path / "stranger.png")  # who looks like neither
    with open_page(browser, f"{url}?model=dlib") as page:
        page.wait_for_selector(STAGE_DONE)
        offer = page.get_by_role("button", name="Add this person")
        assert not offer.is_visible()
        page.get_by_role("tab", name="Your photograph").click()
        page.locator("#photo input[type=file]").set_input_files(tmp_path / "stranger.png")
        offer.click()
        page.locator("#enrol figure img").wait_for(timeout=30_000)
        page.wait_for_function("document.activeElement.matches('#enrol .name input')")
        offer.click()
        page.wait_for_function("document.activeElement.matches('#enrol .name input')")
        page.keyboard.type("Noor")
        assert page.locator("#enrol figure").count() == 1  # the same picture is there once
        page.get_by_label("Whoever is shown here agrees").check()
        page.get_by_role("button", name="Add", exact=True).click()
        page.wait_for_selector(f"{STAGE_DONE}[data-prediction=Noor]", timeout=60_000)
        assert not offer.is_visible()


def test_only_who_is_unknown_is_offered_to_be_enrolled(guest):
    known = guest.see(stage_events.change_model)
    assert known["stranger"] is False
    guest.controls = replace(guest.controls, model="dlib")
    assert guest.see(stage_events.change_model)["stranger"] is False


def test_a_class_is_chosen_seen_added_renamed_and_removed(browser, url, tmp_path):
    files = []
    for name, person, number in (
        ("Ana", 3, 1),
        ("Ana", 3, 2),
        ("Ben", 4, 1),
        ("Ben", 4, 2),
        ("Ben", 4, 3),
        ("wall", 0, 1),
    ):  # two batches
        files.append(tmp_path / f"{name}_{number}.png")
        picture = photograph(person, number) if person else Image.new("RGB", (200, 200), "green")
        picture.save(files[-1])
    with open_page(browser, url) as page:
        page.get_by_role("tab", name="Add a person").click()
        page.locator("#enrol form").wait_for()
        page.get_by_label("Choose pictures").set_input_files(files)
        page.get_by_text("wall_1.png is not used: No face was found.").wait_for(timeout=30_000)
        assert page.locator("#enrol .group b").all_inner_texts() == ["Ana", "Ben"]
        assert page.locator("#enrol .group").first.locator("figure").count() == 2
        page.get_by_role("button", name="Add", exact=True).click()  # which needs consent
        page.wait_for_function("document.activeElement.matches('#enrol .agree input')")
        assert page.locator("#enrol .people li").count() == 0
        page.get_by_label("Whoever is shown here agrees").check()
        page.get_by_role("button", name="Add", exact=True).click()
        page.locator("#enrol .people li").nth(1).wait_for(timeout=30_000)
        page.wait_for_selector(f"{STAGE_DONE}[data-prediction=Ana]", timeout=60_000)
        field = page.get_by_label("Name of Ana")
        field.fill("person 01")
        field.press("Enter")
        page.get_by_text("person 01 is enrolled already").wait_for(timeout=30_000)
        field = page.get_by_label("Name of Ana")
        assert field.input_value() == "Ana"
        field.fill("Zoë")
        field.press("Enter")
        page.wait_for_selector(f"{STAGE_DONE}[data-prediction=Zoë]", timeout=60_000)
        page.get_by_role("button", name="Remove Zoë").click()
        page.wait_for_function("document.querySelector('#viewer [data-show=attacked]').textContent.includes('24')")
        assert page.locator("#enrol .people li").count() == 1
        page.get_by_role("button", name="Attack Ben").click()
        page.wait_for_selector(f"{STAGE_DONE}[data-prediction=Ben]", timeout=60_000)
