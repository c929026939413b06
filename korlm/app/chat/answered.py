"""What a session keeps of its answers, so that every answer of a conversation can be explained later.

>>> from korlm.app.chat.history import add_bot_message, add_user_message
>>> from korlm.app.chat.service import BotInfo
>>> question = add_user_message([], "안녕?")
>>> answers = AnsweredTurns()
>>> key = answers.add(0, "7-0", PendingAnswer(BotInfo("eliza", "eliza"), "greedy", {}, question, state="done"))
>>> chat = add_bot_message(question, "반가워요.", key=key)
>>> answers.find(0, chat, 1).bot.name, answers.find(0, chat, 0).question
('eliza', '안녕?')

It lives in a `gr.State`: only its own session can read it, and it goes with the page.
"""

from __future__ import annotations

from dataclasses import replace

from korlm.app.chat.history import History, answer_index, message_key
from korlm.app.chat.pending import PendingAnswer

MAX_ANSWERS = 100  # of a column; older ones can be read but not explained


class AnsweredTurns:
    """The answers of a session by column and key. The keys are in the messages of the page."""

    def __init__(self) -> None:
        self._answers: dict[int, dict[str, PendingAnswer]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))

    def add(self, column: int, key: str, answer: PendingAnswer) -> str:
        """Keep an answer without the conversation before it, and return its key."""
        answers = self._answers.setdefault(column, {})
        answers[key] = replace(answer, history=answer.history[-1:], options={})
        while len(answers) > MAX_ANSWERS:
            del answers[next(iter(answers))]
        return key

    def keep_only(self, column: int, chat: History) -> None:
        """Forget the answers of a column that are not in its conversation."""
        keys = {message_key(message) for message in chat}
        answers = self._answers.get(column, {})
        for key in [key for key in answers if key not in keys]:
            del answers[key]

    def find(self, column: int, chat: History, index: int) -> PendingAnswer | None:
        """Return the answer at a message of the conversation, or to it; None if it is not known."""
        found = answer_index(chat, index)
        return None if found is None else self._answers.get(column, {}).get(message_key(chat[found]))
