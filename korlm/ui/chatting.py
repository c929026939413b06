"""How bots answer side by side: they load beside each other, and every column takes one piece in turn.

    columns = [Column(bot, "greedy", {"temperature": 0}, asked([], "안녕?"))]
    for _ in rounds(talk, columns, careful=True, stopped=lambda: False): ...

Who answers to whom is known by the page's session for as long as the answer takes, without a word of it: `Turns`.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from korlm.errors import KorlmError
from korlm.ui import turns
from korlm.ui.said import Bot, Said
from korlm.ui.strands import rest, take
from korlm.ui.talk import Talk
from korlm.ui.turns import History

_log = logging.getLogger(__name__)

_OLD_SECONDS = 600.0  # a page that asked and was never served is forgotten after so long


@dataclass
class Column:
    """One bot's answer under way.

    Attributes:
        bot: who answers.
        decoding: the name of the way.
        options: the fields of `SamplingConfig`.
        history: the conversation; the person spoke last.
        said: what the bot has said so far.
        state: ``waiting``, ``loading``, ``writing``, ``done``, ``stopped`` or ``error``.
        error: what kept it from an answer.
    """

    bot: Bot
    decoding: str
    options: Mapping[str, Any]
    history: History
    said: Said = field(default_factory=lambda: Said(""))
    state: str = "waiting"
    error: KorlmError | None = None

    @property
    def busy(self) -> bool:
        """Whether the answer is not at its end."""
        return self.state in ("waiting", "loading", "writing")

    def halt(self) -> None:
        """Mark an answer that is not at its end as stopped."""
        self.state = "stopped" if self.busy else self.state


@dataclass
class Turn:
    """A page that waits for answers: no text.

    Attributes:
        ticket: its number; a later one replaces it.
        stopped: the bots are to end.
        begun: they have begun.
        cleared: columns that were emptied meanwhile.
        since: when it was asked, in seconds of the monotonic clock.
    """

    ticket: int
    stopped: threading.Event = field(default_factory=threading.Event)
    begun: bool = False
    cleared: set[int] = field(default_factory=set)
    since: float = field(default_factory=time.monotonic)


class Turns:
    """The pages that wait for answers, by session."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()

    def open(self, session: str) -> Turn | None:
        """Give a page its turn; None where it is still being answered."""
        with self._lock:
            now = time.monotonic()
            self._turns = {
                key: turn for key, turn in self._turns.items() if turn.begun or now - turn.since < _OLD_SECONDS
            }
            if session in self._turns:
                return None
            self._turns[session] = Turn(next(self._tickets))
            return self._turns[session]

    def begin(self, session: str, ticket: int) -> Turn | None:
        """Return a page's turn to answer it; None where it was replaced, given up, or has begun."""
        with self._lock:
            turn = self._turns.get(session)
            if turn is None or turn.ticket != ticket or turn.begun:
                return None
            turn.begun = True
            return turn

    def stop(self, session: str) -> Turn | None:
        """End a page's turn; return it, or None where there is none."""
        with self._lock:
            turn = self._turns.get(session)
            if turn:
                turn.stopped.set()
                if not turn.begun:
                    del self._turns[session]
            return turn

    def clear(self, session: str, places: Sequence[int]) -> None:
        """Note that columns were emptied while they were being answered."""
        with self._lock:
            if turn := self._turns.get(session):
                turn.cleared.update(places)

    def close(self, session: str, turn: Turn) -> None:
        """Forget a turn."""
        with self._lock:
            if self._turns.get(session) is turn:
                del self._turns[session]


def rounds(talk: Talk, columns: Sequence[Column], *, careful: bool, stopped: Callable[[], bool]) -> Iterator[None]:
    """Answer in all columns; yield after each round, in which every one that goes on took a piece."""
    loading = [talk.prepare(column.bot.name) for column in columns]
    going = []
    for column, thread in zip(columns, loading, strict=True):
        column.state = "loading" if thread else "writing"
        going.append((column, thread, _strand(talk, column, careful, stopped)))
    yield
    while going and not stopped():
        started = time.monotonic()
        going = [entry for entry in going if (entry[1] and entry[1].is_alive()) or _step(entry[0], entry[2])]
        yield
        rest(started)
    for column in columns:
        column.halt()


def _strand(talk: Talk, column: Column, careful: bool, stopped: Callable[[], bool]) -> Iterator[None]:
    """Answer in one column, a piece a step."""
    options = column.options if column.bot.learnt else {}
    text, before = turns.question(column.history), turns.before(column.history)
    column.state = "writing"
    for said in talk.answers(column.bot.name, text, before, careful=careful, stopped=stopped, **options):
        column.said = said
        if said.finished:
            column.state = "stopped" if stopped() else "done"
        yield


def _step(column: Column, strand: Iterator[None]) -> bool:
    """Let a column take a piece; return whether it goes on."""

    def log(error: Exception) -> None:  # no words, which may be a visitor's
        where = "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s failed to answer: %s\n%s", column.bot.name, type(error).__name__, where)

    goes_on, error = take(strand, log)
    if error:
        column.error, column.state = error, "error"
    return goes_on
