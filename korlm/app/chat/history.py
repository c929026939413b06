"""Pure functions on a conversation as the page holds it: messages of `gr.Chatbot`.

The page sends the conversation with every request and the server forgets it. It is input of a visitor: nothing in it is trusted.

>>> history = add_user_message([], "안녕?")
>>> awaits_reply(history), awaits_reply(add_bot_message(history, "반가워요."))
(True, False)
>>> earlier_turns(add_user_message(add_bot_message(history, "반가워요."), "뭐 해요?"))
['안녕?', '반가워요.']
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from korlm.app.limits import MAX_MESSAGE

Message = dict[str, Any]
History = list[Message]
_WORD_JOINER = "\u2060"  # invisible; after < and & it keeps a bubble, which takes its text for HTML, from reading a tag
_MARKUP, _SHIELDED = re.compile("([<&])(?!\u2060)"), re.compile("([<&])\u2060")
_LABEL_START, _LABEL_END = '<span class="kl-label">', "</span>"
_ASIDE_MARK = "aside"  # marks a bubble with a text of the app


def add_user_message(history: Sequence[Message], text: str) -> History:
    """Append a message of the visitor."""
    return [*history, _make_message("user", text)]


def add_bot_message(
    history: Sequence[Message], text: str, *, aside: bool = False, key: str = "", label: str | Markup = ""
) -> History:
    """Put the bot's answer after the visitor's last message, in place of any earlier answer.

    Args:
        history: the conversation.
        text: the answer.
        aside: it is a text of the app, which no bot gets to read.
        key: names what the session keeps of the answer.
        label: a short remark of the app below it, which is no part of its text.
    """
    metadata = ({"log": _ASIDE_MARK} if aside else {}) | ({"id": key} if key else {})
    message = _make_message("assistant", text, label)
    return [*until_last_question(history), message | {"metadata": metadata} if metadata else message]


def until_last_question(history: Sequence[Message]) -> History:
    """Return the conversation up to the visitor's last message; empty if there is none."""
    return truncate_and_edit(history, len(history) - 1)


def truncate_and_edit(history: Sequence[Message], index: int, text: str | None = None) -> History:
    """Return the conversation up to the visitor's message at or before ``index``, replaced by ``text`` if given."""
    end = min(index, len(history) - 1)
    while end >= 0 and history[end].get("role") != "user":
        end -= 1
    kept = list(history[: end + 1])
    return [*kept[:-1], _make_message("user", text)] if kept and text is not None else kept


def remove_last_turn(history: Sequence[Message]) -> History:
    """Return the conversation before the visitor's last message."""
    return until_last_question(history)[:-1]


def awaits_reply(history: Sequence[Message]) -> bool:
    """Return whether the last message is the visitor's."""
    return bool(history) and history[-1].get("role") == "user"


def last_question(history: Sequence[Message]) -> str:
    """Return the text of the visitor's last message."""
    kept = until_last_question(history)
    return message_text(kept[-1]) if kept else ""


def earlier_turns(history: Sequence[Message]) -> list[str]:
    """Return the turns before the visitor's last message: the visitor's and the bot's in pairs, unanswered ones left out."""
    turns: list[str] = []
    for question, answer in pairwise(remove_last_turn(history)):
        is_pair = question.get("role") == "user" and answer.get("role") == "assistant"
        if is_pair and not _is_aside(answer) and message_text(question).strip() and message_text(answer).strip():
            turns += [message_text(question), message_text(answer)]
    return turns


def answer_index(history: Sequence[Message], index: int) -> int | None:
    """Return the index of the answer at ``index``, or of the answer to the message there; None if there is none.

    >>> chat = add_bot_message(add_user_message([], "안녕?"), "반가워요.")
    >>> answer_index(chat, 0), answer_index(chat, -1), answer_index(chat, 2), answer_index(chat[:1], 0)
    (1, 1, None, None)
    """
    position = index + len(history) if index < 0 else index
    is_question = 0 <= position < len(history) and history[position].get("role") == "user"
    position += is_question
    is_answer = 0 <= position < len(history) and history[position].get("role") == "assistant"
    return position if is_answer else None


def answer_number(history: Sequence[Message], index: int) -> int:
    """Return the number of answers before ``index``."""
    return sum(message.get("role") == "assistant" for message in history[:index])


def message_key(message: Message) -> str:
    """Return the key of an answer; empty for other messages."""
    return str((message.get("metadata") or {}).get("id") or "")


def message_text(message: Message) -> str:
    """Return the text of a message, truncated to `MAX_MESSAGE` characters.

    >>> message_text(add_bot_message([], "그건 몰라요.", label="모름")[0])
    '그건 몰라요.'
    >>> message_text({"role": "user", "content": [{"type": "text", "text": "가"}, {"type": "file"}]})
    '가'
    """
    content = message.get("content")
    parts = [content] if isinstance(content, str) else content if isinstance(content, list) else []
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    text, _, _ = "".join(text for text in texts if isinstance(text, str)).partition(_LABEL_START)
    return unshield_markup(text)[:MAX_MESSAGE]


def shield_markup(text: str) -> str:
    """Return a text whose markup a bubble shows literally; `chat.js` undoes this when a bubble is copied.

    >>> shield_markup("<b> &lt;") == "<\u2060b> &\u2060lt;", unshield_markup(shield_markup("<b> &lt;"))
    (True, '<b> &lt;')
    """
    return _MARKUP.sub(rf"\1{_WORD_JOINER}", text)


def unshield_markup(text: str) -> str:
    """Undo `shield_markup`."""
    return _SHIELDED.sub(r"\1", text)


def _make_message(role: str, text: str, label: str | Markup = "") -> Message:
    markup = f"{_LABEL_START}{escape(label)}{_LABEL_END}" if label else ""  # no shielded text contains such markup
    # Gradio strips the indentation of a plain string
    return {"role": role, "content": [{"type": "text", "text": shield_markup(text) + markup}]}


def _is_aside(message: Message) -> bool:
    return (message.get("metadata") or {}).get("log") == _ASIDE_MARK
