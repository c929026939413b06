"""The tab 챗봇: one to three bots side by side, what is said to them, and why they answered so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from korlm.language import LANGUAGES
from korlm.ui import decodings
from korlm.ui.chat_room import ChatRoom
from korlm.ui.chat_strings import TEXTS
from korlm.ui.limits import MAX_BOTS
from korlm.ui.said import Bot
from korlm.ui.strings import say
from korlm.ui.talk import Talk
from korlm.ui.why import bot_name, why_view
from korlm.ui.wording import Wording

ROOM = "chat"  # the queue of those who are answered
ROOM_SIZE = 10  # visitors who are answered at the same time, each bot a piece in turn
_OPENINGS = (
    "안녕하세요!", "오늘 너무 피곤해요.", "배고픈데 뭐 먹을까?", "비가 와서 기분이 우울해요.", "주말에 뭐 할까?", "넌 누구야?",
)  # fmt: skip
_QUICK: dict[str, Any] = {"show_progress": "hidden", "queue": False}


@dataclass(frozen=True)
class ChatColumn:
    """One conversation.

    Attributes:
        box: shown or not.
        bot: the choice of who.
        decoding: the choice of how.
        chat: what was said.
        why: the panel under it.
    """

    box: gr.Column
    bot: gr.Dropdown
    decoding: gr.Dropdown
    chat: gr.Chatbot
    why: gr.HTML


@dataclass(frozen=True)
class ChatTab:
    """The parts of the tab.

    Attributes:
        room: the handlers.
        columns: the conversations, `MAX_BOTS` of them.
        count: how many are open.
        text: the box.
        note: why a message was refused.
        send: sends.
        halt: ends.
        ticket: number of what was asked last; not shown.
        knobs: the controls of `korlm.ui.decodings`.
        language: the switch.
    """

    room: ChatRoom
    columns: list[ChatColumn]
    count: gr.Radio
    text: gr.Textbox
    note: gr.HTML
    send: gr.Button
    halt: gr.Button
    ticket: gr.Number
    knobs: list[Any]
    language: gr.Radio

    @property
    def chats(self) -> list[Any]:
        """The conversations."""
        return [column.chat for column in self.columns]

    @property
    def whys(self) -> list[Any]:
        """The panels."""
        return [column.why for column in self.columns]

    @property
    def answering(self) -> dict[str, Any]:
        """What every event that lets bots answer has in common."""
        choices = [*(column.bot for column in self.columns), *(column.decoding for column in self.columns)]
        return {
            "fn": self.room.answer,
            "inputs": [self.ticket, self.language, self.count, *self.knobs, *choices, *self.chats],
            "outputs": [self.note, self.send, self.halt, *self.chats, *self.whys],
            "show_progress": "hidden",
            "concurrency_id": ROOM,
            "concurrency_limit": ROOM_SIZE,
            "trigger_mode": "multiple",  # a ticket is answered once, and only the last one
            "api_name": "answer",
        }


def build(talk: Talk, wording: Wording, language: gr.Radio, script: str) -> ChatTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        talk: the bots.
        wording: where words are registered.
        language: the switch.
        script: JavaScript of the page's side (the Enter key, names of buttons).
    """
    with gr.Column(elem_classes="kl-panel kl-chat"):
        wording.add(gr.HTML(js_on_load=None, elem_id="chat-about"), value=_about)
        count = gr.Radio(choices=_counts("ko"), value="1", elem_id="chat-count", container=False)
        wording.add(count, label="chat_count", choices=_counts)
        with gr.Row(elem_id="chat-room"):
            with gr.Column(elem_id="chat-left", min_width=280):
                with gr.Row(elem_id="chat-columns"):
                    parts = [_column(talk.bots(), wording, place) for place in range(MAX_BOTS)]
                text, send, halt, fresh = _asking(wording)
                note = gr.HTML("", js_on_load=None, elem_id="chat-note")
                chips = gr.Dataset(
                    components=[text], samples=[[opening] for opening in _OPENINGS], type="values", elem_id="chat-chips"
                )
                wording.add(chips, label="chat_chips")
                knobs = decodings.build(wording)
            with gr.Row(elem_id="chat-whys"):
                whys = [
                    gr.HTML(why_view(place + 1), js_on_load=None, elem_id=f"chat-why-{place + 1}", visible=not place)
                    for place in range(MAX_BOTS)
                ]
        ticket = gr.Number(0, visible=False)
        gr.HTML(_names(), js_on_load=script, elem_id="chat-names")
    columns = [ChatColumn(*part, why) for part, why in zip(parts, whys, strict=True)]
    tab = ChatTab(ChatRoom(talk), columns, count, text, note, send, halt, ticket, knobs, language)
    _bind_asking(tab, chips, fresh)
    for place in range(MAX_BOTS):
        _bind_column(tab, place)
    return tab


def bot_choices(bots: Sequence[Bot], language: str) -> list[tuple[str, str]]:
    """Return the bots as choices: words and names; where two would be called the same, their names too."""
    called = [bot_name(bot, language) for bot in bots]
    return [
        (f"{words} · {bot.name}" if called.count(words) > 1 else words, bot.name)
        for words, bot in zip(called, bots, strict=True)
    ]


def preselected(bots: Sequence[Bot]) -> list[str]:
    """Return who answers at first: bots that learnt, and last ELIZA."""
    learnt = [bot.name for bot in bots if bot.learnt][: MAX_BOTS - 1]
    others = [bot.name for bot in bots if not bot.learnt]
    return [*learnt, *others, *others][:MAX_BOTS]


def _column(bots: list[Bot], wording: Wording, place: int) -> tuple[gr.Column, gr.Dropdown, gr.Dropdown, gr.Chatbot]:
    number, first = place + 1, preselected(bots)[place]
    with gr.Column(visible=not place, elem_classes="kl-talk", min_width=240) as box:
        with gr.Row(elem_classes="kl-with"):
            bot = gr.Dropdown(
                choices=bot_choices(bots, "ko"), value=first, filterable=False, scale=2,
                min_width=120, elem_id=f"chat-bot-{number}",
            )  # fmt: skip
            decoding = gr.Dropdown(
                choices=decodings.choices("ko"), value="greedy", filterable=False, scale=1, min_width=80,
                elem_id=f"chat-decoding-{number}", visible=any(one.learnt for one in bots if one.name == first),
            )  # fmt: skip
        chat = gr.Chatbot(
            show_label=False, height=430, editable="user", buttons=["copy"], render_markdown=False, sanitize_html=True,
            allow_tags=False, latex_delimiters=[], group_consecutive_messages=False, elem_id=f"chat-{number}",
        )  # fmt: skip
    wording.add(
        bot, label=lambda spoken: say("chat_bot", spoken, number=number), choices=partial(bot_choices, bots)
    )  # fmt: skip
    wording.add(decoding, label="chat_decoding", choices=decodings.choices)
    wording.add(chat, placeholder="chat_empty")
    return box, bot, decoding, chat


def _asking(wording: Wording) -> tuple[gr.Textbox, gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_classes="kl-ask kl-say"):
        text = gr.Textbox(
            lines=1, max_lines=6, elem_id="chat-text", scale=1, min_width=220, show_label=False, container=False
        )
        with gr.Row(elem_classes="kl-buttons"):
            send = gr.Button(variant="primary", elem_id="chat-send", min_width=84)
            halt = gr.Button(variant="secondary", elem_id="chat-stop", interactive=False, min_width=70)
            fresh = gr.Button(variant="secondary", elem_id="chat-new", min_width=84)
    wording.add(text, label="chat_text", placeholder="chat_hint")
    for button, key in ((send, "send"), (halt, "chat_stop"), (fresh, "chat_new")):
        wording.add(button, value=key)
    return text, send, halt, fresh


def _bind_asking(tab: ChatTab, chips: gr.Dataset, fresh: gr.Button) -> None:
    given = [tab.count, *tab.chats]
    shown = [tab.text, tab.note, tab.send, tab.halt, tab.ticket, *tab.chats]
    asked = gr.on(
        [tab.send.click, tab.text.submit], tab.room.ask, [tab.text, *given], shown, api_name="ask", **_QUICK
    )  # fmt: skip
    _answer(tab, asked)
    _answer(tab, chips.click(tab.room.ask_sample, [chips, *given], shown, **_QUICK))
    tab.halt.click(tab.room.stop, [tab.language, *tab.chats], [tab.send, tab.halt, *tab.chats], **_QUICK)
    fresh.click(_cleared(tab, *range(MAX_BOTS)), None, [*tab.chats, *tab.whys], **_QUICK).then(
        lambda: "", None, tab.note, **_QUICK
    )
    boxes = [*(column.box for column in tab.columns), *tab.whys]
    tab.count.input(_visible, tab.count, boxes, **_QUICK)


def _bind_column(tab: ChatTab, place: int) -> None:
    column = tab.columns[place]
    begun = [tab.note, tab.send, tab.halt, tab.ticket, tab.knobs[-1], column.chat]
    _answer(tab, column.chat.retry(tab.room.again, column.chat, begun, **_QUICK))
    _answer(tab, column.chat.edit(tab.room.edit, column.chat, begun, **_QUICK))
    column.chat.undo(tab.room.undo, column.chat, column.chat, **_QUICK)
    column.chat.clear(_cleared(tab, place), None, [column.chat, column.why], **_QUICK)
    column.bot.input(
        lambda name: gr.update(visible=tab.room.talk.bot(name).learnt), column.bot, column.decoding, **_QUICK
    )
    column.chat.like(None, None, None, js="() => {}")  # shown in the page, told to nobody


def _answer(tab: ChatTab, begun: Any) -> None:
    """Let bots answer once something was asked."""
    running = begun.then(**tab.answering)
    running.failure(tab.room.fail, [tab.language, *tab.chats], [tab.note, tab.send, tab.halt, *tab.chats], **_QUICK)


def _cleared(tab: ChatTab, *places: int) -> Any:
    def clear(request: gr.Request) -> list[Any]:
        return tab.room.clear(request, *places)

    return clear


def _visible(count: str) -> list[Any]:
    return [gr.update(visible=place < int(count)) for place in range(MAX_BOTS)] * 2


def _counts(language: str) -> list[tuple[str, str]]:
    return [(say(f"count_{number}", language), str(number)) for number in range(1, MAX_BOTS + 1)]


def _about(language: str) -> str:
    return f'<p class="kl kl-said">{escape(say("chat_about", language))}</p>'


def _names() -> str:
    """Return what the script calls the buttons of bubbles, in both languages."""
    names = {key: {language: say(key, language) for language in LANGUAGES} for key in TEXTS if key.startswith("tool_")}
    return f'<div hidden data-names="{escape(json.dumps(names, ensure_ascii=False))}"></div>'
