"""The Gradio app: two tabs over one service; nothing here is imported by the rooms above."""
