"""Once a second: what nobody listens to ends, and what has had its time is forgotten."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import gradio as gr

from .service import Service
from .turns import give_back_memory

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
            app.state_holder.session_data[visitor.session].config_values.clear()
    for visitor in forgotten:
        app.state_holder.session_data.pop(visitor.session, None)
        app.state_holder.time_last_used.pop(visitor.session, None)
    uploads.look(visitors.with_page())
    if ended:
        await asyncio.to_thread(give_back_memory)
