"""The page: its tabs under one title, and how it is served."""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from . import attack_tab, how_tab, measurement, same_tab
from .blocks import Page
from .controls import choices
from .curve_tab import CurveTab
from .drawings import I18N, head
from .event import language_of
from .gate import Gate
from .housekeeping import housekeeping
from .service import Service
from .transfer_tab import TransferTab

CSS = """
#title h1 { margin: 0; font-size: 26px; }
#title p { margin: 2px 0 0; font-size: 16px; }
#how { max-width: 44em; margin: 0 auto; font-size: 16px; }
#how .katex-display { overflow-x: auto; overflow-y: hidden; }
#top .wrap { flex-wrap: nowrap; }
#model input { text-overflow: ellipsis; }
#epsilon .smallest-mark {
  position: absolute; width: 3px; height: 18px; margin: -9px 0 0 -1.5px; border-radius: 2px; pointer-events: none;
  background: var(--color-accent);
}
#faces > .tab-wrapper { height: auto; }
#samples .grid-container { grid-template-columns: repeat(auto-fill, minmax(88px, 1fr)); }
#samples .caption-label { max-width: 100%; padding: 1px 4px; font-size: 11px; }
.camera-stand-in:has(.camera[hidden]), .plain-http .photo .source-selection { display: none; } /* assets/camera/ */
@media (max-width: 640px) {
  #own, #pair { flex-direction: column; }
  .gradio-container main, .gradio-container .app { padding: 10px !important; }
  #epsilon { order: 1; } /* right above the stage */
}
"""
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "undocumented"}


def _measuring(tab: type[CurveTab] | type[TransferTab], page: Page, service: Service) -> None:
    """Lay out a tab that measures; its list of recognisers is that of the moment when the page is opened."""

    def offered(request: gr.Request) -> gr.CheckboxGroup:
        return gr.CheckboxGroup(choices(service, language_of(request)))

    models = measurement.build(tab(service))[0]
    page.load(offered, None, models, concurrency_limit=None, **PRIVATE)


TABS: dict[str, Callable[[Page, Service], None]] = {
    "attack": attack_tab.build,
    "same": same_tab.build,
    "curve": functools.partial(_measuring, CurveTab),
    "transfer": functools.partial(_measuring, TransferTab),
    "how": how_tab.build,
}


def laid_out(service: Service) -> Page:
    """The page of `service`."""

    def open_tab(request: gr.Request) -> gr.Tabs:
        """The tab that the page's link asks for."""
        asked = dict(request.query_params).get("tab")
        return gr.Tabs(selected=asked if asked in TABS else "attack")

    page = Page(title="Fool a face recogniser", analytics_enabled=False)
    with page:
        gr.Markdown(I18N("page.welcome"), elem_id="title")
        with gr.Tabs() as tabs:
            for name, build in TABS.items():
                with gr.Tab(I18N(f"page.{name}"), id=name) as tab:
                    build(page, service)
                tab.select(None, js=f"() => window.fgsm?.selectTab?.('{name}')")
        opened = page.load(open_tab, None, tabs, show_progress="hidden", api_visibility="private")
        opened.then(None, js="() => { (window.fgsm ??= {}).opened = true; }")
    return page


def launch_settings(page: Page, service: Service) -> dict[str, Any]:
    """How Gradio serves `page`, whatever the machine."""
    return {
        "theme": gr.themes.Default(primary_hue="red", font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        "css": CSS,
        "head": head(),
        "i18n": I18N,
        "footer_links": ["api"],
        "run_history": False,  # it would keep visitors' faces in their browser
        "ssr_mode": False,  # everything comes through the gate
        "num_workers": 0,
        "app_kwargs": {
            "middleware": [Middleware(Gate, page=page, service=service)],
            "lifespan": housekeeping(service),
        },
        "max_file_size": "40mb",
    }
