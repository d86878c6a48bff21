"""Once a second: what nobody listens to ends, and what has had its time is forgotten."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import gradio as gr
from gradio.state_holder import SessionState

from .service import Service
from .turns import give_back_memory
from .visit import Visit

log = logging.getLogger(__name__)


def housekeeping(service: Service) -> Callable[[gr.routes.App], contextlib.AbstractAsyncContextManager[None]]:
    """For as long as an application serves: keep its house."""

    @contextlib.asynccontextmanager
    async def keeping(app: gr.routes.App) -> AsyncIterator[None]:
        task = asyncio.create_task(_keep_house(app, service))
        try:
            yield
        finally:
            task.cancel()

    return keeping


async def _keep_house(app: gr.routes.App, service: Service) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            await look(app, service)
        except Exception:
            log.exception("Housekeeping failed.")


def _forget_people(session: SessionState) -> None:
    """Leave nothing of what a visit was shown, nor of anybody whom it has enrolled, should its page come back.

    The visit becomes another one: what is still being computed for it adds nothing to that.
    """
    session.config_values.clear()
    for number, value in session.state_data.items():
        if isinstance(value, Visit):
            session.state_data[number] = value.without_people()


async def look(app: gr.routes.App, service: Service) -> None:
    """Look through the house once."""
    visitors, uploads = service.visitors, service.uploads
    queue = app.get_blocks()._queue
    service.forget_unheard()
    for session in {*queue.pending_messages_per_session, *queue.pending_event_ids_session}:
        visitor = visitors.find(session)
        if visitor is None or not visitor.listening():
            await queue.clean_events(session_hash=session)
            queue.pending_messages_per_session.pop(session, None)
            queue.pending_event_ids_session.pop(session, None)
    ended, forgotten = visitors.look()
    for visitor in ended:
        uploads.end(visitor.session, files=visitor.has_page)
        visitor.cancelled.clear()
        if visitor.session in app.state_holder:  # where Gradio keeps what its components were last sent
            _forget_people(app.state_holder.session_data[visitor.session])
    for visitor in forgotten:
        app.state_holder.session_data.pop(visitor.session, None)
        app.state_holder.time_last_used.pop(visitor.session, None)
    uploads.look(visitors.with_page())
    if ended:
        await asyncio.to_thread(give_back_memory)
