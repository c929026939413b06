"""A conversation as the page holds it (messages of `gr.Chatbot`), read and written by pure functions.

The page sends it along with every request, and the server forgets it: it is a visitor's, so nothing in it is believed.

>>> talk = asked([], "안녕?")
>>> waits(talk), waits(answered(talk, "반가워요."))
(True, False)
>>> before(asked(answered(talk, "반가워요."), "뭐 해요?"))
['안녕?', '반가워요.']
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from korlm.ui.limits import MAX_SAID

Message = dict[str, Any]
History = list[Message]
_JOINER = (
    "\u2060"  # no width, no break: after < and & it keeps a bubble, which takes its text for HTML, from reading a tag
)
_MARKUP, _SHIELDED = re.compile("([<&])(?!\u2060)"), re.compile("([<&])\u2060")
_ASIDE = "aside"  # marks what stands in a bubble and is no bot's word


def asked(history: Sequence[Message], text: str) -> History:
    """Return the conversation with a message of the person's at its end."""
    return [*history, _message("user", text)]


def answered(history: Sequence[Message], text: str, *, aside: bool = False) -> History:
    """Return the conversation with the bot's words after the person's last ones, in place of what stood there.

    Args:
        history: the conversation.
        text: the words.
        aside: they are the app's, not the bot's: no bot is told of them.
    """
    message = _message("assistant", text)
    return [*last_asked(history), message | {"metadata": {"log": _ASIDE}} if aside else message]


def last_asked(history: Sequence[Message]) -> History:
    """Return the conversation up to the person's last words; nothing where there are none."""
    return edited(history, len(history) - 1)


def edited(history: Sequence[Message], index: int, text: str | None = None) -> History:
    """Return the conversation up to the person's words at or before a place, and there other words where some are given."""
    place = min(index, len(history) - 1)
    while place >= 0 and history[place].get("role") != "user":
        place -= 1
    kept = list(history[: place + 1])
    return [*kept[:-1], _message("user", text)] if kept and text is not None else kept


def undone(history: Sequence[Message]) -> History:
    """Return the conversation without the person's last words and what came after."""
    return last_asked(history)[:-1]


def waits(history: Sequence[Message]) -> bool:
    """Return whether the person spoke last."""
    return bool(history) and history[-1].get("role") == "user"


def question(history: Sequence[Message]) -> str:
    """Return the person's last words."""
    found = last_asked(history)
    return words(found[-1]) if found else ""


def before(history: Sequence[Message]) -> list[str]:
    """Return the turns before the person's last words: pairs of theirs and the bot's, those without an answer left out."""
    turns: list[str] = []
    earlier = undone(history)
    for one, two in pairwise(earlier):
        ours = one.get("role") == "user" and two.get("role") == "assistant"
        if ours and not _aside(two) and words(one).strip() and words(two).strip():
            turns += [words(one), words(two)]
    return turns


def words(message: Message) -> str:
    """Return the text of a message, as much as may be sent.

    >>> words({"role": "user", "content": [{"type": "text", "text": "가"}, {"type": "file"}]})
    '가'
    """
    content = message.get("content")
    parts = [content] if isinstance(content, str) else content if isinstance(content, list) else []
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return bare("".join(text for text in texts if isinstance(text, str)))[:MAX_SAID]


def shielded(text: str) -> str:
    """Return a text that a bubble shows as it is, whatever markup it is; `chat.js` copies it `bare`.

    >>> shielded("<b> &lt;") == "<\u2060b> &\u2060lt;", bare(shielded("<b> &lt;"))
    (True, '<b> &lt;')
    """
    return _MARKUP.sub(rf"\1{_JOINER}", text)


def bare(text: str) -> str:
    """Return a shielded text as it was."""
    return _SHIELDED.sub(r"\1", text)


def _message(role: str, text: str) -> Message:
    # as a plain string Gradio would take indentation away
    return {"role": role, "content": [{"type": "text", "text": shielded(text)}]}


def _aside(message: Message) -> bool:
    return (message.get("metadata") or {}).get("log") == _ASIDE
