"""Parts of the cards of models and tokenizers: a page in Korean and in English, labels, code blocks.

>>> install_command("user/repo", "mecab+bpe")
'pip install "korlm[hub,mecab]"'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from korlm.i18n import localize
from korlm.reporting.templating import fill_template
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.catalog import find_analyzer_name

Translate = Callable[[str, str], str]  # (Korean, English) -> one of them

_UNIT_LABELS = {
    "word": ("어절", "eojeol"),
    "morpheme": ("형태소", "morpheme"),
    "morpheme-subword": ("형태소 안의 서브워드", "subword inside morphemes"),
    "subword": ("서브워드", "subword"),
    "syllable": ("음절", "syllable"),
    "jamo": ("자모", "jamo"),
    "byte": ("바이트", "byte"),
}


def render_bilingual_page(template: str, title: str, page_values: Callable[[Translate], dict[str, Any]]) -> str:
    """Return a page in Korean and, below it, in English.

    ``template`` is one language's page in ``korlm/hub/templates``; ``page_values(translate)`` returns its values.
    """
    pages = {}
    for language in ("ko", "en"):
        translate = partial(localize, language=language)
        values = {"t": translate, "ko": language == "ko", "cell": escape_cell, "code_block": code_block}
        pages[language] = fill_template("korlm.hub", template, **values, **page_values(translate)).rstrip("\n")
    return fill_template("korlm.hub", "card.md.jinja", title=title, pages=pages)


def tokenizer_unit_label(tokenizer: Tokenizer, t: Translate) -> str:
    """Return the unit of a tokenizer's tokens in words."""
    return t(*_UNIT_LABELS.get(tokenizer.unit, (tokenizer.unit, tokenizer.unit)))


def tokenizer_label(tokenizer: Tokenizer, t: Translate) -> str:
    """Return a tokenizer in words: its name, unit and vocabulary size."""
    size = t(f"어휘 {tokenizer.vocab_size:,}개", f"vocabulary of {tokenizer.vocab_size:,}")
    return f"`{tokenizer.name}` ({tokenizer_unit_label(tokenizer, t)}, {size})"


def escape_cell(text: str) -> str:
    """Return a text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def code_block(text: str, language: str = "text") -> str:
    """Return a text as a Markdown code block, fenced by more backticks than the text has in a row."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def install_command(address: str, tokenizer_name: str) -> str:
    """Return the command that installs what a model or tokenizer, ``user/repo`` or a bundled name, needs."""
    analyzer = find_analyzer_name(tokenizer_name)
    extras = ["hub"] if "/" in address else []
    extras += [] if analyzer in (None, "kiwi") else ["mecab" if analyzer == "mecab" else "konlpy"]
    return f'pip install "korlm[{",".join(extras)}]"' if extras else "pip install korlm"
