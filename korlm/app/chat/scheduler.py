"""How bots answer side by side: they load beside each other, and every column takes one piece in turn.

    columns = [Column(bot, "greedy", {"temperature": 0}, asked([], "안녕?"))]
    for _ in rounds(talk, columns, careful=True, stopped=lambda: False): ...

Who answers to whom is known by the page's session for as long as the answer takes, without a word of it: `PendingRequests`.
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

from korlm.app.chat import history as turns
from korlm.app.chat.history import History
from korlm.app.chat.service import ChatService
from korlm.app.round_robin import advance_task, sleep_until_round_end
from korlm.app.view_models import BotInfo, BotReply
from korlm.errors import KorlmError

_log = logging.getLogger(__name__)

_EXPIRY_SECONDS = 600.0  # a page that asked and was never served is forgotten after so long


@dataclass
class PendingAnswer:
    """One bot's answer under way.

    Attributes:
        bot: who answers.
        decoding: the name of the way.
        options: the fields of `SamplingConfig`.
        history: the conversation; the person spoke last.
        reply: what the bot has said so far.
        state: ``waiting``, ``loading``, ``writing``, ``done``, ``stop_event`` or ``error``.
        error: what kept it from an answer.
    """

    bot: BotInfo
    decoding: str
    options: Mapping[str, Any]
    history: History
    reply: BotReply = field(default_factory=lambda: BotReply(""))
    state: str = "waiting"
    error: KorlmError | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the answer is not at its end."""
        return self.state in ("waiting", "loading", "writing")

    def mark_stopped(self) -> None:
        """Mark an answer that is not at its end as stopped."""
        self.state = "stopped" if self.is_busy else self.state


@dataclass
class PendingRequest:
    """A page that waits for answers: no text.

    Attributes:
        ticket: its number; a later one replaces it.
        stop_event: the bots are to end.
        has_started: they have begun.
        cleared_columns: columns that were emptied meanwhile.
        created_at: when it was asked, in seconds of the monotonic clock.
    """

    ticket: int
    stop_event: threading.Event = field(default_factory=threading.Event)
    has_started: bool = False
    cleared_columns: set[int] = field(default_factory=set)
    created_at: float = field(default_factory=time.monotonic)


class PendingRequests:
    """The pages that wait for answers, by session."""

    def __init__(self) -> None:
        self._requests: dict[str, PendingRequest] = {}
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()

    def open(self, session: str) -> PendingRequest | None:
        """Give a page its turn; None where it is still being answered."""
        with self._lock:
            now = time.monotonic()
            self._requests = {
                key: turn
                for key, turn in self._requests.items()
                if turn.has_started or now - turn.created_at < _EXPIRY_SECONDS
            }
            if session in self._requests:
                return None
            self._requests[session] = PendingRequest(next(self._tickets))
            return self._requests[session]

    def start(self, session: str, ticket: int) -> PendingRequest | None:
        """Return a page's turn to answer it; None where it was replaced, given up, or has begun."""
        with self._lock:
            turn = self._requests.get(session)
            if turn is None or turn.ticket != ticket or turn.has_started:
                return None
            turn.has_started = True
            return turn

    def stop(self, session: str) -> PendingRequest | None:
        """End a page's turn; return it, or None where there is none."""
        with self._lock:
            turn = self._requests.get(session)
            if turn:
                turn.stop_event.set()
                if not turn.has_started:
                    del self._requests[session]
            return turn

    def mark_cleared(self, session: str, places: Sequence[int]) -> None:
        """Note that columns were emptied while they were being answered."""
        with self._lock:
            if turn := self._requests.get(session):
                turn.cleared_columns.update(places)

    def close(self, session: str, request: PendingRequest) -> None:
        """Forget a turn."""
        with self._lock:
            if self._requests.get(session) is request:
                del self._requests[session]


def answer_rounds(
    chat_service: ChatService, answers: Sequence[PendingAnswer], *, abstain: bool, stopped: Callable[[], bool]
) -> Iterator[None]:
    """Answer in all columns; yield after each round, in which every one that goes on took a piece."""
    loading = [chat_service.load_in_background(column.bot.name) for column in answers]
    going = []
    for column, thread in zip(answers, loading, strict=True):
        column.state = "loading" if thread else "writing"
        going.append((column, thread, _answer_steps(chat_service, column, abstain, stopped)))
    yield
    while going and not stopped():
        started = time.monotonic()
        going = [entry for entry in going if (entry[1] and entry[1].is_alive()) or _advance_answer(entry[0], entry[2])]
        yield
        sleep_until_round_end(started)
    for column in answers:
        column.mark_stopped()


def _answer_steps(
    chat_service: ChatService, answer: PendingAnswer, abstain: bool, stopped: Callable[[], bool]
) -> Iterator[None]:
    """Answer in one column, a piece a step."""
    options = answer.options if answer.bot.is_trained else {}
    text, before = turns.last_question(answer.history), turns.earlier_turns(answer.history)
    answer.state = "writing"
    for said in chat_service.stream_answers(answer.bot.name, text, before, abstain=abstain, stopped=stopped, **options):
        answer.reply = said
        if said.finished:
            answer.state = "stopped" if stopped() else "done"
        yield


def _advance_answer(answer: PendingAnswer, steps: Iterator[None]) -> bool:
    """Let a column take a piece; return whether it goes on."""

    def log_failure(error: Exception) -> None:  # no words, which may be a visitor's
        where = "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s failed to answer: %s\n%s", answer.bot.name, type(error).__name__, where)

    goes_on, error = advance_task(steps, log_failure)
    if error:
        answer.error, answer.state = error, "error"
    return goes_on
