"""From the bytes of chosen pieces to text that may be shown: whole characters, and nothing of a stop string.

>>> writer = Writer(stop=("끝.",))
>>> [writer.push(part.encode()) for part in ("시작 ", "끝", "까지 ", "끝", ".")], writer.stopped
(['시작 ', '', '끝까지 ', '', ''], True)
"""

from __future__ import annotations

from collections.abc import Sequence

from korlm.text.stable import StableText


class Writer:
    """Gives out the text that is certain.

    Held back are unfinished characters (see `StableText`) and what may be the beginning of a stop string. Of stop
    strings that overlap, the one that is whole first ends the text, the longer where two are; so the cuts between the
    pieces play no part.

    Args:
        stop: strings that end the text.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        self._stop = stop
        self._stable = StableText()
        self._held = ""

    def push(self, data: bytes) -> str:
        """Take more bytes; return the text that is now certain."""
        return self._release(self._stable.push(data))

    def finish(self) -> str:
        """Return what was held back, as far as no stop string comes in it."""
        text = self._release(self._stable.finish()) + self._held
        self._held = ""
        return text

    def _release(self, text: str) -> str:
        if self.stopped or not self._stop:
            return "" if self.stopped else text
        text = self._held + text
        found = [(start + len(stop), start) for stop in self._stop if (start := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)[1]]
        cut = len(text) - _beginning(text, self._stop)
        self._held = text[cut:]
        return text[:cut]


def _beginning(text: str, stops: Sequence[str]) -> int:
    """Return the length of the longest end of ``text`` that a stop string begins with.

    >>> _beginning("가나다", ["나다라", "다마"])
    2
    """
    longest = min(len(text), max(map(len, stops)) - 1)
    return next((size for size in range(longest, 0, -1) if any(stop.startswith(text[-size:]) for stop in stops)), 0)
