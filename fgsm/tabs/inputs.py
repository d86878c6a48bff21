"""Inputs of the page and its API that check, or hand on, what they are given in a way of their own."""

from pathlib import Path

import gradio as gr


class Photo(gr.Image):
    """An image input that hands on the visitor's file as it is: Gradio's own reading loses 16 bits and transparency."""

    is_template = True

    def preprocess(self, payload) -> Path | None:
        return Path(payload.path) if payload and payload.path else None


class Epsilon(gr.Number):
    """A number for `known_epsilon`, in curve.py, to check, which can answer in the visitor's language."""

    is_template = True

    def preprocess(self, payload) -> object:
        return payload


class Name(gr.Dropdown):
    """A recogniser's name. Whoever uses it checks it: recognisers may come while the page is open."""

    is_template = True

    def preprocess(self, payload) -> object:
        return payload


class Names(gr.CheckboxGroup):
    """A list, perhaps empty, of names, each once, which whoever uses them checks."""

    is_template = True

    def preprocess(self, payload) -> list:
        return list(dict.fromkeys(map(str, payload))) if isinstance(payload, list) else []
