"""The tab "How it works": assets/how/, in the visitor's language."""

import gradio as gr

from .drawings import I18N
from .service import Service

FORMULAS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]


def build(page: gr.Blocks, service: Service) -> None:
    """Lay out the tab."""
    gr.Markdown(I18N("how"), latex_delimiters=FORMULAS, elem_id="how")
