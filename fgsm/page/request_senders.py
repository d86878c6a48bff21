"""Who sends a request, the connections that are counted for them, and what they are told where it goes no further."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator

from python_multipart.exceptions import MultipartParseError
from starlette.requests import ClientDisconnect, Request

from ..texts import Refused, preferred
from .request_bodies import Answered
from .visitors import Visitor

COOKIE = "fgsm_visit"
HOST = re.compile(rb"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
HOSTS = (b"host", b"x-forwarded-host")


def has_plain_host(request: Request) -> bool:
    """Whether the hosts that a request names have plain names: Gradio writes them into what it sends."""
    said = [value for name, value in request.scope["headers"] if name.lower() in HOSTS]
    return all(HOST.fullmatch(host.strip()) for value in said for host in value.split(b","))


@contextlib.contextmanager
def counted(visitor: Visitor, kind: str) -> Iterator[None]:
    """A connection counted among the visitor's `heartbeats` or `streams` for as long as it is open."""
    setattr(visitor, kind, getattr(visitor, kind) + 1)
    try:
        yield
    finally:
        setattr(visitor, kind, getattr(visitor, kind) - 1)
        visitor.left = time.monotonic()


async def one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """`pieces`, each when it is asked for."""
    for piece in pieces:
        yield piece


def address_of(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else ""


def cookie_of(request: Request) -> str | None:
    """The cookie that its browser shows."""
    return request.cookies.get(COOKIE)


def new_cookie(request: Request) -> str:
    """A cookie for this browser session; one that works within another site's frame, as on a Space, where it may."""
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    where = "SameSite=None; Secure; Partitioned" if secure else "SameSite=Lax"
    return f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; HttpOnly; {where}"


def explained(error: Exception, request: Request) -> tuple[int, str]:
    """Status and sentence for what went wrong with a request."""
    if isinstance(error, Answered):
        return error.status, str(error)
    if isinstance(error, Refused):
        status = {"refused.stranger": 403, "refused.bytes": 413}.get(error.key, 429)
        return status, error.sentence(preferred(request.headers.get("accept-language", "")))
    if isinstance(error, (MultipartParseError, ClientDisconnect, asyncio.TimeoutError)):
        return 400, "The request did not arrive whole: send it once more."
    if isinstance(error, TypeError):  # Gradio's, for inputs by name
        return 400, "This function has no inputs of these names: see /gradio_api/info."
    if isinstance(error, OSError):
        return 404, "There is nothing here."
    return 400, f"This request cannot be answered ({type(error).__name__})."
