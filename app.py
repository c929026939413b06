"""The Gradio app: ``python app.py``, here and on Hugging Face Spaces."""

from korlm.ui.app import launch

if __name__ == "__main__":
    launch()
