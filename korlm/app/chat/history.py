"""A conversation as the page holds it (messages of `gr.Chatbot`), read and written by pure functions.

The page sends it along with every request, and the server forgets it: it is a visitor's, so nothing in it is believed.

>>> talk = add_user_message([], "안녕?")
>>> awaits_reply(talk), awaits_reply(add_bot_message(talk, "반가워요."))
(True, False)
>>> earlier_turns(add_user_message(add_bot_message(talk, "반가워요."), "뭐 해요?"))
['안녕?', '반가워요.']
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from korlm.app.limits import MAX_MESSAGE

Message = dict[str, Any]
History = list[Message]
_WORD_JOINER = (
    "\u2060"  # no width, no break: after < and & it keeps a bubble, which takes its text for HTML, from reading a tag
)
_MARKUP, _SHIELDED = re.compile("([<&])(?!\u2060)"), re.compile("([<&])\u2060")
_ASIDE_MARK = "aside"  # marks what stands in a bubble and is no bot's word


def add_user_message(history: Sequence[Message], text: str) -> History:
    """Return the conversation with a message of the person's at its end."""
    return [*history, _make_message("user", text)]


def add_bot_message(history: Sequence[Message], text: str, *, aside: bool = False) -> History:
    """Return the conversation with the bot's words after the person's last ones, in place of what stood there.

    Args:
        history: the conversation.
        text: the words.
        aside: they are the app's, not the bot's: no bot is told of them.
    """
    message = _make_message("assistant", text)
    return [*until_last_question(history), message | {"metadata": {"log": _ASIDE_MARK}} if aside else message]


def until_last_question(history: Sequence[Message]) -> History:
    """Return the conversation up to the person's last words; nothing where there are none."""
    return truncate_and_edit(history, len(history) - 1)


def truncate_and_edit(history: Sequence[Message], index: int, text: str | None = None) -> History:
    """Return the conversation up to the person's words at or before a place, and there other words where some are given."""
    place = min(index, len(history) - 1)
    while place >= 0 and history[place].get("role") != "user":
        place -= 1
    kept = list(history[: place + 1])
    return [*kept[:-1], _make_message("user", text)] if kept and text is not None else kept


def remove_last_turn(history: Sequence[Message]) -> History:
    """Return the conversation without the person's last words and what came after."""
    return until_last_question(history)[:-1]


def awaits_reply(history: Sequence[Message]) -> bool:
    """Return whether the person spoke last."""
    return bool(history) and history[-1].get("role") == "user"


def last_question(history: Sequence[Message]) -> str:
    """Return the person's last words."""
    found = until_last_question(history)
    return message_text(found[-1]) if found else ""


def earlier_turns(history: Sequence[Message]) -> list[str]:
    """Return the turns before the person's last words: pairs of theirs and the bot's, those without an answer left out."""
    turns: list[str] = []
    earlier = remove_last_turn(history)
    for one, two in pairwise(earlier):
        ours = one.get("role") == "user" and two.get("role") == "assistant"
        if ours and not _is_aside(two) and message_text(one).strip() and message_text(two).strip():
            turns += [message_text(one), message_text(two)]
    return turns


def message_text(message: Message) -> str:
    """Return the text of a message, as much as may be sent.

    >>> message_text({"role": "user", "content": [{"type": "text", "text": "가"}, {"type": "file"}]})
    '가'
    """
    content = message.get("content")
    parts = [content] if isinstance(content, str) else content if isinstance(content, list) else []
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return unshield_markup("".join(text for text in texts if isinstance(text, str)))[:MAX_MESSAGE]


def shield_markup(text: str) -> str:
    """Return a text that a bubble shows as it is, whatever markup it is; `chat.js` copies it `unshield_markup`.

    >>> shield_markup("<b> &lt;") == "<\u2060b> &\u2060lt;", unshield_markup(shield_markup("<b> &lt;"))
    (True, '<b> &lt;')
    """
    return _MARKUP.sub(rf"\1{_WORD_JOINER}", text)


def unshield_markup(text: str) -> str:
    """Return a shielded text as it was."""
    return _SHIELDED.sub(r"\1", text)


def _make_message(role: str, text: str) -> Message:
    # as a plain string Gradio would take indentation away
    return {"role": role, "content": [{"type": "text", "text": shield_markup(text)}]}


def _is_aside(message: Message) -> bool:
    return (message.get("metadata") or {}).get("log") == _ASIDE_MARK
