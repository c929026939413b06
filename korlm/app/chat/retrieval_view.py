"""What a bot retrieved as HTML: the nearest questions with their answers, and what it changed in the answer.

>>> diff_answers("밥 꼭 챙겨 드세요.", "저녁 꼭 챙겨 드세요.")
[('removed', '밥'), ('added', '저녁'), ('kept', ' 꼭 챙겨 드세요.')]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from markupsafe import Markup

from korlm.app.templating import render_template

if TYPE_CHECKING:
    from korlm.chat.reply import RetrievalResult

MAX_MATCHES = 5  # that are shown
_WORD_OR_SPACE = re.compile(r"\s+|\S+")


def render_nearest_questions(
    matches: Sequence[RetrievalResult], chosen: RetrievalResult | None, *, query: str = ""
) -> Markup:
    """Return a table of the nearest questions.

    Args:
        matches: the nearest first.
        chosen: the one that gave the answer, which is marked; None if the answer is that of no question.
        query: what was looked up, if it is not the message.
    """
    shown = list(matches[:MAX_MATCHES])
    if chosen and chosen not in shown:
        shown = [*shown[: MAX_MATCHES - 1], chosen]
    return render_template("nearest_questions", matches=shown, chosen=chosen, query=query)


def render_answer_diff(retrieved: str, given: str) -> Markup:
    """Return what was kept of a retrieved answer and what was changed."""
    return render_template("answer_diff", changes=diff_answers(retrieved, given))


def diff_answers(retrieved: str, given: str) -> list[tuple[str, str]]:
    """Return the words of both answers in order, each run as ``kept``, ``removed`` or ``added`` and its text.

    >>> diff_answers("네.", "네.")
    [('kept', '네.')]
    """
    old, new = _WORD_OR_SPACE.findall(retrieved), _WORD_OR_SPACE.findall(given)
    changes: list[tuple[str, str]] = []
    for operation, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new, False).get_opcodes():
        if operation == "equal":
            changes.append(("kept", "".join(new[new_start:new_end])))
            continue
        removed, added = "".join(old[old_start:old_end]), "".join(new[new_start:new_end])
        changes += [(kind, text) for kind, text in (("removed", removed), ("added", added)) if text]
    return changes
