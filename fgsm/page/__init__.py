"""The page: what a visitor meets. The only room that knows Gradio."""
