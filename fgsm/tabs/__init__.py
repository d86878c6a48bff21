"""The tabs of the page, and what they share: recognisers, texts, drawings."""

import functools
import html
import inspect
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from ..compute import Asker, Computer, Unheard, Work
from ..faces import PROJECT
from ..recognizer import (
    BUILT_IN,
    DEVICE,
    Recognizer,
    accuracy_of,
    available_recognizers,
    faces_of,
    load_recognizer,
)
from ..stage import forget_photographs
from ..texts import ENGLISH, TEXTS, Refused, preferred, say, title
from .decoder import Decoder
from .uploads import Uploads
from .visitors import Call, Visitors

try:
    from spaces import GPU as on_gpu  # a Space on ZeroGPU lends its GPU for each call of what this decorates
except ImportError:

    def on_gpu(function: Callable) -> Callable:
        return function


I18N = gr.I18n(
    **{
        language: {**texts, "how": (PROJECT / "assets" / "how" / f"{language}.md").read_text("utf-8")}
        for language, texts in TEXTS.items()
    }
)
FEW = 100  # test faces
REMEMBERED = 64  # results of each kind kept by this process

log = logging.getLogger(__name__)
computer = Computer()
decoder = Decoder()
guests = Visitors()
brought = Uploads()
gpu_failed = threading.Event()
_loading = threading.Lock()
_configs: dict[str, dict] = {}  # of the recognisers that something is kept of
_forget: list[Callable[[], None]] = [forget_photographs]


def kept(function: Callable) -> Callable:
    """`function` with its results kept until a recogniser is trained anew."""
    cached = functools.cache(function)
    _forget.append(cached.cache_clear)
    return cached


def kept_results() -> dict:
    """An empty dict for `remember`, emptied when a recogniser is trained anew."""
    results: dict = {}
    _forget.append(results.clear)
    return results


def recognizer(name: str) -> Recognizer:
    """The recogniser `name`, loaded once. Raises Refused for a name that stands for none."""
    with _loading:
        return _loaded(name, "cpu" if gpu_failed.is_set() else str(DEVICE))


@kept
def _loaded(name: str, device: str) -> Recognizer:
    return load_recognizer(name, device)


def caller(request: gr.Request) -> Call:
    """Whoever sent `request`, and which one it is."""
    session = request.session_hash or "nobody"
    visitor = guests.find(session)
    if visitor is None:  # no gate has seen it
        visitor = guests.meet(session, request.client.host if request.client else "")
        visitor.asked = time.monotonic()
    return Call(visitor, LocalContext.event_id.get(None))


def computed(work: Work, items: Callable[..., Iterator], *arguments: Any) -> Iterator:
    """The items of the generator function `items`, computed as `work`; on the CPU from when a GPU fails."""
    try:
        yield from work.each(items(*arguments))
    except RuntimeError as error:
        _give_up_gpu(error)
        yield from work.each(items(*arguments))


def computed_once(asker: Asker, seconds: float, function: Callable, *arguments: Any) -> Any:
    """What `function` returns, computed for `asker` like the items of `computed`, in about so many `seconds`."""
    with computer.work(asker, seconds, seconds) as work:
        try:
            return work.run(functools.partial(function, *arguments))
        except RuntimeError as error:
            _give_up_gpu(error)
            return work.run(functools.partial(function, *arguments))


def _give_up_gpu(error: RuntimeError) -> None:
    """Compute on the CPU from now on: PyTorch raises a RuntimeError where CUDA fails or has too little memory."""
    if gpu_failed.is_set() or DEVICE.type == "cpu":
        raise error
    gpu_failed.set()


def remember(results: dict, key: tuple, result: Any) -> None:
    """Keep `result`, and the youngest REMEMBERED of `results`."""
    if len(results) >= REMEMBERED:
        results.pop(next(iter(results)), None)
    results[key] = result


def choices(language: str = ENGLISH) -> list[tuple[str, str]]:
    """Titles with clean accuracy, and names, of all recognisers, for a component to offer; the built-in ones first."""

    def described(name: str) -> str:
        faces = len(known[name]["test_photographs"])
        few = f" (n = {faces})" if faces < FEW else ""  # of which a percentage says little
        accuracy = accuracy_of(known[name])
        return f"{title(name, language)} · {accuracy}{few}" if accuracy else title(name, language)

    known = available_recognizers()
    ordered = sorted(known, key=lambda name: (BUILT_IN.index(name) if name in BUILT_IN else len(BUILT_IN), name))
    return [(described(name), name) for name in ordered]


def offered(request: gr.Request) -> gr.CheckboxGroup:
    """A list of recognisers as it is now, in the visitor's language."""
    return gr.CheckboxGroup(choices(language_of(request)))


def language_of(request: gr.Request | None) -> str:
    """The language to answer in."""
    return preferred(request.headers.get("accept-language", "")) if request else ENGLISH


def refusal(error: Exception, language: str) -> gr.Error:
    """What shows a visitor one sentence: that of a Refused, or, after a report in the server's log, that we failed."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, Refused):
        log.warning("A request was refused: %s", error.key)
        return shown_error(error.sentence(language))
    if isinstance(error, Unheard):
        return shown_error(say("refused.unheard", language))
    log.exception("A request failed.", exc_info=error)
    return shown_error(say("refused.failed", language))


def shown_error(sentence: str) -> gr.Error:
    """A sentence to show; Gradio draws it as HTML, and a name in it may look like that."""
    return gr.Error(html.escape(sentence, quote=False), print_exception=False)


def politely(handler: Callable) -> Callable:
    """An event's handler, a function or a generator function, with every error turned into a sentence."""

    def language(arguments: tuple) -> str:
        return language_of(next((a for a in arguments if isinstance(a, gr.Request)), None))

    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def polite(*arguments: Any) -> Iterator:
            try:
                yield from handler(*arguments)
            except Exception as error:
                raise refusal(error, language(arguments)) from None
    else:

        @functools.wraps(handler)
        def polite(*arguments: Any) -> Any:
            try:
                return handler(*arguments)
            except Exception as error:
                raise refusal(error, language(arguments)) from None

    return polite


def told(event: gr.EventData, *names: str) -> list[Any]:
    """What the browser says of an event under these names. Raises Refused where it does not."""
    values = event._data if isinstance(event._data, dict) else {}
    if not values.keys() >= set(names):
        raise Refused("refused.request")
    return [values[name] for name in names]


def known(model: Any) -> str:
    """`model`, where it is a recogniser's name. What is kept of one trained anew since then is forgotten."""
    configs = available_recognizers()
    if not isinstance(model, str) or model not in configs:
        raise Refused("refused.recogniser", name=repr(model)[:40], known=", ".join(configs))
    if _configs.setdefault(model, configs[model]) != configs[model]:
        _configs.clear()
        for forget in _forget:
            forget()
    return model


def known_test_faces(models: list) -> list[str]:
    """`models`, where they are names of recognisers whose test faces are on this machine."""
    for model in models:
        if not faces_of(available_recognizers()[known(model)]):
            raise Refused("refused.no_test_faces", recogniser=model)
    return models


def head() -> str:
    """What the page's head holds for all drawings: the texts, and assets/common.js."""
    script = (PROJECT / "assets" / "common.js").read_text("utf-8")
    texts = json.dumps(TEXTS, ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>window.fgsm = {{texts: {texts}}};\n{script}</script>"


def drawn_by(name: str, **settings: Any) -> gr.HTML:
    """A component drawn in the browser by what stands in assets/NAME: HTML, CSS and, where it moves, scripts."""
    folder = PROJECT / "assets" / name
    html, css = ((folder / f"{name}.{kind}").read_text("utf-8") for kind in ("html", "css"))
    scripts = [script.read_text("utf-8") for script in sorted(folder.glob("*.js"))]
    js = "\n".join(scripts) or None
    return gr.HTML(html_template=html, css_template=css, js_on_load=js, apply_default_css=False, **settings)
