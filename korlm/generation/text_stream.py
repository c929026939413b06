"""`TextStream`: turn the bytes of tokens into text of whole characters, without stop strings.

>>> stream = TextStream(stop=("끝.",))
>>> [stream.push(part.encode()) for part in ("시작 ", "끝", "까지 ", "끝", ".")], stream.stopped
(['시작 ', '', '끝까지 ', '', ''], True)
"""

from __future__ import annotations

from collections.abc import Sequence

from korlm.text.incremental import IncrementalTextDecoder


class TextStream:
    """Returns text as soon as it is final.

    Incomplete characters (see `IncrementalTextDecoder`) and what may be the start of a stop string are held back. Of
    overlapping stop strings the first complete one ends the text, the longer one of two, for any token boundaries.

    Args:
        stop: strings that end the text.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        self._stop_strings = stop
        self._decoder = IncrementalTextDecoder()
        self._pending = ""

    def push(self, data: bytes) -> str:
        """Append bytes; return the text that became final."""
        return self._release_text(self._decoder.push(data))

    def finish(self) -> str:
        """Return the text held back, up to a stop string."""
        text = self._release_text(self._decoder.finish()) + self._pending
        self._pending = ""
        return text

    def _release_text(self, text: str) -> str:
        if self.stopped or not self._stop_strings:
            return "" if self.stopped else text
        text = self._pending + text
        matches = [(start + len(stop), start) for stop in self._stop_strings if (start := text.find(stop)) >= 0]
        if matches:
            self.stopped, self._pending = True, ""
            return text[: min(matches)[1]]
        end = len(text) - _partial_stop_length(text, self._stop_strings)
        self._pending = text[end:]
        return text[:end]


def _partial_stop_length(text: str, stops: Sequence[str]) -> int:
    """Return the length of the longest suffix of ``text`` that is a prefix of a stop string.

    >>> _partial_stop_length("가나다", ["나다라", "다마"])
    2
    """
    longest = min(len(text), max(map(len, stops)) - 1)
    return next((size for size in range(longest, 0, -1) if any(stop.startswith(text[-size:]) for stop in stops)), 0)
