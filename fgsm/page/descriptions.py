"""What Gradio says of the page's functions, for which it keeps what it told the first who asked, with their host."""

import asyncio
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

DESCRIBED = re.compile(r"/gradio_api/(info/?|openapi\.json|call/v2/.*)")


class Descriptions:
    """An application whose answers at the addresses DESCRIBED are made for whoever asks, one after the other."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not DESCRIBED.fullmatch(scope["path"]):
            return await self._app(scope, receive, send)
        answer: list[Message] = []

        async def kept(message: Message) -> None:
            answer.append(message)

        async with self._making:
            scope["app"].api_info = None
            try:
                await self._app(scope, receive, kept)
            finally:
                scope["app"].api_info = None
        for message in answer:  # to whoever reads slowly, too, which nobody else waits for
            await send(message)
