"""The tabs of the page, and what they share."""

import functools

import gradio as gr

from ..faces import PROJECT
from ..recognizer import available_recognizers, load_recognizer

DEFAULT_MODEL = "resnet18"
TITLES = {"resnet18": "ResNet-18", "resnet101": "ResNet-101", "resnet": "ResNet of the course project"}

recognizer = functools.cache(load_recognizer)


def title(name: str) -> str:
    """What visitors call the recogniser `name`."""
    return TITLES.get(name, name)


def choices() -> list[tuple[str, str]]:
    """Titles with clean accuracy, and names, of all recognisers, for a component to offer; the built-in ones first."""
    known = available_recognizers()
    ordered = [name for name in TITLES if name in known] + [name for name in known if name not in TITLES]
    return [(f"{title(name)} · {known[name]['test_accuracy']:.1%} clean accuracy", name) for name in ordered]


def refusal(message: str) -> gr.Error:
    """An error that shows the visitor `message` and prints nothing on the server."""
    return gr.Error(message, print_exception=False)


def drawn_by(name: str, **settings) -> gr.HTML:
    """A component drawn in the browser by assets/NAME/NAME.html, NAME.css and, where it moves, NAME.js."""
    folder = PROJECT / "assets" / name
    html, css = ((folder / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css"))
    script = folder / f"{name}.js"
    js = script.read_text("utf-8") if script.exists() else None
    return gr.HTML(html_template=html, css_template=css, js_on_load=js, apply_default_css=False, **settings)
