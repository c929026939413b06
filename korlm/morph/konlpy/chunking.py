"""What is sent to an analyzer that cannot be trusted with everything: characters blanked, long text cut in pieces.

>>> list(split_long_text(mask_unanalyzable("가족👪 나"), 100))
[(0, '가족  나')]
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

MAX_CHUNK_CHARACTERS = 2_000
MAX_FRAME_CHARACTERS = 20_000
MAX_FRAME_TEXTS = 512


@functools.lru_cache(maxsize=1)
def _unanalyzable_pattern() -> re.Pattern[str]:
    """Return the pattern of what is blanked: 8 ms to build, so at the first use."""
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
    """Return ``text`` with a space for each character that KoNLPy's analyzers cannot be trusted with.

    Outside the BMP JPype cannot decode what Komoran and Kkma give back (emoji by halves); Hannanum never returns from
    U+0000; all of them take control and format characters for words. Offsets stay as they were.

        >>> mask_unanalyzable("가족👪\\ufeff\\t나")
        '가족   나'
    """
    return _unanalyzable_pattern().sub(" ", text)


def split_long_text(text: str, max_run: int, max_jamo_run: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the offset and text of each piece to analyze apart: at most 2,000 characters, cut at a space if possible.

    Args:
        text: as `mask_unanalyzable` returns it.
        max_run: the longest stretch without a space, in characters; a longer one is cut hard.
        max_jamo_run: the longest stretch of lone letters (ㅋㅋ), likewise; 0 for no limit of their own.

        >>> list(split_long_text(" 가나다라 마", 3))
        [(1, '가나다'), (4, '라 마')]
    """
    too_long = [
        re.compile(rf"\S{{{max_run + 1}}}"),
        *([re.compile(rf"[ㄱ-ㆎ]{{{max_jamo_run + 1}}}")] if max_jamo_run else []),
    ]
    start = 0
    while start < len(text):
        end = min(start + MAX_CHUNK_CHARACTERS, len(text))
        if end < len(text) and (space := text.rfind(" ", start + 1, end)) > 0:
            end = space
        for pattern in too_long:
            if found := pattern.search(text, start, end):
                end = found.end() - 1
        piece = text[start:end]
        if body := piece.strip():
            yield start + len(piece) - len(piece.lstrip()), body
        start = end


def batch_frames(chunks: Iterator[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """Yield the pieces in frames: a round trip a line would cost more than the analysis of a short one."""
    frame: list[tuple[int, int, str]] = []
    size = 0
    for piece in chunks:
        if frame and (size + len(piece[2]) > MAX_FRAME_CHARACTERS or len(frame) == MAX_FRAME_TEXTS):
            yield frame
            frame, size = [], 0
        frame.append(piece)
        size += len(piece[2])
    if frame:
        yield frame


def batch_texts(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists about as large as a frame, reading them as they are needed.

    >>> [len(group) for group in batch_texts(["가"] * 600)]
    [512, 88]
    """
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= MAX_FRAME_CHARACTERS or len(group) == MAX_FRAME_TEXTS:
            yield group
            group, size = [], 0
    if group:
        yield group
