"""What browsers draw: a folder of assets/ for each drawing, with HTML, CSS and an ES module, and the texts for all."""

import functools
import hashlib
import json
from typing import Any

import gradio as gr
from starlette.responses import Response

from ..places import ASSETS
from ..texts import TEXTS

MEASURED = "<!-- measured -->"  # the line of assets/how/ in whose place the page draws what was measured


def _how(language: str) -> dict[str, str]:
    before, after = (ASSETS / "how" / f"{language}.md").read_text("utf-8").split(f"\n{MEASURED}\n")
    return {"how": before, "how.rest": after}


class Words(gr.I18n):
    """The texts that Gradio shows: those that a layout has asked for, and no others travel with the page."""

    def __init__(self, **translations: dict[str, str]) -> None:
        super().__init__(**translations)
        self._asked: set[str] = set()

    def __call__(self, key: str) -> Any:
        self._asked.add(key)
        return super().__call__(key)

    @property
    def translations_dict(self) -> dict[str, dict[str, str]]:
        asked = sorted(self._asked)
        return {language: {key: texts[key] for key in asked} for language, texts in self.translations.items()}


I18N = Words(**{language: {**texts, **_how(language)} for language, texts in TEXTS.items()})
MOUNTED = """
import(new URL('drawings/{name}/{name}.js', document.baseURI))
  .then(({{ mount }}) => mount({{ element, props, trigger, watch }}));
"""


@functools.cache
def modules() -> dict[str, tuple[bytes, str]]:
    """The ES modules that browsers may ask for, as "folder/file.js": the text of each, and an ETag for it."""
    found = {}
    for path in sorted(ASSETS.glob("*/*.js")):
        text = path.read_bytes()
        found[f"{path.parent.name}/{path.name}"] = text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'
    return found


def script(path: str, known: str) -> Response | None:
    """The answer to a browser that asks for a module and says which ETags it has; None where there is no such one."""
    if path not in modules():
        return None
    text, tag = modules()[path]
    # Weak, since it is one for the text however it is packed on its way (RFC 9110, 8.8.1).
    headers = {"cache-control": "no-cache", "etag": f"W/{tag}", "x-content-type-options": "nosniff"}
    return Response(None, 304, headers) if tag in known else Response(text, 200, headers, "text/javascript")


def head() -> str:
    """What the page's head holds for all drawings: the texts, assets/shared/page.js, and the page's own style.

    Gradio would write each rule of the style once more, and leave out of the first copy what stands in a media query.
    """
    texts = json.dumps(TEXTS, ensure_ascii=False).replace("<", "\\u003c")
    style = (ASSETS / "page" / "page.css").read_text("utf-8")
    return (
        f'<style>{style}</style><script type="application/json" id="fgsm-texts">{texts}</script>'
        "<script>import(new URL('drawings/shared/page.js', document.baseURI));</script>"
    )


def drawn_by(name: str, **settings: Any) -> gr.HTML:
    """A component drawn in the browser by what stands in assets/NAME. Raises LookupError where nothing does."""
    if f"{name}/{name}.js" not in modules():  # which reads them all, before anybody asks
        raise LookupError(name)
    folder = ASSETS / name
    html, css = ((folder / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css"))
    js = MOUNTED.format(name=name)
    return gr.HTML(html_template=html, css_template=css, js_on_load=js, apply_default_css=False, **settings)


def tell_drawing(slider: gr.Slider, selector: str) -> None:
    """Have what is drawn at `selector` hear a slider's every value, from Python, too: see assets/shared/slider.js."""
    event = "new CustomEvent('epsilon', {detail: value})"
    slider.change(None, slider, None, js=f"(value) => document.querySelector('{selector}')?.dispatchEvent({event})")
