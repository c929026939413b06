"""From the bytes of chosen pieces to text that may be shown: whole characters, and nothing of a stop string.

>>> writer = TextStream(stop=("끝.",))
>>> [writer.push(part.encode()) for part in ("시작 ", "끝", "까지 ", "끝", ".")], writer.stopped
(['시작 ', '', '끝까지 ', '', ''], True)
"""

from __future__ import annotations

from collections.abc import Sequence

from korlm.text.incremental import IncrementalTextDecoder


class TextStream:
    """Gives out the text that is certain.

    Held back are unfinished characters (see `IncrementalTextDecoder`) and what may be the beginning of a stop string. Of stop
    strings that overlap, the one that is whole first ends the text, the longer where two are; so the cuts between the
    pieces play no part.

    Args:
        stop: strings that end the text.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        self._stop_strings = stop
        self._decoder = IncrementalTextDecoder()
        self._pending = ""

    def push(self, data: bytes) -> str:
        """Take more bytes; return the text that is now certain."""
        return self._release_text(self._decoder.push(data))

    def finish(self) -> str:
        """Return what was held back, as far as no stop string comes in it."""
        text = self._release_text(self._decoder.finish()) + self._pending
        self._pending = ""
        return text

    def _release_text(self, text: str) -> str:
        if self.stopped or not self._stop_strings:
            return "" if self.stopped else text
        text = self._pending + text
        found = [(start + len(stop), start) for stop in self._stop_strings if (start := text.find(stop)) >= 0]
        if found:
            self.stopped, self._pending = True, ""
            return text[: min(found)[1]]
        cut = len(text) - _partial_stop_length(text, self._stop_strings)
        self._pending = text[cut:]
        return text[:cut]


def _partial_stop_length(text: str, stops: Sequence[str]) -> int:
    """Return the length of the longest end of ``text`` that a stop string begins with.

    >>> _partial_stop_length("가나다", ["나다라", "다마"])
    2
    """
    longest = min(len(text), max(map(len, stops)) - 1)
    return next((size for size in range(longest, 0, -1) if any(stop.startswith(text[-size:]) for stop in stops)), 0)
