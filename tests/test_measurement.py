"""One measurement for all who ask: joined, left, never shared where it is somebody's own."""

import threading
from dataclasses import dataclass

import pytest

from fgsm.attacks import ATTACKS
from fgsm.attacks.attack import AlongOneDirection, Attack
from fgsm.measures.curve import accuracy_curve
from fgsm.measures.figures import accuracy_figure
from fgsm.page.service import Own, Service
from fgsm.page.shared_measurement import Job, Measurements
from fgsm.page.stage import perform
from fgsm.recognizers.recognizer import load_recognizer


@dataclass
class Count:
    """So many of four."""

    total: int

    @property
    def progress(self):
        return self.total / 4


@dataclass
class Somebody:
    key: str
    place: str = "here"
    gone: bool = False

    def listening(self):
        return not self.gone


class Counting:
    """A job that counts to four, a step at a time: each waits for leave."""

    def __init__(self, models=(), fails_at=None):
        self.begun = 0
        self.leave = threading.Semaphore(0)
        self.fails_at = fails_at
        self.job = Job(about=("count",), models=models, seconds=0.1, begin=self.steps)

    def steps(self):
        self.begun += 1
        for total in range(1, 5):
            self.leave.acquire(timeout=20)
            if total == self.fails_at:
                raise ZeroDivisionError
            yield Count(total)


@pytest.fixture
def measurements():
    return Measurements(Service())


def heard(measurements, job, key="somebody"):
    return (result.total for result in measurements.results(job, Somebody(key)))


def test_whoever_comes_later_joins_and_sees_it_grow_from_where_it_is(measurements):
    counting = Counting()
    first = heard(measurements, counting.job, "first")
    counting.leave.release()
    assert next(first) == 1
    counting.leave.release()
    assert next(first) == 2
    second = heard(measurements, Job(about=("count",), models=(), seconds=0.1, begin=pytest.fail), "second")
    assert next(second) == 2
    counting.leave.release(2)
    assert list(second) == [3, 4] and list(first) == [4] and counting.begun == 1
    assert measurements.finished(counting.job).total == 4


def test_one_who_leaves_stops_nobody_elses(measurements):
    counting = Counting()
    first, second = (heard(measurements, counting.job, key) for key in "ab")
    counting.leave.release()
    assert next(first) == next(second) == 1
    first.close()
    counting.leave.release(3)
    assert list(second) == [2, 3, 4] and counting.begun == 1


def test_what_everybody_has_left_is_begun_anew(measurements):
    counting = Counting()
    counting.leave.release(9)
    first = heard(measurements, counting.job)
    assert next(first) == 1
    first.close()
    assert measurements.finished(counting.job) is None
    assert list(heard(measurements, counting.job)) == [1, 2, 3, 4] and counting.begun == 2


def test_what_somebody_else_has_finished_meanwhile_is_not_measured_again(measurements):
    counting = Counting()
    counting.leave.release(4)
    late = measurements.results(counting.job, Somebody("late"))  # who has asked, and not begun to listen
    assert list(heard(measurements, counting.job)) == [1, 2, 3, 4]
    assert [result.total for result in late] == [4] and counting.leave.acquire(blocking=False) is False


def test_one_who_waits_for_anothers_step_has_its_result(measurements):
    counting = Counting()
    seen = []
    listening = [
        threading.Thread(target=lambda key=key: seen.extend(heard(measurements, counting.job, key))) for key in "abc"
    ]
    for thread in listening:
        thread.start()
    counting.leave.release(4)
    for thread in listening:
        thread.join(20)
    assert counting.begun == 1 and seen.count(4) == 3


def test_a_failing_measurement_fails_for_all_and_is_tried_anew(measurements):
    counting = Counting(fails_at=2)
    counting.leave.release(9)
    first, second = (heard(measurements, counting.job, key) for key in "ab")
    assert next(first) == next(second) == 1
    for listener in (first, second):
        with pytest.raises(ZeroDivisionError):
            next(listener)
    assert measurements.finished(counting.job) is None
    assert next(heard(measurements, counting.job)) == 1 and counting.begun == 2


def test_a_measurement_of_ones_own_recogniser_is_neither_joined_nor_kept(measurements):
    network = load_recognizer("resnet18", "cpu")
    mine, yours = (Counting(models=(Own(network),)) for _ in range(2))
    for counting in (mine, yours):
        counting.leave.release(4)
        assert list(heard(measurements, counting.job)) == [1, 2, 3, 4] and counting.begun == 1
        assert measurements.finished(counting.job) is None


class Brighter(Attack):
    """Every value up: no gradient, no aim."""

    one_direction = True

    def moves(self, model, images, labels, positions, targeted=False):
        return AlongOneDirection(images, images.new_ones(images.shape))


def test_a_new_attack_is_one_object(faces, monkeypatch):
    """It is swept, staged and drawn by its traits alone."""
    brighter = Brighter(
        name="brighter",
        title="attack.FGSM",
        method="method.FGSM",
        change="viewer.change_random",
        colour="#123456",
        dash=(3, 1),
        may_aim=False,
    )
    monkeypatch.setitem(ATTACKS, "brighter", brighter)
    model = load_recognizer("resnet18", "cpu")
    *_, curve = accuracy_curve(model, *faces, [0.0, 0.5], brighter)
    moved = (faces[0] + 0.5).clamp(max=1)
    assert curve.attack == "brighter"
    assert curve.correct[1] == int((model(moved).argmax(1) == faces[1]).sum())
    (line,) = accuracy_figure([curve]).axes[0].lines
    assert line.get_color() == "#123456" and line.is_dashed()
    *_, last = perform(model, faces[0][0], [0.0, 0.5], 0.0, int(faces[1][0]), brighter)
    assert last["attack"] == {"change": "viewer.change_random", "offers": None}
