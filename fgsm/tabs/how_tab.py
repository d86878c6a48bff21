"""The tab "How it works": assets/how/, in the visitor's language."""

import gradio as gr

from . import I18N

FORMULAS = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]


def build(demo: gr.Blocks) -> None:
    """Lay out the tab."""
    gr.Markdown(I18N("how"), latex_delimiters=FORMULAS, elem_id="how")
