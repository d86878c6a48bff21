"""What the web sends, read within bounds: JSON objects and the one file of an upload."""

import json
from collections.abc import AsyncIterator
from typing import Any

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from ..faces.picture import MOST_BYTES
from ..texts import Refused
from .uploads import Upload, Uploads

MOST_BODY = 10**6  # bytes of a request that is no upload
DRAINED = 10**8  # bytes that are read of a body that is too large
MOST_PARTS = 10  # of a multipart body
LONGEST = 300  # digits of a whole number
DEEPEST = 20  # lists within lists


class Answered(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


async def json_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body of the request."""
    data = bytearray()
    async for piece in _bounded(request, MOST_BODY, Answered(413, f"Send at most {MOST_BODY // 10**6} MB.")):
        data += piece
    try:
        body = json.loads(data, parse_int=_number)
    except (ValueError, RecursionError):
        raise Answered(400, "Send a JSON object.") from None
    if not isinstance(body, dict) or not _is_shallow(body):
        raise Answered(400, "Send a JSON object, and no deep one.")
    return body


def _number(text: str) -> int | float:
    """A whole number in JSON; one that is larger than any float is infinite, as a fraction would be."""
    return int(text) if len(text) < LONGEST else float(text)


async def _bounded(request: Request, most: int, refusal: Exception) -> AsyncIterator[bytes]:
    """The pieces of the request's body. Raises `refusal` for one of more bytes than `most`.

    The rest is read first, up to DRAINED bytes, and thrown away: a client that is cut off hears no reason.
    """
    declared = request.headers.get("content-length", "")
    length = int(declared) if declared.isdecimal() else 0
    read = 0
    async for piece in request.stream():
        read += len(piece)
        if max(length, read) <= most:
            yield piece
        elif read > DRAINED:
            break
    if max(length, read) > most:
        raise refusal


def _is_shallow(value: object) -> bool:
    """Whether `value` holds lists and objects at most DEEPEST levels deep."""
    level = [value]
    for _ in range(DEEPEST):
        inside = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, (dict, list))]
        level = [item for items in inside for item in items]
        if not level:
            return True
    return False


async def receive_file(request: Request, upload: Upload, uploads: Uploads) -> None:
    """The first file in a multipart body, put into `upload` as it arrives."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Answered(400, "Send one file as multipart/form-data.")
    header, files, parts, ended = bytearray(), 0, 0, False

    def on_header_field(data: bytes, start: int, end: int) -> None:
        header.extend(b"\n" + data[start:end] + b":")

    def on_header_value(data: bytes, start: int, end: int) -> None:
        header.extend(data[start:end])
        if len(header) > 10_000:
            raise Answered(400, "Send one file as multipart/form-data.")

    def on_headers_finished() -> None:
        nonlocal files, parts
        parts += 1
        if parts > MOST_PARTS:
            raise Answered(400, "Send one file as multipart/form-data.")
        files += b"filename=" in header.lower()
        header.clear()

    def on_part_data(data: bytes, start: int, end: int) -> None:
        if files == 1:
            uploads.receive(upload, data[start:end])

    def on_end() -> None:
        nonlocal ended
        ended = True

    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_header_field": on_header_field,
            "on_header_value": on_header_value,
            "on_headers_finished": on_headers_finished,
            "on_part_data": on_part_data,
            "on_end": on_end,
        },
    )
    too_large = Refused("refused.bytes", most=MOST_BYTES // 10**6)
    async for piece in _bounded(request, MOST_BYTES + MOST_BODY, too_large):
        parser.write(piece)
    parser.finalize()
    if files != 1 or not ended:
        raise Answered(400, "Send one whole file at a time.")
