"""What happens in the chat tab: a message is asked, bots answer as they write, an answer is stopped, redone or edited.

>>> room = ChatHandlers(ChatService())
>>> room.undo_message(add_user_message(add_bot_message(add_user_message([], "안녕?"), "네."), "뭐 해요?"))[0]["role"]
'user'

A press has two parts: what was asked is shown at once and gets a ticket; the answer to that ticket stands in the queue.
Conversations are the page's own: they come with a request, go back with the answer, and nothing of them stays here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from korlm.app.chat.decoding_controls import DecodingSettings, generation_options
from korlm.app.chat.explanation_view import render_explanation
from korlm.app.chat.history import (
    History,
    add_bot_message,
    add_user_message,
    awaits_reply,
    remove_last_turn,
    truncate_and_edit,
    unshield_markup,
    until_last_question,
)
from korlm.app.chat.pending import PendingAnswer, PendingRequest, PendingRequests, answer_rounds
from korlm.app.chat.service import ChatService
from korlm.app.generate.sampling_controls import new_seed
from korlm.app.limits import MAX_BOTS, busy_error, validate_message
from korlm.app.localize import bilingual_notice
from korlm.app.strings.common import translate
from korlm.errors import KorlmError

CHAT_FRAME_SECONDS = 0.08  # between two frames: ten visitors at once are as many frames as two processors make
_NUM_DECODING_SETTINGS = 6


class ChatHandlers:
    """The handlers of the tab, which share who is being answered and nothing else.

    Args:
        service: the bots.
    """

    def __init__(self, chat_service: ChatService) -> None:
        self.service = chat_service
        self.requests = PendingRequests()

    def submit_message(self, request: gr.Request, text: str | None, count: str, *chats: History | None) -> list[Any]:
        """Show a message in all open columns: box, note, buttons, ticket, chats."""
        try:
            said = validate_message(text or "")
        except KorlmError as error:
            return [gr.skip(), *_refused_updates(bilingual_notice(error)), *_skip_updates(MAX_BOTS)]
        turn = self.requests.open(_session_id(request))
        if turn is None:
            return [gr.skip(), *_refused_updates(bilingual_notice("chat_busy", "note")), *_skip_updates(MAX_BOTS)]
        shown = _num_open_columns(count)
        histories = [
            add_user_message(chat or [], said) if place < shown else gr.skip() for place, chat in enumerate(chats)
        ]
        return ["", *_accepted_updates(turn), *histories]

    def submit_example(
        self, request: gr.Request, sample: Sequence[str], count: str, *chats: History | None
    ) -> list[Any]:
        """Show a chosen message; what stands in the box stays."""
        return [gr.skip(), *self.submit_message(request, sample[0] if sample else "", count, *chats)[1:]]

    def regenerate_answer(self, request: gr.Request, chat: History | None) -> list[Any]:
        """Take an answer back so that it is given anew: note, buttons, ticket, seed, chat."""
        kept = until_last_question(chat or [])
        turn = self.requests.open(_session_id(request)) if kept else None
        if turn is None:
            return [*_refused_updates(bilingual_notice("chat_busy", "note") if kept else ""), gr.skip(), gr.skip()]
        return [*_accepted_updates(turn), new_seed(), kept]

    def edit_message(self, request: gr.Request, chat: History | None, data: gr.EditData) -> list[Any]:
        """Go on from an edited message: note, buttons, ticket, seed, chat."""
        history = list(chat or [])
        index = data.index if isinstance(data.index, int) else data.index[0]
        try:
            kept = truncate_and_edit(history, index, validate_message(unshield_markup(str(data.value))))
            turn = self.requests.open(_session_id(request))
            refusal = "" if turn else bilingual_notice("chat_busy", "note")
        except KorlmError as error:
            kept, turn, refusal = [], None, bilingual_notice(error)
        if turn is None:  # the page shows the edited words already: those before come back
            before = truncate_and_edit(history, index, unshield_markup(str(data.previous_value))) + history[index + 1 :]
            return [*_refused_updates(refusal), gr.skip(), before]
        return [*_accepted_updates(turn), gr.skip(), kept]

    def undo_message(self, chat: History | None) -> History:
        """Take the last message and its answer back."""
        return remove_last_turn(chat or [])

    def clear_columns(self, request: gr.Request, *places: int) -> list[Any]:
        """Empty columns, also where they are being answered: chats, panels."""
        self.requests.mark_cleared(_session_id(request), places)
        if len(places) == MAX_BOTS:
            self.requests.stop(_session_id(request))
        return [*([] for _ in places), *(render_explanation(place + 1) for place in places)]

    def stream_answers(
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
        session = _session_id(request)
        turn = self.requests.start(session, int(ticket or 0))
        if turn is None:
            yield _skip_updates(3 + 2 * MAX_BOTS)  # a generator that yields nothing empties its outputs
            return
        try:
            yield from self._stream_answers(session, turn, language, count, values)
        finally:
            self.requests.close(session, turn)

    def stop_answers(self, request: gr.Request, language: str, *chats: History | None) -> list[Any]:
        """End the answers: buttons, chats. One that has begun shows its own end."""
        turn = self.requests.stop(_session_id(request))
        if turn and turn.has_started:
            return [gr.skip(), gr.update(interactive=False), *_skip_updates(MAX_BOTS)]
        return [*_ready_buttons(), *_close_unanswered(chats, translate("chat_halted", language))]

    def show_failure(self, request: gr.Request, language: str, *chats: History | None) -> list[Any]:
        """Show that the request was lost (the queue is full, or the connection broke): note, buttons, chats."""
        session = _session_id(request)
        if turn := self.requests.stop(session):
            self.requests.close(session, turn)
        return [
            bilingual_notice(busy_error()),
            *_ready_buttons(),
            *_close_unanswered(chats, translate("chat_failed", language)),
        ]

    def _stream_answers(
        self, session: str, pending: PendingRequest, language: str, count: str, values: Sequence[Any]
    ) -> Iterator[list[Any]]:
        rest = [
            values[_NUM_DECODING_SETTINGS + MAX_BOTS * part : _NUM_DECODING_SETTINGS + MAX_BOTS * (part + 1)]
            for part in range(3)
        ]
        try:
            knobs = DecodingSettings.from_values(*values[:_NUM_DECODING_SETTINGS])
            columns = self._pending_answers(knobs, _num_open_columns(count), *rest)
        except KorlmError as error:
            self.requests.close(session, pending)
            closed = _close_unanswered(rest[2], translate("chat_failed", language))
            yield [bilingual_notice(error), *_ready_buttons(), *closed, *_skip_updates(MAX_BOTS)]
            return
        frames = AnswerFrames(columns, pending, language)
        due = 0.0
        for _ in answer_rounds(
            self.service, list(columns.values()), abstain=knobs.abstain, stopped=pending.stop_event.is_set
        ):
            if time.monotonic() >= due:
                yield [gr.skip(), gr.skip(), gr.skip(), *frames.next_updates()]
                due = time.monotonic() + CHAT_FRAME_SECONDS
        self.requests.close(session, pending)  # before the page may ask again
        yield [gr.skip(), *_ready_buttons(), *frames.final_updates()]

    def _pending_answers(
        self,
        settings: DecodingSettings,
        num_columns: int,
        bots: Sequence[str],
        decodings: Sequence[str],
        chats: Sequence[History | None],
    ) -> dict[int, PendingAnswer]:
        """Return a column for each conversation in which the person spoke last."""
        found: dict[int, PendingAnswer] = {}
        for place, (name, decoding, chat) in enumerate(zip(bots, decodings, chats, strict=True)):
            if place < num_columns and awaits_reply(chat or []):
                found[place] = PendingAnswer(
                    self.service.get_bot(name), decoding, generation_options(decoding, settings), list(chat or [])
                )
        return found


class AnswerFrames:
    """What changed in the columns since the last frame.

    Args:
        answers: by place, from 0.
        pending: tells which were emptied.
        language: of what the app says in a bubble.
    """

    def __init__(self, answers: dict[int, PendingAnswer], pending: PendingRequest, language: str) -> None:
        self._answers, self._pending, self._language = answers, pending, language
        self._last_shown: dict[int, tuple[Any, ...]] = {}

    def next_updates(self) -> list[Any]:
        """Return an update for each chat and then for each panel."""
        chats: list[Any] = _skip_updates(MAX_BOTS)
        panels: list[Any] = _skip_updates(MAX_BOTS)
        for place, column in self._answers.items():
            before = self._last_shown.get(place, ("", ""))
            now = (
                ("cleared", "") if place in self._pending.cleared_columns else (column.state, self._bubble_text(column))
            )
            self._last_shown[place] = now
            if now[0] == "cleared":
                chats[place], panels[place] = [], render_explanation(place + 1)
            elif now != before:
                chats[place] = add_bot_message(column.history, now[1], aside=not column.answer.text)
                panels[place] = render_explanation(place + 1, column) if now[0] != before[0] else gr.skip()
        return [*chats, *panels]

    def final_updates(self) -> list[Any]:
        """Return every chat and panel whole: who reads the last frame alone has the answer."""
        self._last_shown.clear()
        return self.next_updates()

    def _bubble_text(self, answer: PendingAnswer) -> str:
        if answer.answer.text or answer.is_busy:
            return answer.answer.text
        return translate("chat_halted" if answer.state == "stopped" else "chat_failed", self._language)


def _session_id(request: gr.Request) -> str:
    return str(request.session_hash or "")


def _num_open_columns(count: str) -> int:
    return int(count) if str(count) in ("1", "2", "3") else 1


def _skip_updates(count: int) -> list[Any]:
    return [gr.skip() for _ in range(count)]


def _accepted_updates(pending: PendingRequest) -> list[Any]:
    """Return an empty note, a page that waits, and its ticket."""
    return ["", gr.update(interactive=False), gr.update(interactive=True), pending.ticket]


def _refused_updates(note: str) -> list[Any]:
    # the page hides a note once its reader writes on: one that says the same again must be drawn again
    return [f"{note}<!-- {time.monotonic_ns()} -->" if note else "", *_skip_updates(3)]


def _ready_buttons() -> list[Any]:
    return [gr.update(interactive=True), gr.update(interactive=False)]


def _close_unanswered(chats: Sequence[History | None], notice: str) -> list[Any]:
    """Return the conversations, those without an answer closed by some words."""
    return [add_bot_message(chat, notice, aside=True) if chat and awaits_reply(chat) else gr.skip() for chat in chats]
