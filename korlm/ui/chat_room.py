"""What happens in the chat tab: a message is asked, bots answer as they write, an answer is stopped, redone or edited.

>>> room = ChatRoom(Talk())
>>> room.undo(asked(answered(asked([], "안녕?"), "네."), "뭐 해요?"))[0]["role"]
'user'

A press has two parts: what was asked is shown at once and gets a ticket; the answer to that ticket stands in the queue.
Conversations are the page's own: they come with a request, go back with the answer, and nothing of them stays here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from korlm.errors import KorlmError
from korlm.ui.both import told
from korlm.ui.chatting import Column, Turn, Turns, rounds
from korlm.ui.decodings import Knobs, options_of
from korlm.ui.limits import MAX_BOTS, busy, checked_said
from korlm.ui.sampling import new_seed
from korlm.ui.strings import say
from korlm.ui.talk import Talk
from korlm.ui.turns import History, answered, asked, bare, edited, last_asked, undone, waits
from korlm.ui.why import why_view

FRAME_SECONDS = 0.08  # between two frames: ten visitors at once are as many frames as two processors make
_KNOBS = 6


class ChatRoom:
    """The handlers of the tab, which share who is being answered and nothing else.

    Args:
        talk: the bots.
    """

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.turns = Turns()

    def ask(self, request: gr.Request, text: str | None, count: str, *chats: History | None) -> list[Any]:
        """Show a message in all open columns: box, note, buttons, ticket, chats."""
        try:
            said = checked_said(text or "")
        except KorlmError as error:
            return [gr.skip(), *_refused(told(error)), *_skips(MAX_BOTS)]
        turn = self.turns.open(_session(request))
        if turn is None:
            return [gr.skip(), *_refused(told("chat_busy", "note")), *_skips(MAX_BOTS)]
        shown = _open(count)
        histories = [asked(chat or [], said) if place < shown else gr.skip() for place, chat in enumerate(chats)]
        return ["", *_accepted(turn), *histories]

    def ask_sample(self, request: gr.Request, sample: Sequence[str], count: str, *chats: History | None) -> list[Any]:
        """Show a chosen message; what stands in the box stays."""
        return [gr.skip(), *self.ask(request, sample[0] if sample else "", count, *chats)[1:]]

    def again(self, request: gr.Request, chat: History | None) -> list[Any]:
        """Take an answer back so that it is given anew: note, buttons, ticket, seed, chat."""
        kept = last_asked(chat or [])
        turn = self.turns.open(_session(request)) if kept else None
        if turn is None:
            return [*_refused(told("chat_busy", "note") if kept else ""), gr.skip(), gr.skip()]
        return [*_accepted(turn), new_seed(), kept]

    def edit(self, request: gr.Request, chat: History | None, data: gr.EditData) -> list[Any]:
        """Go on from an edited message: note, buttons, ticket, seed, chat."""
        history = list(chat or [])
        index = data.index if isinstance(data.index, int) else data.index[0]
        try:
            kept = edited(history, index, checked_said(bare(str(data.value))))
            turn = self.turns.open(_session(request))
            refusal = "" if turn else told("chat_busy", "note")
        except KorlmError as error:
            kept, turn, refusal = [], None, told(error)
        if turn is None:  # the page shows the edited words already: those before come back
            before = edited(history, index, bare(str(data.previous_value))) + history[index + 1 :]
            return [*_refused(refusal), gr.skip(), before]
        return [*_accepted(turn), gr.skip(), kept]

    def undo(self, chat: History | None) -> History:
        """Take the last message and its answer back."""
        return undone(chat or [])

    def clear(self, request: gr.Request, *places: int) -> list[Any]:
        """Empty columns, also where they are being answered: chats, panels."""
        self.turns.clear(_session(request), places)
        if len(places) == MAX_BOTS:
            self.turns.stop(_session(request))
        return [*([] for _ in places), *(why_view(place + 1) for place in places)]

    def answer(
        self, request: gr.Request, ticket: float | None, language: str, count: str, *values: Any
    ) -> Iterator[list[Any]]:
        """Yield what is shown while bots answer: note, buttons, chats, panels.

        Args:
            request: whose page.
            ticket: what `ask` gave.
            language: of the reader.
            count: of open columns.
            values: the knobs, then bots, decodings and conversations, one for each column.
        """
        session = _session(request)
        turn = self.turns.begin(session, int(ticket or 0))
        if turn is None:
            yield _skips(3 + 2 * MAX_BOTS)  # a generator that yields nothing empties its outputs
            return
        try:
            yield from self._answer(session, turn, language, count, values)
        finally:
            self.turns.close(session, turn)

    def stop(self, request: gr.Request, language: str, *chats: History | None) -> list[Any]:
        """End the answers: buttons, chats. One that has begun shows its own end."""
        turn = self.turns.stop(_session(request))
        if turn and turn.begun:
            return [gr.skip(), gr.update(interactive=False), *_skips(MAX_BOTS)]
        return [*_ready(), *_closed(chats, say("chat_halted", language))]

    def fail(self, request: gr.Request, language: str, *chats: History | None) -> list[Any]:
        """Show that the request was lost (the queue is full, or the connection broke): note, buttons, chats."""
        session = _session(request)
        if turn := self.turns.stop(session):
            self.turns.close(session, turn)
        return [told(busy()), *_ready(), *_closed(chats, say("chat_failed", language))]

    def _answer(
        self, session: str, turn: Turn, language: str, count: str, values: Sequence[Any]
    ) -> Iterator[list[Any]]:
        rest = [values[_KNOBS + MAX_BOTS * part : _KNOBS + MAX_BOTS * (part + 1)] for part in range(3)]
        try:
            knobs = Knobs.of(*values[:_KNOBS])
            columns = self._columns(knobs, _open(count), *rest)
        except KorlmError as error:
            self.turns.close(session, turn)
            closed = _closed(rest[2], say("chat_failed", language))
            yield [told(error), *_ready(), *closed, *_skips(MAX_BOTS)]
            return
        frames = Frames(columns, turn, language)
        due = 0.0
        for _ in rounds(self.talk, list(columns.values()), careful=knobs.careful, stopped=turn.stopped.is_set):
            if time.monotonic() >= due:
                yield [gr.skip(), gr.skip(), gr.skip(), *frames.next()]
                due = time.monotonic() + FRAME_SECONDS
        self.turns.close(session, turn)  # before the page may ask again
        yield [gr.skip(), *_ready(), *frames.last()]

    def _columns(
        self, knobs: Knobs, shown: int, bots: Sequence[str], decodings: Sequence[str], chats: Sequence[History | None]
    ) -> dict[int, Column]:
        """Return a column for each conversation in which the person spoke last."""
        found: dict[int, Column] = {}
        for place, (name, decoding, chat) in enumerate(zip(bots, decodings, chats, strict=True)):
            if place < shown and waits(chat or []):
                found[place] = Column(self.talk.bot(name), decoding, options_of(decoding, knobs), list(chat or []))
        return found


class Frames:
    """What changed in the columns since the last frame.

    Args:
        columns: by place, from 0.
        turn: tells which were emptied.
        language: of what the app says in a bubble.
    """

    def __init__(self, columns: dict[int, Column], turn: Turn, language: str) -> None:
        self._columns, self._turn, self._language = columns, turn, language
        self._shown: dict[int, tuple[Any, ...]] = {}

    def next(self) -> list[Any]:
        """Return an update for each chat and then for each panel."""
        chats: list[Any] = _skips(MAX_BOTS)
        panels: list[Any] = _skips(MAX_BOTS)
        for place, column in self._columns.items():
            before = self._shown.get(place, ("", ""))
            now = ("cleared", "") if place in self._turn.cleared else (column.state, self._bubble(column))
            self._shown[place] = now
            if now[0] == "cleared":
                chats[place], panels[place] = [], why_view(place + 1)
            elif now != before:
                chats[place] = answered(column.history, now[1], aside=not column.said.text)
                panels[place] = why_view(place + 1, column) if now[0] != before[0] else gr.skip()
        return [*chats, *panels]

    def last(self) -> list[Any]:
        """Return every chat and panel whole: who reads the last frame alone has the answer."""
        self._shown.clear()
        return self.next()

    def _bubble(self, column: Column) -> str:
        if column.said.text or column.busy:
            return column.said.text
        return say("chat_halted" if column.state == "stopped" else "chat_failed", self._language)


def _session(request: gr.Request) -> str:
    return str(request.session_hash or "")


def _open(count: str) -> int:
    return int(count) if str(count) in ("1", "2", "3") else 1


def _skips(count: int) -> list[Any]:
    return [gr.skip() for _ in range(count)]


def _accepted(turn: Turn) -> list[Any]:
    """Return an empty note, a page that waits, and its ticket."""
    return ["", gr.update(interactive=False), gr.update(interactive=True), turn.ticket]


def _refused(note: str) -> list[Any]:
    # the page hides a note once its reader writes on: one that says the same again must be drawn again
    return [f"{note}<!-- {time.monotonic_ns()} -->" if note else "", *_skips(3)]


def _ready() -> list[Any]:
    return [gr.update(interactive=True), gr.update(interactive=False)]


def _closed(chats: Sequence[History | None], words: str) -> list[Any]:
    """Return the conversations, those without an answer closed by some words."""
    return [answered(chat, words, aside=True) if chat and waits(chat) else gr.skip() for chat in chats]
