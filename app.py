"""The page: its tabs under one title. Each tab stands in fgsm/tabs/, what browsers draw in assets/."""

import os
import sys
import threading

from fgsm import machine

# OpenMP's threads, which wait for each other by spinning, take three times as long for a step where anything else
# wants a core, as a page with visitors does; spinning for a moment only is as fast alone, and as fast beside others.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # before PyTorch is loaded
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"  # which Gradio counts over anew after each
if __name__ == "__main__":
    host, port = machine.prepare()

import gradio as gr
from starlette.middleware import Middleware

from fgsm.tabs import I18N, attack_tab, curve_tab, head, how_tab, transfer_tab
from fgsm.tabs.gate import Gate, housekeeping
from fgsm.tabs.page import Page
from fgsm.tabs.visit import warm_up

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
#samples .grid-container { grid-template-columns: repeat(auto-fill, minmax(88px, 1fr)); }
#samples .caption-label { max-width: 100%; padding: 1px 4px; font-size: 11px; }
#camera:has(.camera[hidden]), .plain-http #photo .source-selection { display: none; } /* see assets/camera/camera.js */
@media (max-width: 640px) {
  #own { flex-direction: column; }
  .gradio-container main, .gradio-container .app { padding: 10px !important; }
  #epsilon { order: 1; } /* right above the stage */
}
"""
SWITCH = 0.0005  # seconds after which a busy thread lets the computing one go on, which asks at every operation
MOST_THREADS = 240  # visitors wait in threads for the one that computes; more than the gate lets in

sys.setswitchinterval(SWITCH)
threading.Thread(target=warm_up, daemon=True).start()

TABS = {"attack": attack_tab.build, "curve": curve_tab.build, "transfer": transfer_tab.build, "how": how_tab.build}


def open_tab(request: gr.Request) -> gr.Tabs:
    """The tab that the page's link asks for."""
    asked = dict(request.query_params).get("tab")
    return gr.Tabs(selected=asked if asked in TABS else "attack")


with machine.in_a_sentence(), Page(title="Fool a face recogniser", analytics_enabled=False) as demo:
    gr.Markdown(I18N("page.welcome"), elem_id="title")
    with gr.Tabs() as tabs:
        for name, build in TABS.items():
            with gr.Tab(I18N(f"page.{name}"), id=name) as tab:
                build(demo)
            tab.select(None, js=f"() => window.fgsm.selectTab('{name}')")
    opened = demo.load(open_tab, None, tabs, show_progress="hidden", api_visibility="private")
    opened.then(None, js="() => { window.fgsm.opened = true; }")

if __name__ == "__main__":
    machine.serve(
        demo,
        server_name=host,
        server_port=port,
        theme=gr.themes.Default(primary_hue="red", font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=CSS,
        head=head(),
        i18n=I18N,
        footer_links=["api"],
        run_history=False,  # it would keep visitors' faces in their browser
        ssr_mode=False,  # everything comes through the gate
        num_workers=0,
        app_kwargs={"middleware": [Middleware(Gate, page=demo)], "lifespan": housekeeping},
        max_threads=MOST_THREADS,
        max_file_size="40mb",
    )
