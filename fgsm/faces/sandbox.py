"""A program that reads strangers' pictures from its input, each in little time and memory.

It writes what page/decoder.py reads. Nobody can tell beforehand what a file costs to decode; a process has limits.
"""

import contextlib
import json
import math
import sys
import time

from ..texts import Refused
from .picture import open_picture, without_warnings

MOST_SECONDS = 4  # of a core, for a stranger's picture
MOST_MEMORY = 3 * 2**29  # bytes of address space, the program's own included


def main() -> None:
    """Read pictures, each after eight bytes with its length, until there are no more.

    To each, write a line of JSON: its size, with its RGB bytes behind that line, or why it was refused. A picture that
    takes too much ends the program.
    """
    without_warnings()
    _limit("RLIMIT_AS", MOST_MEMORY)
    _limit("RLIMIT_CORE", 0)
    while length := sys.stdin.buffer.read(8):
        _limit("RLIMIT_CPU", math.ceil(time.process_time()) + MOST_SECONDS)
        data = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        try:
            picture = open_picture(data)
            said, pixels = dict[str, object](size=picture.size), picture.tobytes()
        except Refused as refused:
            said, pixels = {"refused": refused.key, "values": refused.values}, b""
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + pixels)
        sys.stdout.buffer.flush()


def _limit(name: str, most: int) -> None:
    with contextlib.suppress(ImportError):  # not on Windows, where only the time of `decoder.py` is a limit
        import resource

        limit = getattr(resource, name)
        resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))


if __name__ == "__main__":
    main()
