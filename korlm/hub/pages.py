"""What the cards of models and tokenizers share: a page in Korean and then English, tables, fences, what to install.

>>> card_table([("a", "1")], "en").splitlines()[-1]
'| a | 1 |'
>>> install_command("user/repo", "mecab+bpe")
'pip install "korlm[hub,mecab]"'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from korlm.language import localize
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.names import find_analyzer_name

_UNIT_LABELS = {
    "word": ("어절", "eojeol"),
    "morpheme": ("형태소", "morpheme"),
    "morpheme-subword": ("형태소 안의 서브워드", "subword inside morphemes"),
    "subword": ("서브워드", "subword"),
    "syllable": ("음절", "syllable"),
    "jamo": ("자모", "jamo"),
    "byte": ("바이트", "byte"),
}


def bilingual_page(title: str, render_page: Callable[[str], str]) -> str:
    """Return a page in Korean and, below it, in English."""
    return (
        f"# {title}\n\n([English below](#english))\n\n{render_page('ko')}\n\n---\n\n# English\n\n{render_page('en')}\n"
    )


def unit_label(tokenizer: Tokenizer, language: str) -> str:
    """Return what a piece of a tokenizer is, in words."""
    return localize(*_UNIT_LABELS.get(tokenizer.unit, (tokenizer.unit, tokenizer.unit)), language=language)


def tokenizer_label(tokenizer: Tokenizer, language: str) -> str:
    """Return a tokenizer in words: its name, unit and vocabulary."""
    size = localize(f"어휘 {tokenizer.vocab_size:,}개", f"vocabulary of {tokenizer.vocab_size:,}", language=language)
    return f"`{tokenizer.name}` ({unit_label(tokenizer, language)}, {size})"


def card_section(heading: tuple[str, str], *parts: str, language: str) -> str:
    """Return a section of a page, without the parts that are empty."""
    return "\n\n".join([f"## {localize(*heading, language=language)}", *filter(None, parts)])


def card_table(rows: Sequence[tuple[str, str]], language: str) -> str:
    """Return rows of a name and a value as a Markdown table."""
    head = localize("| 무엇 | 값 |", "| what | value |", language=language)
    cells = [" | ".join(text.replace("|", "\\|").replace("\n", " ") for text in row) for row in rows]
    return "\n".join([head, "|---|---|", *(f"| {cell} |" for cell in cells)])


def code_block(text: str, kind: str = "text") -> str:
    """Return text as a code block, as it is, whatever backticks it holds."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{kind}\n{text}\n{ticks}"


def install_command(address: str, tokenizer_name: str) -> str:
    """Return the command that installs what is needed to open it.

    Args:
        address: ``user/repo``, or a bundled name.
        tokenizer_name: the tokenizer's name.
    """
    analyzer = find_analyzer_name(tokenizer_name)
    extras = ["hub"] if "/" in address else []
    extras += [] if analyzer in (None, "kiwi") else ["mecab" if analyzer == "mecab" else "konlpy"]
    return f'pip install "korlm[{",".join(extras)}]"' if extras else "pip install korlm"
