"""The Gradio app: ``python app.py``, here and on Hugging Face Spaces."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # says so before an import fails in a way that explains nothing
    sys.exit(
        f"korlm에는 Python 3.11~3.14가 필요합니다(지금은 {sys.version.split()[0]}). "
        f"/ korlm needs Python 3.11 to 3.14 (this is {sys.version.split()[0]})."
    )

from korlm.app.main import launch

if __name__ == "__main__":
    launch()
