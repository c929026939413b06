"""The tab 챗봇: one to three bots side by side, what is said to them, and why they answered so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from korlm.app.chat import decoding_controls as decodings
from korlm.app.chat.explanation_view import bot_name, render_explanation
from korlm.app.chat.handlers import ChatHandlers
from korlm.app.chat.service import BotInfo, ChatService
from korlm.app.limits import MAX_BOTS
from korlm.app.localize import LocalizedComponents
from korlm.app.strings.chat import CHAT_TEXTS
from korlm.app.strings.common import translate
from korlm.i18n import LANGUAGES

CHAT_QUEUE = "chat"  # the queue of those who are answered
CHAT_CONCURRENCY = 10  # visitors who are answered at the same time, each bot a piece in turn
_EXAMPLE_MESSAGES = (
    "안녕하세요!", "오늘 너무 피곤해요.", "배고픈데 뭐 먹을까?", "비가 와서 기분이 우울해요.", "주말에 뭐 할까?", "넌 누구야?",
)  # fmt: skip
_UNQUEUED: dict[str, Any] = {"show_progress": "hidden", "queue": False}


@dataclass(frozen=True)
class ChatColumn:
    """One conversation.

    Attributes:
        container: shown or not.
        bot: the choice of who.
        decoding: the choice of how.
        chat: what was said.
        explanation: the panel under it.
    """

    container: gr.Column
    bot: gr.Dropdown
    decoding: gr.Dropdown
    chat: gr.Chatbot
    explanation: gr.HTML


@dataclass(frozen=True)
class ChatTab:
    """The parts of the tab.

    Attributes:
        handlers: the handlers.
        columns: the conversations, `MAX_BOTS` of them.
        count: how many are open.
        message_box: the box.
        note: why a message was refused.
        send_button: sends.
        stop_button: ends.
        ticket: number of what was asked last; not shown.
        decoding_controls: the controls of `korlm.app.chat.decoding_controls`.
        language: the switch.
    """

    handlers: ChatHandlers
    columns: list[ChatColumn]
    count: gr.Radio
    message_box: gr.Textbox
    note: gr.HTML
    send_button: gr.Button
    stop_button: gr.Button
    ticket: gr.Number
    decoding_controls: list[Any]
    language: gr.Radio

    @property
    def chats(self) -> list[Any]:
        """The conversations."""
        return [column.chat for column in self.columns]

    @property
    def explanations(self) -> list[Any]:
        """The panels."""
        return [column.explanation for column in self.columns]

    @property
    def answer_event(self) -> dict[str, Any]:
        """What every event that lets bots answer has in common."""
        choices = [*(column.bot for column in self.columns), *(column.decoding for column in self.columns)]
        return {
            "fn": self.handlers.stream_answers,
            "inputs": [self.ticket, self.language, self.count, *self.decoding_controls, *choices, *self.chats],
            "outputs": [self.note, self.send_button, self.stop_button, *self.chats, *self.explanations],
            "show_progress": "hidden",
            "concurrency_id": CHAT_QUEUE,
            "concurrency_limit": CHAT_CONCURRENCY,
            "trigger_mode": "multiple",  # a ticket is answered once, and only the last one
            "api_name": "answer",
        }


def build_chat_tab(
    chat_service: ChatService, localized: LocalizedComponents, language: gr.Radio, script: str
) -> ChatTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        chat_service: the bots.
        localized: where words are registered.
        language: the switch.
        script: JavaScript of the page's side (the Enter key, names of buttons).
    """
    with gr.Column(elem_classes="kl-panel kl-chat"):
        localized.add(gr.HTML(js_on_load=None, elem_id="chat-about"), value=_render_about)
        count = gr.Radio(choices=_count_choices("ko"), value="1", elem_id="chat-count", container=False)
        localized.add(count, label="chat_count", choices=_count_choices)
        with gr.Row(elem_id="chat-room"):
            with gr.Column(elem_id="chat-left", min_width=280):
                with gr.Row(elem_id="chat-columns"):
                    parts = [_build_column(chat_service.list_bots(), localized, place) for place in range(MAX_BOTS)]
                text, send, halt, fresh = _build_message_row(localized)
                note = gr.HTML("", js_on_load=None, elem_id="chat-note")
                chips = gr.Dataset(
                    components=[text],
                    samples=[[opening] for opening in _EXAMPLE_MESSAGES],
                    type="values",
                    elem_id="chat-chips",
                )
                localized.add(chips, label="chat_chips")
                knobs = decodings.build_decoding_controls(localized)
            with gr.Row(elem_id="chat-whys"):
                whys = [
                    gr.HTML(
                        render_explanation(place + 1),
                        js_on_load=None,
                        elem_id=f"chat-why-{place + 1}",
                        visible=not place,
                    )
                    for place in range(MAX_BOTS)
                ]
        ticket = gr.Number(0, visible=False)
        gr.HTML(_render_button_names(), js_on_load=script, elem_id="chat-names")
    columns = [ChatColumn(*part, why) for part, why in zip(parts, whys, strict=True)]
    tab = ChatTab(ChatHandlers(chat_service), columns, count, text, note, send, halt, ticket, knobs, language)
    _bind_message_row(tab, chips, fresh)
    for place in range(MAX_BOTS):
        _bind_column(tab, place)
    return tab


def bot_choices(bots: Sequence[BotInfo], language: str) -> list[tuple[str, str]]:
    """Return the bots as choices: words and names; where two would be called the same, their names too."""
    called = [bot_name(bot, language) for bot in bots]
    return [
        (f"{words} · {bot.name}" if called.count(words) > 1 else words, bot.name)
        for words, bot in zip(called, bots, strict=True)
    ]


def preselected_bots(bots: Sequence[BotInfo]) -> list[str]:
    """Return who answers at first: bots that learnt, and last ELIZA."""
    learnt = [bot.name for bot in bots if bot.is_trained][: MAX_BOTS - 1]
    others = [bot.name for bot in bots if not bot.is_trained]
    return [*learnt, *others, *others][:MAX_BOTS]


def _build_column(
    bots: list[BotInfo], localized: LocalizedComponents, place: int
) -> tuple[gr.Column, gr.Dropdown, gr.Dropdown, gr.Chatbot]:
    number, first = place + 1, preselected_bots(bots)[place]
    with gr.Column(visible=not place, elem_classes="kl-talk", min_width=240) as box:
        with gr.Row(elem_classes="kl-with"):
            bot = gr.Dropdown(
                choices=bot_choices(bots, "ko"), value=first, filterable=False, scale=2,
                min_width=120, elem_id=f"chat-bot-{number}",
            )  # fmt: skip
            decoding = gr.Dropdown(
                choices=decodings.decoding_choices("ko"), value="greedy", filterable=False, scale=1, min_width=80,
                elem_id=f"chat-decoding-{number}", visible=any(one.is_trained for one in bots if one.name == first),
            )  # fmt: skip
        chat = gr.Chatbot(
            show_label=False, height=430, editable="user", buttons=["copy"], render_markdown=False, sanitize_html=True,
            allow_tags=False, latex_delimiters=[], group_consecutive_messages=False, elem_id=f"chat-{number}",
        )  # fmt: skip
    localized.add(
        bot, label=lambda spoken: translate("chat_bot", spoken, number=number), choices=partial(bot_choices, bots)
    )  # fmt: skip
    localized.add(decoding, label="chat_decoding", choices=decodings.decoding_choices)
    localized.add(chat, placeholder="chat_empty")
    return box, bot, decoding, chat


def _build_message_row(localized: LocalizedComponents) -> tuple[gr.Textbox, gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_classes="kl-ask kl-say"):
        text = gr.Textbox(
            lines=1, max_lines=6, elem_id="chat-text", scale=1, min_width=220, show_label=False, container=False
        )
        with gr.Row(elem_classes="kl-buttons"):
            send = gr.Button(variant="primary", elem_id="chat-send", min_width=84)
            halt = gr.Button(variant="secondary", elem_id="chat-stop", interactive=False, min_width=70)
            fresh = gr.Button(variant="secondary", elem_id="chat-new", min_width=84)
    localized.add(text, label="chat_text", placeholder="chat_hint")
    for button, key in ((send, "send"), (halt, "chat_stop"), (fresh, "chat_new")):
        localized.add(button, value=key)
    return text, send, halt, fresh


def _bind_message_row(tab: ChatTab, examples: gr.Dataset, new_chat_button: gr.Button) -> None:
    given = [tab.count, *tab.chats]
    shown = [tab.message_box, tab.note, tab.send_button, tab.stop_button, tab.ticket, *tab.chats]
    asked = gr.on(
        [tab.send_button.click, tab.message_box.submit], tab.handlers.submit_message, [tab.message_box, *given], shown, api_name="ask", **_UNQUEUED
    )  # fmt: skip
    _bind_answering(tab, asked)
    _bind_answering(tab, examples.click(tab.handlers.submit_example, [examples, *given], shown, **_UNQUEUED))
    tab.stop_button.click(
        tab.handlers.stop_answers,
        [tab.language, *tab.chats],
        [tab.send_button, tab.stop_button, *tab.chats],
        **_UNQUEUED,
    )
    new_chat_button.click(
        _make_clear_handler(tab, *range(MAX_BOTS)), None, [*tab.chats, *tab.explanations], **_UNQUEUED
    ).then(lambda: "", None, tab.note, **_UNQUEUED)
    boxes = [*(column.container for column in tab.columns), *tab.explanations]
    tab.count.input(_column_visibility, tab.count, boxes, **_UNQUEUED)


def _bind_column(tab: ChatTab, place: int) -> None:
    column = tab.columns[place]
    begun = [tab.note, tab.send_button, tab.stop_button, tab.ticket, tab.decoding_controls[-1], column.chat]
    _bind_answering(tab, column.chat.retry(tab.handlers.regenerate_answer, column.chat, begun, **_UNQUEUED))
    _bind_answering(tab, column.chat.edit(tab.handlers.edit_message, column.chat, begun, **_UNQUEUED))
    column.chat.undo(tab.handlers.undo_message, column.chat, column.chat, **_UNQUEUED)
    column.chat.clear(_make_clear_handler(tab, place), None, [column.chat, column.explanation], **_UNQUEUED)
    column.bot.input(
        lambda name: gr.update(visible=tab.handlers.service.get_bot(name).is_trained),
        column.bot,
        column.decoding,
        **_UNQUEUED,
    )
    column.chat.like(None, None, None, js="() => {}")  # shown in the page, told to nobody


def _bind_answering(tab: ChatTab, event: Any) -> None:
    """Let bots answer once something was asked."""
    running = event.then(**tab.answer_event)
    running.failure(
        tab.handlers.show_failure,
        [tab.language, *tab.chats],
        [tab.note, tab.send_button, tab.stop_button, *tab.chats],
        **_UNQUEUED,
    )


def _make_clear_handler(tab: ChatTab, *places: int) -> Any:
    def clear(request: gr.Request) -> list[Any]:
        return tab.handlers.clear_columns(request, *places)

    return clear


def _column_visibility(count: str) -> list[Any]:
    return [gr.update(visible=place < int(count)) for place in range(MAX_BOTS)] * 2


def _count_choices(language: str) -> list[tuple[str, str]]:
    return [(translate(f"count_{number}", language), str(number)) for number in range(1, MAX_BOTS + 1)]


def _render_about(language: str) -> str:
    return f'<p class="kl kl-said">{escape(translate("chat_about", language))}</p>'


def _render_button_names() -> str:
    """Return what the script calls the buttons of bubbles, in both languages."""
    names = {
        key: {language: translate(key, language) for language in LANGUAGES}
        for key in CHAT_TEXTS
        if key.startswith("tool_")
    }
    return f'<div hidden data-names="{escape(json.dumps(names, ensure_ascii=False))}"></div>'
