"""The body of a tokenizer's card: description, usage, a segmented sentence.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> "아│버│지│가" in render_tokenizer_card(load_tokenizer("syllable"), "mine", "user/mine")
True
"""

from __future__ import annotations

from typing import Any

from korlm.evaluation.compare import format_segments
from korlm.hub.rendering import Translate, install_command, render_bilingual_page, tokenizer_label
from korlm.tokenizers.base import Tokenizer

_SAMPLE_SENTENCE = "아버지가 방에 들어가셨다 ㅋㅋ"
_PYTHON_EXAMPLE = """import korlm

tokenizer = korlm.load_tokenizer("{address}")
encoding = tokenizer.encode("{sentence}")
print(encoding.pieces, encoding.ids)
print(tokenizer.decode(encoding.ids))"""


def render_tokenizer_card(tokenizer: Tokenizer, title: str, address: str) -> str:
    """Return the body in Korean and English; `korlm.load_tokenizer` opens ``address``.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    segmentation = format_segments(tokenizer.encode(_SAMPLE_SENTENCE).tokens)

    def page_values(t: Translate) -> dict[str, Any]:
        return {
            "tokenizer_label": tokenizer_label(tokenizer, t),
            "lossless": tokenizer.on_unknown == "fallback",
            "signature": tokenizer.signature,
            "install_command": install_command(address, tokenizer.name),
            "python_example": _PYTHON_EXAMPLE.format(address=address, sentence=_SAMPLE_SENTENCE),
            "segmentation": f"{_SAMPLE_SENTENCE}\n{segmentation}",
        }

    return render_bilingual_page("tokenizer_card.md.jinja", title, page_values)
