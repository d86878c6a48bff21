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

    def postprocess(self, value: Any) -> Any:
        """A picture's name, and an address at which the browser finds it, as Gradio's input holds what it was given."""
        if value is None:
            return None
        name, address = value
        return {"path": name, "url": address}


def as_given(component: gr.components.Component, payload: Any) -> Any:
    """What a component is given, whatever that is, for values.py to check.

    Gradio's own checks answer in its own words, or let a list pass for a name.
    """
    return payload


class Epsilon(gr.Number):
    """A number, or text of one."""

    is_template = True
    preprocess = as_given


class Whole(gr.Number):
    """A whole number that the page counts with."""

    is_template = True
    preprocess = as_given


class Text(gr.Textbox):
    """Epsilons, or a person's name."""

    is_template = True
    preprocess = as_given


class Name(gr.Dropdown):
    """The name of a recogniser, some of which may come while the page is open, or of an attack: chosen, not typed."""

    is_template = True
    preprocess = as_given


class Names(gr.CheckboxGroup):
    """A list of such names, perhaps empty."""

    is_template = True
    preprocess = as_given
