"""Gradio's Blocks, made safe to call: whatever an event is given, it answers, or refuses in a sentence."""

import logging
from typing import Any

import gradio as gr

from ..texts import say
from .event import language_of, shown_error
from .inputs import Photo

LONGEST_NAME = 200  # letters
LONGEST_TEXT = 20_000
LONGEST_LIST = 100

log = logging.getLogger(__name__)


def flat(value: object) -> object:
    """A value of an input as a number, a text, or a list of distinct ones; what is neither as a text."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, list):
        return list(dict.fromkeys(item if isinstance(item, str) else str(item)[:LONGEST_NAME] for item in value))[
            :LONGEST_LIST
        ]
    text = str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"  # which no check takes for the whole


def safe(value: object, changes: list[list[Any]]) -> list[list[Any]]:
    """The `changes` that make `value` out of what was there, or one that puts `value` in its place if any deletes."""
    return [["replace", [], value]] if any(kind == "delete" for kind, _, _ in changes) else changes


class Page(gr.Blocks):
    """Blocks whose events fill in what a caller leaves out, take no paths, and never fail with a traceback."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> Any:
        """Fill in the last inputs that a caller leaves out, as gradio_client does by itself.

        Gradio would read, copy or fetch the file or address that an input names, and keep whatever it is given with
        the visit. Here a picture is a name and nothing more, any other input a number, a short text or a list of them.
        """
        left_out = block_fn.inputs[len(inputs) :]
        inputs = [*inputs, *(getattr(component, "value", None) for component in left_out)]
        for at, component in enumerate(block_fn.inputs):
            if isinstance(component, Photo):
                name = Photo.name_of(inputs[at])
                inputs[at] = None if name is None else {"path": name[:LONGEST_NAME]}
            else:
                inputs[at] = flat(inputs[at])
        return await super().preprocess_data(block_fn, inputs, *rest, **named)

    async def process_api(  # type: ignore[override]
        self, block_fn: Any, inputs: list[Any], state: Any = None, request: Any = None, **named: Any
    ) -> dict[str, Any]:
        """Answer an event. What Gradio makes of inputs that the page never sends becomes a sentence, too."""
        try:
            return await super().process_api(block_fn, inputs, state, request, **named)
        except gr.Error as error:
            if error.print_exception:  # Gradio's own, for what the page never sends
                raise shown_error(say("refused.request", language_of(request))) from None
            raise
        except OSError as error:  # Gradio keeps the pictures that it sends in files
            log.error("An answer could not be kept: %s", error)
            raise shown_error(say("refused.disk", language_of(request))) from None
        except Exception as error:
            log.warning("An event could not be read: %s", type(error).__name__)
            log.debug("An event could not be read.", exc_info=error)
            raise shown_error(say("refused.request", language_of(request))) from None

    def handle_streaming_diffs(
        self,
        block_fn: Any,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """What an event says next, as changes of what it said before or, where these would take something away, whole.

        Gradio's client makes the changes in the very object that the page was handed before and may not have drawn yet:
        a face that became "nothing new" within that moment was never seen.
        """
        values = list(data)
        said = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        if final:
            return said
        return [new if new is value else safe(value, new) for value, new in zip(values, said, strict=True)]
