"""The chat tab (챗봇): one to three bots side by side, the message box, and explanations of the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from markupsafe import Markup

from korlm.app.chat.answered import AnsweredTurns
from korlm.app.chat.decoding_controls import DecodingControls, build_decoding_controls, decoding_choices
from korlm.app.chat.explanation_view import bot_name, render_explanation
from korlm.app.chat.handlers import ChatHandlers
from korlm.app.chat.service import BotInfo, ChatService
from korlm.app.limits import MAX_BOTS
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.strings.chat import CHAT_TEXTS
from korlm.app.strings.common import translate
from korlm.app.templating import render_template
from korlm.i18n import LANGUAGES

CHAT_QUEUE = "chat"  # the Gradio queue of the answers
CHAT_CONCURRENCY = 10  # visitors who are answered at the same time
# chat.js clears the box: a server that did would also delete what was typed since. It keeps the text until the server
# has accepted it.
_TAKE_MESSAGE = "(...values) => { window.korlmChat.takeMessage(values[0]); return values; }"
_SETTLE_MESSAGE = "(accepted) => window.korlmChat.settleMessage(accepted)"
_RESTORE_MESSAGE = "(text) => window.korlmChat.restoreMessage(text)"
# The default bot answers each with confidence, and its answers were read (dev/LOG.md).
EXAMPLE_MESSAGES = (
    "안녕하세요!", "넌 누구야?", "오늘 너무 피곤해요.", "저녁에 뭐 먹지?", "주말에 뭐 할까?", "친구랑 싸웠어요.", "LSTM이 뭐야?",
)  # fmt: skip


@dataclass(frozen=True)
class ChatColumn:
    """One conversation: its container with the choice of bot and decoding method, and the explanation below."""

    container: gr.Column
    bot: gr.Dropdown
    decoding: gr.Dropdown
    chat: gr.Chatbot
    explanation: gr.HTML


@dataclass(frozen=True)
class ChatTab:
    """The parts of the tab."""

    handlers: ChatHandlers  # the event handlers
    columns: list[ChatColumn]  # the conversations, `MAX_BOTS` of them
    count: gr.Radio  # number of open columns
    message_box: gr.Textbox  # the message to send
    note: gr.HTML  # why a message was refused
    send_button: gr.Button  # sends the message
    stop_button: gr.Button  # stops the answers
    accepted: gr.Checkbox  # whether the last message was accepted; invisible
    undone: gr.Textbox  # the text of the message that was undone last; invisible
    ticket: gr.Number  # of the last request; invisible
    turns: gr.State  # the `AnsweredTurns` of the session, which the handlers change in place
    decoding_controls: DecodingControls  # how bots generate
    language: gr.Radio  # the page's language switch

    @property
    def chats(self) -> list[Any]:
        """The conversation of each column."""
        return [column.chat for column in self.columns]

    @property
    def explanations(self) -> list[Any]:
        """The explanation of each column."""
        return [column.explanation for column in self.columns]

    @property
    def answer_event(self) -> dict[str, Any]:
        """Arguments of every event that lets bots answer."""
        choices = [*(column.bot for column in self.columns), *(column.decoding for column in self.columns)]
        settings = [self.ticket, self.language, self.count, *self.decoding_controls.components]
        return {
            "fn": self.handlers.stream_answers,
            "inputs": [*settings, *choices, *self.chats, self.turns],
            "outputs": [self.note, self.send_button, self.stop_button, *self.chats, *self.explanations],
            "show_progress": "hidden",
            "concurrency_id": CHAT_QUEUE,
            "concurrency_limit": CHAT_CONCURRENCY,
            "trigger_mode": "multiple",  # of several tickets only the last one is answered, once
            "api_name": "answer",
        }


def build_chat_tab(
    chat_service: ChatService, localized: LocalizedComponents, language: gr.Radio, script: str
) -> ChatTab:
    """Lay out the tab inside an open `gr.Tab` and bind its events.

    ``language`` is the page's switch; ``script`` is JavaScript of the tab (the Enter key, names of buttons).
    """
    bots = chat_service.list_bots()
    with gr.Column(elem_classes="kl-panel kl-chat"):
        localized.add(gr.HTML(js_on_load=None, elem_id="chat-about"), value=_render_about)
        count = gr.Radio(choices=_count_choices("ko"), value="1", elem_id="chat-count", container=False)
        localized.add(count, label="chat_count", choices=_count_choices)
        with gr.Row(elem_id="chat-room"):
            with gr.Column(elem_id="chat-left", min_width=280):
                with gr.Row(elem_id="chat-columns"):
                    parts = [_build_column(bots, localized, index) for index in range(MAX_BOTS)]
                message_box, send_button, stop_button, new_chat_button = _build_message_row(localized)
                note = gr.HTML("", js_on_load=None, elem_id="chat-note")
                samples = [[message] for message in EXAMPLE_MESSAGES]
                examples = gr.Dataset(components=[message_box], samples=samples, type="values", elem_id="chat-chips")
                localized.add(examples, label="chat_chips")
                controls = build_decoding_controls(localized)
            with gr.Row(elem_id="chat-whys"):
                explanations = [_build_explanation(index) for index in range(MAX_BOTS)]
        accepted, undone = gr.Checkbox(visible=False), gr.Textbox(visible=False)
        ticket = gr.Number(0, visible=False)
        turns = gr.State(AnsweredTurns())
        gr.HTML(_render_button_names(), js_on_load=script, elem_id="chat-names")
    columns = [ChatColumn(*part, explanation) for part, explanation in zip(parts, explanations, strict=True)]
    handlers = ChatHandlers(chat_service)
    tab = ChatTab(
        handlers, columns, count, message_box, note, send_button, stop_button, accepted, undone, ticket, turns, controls,
        language,
    )  # fmt: skip
    _bind_message_row(tab, examples, new_chat_button)
    for index in range(MAX_BOTS):
        _bind_column(tab, index)
    return tab


def bot_choices(bots: Sequence[BotInfo], language: str) -> list[tuple[str, str]]:
    """Return (label, name) of each bot; bots with equal labels have their names in the label, too."""
    labels = [bot_name(bot, language) for bot in bots]
    return [
        (f"{label} · {bot.name}" if labels.count(label) > 1 else label, bot.name)
        for label, bot in zip(labels, bots, strict=True)
    ]


def preselected_bots(bots: Sequence[BotInfo]) -> list[str]:
    """Return the names of the bots that are chosen at first: the best one, a trained one, and the earliest."""
    best, *earlier = [bot.name for bot in bots if not bot.is_trained]
    trained = [bot.name for bot in bots if bot.is_trained][:1]
    return [best, *trained, *earlier][:MAX_BOTS]


def _build_column(
    bots: list[BotInfo], localized: LocalizedComponents, index: int
) -> tuple[gr.Column, gr.Dropdown, gr.Dropdown, gr.Chatbot]:
    number, selected = index + 1, preselected_bots(bots)[index]
    with gr.Column(visible=index == 0, elem_classes="kl-talk", min_width=240) as container:
        with gr.Row(elem_classes="kl-with"):
            bot = gr.Dropdown(
                choices=bot_choices(bots, "ko"), value=selected, filterable=False, scale=2,
                min_width=120, elem_id=f"chat-bot-{number}",
            )  # fmt: skip
            decoding = gr.Dropdown(
                choices=decoding_choices("ko"), value="greedy", filterable=False, scale=1, min_width=80,
                elem_id=f"chat-decoding-{number}", visible=any(info.is_trained for info in bots if info.name == selected),
            )  # fmt: skip
        chat = gr.Chatbot(
            show_label=False, height=430, editable="user", buttons=["copy"], render_markdown=False, sanitize_html=True,
            allow_tags=False, latex_delimiters=[], group_consecutive_messages=False, elem_id=f"chat-{number}",
        )  # fmt: skip
    localized.add(bot, label=partial(translate, "chat_bot", number=number), choices=partial(bot_choices, bots))
    localized.add(decoding, label="chat_decoding", choices=decoding_choices)
    localized.add(chat, placeholder="chat_empty")
    return container, bot, decoding, chat


def _build_explanation(index: int) -> gr.HTML:
    html = render_explanation(index + 1)
    return gr.HTML(html, js_on_load=None, elem_id=f"chat-why-{index + 1}", visible=index == 0)


def _build_message_row(localized: LocalizedComponents) -> tuple[gr.Textbox, gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_classes="kl-ask kl-say"):
        message_box = gr.Textbox(
            lines=1, max_lines=6, elem_id="chat-text", scale=1, min_width=220, show_label=False, container=False
        )
        with gr.Row(elem_classes="kl-buttons"):
            send_button = gr.Button(variant="primary", elem_id="chat-send", min_width=84)
            stop_button = gr.Button(variant="secondary", elem_id="chat-stop", interactive=False, min_width=70)
            new_chat_button = gr.Button(variant="secondary", elem_id="chat-new", min_width=84)
    localized.add(message_box, label="chat_text", placeholder="chat_hint")
    for button, key in ((send_button, "send"), (stop_button, "chat_stop"), (new_chat_button, "chat_new")):
        localized.add(button, value=key)
    return message_box, send_button, stop_button, new_chat_button


def _bind_message_row(tab: ChatTab, examples: gr.Dataset, new_chat_button: gr.Button) -> None:
    inputs = [tab.count, *tab.chats]
    outputs = [tab.accepted, tab.note, tab.send_button, tab.stop_button, tab.ticket, *tab.chats]
    submitted = gr.on(
        [tab.send_button.click, tab.message_box.submit], tab.handlers.submit_message, [tab.message_box, *inputs], outputs,
        js=_TAKE_MESSAGE, api_name="ask", **UNQUEUED,
    )  # fmt: skip
    submitted.success(None, tab.accepted, None, js=_SETTLE_MESSAGE)
    submitted.failure(None, None, None, js=_SETTLE_MESSAGE)  # without a value: not accepted
    _bind_answering(tab, submitted)
    _bind_answering(tab, examples.click(tab.handlers.submit_example, [examples, *inputs], outputs[1:], **UNQUEUED))
    stop_outputs = [tab.send_button, tab.stop_button, *tab.chats]
    tab.stop_button.click(tab.handlers.stop_answers, [tab.language, *tab.chats], stop_outputs, **UNQUEUED)
    clear = _make_clear_handler(tab, *range(MAX_BOTS))
    cleared = new_chat_button.click(clear, tab.turns, [*tab.chats, *tab.explanations], **UNQUEUED)
    cleared.then(lambda: "", None, tab.note, **UNQUEUED)
    shown = [*(column.container for column in tab.columns), *tab.explanations]
    tab.count.input(_column_visibility, tab.count, shown, **UNQUEUED)


def _bind_column(tab: ChatTab, index: int) -> None:
    column, handlers = tab.columns[index], tab.handlers
    outputs = [tab.note, tab.send_button, tab.stop_button, tab.ticket, tab.decoding_controls.seed, column.chat]
    _bind_answering(tab, column.chat.retry(handlers.regenerate_answer, column.chat, outputs, **UNQUEUED))
    _bind_answering(tab, column.chat.edit(handlers.edit_message, column.chat, outputs, **UNQUEUED))

    def undo_message(chat: Any, turns: AnsweredTurns, request: gr.Request) -> list[Any]:
        return handlers.undo_message(request, index, chat, turns)

    def select_message(chat: Any, turns: AnsweredTurns, request: gr.Request, data: gr.SelectData) -> Any:
        return handlers.select_message(request, index, chat, turns, data.index)

    undo_outputs = [tab.undone, tab.note, column.chat, column.explanation]
    undone = column.chat.undo(undo_message, [column.chat, tab.turns], undo_outputs, **UNQUEUED)
    undone.success(None, tab.undone, None, js=_RESTORE_MESSAGE)
    column.chat.select(select_message, [column.chat, tab.turns], column.explanation, **UNQUEUED)
    column.chat.clear(_make_clear_handler(tab, index), tab.turns, [column.chat, column.explanation], **UNQUEUED)
    column.bot.input(
        lambda name: gr.update(visible=handlers.service.get_bot(name).is_trained), column.bot, column.decoding, **UNQUEUED
    )  # fmt: skip


def _bind_answering(tab: ChatTab, submitted: Any) -> None:
    """Let bots answer after an event."""
    outputs = [tab.note, tab.send_button, tab.stop_button, *tab.chats]
    answering = submitted.then(**tab.answer_event)
    answering.failure(tab.handlers.show_failure, [tab.language, *tab.chats], outputs, **UNQUEUED)


def _make_clear_handler(tab: ChatTab, *columns: int) -> Any:
    def clear(turns: AnsweredTurns, request: gr.Request) -> list[Any]:  # Gradio passes the request by its type
        return tab.handlers.clear_columns(request, turns, *columns)

    return clear


def _column_visibility(count: str) -> list[Any]:
    return [gr.update(visible=index < int(count)) for index in range(MAX_BOTS)] * 2


def _count_choices(language: str) -> list[tuple[str, str]]:
    return [(translate(f"count_{number}", language), str(number)) for number in range(1, MAX_BOTS + 1)]


def _render_about(language: str) -> str:
    return render_template("paragraph", language, key="chat_about")


def _render_button_names() -> str:
    """Return the labels that the script gives to the buttons of bubbles, in both languages."""
    keys = [key for key in CHAT_TEXTS if key.startswith("tool_")]
    names = {key: {language: translate(key, language) for language in LANGUAGES} for key in keys}
    return Markup('<div hidden data-names="{}"></div>').format(json.dumps(names, ensure_ascii=False))
