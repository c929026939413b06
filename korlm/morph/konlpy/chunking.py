"""Prepare texts for analyzers that fail on some input: mask characters, split long texts, batch the chunks.

>>> list(split_long_text(mask_unanalyzable("가족👪 나"), 100))
[(0, '가족  나')]
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

MAX_CHUNK_CHARACTERS = 2_000
_MAX_BATCH_CHARACTERS = 20_000
_MAX_BATCH_ITEMS = 512

T = TypeVar("T")


class AnalysisChunk(NamedTuple):
    """A part of a text to analyze: the index of the text, the offset in it, and the part itself."""

    text_index: int
    offset: int
    text: str


@functools.lru_cache(maxsize=1)
def _unanalyzable_pattern() -> re.Pattern[str]:
    """Return the pattern of the masked characters; it takes 8 ms to build, so it is built on first use."""
    dropped = {"Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"}
    codes = [code for code in range(0x10000) if unicodedata.category(chr(code)) in dropped and code != 0x20]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    inside = "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)
    return re.compile(f"[{inside}\\U00010000-\\U0010ffff]")


def mask_unanalyzable(text: str) -> str:
    """Return ``text`` with a space for each character that KoNLPy's analyzers do not handle; offsets do not change.

    JPype cannot decode what Komoran and Kkma return for characters outside the BMP (emoji in halves). Hannanum never
    returns from U+0000. All of them take control and format characters for words.

        >>> mask_unanalyzable("가족👪\\ufeff\\t나")
        '가족   나'
    """
    return _unanalyzable_pattern().sub(" ", text)


def split_long_text(text: str, max_run: int, max_jamo_run: int = 0) -> Iterator[tuple[int, str]]:
    """Yield offset and text of each chunk to analyze: at most 2,000 characters, split at a space if possible.

    Args:
        text: the text, as `mask_unanalyzable` returns it.
        max_run: maximum length of a run without spaces, in characters; a longer one is split inside.
        max_jamo_run: maximum length of a run of lone jamo (ㅋㅋ); 0 for no separate limit.

        >>> list(split_long_text(" 가나다라 마", 3))
        [(1, '가나다'), (4, '라 마')]
    """
    patterns = [re.compile(rf"\S{{{max_run + 1}}}")]
    if max_jamo_run:
        patterns.append(re.compile(rf"[ㄱ-ㆎ]{{{max_jamo_run + 1}}}"))
    start = 0
    while start < len(text):
        end = min(start + MAX_CHUNK_CHARACTERS, len(text))
        if end < len(text) and (space := text.rfind(" ", start + 1, end)) > 0:
            end = space
        for pattern in patterns:
            if too_long := pattern.search(text, start, end):
                end = too_long.end() - 1
        chunk = text[start:end]
        if body := chunk.strip():
            yield start + len(chunk) - len(chunk.lstrip()), body
        start = end


def batch_chunks(chunks: Iterable[AnalysisChunk]) -> Iterator[list[AnalysisChunk]]:
    """Yield the chunks in batches: a round trip per line would cost more than the analysis of a short one."""
    return _batch_by_characters(chunks, lambda chunk: len(chunk.text))


def batch_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of at most 512 texts or about 20,000 characters, reading them lazily.

    >>> [len(batch) for batch in batch_texts(["가"] * 600)]
    [512, 88]
    """
    return _batch_by_characters(texts, len)


def _batch_by_characters(items: Iterable[T], count_characters: Callable[[T], int]) -> Iterator[list[T]]:
    """Yield items in batches that end with the item that reaches a limit, without reading further."""
    batch: list[T] = []
    size = 0
    for item in items:
        batch.append(item)
        size += count_characters(item)
        if size >= _MAX_BATCH_CHARACTERS or len(batch) == _MAX_BATCH_ITEMS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
