"""Event handlers of the chat tab: send a message, stream the answers, stop, retry, edit, undo and clear.

>>> handlers = ChatHandlers(ChatService())
>>> chat = add_bot_message(add_user_message([], "안녕?"), "네.")
>>> "kl-empty" in handlers.explain_message(0, chat, AnsweredTurns(), 1)
True

A press has two parts: the message is shown at once and gets a ticket, and the answers to that ticket go through the queue.
The page owns the conversations: they come with a request, return with the answer, and are not kept here. What is needed
to explain the answers is kept in the session, as `AnsweredTurns`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, NamedTuple

import gradio as gr

from korlm.app.chat.answered import AnsweredTurns
from korlm.app.chat.decoding_controls import DecodingSettings, generation_options
from korlm.app.chat.explanation_view import (
    render_answer_label,
    render_explanation,
    render_missing_explanation,
    render_safety_card,
)
from korlm.app.chat.history import (
    History,
    add_bot_message,
    add_user_message,
    answer_index,
    answer_number,
    awaits_reply,
    last_question,
    remove_last_turn,
    truncate_and_edit,
    unshield_markup,
    until_last_question,
)
from korlm.app.chat.pending import PendingAnswer, PendingRequest, PendingRequests, answer_rounds
from korlm.app.chat.service import ChatService
from korlm.app.generate.sampling_controls import new_seed
from korlm.app.limits import MAX_BOTS, busy_error, validate_message
from korlm.app.round_robin import limit_frame_rate
from korlm.app.strings.common import translate
from korlm.app.templating import render_bilingual_notice
from korlm.errors import KorlmError

CHAT_FRAME_SECONDS = 0.08  # between two frames: ten visitors at once need all the frames that two cores can render


class AnswerInputs(NamedTuple):
    """The values that bots answer from; bots, decodings and chats have an item a column."""

    settings: Sequence[Any]
    bots: Sequence[str]
    decodings: Sequence[str]
    chats: Sequence[History | None]
    turns: AnsweredTurns

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> AnswerInputs:
        """Split the values of a Gradio event, which come in a row."""
        remaining = iter(values)
        sizes = (len(fields(DecodingSettings)), MAX_BOTS, MAX_BOTS, MAX_BOTS)
        settings, bots, decodings, chats = (tuple(islice(remaining, size)) for size in sizes)
        return cls(settings, bots, decodings, chats, next(remaining))


class ChatHandlers:
    """The handlers of the tab. They share which pages are being answered, and nothing else."""

    def __init__(self, chat_service: ChatService) -> None:
        self.service = chat_service
        self.requests = PendingRequests()

    def submit_message(self, request: gr.Request, text: str | None, count: str, *chats: History | None) -> list[Any]:
        """Show a message in all open columns: whether it was accepted, note, buttons, ticket, chats.

        The page has emptied the box before, and puts back what was not accepted.
        """
        try:
            message = validate_message(text or "")
        except KorlmError as error:
            return [False, *_refused_updates(error), *_skip_updates(MAX_BOTS)]
        pending = self.requests.open(_session_id(request))
        if pending is None:
            return [False, *_refused_updates("chat_busy"), *_skip_updates(MAX_BOTS)]
        num_columns = _num_open_columns(count)
        histories = [
            add_user_message(chat or [], message) if column < num_columns else gr.skip()
            for column, chat in enumerate(chats)
        ]
        return [True, *_accepted_updates(pending), *histories]

    def submit_example(
        self, request: gr.Request, sample: Sequence[str], count: str, *chats: History | None
    ) -> list[Any]:
        """Show an example message, as `submit_message`; the text in the box stays."""
        return self.submit_message(request, sample[0] if sample else "", count, *chats)[1:]

    def regenerate_answer(self, request: gr.Request, chat: History | None) -> list[Any]:
        """Remove an answer so that it is generated again: note, buttons, ticket, seed, chat."""
        kept = until_last_question(chat or [])
        pending = self.requests.open(_session_id(request)) if kept else None
        if pending is None:
            return [*_refused_updates("chat_busy" if kept else ""), *_skip_updates(2)]
        return [*_accepted_updates(pending), new_seed(), kept]

    def edit_message(self, request: gr.Request, chat: History | None, data: gr.EditData) -> list[Any]:
        """Continue from an edited message: note, buttons, ticket, seed, chat."""
        history = list(chat or [])
        index = data.index if isinstance(data.index, int) else data.index[0]
        refusal: str | KorlmError = "chat_busy"
        try:
            kept = truncate_and_edit(history, index, validate_message(unshield_markup(str(data.value))))
            pending = self.requests.open(_session_id(request))
        except KorlmError as error:
            kept, pending, refusal = [], None, error
        if pending is None:  # the page shows the edited text already: restore the one before
            before = truncate_and_edit(history, index, unshield_markup(str(data.previous_value)))
            return [*_refused_updates(refusal), gr.skip(), before + history[index + 1 :]]
        return [*_accepted_updates(pending), gr.skip(), kept]

    def undo_message(self, request: gr.Request, column: int, chat: History | None, turns: AnsweredTurns) -> list[Any]:
        """Remove the last message and its answer: its text, note, chat, and the explanation of the answer before."""
        if self.requests.is_open(_session_id(request)):
            return ["", _refused_updates("chat_busy")[0], *_skip_updates(2)]
        kept = remove_last_turn(chat or [])
        turns.keep_only(column, kept)
        return [last_question(chat or []), "", kept, self.explain_message(column, kept, turns)]

    def select_message(
        self, request: gr.Request, column: int, chat: History | None, turns: AnsweredTurns, index: Any
    ) -> Any:
        """Explain the answer at a message that the visitor chose, or to it; nothing if it is not complete."""
        position = index if isinstance(index, int) else index[0]
        if turns.find(column, chat or [], position) is None and self.requests.is_open(_session_id(request)):
            return gr.skip()
        return self.explain_message(column, chat, turns, position)

    def explain_message(self, column: int, chat: History | None, turns: AnsweredTurns, index: int = -1) -> str:
        """Return the explanation of the answer at a message, or to it."""
        history = list(chat or [])
        position = answer_index(history, index)
        if position is None:
            return render_explanation(column + 1)
        answer = turns.find(column, history, position)
        if answer is None:
            return render_missing_explanation(answer_number(history, position))
        return render_explanation(column + 1, answer, answer_number(history, position))

    def clear_columns(self, request: gr.Request, turns: AnsweredTurns, *columns: int) -> list[Any]:
        """Empty columns, even while they are being answered: chats, explanations."""
        self.requests.mark_cleared(_session_id(request), columns)
        for column in columns:
            turns.keep_only(column, [])
        if len(columns) == MAX_BOTS:
            self.requests.stop(_session_id(request))
        return [*([] for _ in columns), *(render_explanation(column + 1) for column in columns)]

    def stream_answers(
        self, request: gr.Request, ticket: float | None, language: str, count: str, *values: Any
    ) -> Iterator[list[Any]]:
        """Yield updates while bots answer: note, buttons, chats, explanations.

        Args:
            request: identifies the page.
            ticket: from `submit_message`.
            language: the visitor's language.
            count: number of open columns.
            values: see `AnswerInputs`.
        """
        session = _session_id(request)
        pending = self.requests.start(session, int(ticket or 0))
        if pending is None:
            yield _skip_updates(3 + 2 * MAX_BOTS)  # a generator that yields nothing empties its outputs
            return
        try:
            yield from self._stream_answers(session, pending, language, count, AnswerInputs.from_values(values))
        finally:
            self.requests.close(session, pending)

    def stop_answers(self, request: gr.Request, language: str, *chats: History | None) -> list[Any]:
        """Stop the answers: buttons, chats. If the bots have started, their own last frame shows the end."""
        pending = self.requests.stop(_session_id(request))
        if pending and pending.has_started:
            return [gr.skip(), gr.update(interactive=False), *_skip_updates(MAX_BOTS)]
        return [*_ready_buttons(), *_close_unanswered(chats, translate("chat_stopped", language))]

    def show_failure(self, request: gr.Request, language: str, *chats: History | None) -> list[Any]:
        """Show that the queue was full or the connection was lost: note, buttons, chats."""
        session = _session_id(request)
        if pending := self.requests.stop(session):
            self.requests.close(session, pending)
        closed = _close_unanswered(chats, translate("chat_failed", language))
        return [render_bilingual_notice(busy_error()), *_ready_buttons(), *closed]

    def _stream_answers(
        self, session: str, pending: PendingRequest, language: str, count: str, inputs: AnswerInputs
    ) -> Iterator[list[Any]]:
        try:
            settings = DecodingSettings.from_values(*inputs.settings)
            answers = self._pending_answers(settings, _num_open_columns(count), inputs)
        except KorlmError as error:
            self.requests.close(session, pending)
            closed = _close_unanswered(inputs.chats, translate("chat_failed", language))
            yield [render_bilingual_notice(error), *_ready_buttons(), *closed, *_skip_updates(MAX_BOTS)]
            return
        frames = AnswerFrames(answers, pending, language)
        rounds = answer_rounds(
            self.service, list(answers.values()), abstain=settings.abstain, stopped=pending.stop_event.is_set
        )
        for _ in limit_frame_rate(rounds, lambda: CHAT_FRAME_SECONDS):
            yield [*_skip_updates(3), *frames.next_updates()]
        for column, answer in answers.items():
            if column not in pending.cleared_columns:
                inputs.turns.keep_only(column, answer.history)
                inputs.turns.add(column, frames.answer_key(column), answer)
        self.requests.close(session, pending)  # before the page can ask again
        yield [_safety_note(answers.values()), *_ready_buttons(), *frames.final_updates()]

    def _pending_answers(
        self, settings: DecodingSettings, num_columns: int, inputs: AnswerInputs
    ) -> dict[int, PendingAnswer]:
        """Return an answer to fill for each open column whose last message is the visitor's."""
        columns = list(zip(inputs.bots, inputs.decodings, inputs.chats, strict=True))[:num_columns]
        return {
            column: PendingAnswer(
                self.service.get_bot(bot), decoding, generation_options(decoding, settings), list(chat or [])
            )
            for column, (bot, decoding, chat) in enumerate(columns)
            if awaits_reply(chat or [])
        }


class AnswerFrames:
    """The updates of the columns that changed since the last frame.

    Args:
        answers: by column, from 0.
        pending: the request, which knows the columns that were cleared.
        language: language of the app's own bubbles.
    """

    def __init__(self, answers: dict[int, PendingAnswer], pending: PendingRequest, language: str) -> None:
        self._answers, self._pending, self._language = answers, pending, language
        self._last_shown: dict[int, tuple[str, str]] = {}  # state and text

    def answer_key(self, column: int) -> str:
        """Return the key of a column's answer: no other answer of the server has it."""
        return f"{self._pending.ticket}-{column}"

    def next_updates(self) -> list[Any]:
        """Return an update for each chat and then for each explanation."""
        chats: list[Any] = _skip_updates(MAX_BOTS)
        explanations: list[Any] = _skip_updates(MAX_BOTS)
        for column, answer in self._answers.items():
            old_state, old_text = self._last_shown.get(column, ("", ""))
            if column in self._pending.cleared_columns:
                self._last_shown[column] = ("cleared", "")
                chats[column], explanations[column] = [], render_explanation(column + 1)
                continue
            state, text = self._last_shown[column] = (answer.state, self._bubble_text(answer))
            if (state, text) != (old_state, old_text):
                is_aside = not answer.text or answer.is_crisis
                chats[column] = add_bot_message(
                    answer.history, text, aside=is_aside, key=self.answer_key(column), label=render_answer_label(answer)
                )
            if state != old_state:
                number = answer_number(answer.history, len(answer.history))
                explanations[column] = render_explanation(column + 1, answer, number)
        return [*chats, *explanations]

    def final_updates(self) -> list[Any]:
        """Return every chat and explanation: a reader of the last frame alone has the whole answer."""
        self._last_shown.clear()
        return self.next_updates()

    def _bubble_text(self, answer: PendingAnswer) -> str:
        if answer.text or answer.is_busy:
            return answer.text
        return translate("chat_stopped" if answer.state == "stopped" else "chat_failed", self._language)


def _safety_note(answers: Iterable[PendingAnswer]) -> Any:
    """Return the safety card if the guard answered; all bots got the same message."""
    cards = [answer.answer.safety_card for answer in answers if answer.answer and answer.answer.safety_card]
    return render_safety_card(cards[0]) if cards else gr.skip()


def _session_id(request: gr.Request) -> str:
    return str(request.session_hash or "")


def _num_open_columns(count: str) -> int:
    return int(count) if str(count) in ("1", "2", "3") else 1


def _skip_updates(count: int) -> list[Any]:
    return [gr.skip() for _ in range(count)]


def _accepted_updates(pending: PendingRequest) -> list[Any]:
    """Return an empty note, the buttons of a page that waits, and its ticket."""
    return ["", gr.update(interactive=False), gr.update(interactive=True), pending.ticket]


def _refused_updates(reason: str | KorlmError) -> list[Any]:
    """Return a note (an error, or the key of a text), and no update of the buttons and the ticket."""
    if not reason:
        return ["", *_skip_updates(3)]
    note = render_bilingual_notice(reason, "error" if isinstance(reason, KorlmError) else "note")
    # the page hides a note once its reader goes on typing: the same note must differ to be shown again
    return [f"{note}<!-- {time.monotonic_ns()} -->", *_skip_updates(3)]


def _ready_buttons() -> list[Any]:
    return [gr.update(interactive=True), gr.update(interactive=False)]


def _close_unanswered(chats: Sequence[History | None], notice: str) -> list[Any]:
    """Answer the unanswered conversations with a text of the app."""
    return [add_bot_message(chat, notice, aside=True) if chat and awaits_reply(chat) else gr.skip() for chat in chats]
