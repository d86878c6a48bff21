"""The one thread that computes, and what happens on it when memory or a GPU fails."""

import contextvars
import threading
import time

import pytest
import torch
from torch import nn

from fgsm import compute, tabs
from fgsm.sweep import in_halves, score


def test_urgent_steps_go_first_and_the_others_by_deadline():
    order, waiting = [], []
    gate = threading.Event()
    waiting.append(threading.Thread(target=compute.run, args=(lambda: gate.wait(10),)))
    waiting[0].start()
    time.sleep(0.05)  # the thread is busy with the gate while these queue up
    for name, within in (
        ("curve", compute.LATER),
        ("grid", compute.SOON),
        ("late curve", 60),
        ("first", compute.AT_ONCE),
    ):
        step = threading.Thread(target=compute.run, args=(lambda name=name: order.append(name), within))
        step.start()
        waiting.append(step)
        time.sleep(0.02)
    gate.set()
    for thread in waiting:
        thread.join(10)
    assert order == ["first", "grid", "curve", "late curve"]


def test_all_steps_run_on_one_thread_and_in_the_callers_context():
    variable = contextvars.ContextVar("variable")
    variable.set("mine")
    seen = list(compute.run_each((threading.get_ident(), variable.get()) for _ in range(3)))
    assert len(set(seen)) == 1 and seen[0][1] == "mine" and seen[0][0] != threading.get_ident()


def test_a_steps_error_reaches_its_caller_and_the_thread_goes_on():
    with pytest.raises(ZeroDivisionError):
        compute.run(lambda: 1 / 0)
    assert compute.run(lambda: 7) == 7


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


def test_a_failing_gpu_is_left_for_the_cpu(monkeypatch):
    monkeypatch.setattr(tabs, "DEVICE", torch.device("cuda"))
    monkeypatch.setattr(tabs, "gpu_failed", threading.Event())

    def items(count):
        for number in range(count):
            if number == 1 and not tabs.gpu_failed.is_set():
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            yield number

    assert list(tabs.computed(items, 3)) == [0, 0, 1, 2]
    assert tabs.gpu_failed.is_set() and tabs.recognizer("resnet18").device.type == "cpu"
