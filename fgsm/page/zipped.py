"""Answers made smaller on their way to a browser, each part as it comes."""

import re
import zlib

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import Message, Send

WORTH_IT = ("text/", "application/json", "application/javascript")  # kinds of answer
ACCEPTED = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)  # RFC 9110, 12.5.3
AS_GZIP = 16 + zlib.MAX_WBITS


def zipped(request: Request, send: Send) -> Send:
    """What sends an answer to `request` as gzip (RFC 1952), where its browser takes that and it is text.

    Every part is sent whole, so that a stream of events waits for nothing; Starlette's own middleware leaves these
    out.
    """
    packer, accepted = None, ACCEPTED.search(request.headers.get("accept-encoding", ""))

    async def pack(message: Message) -> None:
        nonlocal packer
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", [])]}
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("accept-encoding")
            is_whole = message["status"] == 200 and "content-encoding" not in headers
            if accepted and is_whole and headers.get("content-type", "").startswith(WORTH_IT):
                packer = zlib.compressobj(wbits=AS_GZIP)
                headers["content-encoding"] = "gzip"
                del headers["content-length"]
        elif packer is not None and message["type"] == "http.response.body":
            more = message.get("more_body", False)
            packed = packer.compress(message.get("body", b""))
            packed += packer.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)
            message = {**message, "body": packed}
        await send(message)

    return pack
