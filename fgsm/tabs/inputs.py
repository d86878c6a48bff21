"""Inputs of the page and its API that check, or hand on, what they are given in a way of their own."""

from typing import Any

import gradio as gr


class Photo(gr.Image):
    """An image input that hands on the name under which the picture is kept (see uploads.py), or None without one.

    Gradio's own reading takes any path that a caller gives, loses 16 bits and transparency, and copies the file.
    """

    is_template = True

    @staticmethod
    def name_of(payload: object) -> str | None:
        """What an event says of the picture, as a name, whatever it is: whoever uses it asks whether it is one."""
        if payload is None:
            return None
        name = payload.get("path") if isinstance(payload, dict) else None
        return name if isinstance(name, str) else ""

    def preprocess(self, payload: Any) -> str | None:
        return None if payload is None else payload.path


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
