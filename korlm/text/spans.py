"""Spans: half-open code-point offsets ``(start, end)`` into the caller's string.

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


def check_text(text: str) -> str:
    """Return ``text`` unchanged if it can be encoded as UTF-8.

    Raises:
        InputError: ``text`` is not a string or contains an unpaired surrogate (U+D800 to U+DFFF).
    """
    if not isinstance(text, str):
        kind = type(text).__name__
        raise InputError(
            f"문자열(str)이 필요한데 {kind}을(를) 받았습니다. 글자를 str로 바꾸어 넣으세요.",
            f"Expected a str, got {kind}. Pass the text as a str.",
        )
    if not text.isascii() and (surrogate := _SURROGATE.search(text)):
        code, position = f"U+{ord(surrogate.group()):04X}", surrogate.start()
        raise InputError(
            f"{position}번째 글자가 짝 없는 서로게이트({code})입니다. 글을 UTF-8로 다시 읽거나 그 글자를 지우세요.",
            f"Character {position} is an unpaired surrogate ({code}). Read the text as UTF-8 again, or remove it.",
        )
    return text


def check_list(texts: Iterable[object], name: str) -> None:
    """Raise an `InputError` for a single string where a list is expected, whose characters would be taken one by one.

    Args:
        texts: what the user gave.
        name: the Python name of one of them, for the message.

    Example:
        >>> check_list("가나", "text")
        Traceback (most recent call last):
        korlm.errors.InputError: ...
    """
    if isinstance(texts, (str, bytes)):
        raise InputError(
            f"문자열 하나가 아니라 목록이 필요합니다. [{name}]처럼 목록으로 넣으세요.",
            f"Expected a list, got a single string. Pass a list: [{name}].",
        )


def check_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return ``texts`` unchanged, or raise as `check_text` does; a large batch is searched at once."""
    check_list(texts, "text")
    try:
        if not _SURROGATE.search("".join(texts)):
            return texts
    except TypeError:  # one is not a string; `check_text` reports it
        pass
    for text in texts:
        check_text(text)
    return texts


def eojeol_spans(text: str) -> list[Span]:
    """Return the spans of the eojeol: the runs between whitespace, as ``str.split`` defines it."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def gap_spans(text: str, start: int, end: int) -> list[Span]:
    """Return the spans of a gap between segments: one per whitespace character, one per run of anything else.

    >>> gap_spans("a \\tbc", 0, 5)
    [(0, 1), (1, 2), (2, 3), (3, 5)]
    """
    return [(start + match.start(), start + match.end()) for match in re.finditer(r"\s|\S+", text[start:end])]


def join_spaces(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return a partition of ``text`` into ``spans`` and the gaps between them, a space joined to the segment after it.

    Only one U+0020 joins, and only a segment that does not itself begin with whitespace: two spaces give a segment of
    one space and a segment that begins with the other, as in GPT-2's pre-tokenizer. Any other whitespace character is
    a segment of its own.

    The spans are disjoint and in order; they need not cover the text.

    Returns:
        Spans in order that cover ``text``.
    """
    partition: list[Span] = []
    position = 0
    for start, end in spans:
        partition += gap_spans(text, position, start)
        if partition and partition[-1] == (start - 1, start) and text[start - 1] == " " and not text[start].isspace():
            partition.pop()
            start -= 1
        partition.append((start, end))
        position = end
    return partition + gap_spans(text, position, len(text))
