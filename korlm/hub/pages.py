"""What the cards of models and tokenizers share: a page in Korean and then English, tables, fences, what to install.

>>> table([("a", "1")], "en").splitlines()[-1]
'| a | 1 |'
>>> install("user/repo", "mecab+bpe")
'pip install "korlm[hub,mecab]"'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from korlm.language import pick
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.names import analyzer_of

_UNITS = {
    "word": ("어절", "eojeol"),
    "morpheme": ("형태소", "morpheme"),
    "morpheme-subword": ("형태소 안의 서브워드", "subword inside morphemes"),
    "subword": ("서브워드", "subword"),
    "syllable": ("음절", "syllable"),
    "jamo": ("자모", "jamo"),
    "byte": ("바이트", "byte"),
}


def both(title: str, page: Callable[[str], str]) -> str:
    """Return a page in Korean and, below it, in English."""
    return f"# {title}\n\n([English below](#english))\n\n{page('ko')}\n\n---\n\n# English\n\n{page('en')}\n"


def unit_in(tokenizer: Tokenizer, language: str) -> str:
    """Return what a piece of a tokenizer is, in words."""
    return pick(*_UNITS.get(tokenizer.unit, (tokenizer.unit, tokenizer.unit)), language=language)


def cut_by(tokenizer: Tokenizer, language: str) -> str:
    """Return a tokenizer in words: its name, unit and vocabulary."""
    size = pick(f"어휘 {tokenizer.vocab_size:,}개", f"vocabulary of {tokenizer.vocab_size:,}", language=language)
    return f"`{tokenizer.name}` ({unit_in(tokenizer, language)}, {size})"


def section(heading: tuple[str, str], *parts: str, language: str) -> str:
    """Return a section of a page, without the parts that are empty."""
    return "\n\n".join([f"## {pick(*heading, language=language)}", *filter(None, parts)])


def table(rows: Sequence[tuple[str, str]], language: str) -> str:
    """Return rows of a name and a value as a Markdown table."""
    head = pick("| 무엇 | 값 |", "| what | value |", language=language)
    cells = [" | ".join(text.replace("|", "\\|").replace("\n", " ") for text in row) for row in rows]
    return "\n".join([head, "|---|---|", *(f"| {cell} |" for cell in cells)])


def fence(text: str, kind: str = "text") -> str:
    """Return text as a code block, as it is, whatever backticks it holds."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{kind}\n{text}\n{ticks}"


def install(where: str, tokenizer: str) -> str:
    """Return the command that installs what is needed to open it.

    Args:
        where: ``user/repo``, or a bundled name.
        tokenizer: the tokenizer's name.
    """
    analyzer = analyzer_of(tokenizer)
    extras = ["hub"] if "/" in where else []
    extras += [] if analyzer in (None, "kiwi") else ["mecab" if analyzer == "mecab" else "konlpy"]
    return f'pip install "korlm[{",".join(extras)}]"' if extras else "pip install korlm"
