"""Strangers' pictures are decoded in a process beside this one, one after the other, in turn among visitors.

What a decoder does with a file nobody can tell before: it may take a minute, three gigabytes or the interpreter's lock,
however small the file is. A process can be given limits, and ended.
"""

import json
import os
import subprocess
import sys
import threading
from subprocess import DEVNULL, PIPE
from typing import BinaryIO, cast

from PIL import Image

from ..faces.sandbox import MOST_SECONDS
from ..places import PROJECT
from ..texts import Refused
from .turns import Asker, Computer

PATIENCE = 5.0 * MOST_SECONDS  # by the clock, while others use the cores


class Decoder:
    """Decodes for everybody, in a process that stays until a picture takes too much."""

    def __init__(self) -> None:
        self.turns = Computer()
        self._process: subprocess.Popen[bytes] | None = None  # touched by the one thread of `turns` alone

    def picture(self, data: bytes, asker: Asker) -> Image.Image:
        """What `open_picture` makes of `data`, for `asker`. Raises Refused as it does, and for what costs too much."""
        with self.turns.work(asker) as work:
            return work.run(lambda: self._decoded(data))

    def _decoded(self, data: bytes) -> Image.Image:
        if self._process is None or self._process.poll() is not None:
            self._process = _started()
        process = self._process
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        try:
            asked, answered = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
            asked.write(len(data).to_bytes(8, "big") + data)
            asked.flush()
            answer = json.loads(answered.readline())
            picture = None if "refused" in answer else _received(answered, *answer["size"])
        except (OSError, ValueError):
            process.kill()
            process.wait()
            raise Refused("refused.costly") from None
        finally:
            patience.cancel()
        if picture is None:
            raise Refused(answer["refused"], **answer["values"])
        return picture


def _received(stream: BinaryIO, width: int, height: int) -> Image.Image:
    """The RGB picture that comes next. Raises ValueError where it ends too soon."""
    return Image.frombytes("RGB", (width, height), stream.read(3 * width * height))


def _started() -> subprocess.Popen[bytes]:
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # whose threads take address space
    return subprocess.Popen(
        [sys.executable, "-m", "fgsm.faces.sandbox"], cwd=PROJECT, env=alone, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
