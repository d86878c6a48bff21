"""The page: its tabs under one title. Each tab stands in fgsm/tabs/, what browsers draw in assets/."""

import gradio as gr

from fgsm.tabs import attack_tab, curve_tab

CSS = """
#title h1 { margin: 0; font-size: 26px; }
#title p { margin: 2px 0 0; font-size: 16px; }
#top .wrap { flex-wrap: nowrap; }
#model input { text-overflow: ellipsis; }
#samples .grid-container { grid-template-columns: repeat(auto-fill, minmax(88px, 1fr)); }
#samples .caption-label { max-width: 100%; padding: 1px 4px; font-size: 11px; }
@media (max-width: 640px) {
  .gradio-container main, .gradio-container .app { padding: 10px !important; }
  #epsilon { order: 1; } /* right above the stage */
}
"""
WELCOME = """# Fool a face recogniser
Drag epsilon. Every pixel moves by at most that much, in the direction that hurts the recogniser most."""

with gr.Blocks(title="Fool a face recogniser", analytics_enabled=False) as demo:
    gr.Markdown(WELCOME, elem_id="title")
    with gr.Tab("Attack"):
        attack_tab.build(demo)
    with gr.Tab("Accuracy curve"):
        curve_tab.build()

if __name__ == "__main__":
    demo.launch(
        theme=gr.themes.Default(primary_hue="red", font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=CSS,
        footer_links=["api"],
        run_history=False,  # it would keep visitors' faces in their browser
    )
