"""What is sent to an analyzer that cannot be trusted with everything: characters blanked, long text cut in pieces.

>>> list(cut(blank("가족👪 나"), 100))
[(0, '가족  나')]
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

PIECE_CHARACTERS = 2_000
FRAME_CHARACTERS = 20_000
FRAME_TEXTS = 512


@functools.lru_cache(maxsize=1)
def _unsendable() -> re.Pattern[str]:
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


def blank(text: str) -> str:
    """Return ``text`` with a space for each character that KoNLPy's analyzers cannot be trusted with.

    Outside the BMP JPype cannot decode what Komoran and Kkma give back (emoji by halves); Hannanum never returns from
    U+0000; all of them take control and format characters for words. Offsets stay as they were.

        >>> blank("가족👪\\ufeff\\t나")
        '가족   나'
    """
    return _unsendable().sub(" ", text)


def cut(text: str, run: int, letters: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the offset and text of each piece to analyze apart: at most 2,000 characters, cut at a space if possible.

    Args:
        text: as `blank` returns it.
        run: the longest stretch without a space, in characters; a longer one is cut hard.
        letters: the longest stretch of lone letters (ㅋㅋ), likewise; 0 for no limit of their own.

        >>> list(cut(" 가나다라 마", 3))
        [(1, '가나다'), (4, '라 마')]
    """
    too_long = [re.compile(rf"\S{{{run + 1}}}"), *([re.compile(rf"[ㄱ-ㆎ]{{{letters + 1}}}")] if letters else [])]
    start = 0
    while start < len(text):
        end = min(start + PIECE_CHARACTERS, len(text))
        if end < len(text) and (space := text.rfind(" ", start + 1, end)) > 0:
            end = space
        for pattern in too_long:
            if found := pattern.search(text, start, end):
                end = found.end() - 1
        piece = text[start:end]
        if body := piece.strip():
            yield start + len(piece) - len(piece.lstrip()), body
        start = end


def frames(pieces: Iterator[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """Yield the pieces in frames: a round trip a line would cost more than the analysis of a short one."""
    frame: list[tuple[int, int, str]] = []
    size = 0
    for piece in pieces:
        if frame and (size + len(piece[2]) > FRAME_CHARACTERS or len(frame) == FRAME_TEXTS):
            yield frame
            frame, size = [], 0
        frame.append(piece)
        size += len(piece[2])
    if frame:
        yield frame


def groups(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists about as large as a frame, reading them as they are needed.

    >>> [len(group) for group in groups(["가"] * 600)]
    [512, 88]
    """
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= FRAME_CHARACTERS or len(group) == FRAME_TEXTS:
            yield group
            group, size = [], 0
    if group:
        yield group
