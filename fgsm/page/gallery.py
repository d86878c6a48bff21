"""A gallery some of whose pictures are in memory alone."""

from typing import Any

import gradio as gr


class Samples(gr.Gallery):
    """A gallery in which a data URL stands for itself: Gradio would look for a file, and keeps others on the disk."""

    is_template = True

    def postprocess(self, value: Any) -> Any:
        """Pictures or data URLs, each with its caption, as the browser's gallery takes them: data URLs come first."""
        in_memory = [(url, caption) for url, caption in value or [] if isinstance(url, str)]
        files = super().postprocess([pair for pair in value or [] if pair not in in_memory])
        sent = [{"image": {"path": caption, "url": url}, "caption": caption} for url, caption in in_memory]
        return [*sent, *files.model_dump()]
