"""The one thread that computes, and what happens on it when memory or a GPU fails."""

import contextlib
import contextvars
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from fgsm.attacks.gradient import in_halves
from fgsm.page.service import Service
from fgsm.page.turns import Computer, Unheard
from fgsm.recognizers.scoring import score
from fgsm.texts import Refused


@dataclass
class Somebody:
    """Whoever asks, by key; who has left no longer listens."""

    key: str
    gone: bool = False
    place: str = "here"

    def listening(self):
        return not self.gone


@pytest.fixture
def busy():
    """A computer at a long step of somebody's, and the word that ends it."""
    computer, gate, begun = Computer(), threading.Event(), threading.Event()

    def wait():
        begun.set()
        gate.wait(10)

    def hold():
        with computer.work(Somebody("first")) as work:
            work.run(wait)

    threading.Thread(target=hold).start()
    assert begun.wait(10)
    yield computer, gate
    gate.set()


def ask(computer, asker, call, seconds=0.1, step=0.1):
    """A thread that has had `call` put among the steps of `computer`, and what comes of it."""
    answer = Future()

    def run():
        try:
            with computer.work(asker, seconds, step) as work:
                answer.set_result(work.run(call))
        except BaseException as error:
            answer.set_exception(error)

    before = computer.waiting()
    threading.Thread(target=run).start()
    while computer.waiting() == before and not answer.done():
        time.sleep(0.001)
    return answer


def test_whoever_has_had_least_goes_first_and_the_smallest_step_of_equals(busy):
    computer, gate = busy
    computer._had["glutton"] = (50.0, time.monotonic())
    computer._given["longest"] = 100.0  # its share has been given
    order = []
    answers = [
        ask(computer, Somebody(key), lambda key=key: order.append(key), step=step)
        for key, step in (("glutton", 0.01), ("long", 3.0), ("short", 0.1))
    ]
    gate.set()
    for answer in answers:
        answer.result(10)
    assert order == ["short", "long", "glutton"]


def test_invented_keys_of_one_place_go_after_a_place_that_has_had_less(busy):
    computer, gate = busy
    for number in range(20):
        with computer.work(Somebody(f"had {number}", place="crowded")) as work:
            computer._note(work, 0.5, None)
    computer._given["longest"] = 100.0  # its share has been given
    order = []
    crowd = [Somebody(f"new {number}", place="crowded") for number in range(5)]
    askers = [*crowd, Somebody("other", place="elsewhere")]
    answers = [ask(computer, asker, lambda asker=asker: order.append(asker.key)) for asker in askers]
    gate.set()
    for answer in answers:
        answer.result(10)
    assert order[0] == "other"


def test_a_part_of_the_time_goes_to_what_has_waited_longest():
    """However many newcomers with small steps there are, the old step has its turn among them."""
    computer = Computer()
    done, order = threading.Event(), []
    computer._had["curve"] = (1000.0, time.monotonic())

    def newcomers(name):
        for number in range(200):
            if done.is_set():
                return
            with computer.work(Somebody(f"{name} {number}"), step=0.001) as work:
                work.run(lambda: (time.sleep(0.002), order.append("newcomer")))

    floods = [threading.Thread(target=newcomers, args=(name,)) for name in "abcd"]
    for flood in floods:
        flood.start()
    while len(order) < 5:
        time.sleep(0.001)
    with computer.work(Somebody("curve"), step=5.0) as work:
        work.run(lambda: order.append("curve"))
    done.set()
    for flood in floods:
        flood.join(10)
    assert "curve" in order and order.index("curve") < 200


def test_what_nobody_waits_for_is_given_up(busy):
    computer, gate = busy
    leaver, other = Somebody("leaver"), Somebody("other")
    left = [ask(computer, leaver, lambda: pytest.fail("computed for nobody")) for _ in range(3)]
    stays = ask(computer, other, lambda: 7)
    leaver.gone = True
    computer.forget_unheard()
    for answer in left:
        with pytest.raises(Unheard):
            answer.result(10)
    assert computer.waiting() == 1
    gate.set()
    assert stays.result(10) == 7


def test_a_generators_next_step_is_not_begun_for_somebody_who_has_left():
    computer, asker = Computer(), Somebody("a")
    begun = []

    def items():
        for number in range(3):
            begun.append(number)
            yield number

    with computer.work(asker) as work, pytest.raises(Unheard):
        for _ in work.each(items()):
            asker.gone = True
    assert begun == [0]


def test_the_work_that_waits_is_bounded_for_each_and_in_all():
    computer = Computer()
    with pytest.raises(Refused, match="about 50 min here, where 30 are the most"), computer.work(Somebody("a"), 3000):
        pass
    with contextlib.ExitStack() as stack:
        stack.enter_context(computer.work(Somebody("a"), 1700))
        with pytest.raises(Refused, match=r"asked for much already: .* in about 2 min"):
            stack.enter_context(computer.work(Somebody("a"), 200))
        for name in "bcde":
            stack.enter_context(computer.work(Somebody(name), 1300))
        with pytest.raises(Refused, match="all the work it can take: try again in about 5 min"):
            stack.enter_context(computer.work(Somebody("f"), 600))
        stack.enter_context(computer.work(Somebody("a"), 60))  # a little is everybody's
    with computer.work(Somebody("a"), 1700):  # and what is over no longer counts
        pass


def test_all_steps_run_on_one_thread_and_in_the_callers_context():
    variable = contextvars.ContextVar("variable")
    variable.set("mine")
    computer = Computer()
    with computer.work(Somebody("a")) as work:
        seen = list(work.each((threading.get_ident(), variable.get()) for _ in range(3)))
    assert len(set(seen)) == 1 and seen[0][1] == "mine" and seen[0][0] != threading.get_ident()


def test_a_steps_error_reaches_its_caller_and_the_thread_goes_on():
    computer = Computer()
    with computer.work(Somebody("a")) as work:
        with pytest.raises(ZeroDivisionError):
            work.run(lambda: 1 / 0)
        assert work.run(lambda: 7) == 7


class Small(nn.Module):
    """Refuses batches of more than `room` images, as a full GPU does."""

    def __init__(self, room):
        super().__init__()
        self.room = room
        self.seen = []

    def forward(self, images):
        self.seen.append(len(images))
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return images.flatten(1)


def test_out_of_memory_halves_the_batch_and_loses_nothing():
    images = torch.rand(11, 3, 2, 2)
    model = Small(room=3)
    assert torch.equal(score(model, images), images.flatten(1).softmax(1))
    assert max(model.seen) == 11 and sum(n for n in model.seen if n <= 3) == 11


def test_a_single_image_that_does_not_fit_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        in_halves(Small(room=0), torch.rand(4, 3, 2, 2))


@pytest.fixture
def gpu():
    """A service with a GPU; `gpu_failed` says afterwards whether it was given up."""
    return Service(device=torch.device("cuda"))


OF_CUDA = [
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
    torch.OutOfMemoryError("CUDA out of memory"),
    torch.AcceleratorError("CUDA error: unspecified launch failure"),
]


def failing(gpu, error):
    """A generator function of three numbers that fails at the second one on the GPU."""

    def items():
        on_gpu = not gpu.gpu_failed.is_set()
        for number in range(3):
            if number == 1 and on_gpu:
                raise error
            yield number

    return items


@pytest.mark.parametrize("error", OF_CUDA)
def test_a_failing_gpu_is_left_for_the_cpu(gpu, error):
    with gpu.computer.work(Somebody("a")) as work:
        assert list(gpu.stream(work, failing(gpu, error))) == [0, 0, 1, 2]
    assert gpu.gpu_failed.is_set() and gpu.network(gpu.choose("resnet18")).device.type == "cpu"


def test_no_stream_in_flight_is_lost_when_a_gpu_fails(gpu):
    with gpu.computer.work(Somebody("a")) as one, gpu.computer.work(Somebody("b")) as other:
        streams = [gpu.stream(work, failing(gpu, OF_CUDA[0])) for work in (one, other)]
        assert [next(stream) for stream in streams] == [0, 0]  # both have begun on the GPU
        assert [list(stream) for stream in streams] == [[0, 1, 2], [0, 1, 2]]


def test_a_fault_of_ours_is_no_reason_to_leave_the_gpu(gpu):
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x512 and 40x512)")
    with gpu.computer.work(Somebody("a")) as work, pytest.raises(RuntimeError, match="shapes"):
        list(gpu.stream(work, failing(gpu, error)))

    def once():
        raise error

    with pytest.raises(RuntimeError, match="shapes"):
        gpu.once(Somebody("a"), 0.1, once)
    assert not gpu.gpu_failed.is_set()


def test_what_fails_on_the_cpu_too_is_not_tried_for_ever(gpu):
    def always():
        raise OF_CUDA[0]

    with pytest.raises(RuntimeError, match="CUDA"):
        gpu.once(Somebody("a"), 0.1, always)
