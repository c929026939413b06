"""Spans: half-open code-point offsets ``(start, end)`` into the caller's own string, and what is done with them.

>>> eojeol_spans("나랑  쇼핑하자.")
[(0, 2), (4, 9)]
>>> join_spaces("나랑  쇼핑", [(0, 2), (4, 6)])
[(0, 2), (2, 3), (3, 6)]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from korlm.errors import InputError

Span = tuple[int, int]

_SURROGATE = re.compile("[\ud800-\udfff]")
_EOJEOL = re.compile(r"\S+")


def check_text(text: str) -> str:
    """Return ``text`` unchanged, or raise where it cannot be written as UTF-8.

    Raises:
        InputError: ``text`` is no string, or holds an unpaired surrogate (U+D800 to U+DFFF).
    """
    if not isinstance(text, str):
        kind = type(text).__name__
        raise InputError(
            f"문자열(str)이 필요한데 {kind}을(를) 받았습니다. 글자를 str로 바꾸어 넣으세요.",
            f"Expected a str, got {kind}. Pass the text as a str.",
        )
    if not text.isascii() and (found := _SURROGATE.search(text)):
        code = f"U+{ord(found.group()):04X}"
        raise InputError(
            f"{found.start()}번째 글자가 짝 없는 서로게이트({code})입니다. 글을 UTF-8로 다시 읽거나 그 글자를 지우세요.",
            f"Character {found.start()} is an unpaired surrogate ({code}). Read the text as UTF-8 again, or remove it.",
        )
    return text


def check_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return ``texts`` unchanged, or raise as `check_text` does; a large batch is looked through at once."""
    try:
        if not _SURROGATE.search("".join(texts)):
            return texts
    except TypeError:  # one of them is no string: said below
        pass
    for text in texts:
        check_text(text)
    return texts


def eojeol_spans(text: str) -> list[Span]:
    """Return the spans of the eojeol: the stretches between whitespace (as ``str.split`` sees it)."""
    return [found.span() for found in _EOJEOL.finditer(text)]


def gap_spans(text: str, start: int, end: int) -> list[Span]:
    """Return the spans of a gap between pieces: a character each where it is whitespace, runs of anything else.

    >>> gap_spans("a \\tbc", 0, 5)
    [(0, 1), (1, 2), (2, 3), (3, 5)]
    """
    return [(start + found.start(), start + found.end()) for found in re.finditer(r"\s|\S+", text[start:end])]


def join_spaces(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return a partition of ``text``: ``spans``, the gaps between them, and each space joined to the piece after it.

    Only one U+0020 joins, and only to a piece that does not itself begin with whitespace, so that two spaces give a
    piece of one space and a piece that begins with the other (the rule of GPT-2's pre-tokenizer). Other whitespace
    is a piece a character.

    Args:
        text: the caller's string.
        spans: disjoint spans in order; they need not cover the text.

    Returns:
        Spans in order whose stretches, joined, are ``text``.
    """
    partition: list[Span] = []
    position = 0
    for span in spans:
        partition += gap_spans(text, position, span[0])
        if partition and text[span[0]] != " " and not text[span[0]].isspace():
            before = partition[-1]
            if before[1] == span[0] and before[1] - before[0] == 1 and text[before[0]] == " ":
                partition.pop()
                span = (before[0], span[1])
        partition.append(span)
        position = span[1]
    return partition + gap_spans(text, position, len(text))
