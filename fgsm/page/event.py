"""One event of one visitor's: who asks, in which language, what the browser says of it, and how it is refused."""

import functools
import html
import inspect
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import orjson
from gradio.context import LocalContext

from ..texts import ENGLISH, Refused, preferred, say
from .service import Service
from .turns import Unheard
from .visitors import Call

log = logging.getLogger(__name__)


class Event:
    """Who asks for something, and how: what a handler needs besides the values of its inputs."""

    def __init__(self, service: Service, request: gr.Request, data: gr.EventData | None = None) -> None:
        self.service = service
        self.request = request
        self.data = data

    @property
    def language(self) -> str:
        """The language to answer in."""
        return language_of(self.request)

    @property
    def session(self) -> str:
        """The name of the visit."""
        return self.request.session_hash or "nobody"

    @functools.cached_property
    def caller(self) -> Call:
        """Whoever sent the request, and which one it is."""
        visitor = self.service.visitors.find(self.session)
        if visitor is None:  # no gate has seen it
            address = self.request.client.host if self.request.client else ""
            visitor = self.service.visitors.meet(self.session, address)
            visitor.asked = time.monotonic()
        return Call(visitor, LocalContext.event_id.get(None))

    @property
    def link(self) -> dict[str, str]:
        """What the address of the page says behind its question mark."""
        return dict(self.request.query_params)

    def told(self, *names: str) -> list[Any]:
        """What the browser says of the event under these names. Raises Refused where it does not, or could not."""
        values = self.data._data if self.data is not None and isinstance(self.data._data, dict) else {}
        if not values.keys() >= set(names):
            raise Refused("refused.request")
        told = [values[name] for name in names]
        try:
            orjson.dumps(told, option=orjson.OPT_STRICT_INTEGER)  # as Gradio would send it back
        except orjson.JSONEncodeError:
            raise Refused("refused.request") from None
        return told


def language_of(request: gr.Request | None) -> str:
    """The language to answer a request in."""
    return preferred(request.headers.get("accept-language", "")) if request else ENGLISH


def error_of(error: Exception, language: str) -> gr.Error:
    """What shows a visitor one sentence: that of a Refused, or, after a report in the server's log, that we failed."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, Refused):
        log.warning("A request was refused: %s", error.key)
        return shown_error(error.sentence(language))
    if isinstance(error, Unheard):
        return shown_error(say("refused.unheard", language))
    log.exception("A request failed.", exc_info=error)
    return shown_error(say("refused.failed", language))


def shown_error(sentence: str) -> gr.Error:
    """A sentence to show; Gradio draws it as HTML, and a name in it may look like that."""
    return gr.Error(html.escape(sentence, quote=False), print_exception=False)


def politely(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler, a function or a generator function, with every error turned into a sentence.

    The language is that of the event among its arguments or, without one, of the request.
    """

    def language(arguments: tuple[Any, ...]) -> str:
        asked = next((one for one in arguments if isinstance(one, (Event, gr.Request))), None)
        return asked.language if isinstance(asked, Event) else language_of(asked)

    @functools.wraps(handler)
    def answering(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except Exception as error:
            raise error_of(error, language(arguments)) from None

    @functools.wraps(handler)
    def going_on(*arguments: Any) -> Iterator[Any]:
        try:
            yield from handler(*arguments)
        except Exception as error:
            raise error_of(error, language(arguments)) from None

    return going_on if inspect.isgeneratorfunction(handler) else answering


def without_last_word(handler: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A generator handler that, when it is done, changes nothing once more.

    Gradio sends the last values again at the end: by then other events may have changed them. Of a handler that yielded
    nothing, since another event came first, it would send None to every output, and what they show would be gone.
    """

    @functools.wraps(handler)
    def handle(*arguments: Any) -> Iterator[Any]:
        values: Any = None
        for values in handler(*arguments):
            yield values
        yield (gr.skip(),) * len(values) if isinstance(values, tuple) else gr.skip()

    return handle
