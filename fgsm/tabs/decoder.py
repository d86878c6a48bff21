"""Strangers' pictures are decoded in processes of their own, one after the other, in turn among visitors.

What a decoder does with a file nobody can tell before: it may take a minute, three gigabytes or the interpreter's lock,
however small the file is. A process can be given limits, and ended.
"""

import json
import os
import subprocess
import sys

from PIL import Image

from ..compute import Asker, Computer
from ..faces import PROJECT
from ..pictures import MOST_SECONDS
from ..texts import Refused

PATIENCE = 5.0 * MOST_SECONDS  # by the clock, while others use the cores


class Decoder:
    """Decodes for everybody; the next process waits, with its libraries loaded, so that nobody waits for that."""

    def __init__(self) -> None:
        self.turns = Computer()
        self._next: subprocess.Popen | None = None  # touched by the one thread of `turns` alone

    def picture(self, data: bytes, asker: Asker) -> Image.Image:
        """What `open_picture` makes of `data`, for `asker`. Raises Refused as it does, and for what costs too much."""
        with self.turns.work(asker) as work:
            said = work.run(lambda: self._said(data))
        line, _, pixels = said.partition(b"\n")
        answer = json.loads(line)
        if "refused" in answer:
            raise Refused(answer["refused"], **answer["values"])
        return Image.frombytes("RGB", answer["size"], pixels)

    def _said(self, data: bytes) -> bytes:
        """What a process says of `data`."""
        process, self._next = self._next or _started(), None
        try:
            said, _ = process.communicate(data, timeout=PATIENCE)
        except (subprocess.TimeoutExpired, OSError):
            said = b""
        finally:
            process.kill()
            process.wait()
            self._next = _started()
        if process.returncode or not said:
            raise Refused("refused.costly")
        return said


def _started() -> subprocess.Popen:
    quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # whose threads take address space
    return subprocess.Popen([sys.executable, "-m", "fgsm.pictures"], cwd=PROJECT, env=alone, **quiet)
