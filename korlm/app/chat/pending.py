"""Answers in progress: what each column waits for, and which pages are being answered.

    answers = [PendingAnswer(bot, "greedy", {"temperature": 0}, add_user_message([], "안녕?"))]
    for _ in answer_rounds(chat_service, answers, abstain=True, stopped=lambda: False): ...

The server remembers which session is being answered for as long as the answer takes, and none of its text:
`PendingRequests`. Complete answers are kept in the session: `korlm.app.chat.answered`.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from korlm.app.chat.history import History, earlier_turns, last_question
from korlm.app.chat.service import BotInfo, ChatService
from korlm.app.round_robin import Task, run_rounds
from korlm.errors import KorlmError

if TYPE_CHECKING:
    from korlm.chat.reply import Reply

_EXPIRY_SECONDS = 600.0  # a page that asked but was never answered is forgotten after this time


@dataclass
class PendingAnswer:
    """The answer of one column, complete or in progress."""

    bot: BotInfo  # the bot that answers
    decoding: str  # one of `korlm.app.chat.decoding_controls.DECODINGS`
    options: Mapping[str, Any]  # the fields of `GenerationConfig`
    history: History  # the conversation, which ends with the visitor's message
    answer: Reply | None = None  # the answer so far; None before the bot starts
    state: str = "waiting"  # ``waiting``, ``loading``, ``writing``, ``done``, ``stopped`` or ``error``
    error: KorlmError | None = None  # why there is no answer

    @property
    def is_busy(self) -> bool:
        """Whether the answer is not complete."""
        return self.state in ("waiting", "loading", "writing")

    @property
    def question(self) -> str:
        """The visitor's message."""
        return last_question(self.history)

    @property
    def text(self) -> str:
        """The text so far."""
        return self.answer.text if self.answer else ""

    @property
    def is_crisis(self) -> bool:
        """Whether the safety guard answered."""
        return self.answer is not None and self.answer.safety_card is not None

    def set_error(self, error: KorlmError) -> None:
        """Record why there is no answer."""
        self.error, self.state = error, "error"


@dataclass
class PendingRequest:
    """A page that waits for answers. It holds no text."""

    ticket: int  # its number; a later request has a higher one
    stop_event: threading.Event = field(default_factory=threading.Event)  # set when the bots have to stop
    has_started: bool = False  # whether the bots are answering
    cleared_columns: set[int] = field(default_factory=set)  # columns that the visitor emptied in the meantime
    created_at: float = field(default_factory=time.monotonic)  # time of the request, in seconds of the monotonic clock

    @property
    def has_expired(self) -> bool:
        """Whether it waited so long that its page must be gone."""
        return not self.has_started and time.monotonic() - self.created_at >= _EXPIRY_SECONDS


class PendingRequests:
    """The pages that wait for answers, by session. Safe to share between threads."""

    def __init__(self) -> None:
        self._requests: dict[str, PendingRequest] = {}
        self._tickets = itertools.count(1)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._requests)

    def open(self, session: str) -> PendingRequest | None:
        """Register a page's request; None while its last one is being answered."""
        with self._lock:
            self._requests = {key: request for key, request in self._requests.items() if not request.has_expired}
            if session in self._requests:
                return None
            self._requests[session] = PendingRequest(next(self._tickets))
            return self._requests[session]

    def is_open(self, session: str) -> bool:
        """Return whether a page waits for answers."""
        with self._lock:
            request = self._requests.get(session)
            return request is not None and not request.has_expired

    def start(self, session: str, ticket: int) -> PendingRequest | None:
        """Mark a page's request as started; None if it was replaced, stopped or started before."""
        with self._lock:
            request = self._requests.get(session)
            if request is None or request.ticket != ticket or request.has_started:
                return None
            request.has_started = True
            return request

    def stop(self, session: str) -> PendingRequest | None:
        """Stop a page's request and return it; None if there is none."""
        with self._lock:
            request = self._requests.get(session)
            if request:
                request.stop_event.set()
                if not request.has_started:
                    del self._requests[session]
            return request

    def mark_cleared(self, session: str, columns: Sequence[int]) -> None:
        """Record that the visitor emptied columns that are being answered."""
        with self._lock:
            if request := self._requests.get(session):
                request.cleared_columns.update(columns)

    def close(self, session: str, request: PendingRequest) -> None:
        """Forget a request, unless a later one has taken its place."""
        with self._lock:
            if self._requests.get(session) is request:
                del self._requests[session]


def answer_rounds(
    chat_service: ChatService, answers: Sequence[PendingAnswer], *, abstain: bool, stopped: Callable[[], bool]
) -> Iterator[None]:
    """Let all bots answer side by side; yield after each round, in which every bot wrote a token."""
    tasks = []
    for answer in answers:
        thread = chat_service.load_in_background(answer.bot.name)
        answer.state = "loading" if thread else "writing"
        steps = _answer_steps(chat_service, answer, abstain, stopped)
        tasks.append(Task(steps, answer.bot.name, answer.set_error, thread))
    yield
    yield from run_rounds(tasks, stopped)
    for answer in answers:
        answer.state = "stopped" if answer.is_busy else answer.state


def _answer_steps(
    chat_service: ChatService, pending: PendingAnswer, abstain: bool, stopped: Callable[[], bool]
) -> Iterator[None]:
    options = pending.options if pending.bot.is_trained else {}
    turns = earlier_turns(pending.history)
    pending.state = "writing"
    for answer in chat_service.stream_answers(
        pending.bot.name, pending.question, turns, abstain=abstain, stopped=stopped, **options
    ):
        pending.answer = answer
        if answer.finished:
            pending.bot = chat_service.get_bot(pending.bot.name)  # a loaded bot knows how many pairs it searches
            pending.state = "stopped" if stopped() else "done"
        yield
