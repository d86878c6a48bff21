"""The tabs of the page, and what they share: recognisers, texts, drawings."""

import functools
import html
import inspect
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gradio as gr
import torch
from gradio.context import LocalContext

from ..compute import Asker, Computer, Unheard, Work
from ..config import Config
from ..faces import PROJECT
from ..recognizer import (
    DEVICE,
    Recognizer,
    accuracy_of,
    available_recognizers,
    in_order,
    load_recognizer,
    version_of,
)
from ..stage import forget_photographs
from ..texts import ENGLISH, TEXTS, Refused, preferred, say, title
from ..values import known_config, known_recognizer
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
CUDA_FAILED = re.compile(r"CUDA|cuDNN|CUDNN|cuBLAS|CUBLAS|NVRTC|NVML")  # what its errors name that have no class
_loading = threading.Lock()
_seen: dict[str, str | None] = {}  # the version of each recogniser that was asked for


def versions(models: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    """Recognisers as they are at the moment: a name stands for another one once its files are replaced."""
    return tuple((model, version_of(model)) for model in models)


def kept(function: Callable) -> Callable:
    """`function`, of a recogniser's name and more, with its results kept for as long as that recogniser is the same."""
    results: dict[tuple, Any] = {}

    @functools.wraps(function)
    def keeping(model: str, *rest: Any) -> Any:
        asked = versions([model])
        key = (asked, *rest)
        if key in results:
            return results[key]
        result = function(model, *rest)
        if versions([model]) == asked:  # else it may be half the one's and half the other's
            for old in [old for old in results if old[0][0][0] == model and old[0] != asked]:
                results.pop(old, None)
            results[key] = result
        return result

    return keeping


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
    on_cpu = gpu_failed.is_set()
    try:
        yield from work.each(items(*arguments))
    except RuntimeError as error:
        _give_up_gpu(error, on_cpu)
        yield from work.each(items(*arguments))


def computed_once(asker: Asker, seconds: float, function: Callable, *arguments: Any) -> Any:
    """What `function` returns, computed for `asker` like the items of `computed`, in about so many `seconds`."""
    on_cpu = gpu_failed.is_set()
    with computer.work(asker, seconds, seconds) as work:
        try:
            return work.run(functools.partial(function, *arguments))
        except RuntimeError as error:
            _give_up_gpu(error, on_cpu)
            return work.run(functools.partial(function, *arguments))


def _give_up_gpu(error: RuntimeError, on_cpu: bool) -> None:
    """Compute on the CPU from now on, where `error` is CUDA's; raise it where it is not, or was met `on_cpu`."""
    if on_cpu or DEVICE.type == "cpu" or not _is_of_cuda(error):
        raise error
    gpu_failed.set()


def _is_of_cuda(error: RuntimeError) -> bool:
    return isinstance(error, (torch.AcceleratorError, torch.OutOfMemoryError)) or bool(CUDA_FAILED.search(str(error)))


def remember(results: dict, key: tuple, result: Any) -> None:
    """Keep `result`, and the youngest REMEMBERED of `results`.

    The `key` begins with the `versions` that it was computed for; where these are others now, it is not kept.
    """
    if key[0] != versions(model for model, _ in key[0]):
        return
    if len(results) >= REMEMBERED:
        results.pop(next(iter(results)), None)
    results[key] = result


def choices(language: str = ENGLISH) -> list[tuple[str, str]]:
    """Titles with clean accuracy, and names, of all recognisers, for a component to offer; the built-in ones first."""

    def described(name: str) -> str:
        faces = len(known[name].test_photographs)
        few = f" (n = {faces})" if faces < FEW else ""  # of which a percentage says little
        accuracy = accuracy_of(known[name])
        return f"{title(name, language)} · {accuracy}{few}" if accuracy else title(name, language)

    known = available_recognizers()
    return [(described(name), name) for name in in_order(known)]


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


def known(model: object) -> str:
    """`model`, where it is a recogniser's name. The photographs around one that was replaced are looked at anew."""
    name = known_recognizer(model)
    version = version_of(name)
    if _seen.setdefault(name, version) != version:
        _seen[name] = version
        forget_photographs()
    return name


def config_of(model: object) -> Config:
    """The config of the recogniser that `model` names, as it is now."""
    return known_config(known(model))


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
