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
        with gr.Tabs(overflow_behavior="wrap") as tabs:
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
