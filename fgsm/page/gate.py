"""What of the web reaches Gradio: known addresses, small bodies, requests that name what exists, visits by their owner.

Everything else is answered here, in one line, and leaves one line in the log. So are uploads and heartbeats, because a
visit begins and ends here (see visitors.py) and what it brings is kept in memory (see uploads.py).
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .admission import ALL, Room
from .descriptions import Descriptions
from .drawings import script
from .request_bodies import Answered, json_of, receive_file
from .request_senders import address_of, cookie_of, counted, explained, has_plain_host, new_cookie, one_by_one
from .service import Service
from .temporary_folder import own_folder
from .uploads import UNCLAIMED
from .visitors import Visitor
from .zipped import zipped

API = "/gradio_api"
SLICE = 2**16  # bytes
BEAT = 10.0  # seconds between two signs of life to an open page
NAME = r"[A-Za-z0-9_-]{1,64}"
UNHEARD = (b"range", b"if-range", b"x-gradio-server")  # Gradio sends them back, or to others
PACKED = ("/", "/config", f"{API}/info")  # what is large; Gradio's own files come as they are
KEPT_NOWHERE = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
PLAIN = re.compile(  # addresses that are handed on as they are
    rf"/|/config/?|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json|/(static|assets)/.+"
    rf"|{API}/(info/?|openapi\.json|startup-events|app_id/?|theme\.css|queue/status)"
)

log = logging.getLogger(__name__)


class Gate:
    """ASGI middleware in front of the application of `page`."""

    def __init__(self, app: ASGIApp, page: gr.Blocks, service: Service) -> None:
        self.app = Descriptions(app)
        self.page = page
        self.service = service
        self.room = Room(page, service)
        self.sessions: dict[str, str] = {}  # the visit of each request that Gradio has given a name, the latest last
        self.routes: list[tuple[str, re.Pattern[str], Callable[..., Awaitable[None]]]] = [
            ("GET HEAD", PLAIN, self._hand_on),
            ("GET HEAD", re.compile(r"/drawings/(?P<path>[a-z]+/[a-z]+\.js)"), self._drawing),
            ("GET", re.compile(rf"{API}/heartbeat/(?P<session>{NAME})"), self._heartbeat),
            ("GET", re.compile(rf"{API}/queue/data"), self._listen),
            ("GET", re.compile(rf"{API}/call/(v2/)?[^/]+/(?P<event>{NAME})"), self._listen),
            ("GET", re.compile(rf"{API}/upload_progress"), self._progress),
            ("GET HEAD", re.compile(rf"(?:{API})?/file=(?P<path>.+)", re.DOTALL), self._file),
            ("POST", re.compile(rf"{API}/queue/(?P<way>join)"), self._ask),
            ("POST", re.compile(rf"{API}/(?P<way>call|run)/(?P<name>[^/]+)/?"), self._ask),
            ("POST", re.compile(rf"{API}/call/(?P<way>v2)/(?P<name>[^/]+)/?"), self._ask),
            ("POST", re.compile(rf"{API}/cancel"), self._cancel),
            ("POST", re.compile(rf"{API}/reset/?"), self._reset),
            ("POST", re.compile(rf"{API}/upload/?"), self._upload),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close"})
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        heard = [(name, value) for name, value in scope["headers"] if name.lower() not in UNHEARD]
        request = Request({**scope, "headers": heard}, receive)
        try:
            await self._answer(request, sent)
        except Exception as error:
            status, why = explained(error, request)
            log.warning("%s %.80r: %s", request.method, request.url.path, why)
            if not begun:
                await JSONResponse({"detail": why}, status)(scope, receive, sent)

    async def _answer(self, request: Request, send: Send) -> None:
        path = request.scope["path"]
        if not has_plain_host(request):
            raise Answered(400, "This host has no plain name.")
        for method, pattern, answer in self.routes:
            if request.method in method.split() and (match := pattern.fullmatch(path)):
                return await answer(request, send, **match.groupdict())
        raise Answered(404, "There is nothing here.")

    async def _hand_on(self, request: Request, send: Send) -> None:
        """To Gradio as it is; the page itself with a cookie for its browser."""

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and request.scope["path"] == "/" and cookie_of(request) is None:
                message = {**message, "headers": [*message["headers"], (b"set-cookie", new_cookie(request).encode())]}
            await send(message)

        answer = zipped(request, with_cookie) if request.scope["path"] in PACKED else with_cookie
        await self.app(request.scope, request.receive, answer)

    def _visitor(self, request: Request, session: object) -> Visitor:
        if not isinstance(session, str) or not re.fullmatch(NAME, session):
            raise Answered(400, "This visit has no name: reload the page.")
        return self.service.visitors.meet(session, address_of(request), cookie_of(request))

    async def _heartbeat(self, request: Request, send: Send, session: str) -> None:
        """A connection that an open page holds."""
        visitor = self._visitor(request, session)
        stopping = getattr(request.scope.get("app"), "stop_event", asyncio.Event())

        async def beats() -> AsyncIterator[str]:
            while not stopping.is_set():
                yield "data: ALIVE\n\n"
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stopping.wait(), BEAT)

        with counted(visitor, "heartbeats"):
            visitor.has_page = True
            await StreamingResponse(beats(), media_type="text/event-stream")(request.scope, request.receive, send)

    async def _drawing(self, request: Request, send: Send, path: str) -> None:
        """A script of ours, which browsers keep for as long as it is the same."""
        answer = script(path, request.headers.get("if-none-match", ""))
        if answer is None:
            raise Answered(404, "There is no such script here.")
        await answer(request.scope, request.receive, zipped(request, send))

    async def _listen(self, request: Request, send: Send, event: str | None = None) -> None:
        """A connection on which answers are awaited."""
        queue = self.page._queue
        session = self.sessions.get(event) if event else request.query_params.get("session_hash")
        if session is None or session not in queue.pending_messages_per_session:
            raise Answered(404, "Nothing is being answered for this visit: ask once more.")
        visitor = self._visitor(request, session)
        if visitor.cookie is None and visitor.streams and not event:
            raise Answered(409, "Somebody listens to this visit already.")  # with a cookie it can only be the same one
        with counted(visitor, "streams"):
            await self.app(request.scope, request.receive, zipped(request, send))

    async def _progress(self, request: Request, send: Send) -> None:
        """How far an upload is; it is over before anybody could read that."""
        done = PlainTextResponse('data: {"msg": "done"}\n\n', media_type="text/event-stream")
        await done(request.scope, request.receive, send)

    async def _file(self, request: Request, send: Send, path: str) -> None:
        """A picture in memory, for whoever knows its name, or a file in this process's folder."""
        if upload := self.service.uploads.find(path):
            inline = upload.kind != "application/octet-stream"
            headers = {
                **KEPT_NOWHERE,
                "content-disposition": "inline" if inline else "attachment",
            }
            # In slices, which wait for whoever reads slowly: a whole picture would be copied for every such reader.
            slices = (bytes(upload.data[at : at + SLICE]) for at in range(0, len(upload.data), SLICE))
            answer = StreamingResponse(one_by_one(slices), media_type=upload.kind, headers=headers)
            return await answer(request.scope, request.receive, send)
        file = Path(path)
        if os.path.normpath(path) != path or not file.is_relative_to(own_folder()) or not file.is_file():
            raise Answered(404, "There is no such file here.")

        async def kept_nowhere(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(name.encode(), value.encode()) for name, value in KEPT_NOWHERE.items()]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self.app(request.scope, request.receive, kept_nowhere)

    async def _ask(self, request: Request, send: Send, way: str, name: str | None = None) -> None:
        """A request to compute something, through Gradio's queue or, for what it does not queue, at once."""
        body = await json_of(request)
        function = self._function(name if way in ("call", "v2") else body.get("fn_index"))
        if way == "run" and function.queue:
            raise Answered(404, "This is answered through the queue only.")
        if way != "v2" and not isinstance(body.get("data"), list):
            raise Answered(400, "Give the inputs as a list named data.")
        session = body.get("session_hash")
        if way in ("call", "v2") and session is None:
            session = f"call-{secrets.token_hex(12)}"
        visitor = self._visitor(request, session)
        await self.room.admit(visitor)
        try:
            await self._enter(request, send, way, function, visitor, body)
        finally:
            self.room.entering.remove(visitor)

    async def _enter(
        self, request: Request, send: Send, way: str, function: Any, visitor: Visitor, body: dict[str, Any]
    ) -> None:
        """Hand a request that has been admitted to Gradio, with no more of its body than the page's own have."""
        if way == "v2":  # its whole body is what is asked for, and Gradio names its visit after the request
            event = await self._handed_on(request, send, body)
            visitor = self._visitor(request, event) if event else visitor
            visitor.asked = time.monotonic()
        else:
            told = body.get("event_data") if isinstance(body.get("event_data"), dict) else None
            asked = {"data": body["data"], "session_hash": visitor.session}
            more = {} if way == "call" else {"fn_index": function._id, "event_data": told}
            event = await self._handed_on(request, send, asked | more)
        if event is not None:
            self._remember(event, visitor)

    def _function(self, asked: object) -> Any:
        """The function of the page with that number or, for the API, that name."""
        functions = self.page.fns
        if type(asked) is int and asked in functions and functions[asked].fn is not None:
            return functions[asked]
        if isinstance(asked, str):
            for function in functions.values():
                if function.api_name == asked and function.api_visibility != "private":
                    return function
        raise Answered(404, "There is no function of that name or number: reload the page.")

    async def _handed_on(self, request: Request, send: Send, asked: dict[str, Any]) -> str | None:
        """Have Gradio answer the request with `asked` as its body; the name that it gives to what it queues."""
        body = json.dumps(asked).encode()
        headers = [
            (key, value) for key, value in request.scope["headers"] if key not in (b"content-length", b"content-type")
        ]
        headers += [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        scope = {**request.scope, "headers": headers}
        given = False
        answer = bytearray()

        async def receive() -> Message:
            nonlocal given
            if given:
                return await request.receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def overheard(message: Message) -> None:
            if message["type"] == "http.response.body" and len(answer) < 1000:
                answer.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, overheard)
        with contextlib.suppress(ValueError, AttributeError):
            name: str | None = json.loads(answer).get("event_id")
            return name
        return None

    def _remember(self, event: str, visitor: Visitor) -> None:
        self.sessions[event] = visitor.session
        while len(self.sessions) > 50 * ALL:
            del self.sessions[next(iter(self.sessions))]

    async def _cancel(self, request: Request, send: Send) -> None:
        """What a visitor has asked for and no longer wants: nothing more of it is begun."""
        body = await json_of(request)
        visitor = self._visitor(request, body.get("session_hash"))
        index, event = body.get("fn_index"), body.get("event_id")
        if type(index) is not int or not isinstance(event, str) or self.sessions.get(event) != visitor.session:
            raise Answered(404, "Nothing of that name is being answered for this visit.")
        for name, other in self.page._queue.event_ids_to_events.items():
            if other.session_hash == visitor.session and other.fn._id == index:
                visitor.cancelled.add(name)
        self.service.forget_unheard()
        await self._handed_on(request, send, {"session_hash": visitor.session, "fn_index": index, "event_id": event})

    async def _reset(self, request: Request, send: Send) -> None:
        """What Gradio's own client sends after a cancel, and which has no effect."""
        await json_of(request)
        await JSONResponse({"success": True})(request.scope, request.receive, send)

    async def _upload(self, request: Request, send: Send) -> None:
        """A picture into memory, answered with the list of its one name."""
        upload = self.service.uploads.begin(address_of(request))
        try:
            await asyncio.wait_for(receive_file(request, upload, self.service.uploads), UNCLAIMED)
        except BaseException:
            self.service.uploads.abandon(upload)
            raise
        await JSONResponse([self.service.uploads.finish(upload)])(request.scope, request.receive, send)
