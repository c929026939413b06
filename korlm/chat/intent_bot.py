"""`IntentBot`: the answer of the bundled intent that is most similar to the message. The default bot.

>>> from korlm.chat.registry import load_chat
>>> bot = load_chat()
>>> reply = bot.reply("아 배고파")
>>> reply.nearest.question, reply.is_confident
('배고파', True)
>>> bot.reply("프랑스 대통령이 누구야").abstain_reason in ("unanswerable", "question")
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from korlm.chat.bot import ChatBot, reject_generation_options
from korlm.chat.confidence import Confidence
from korlm.chat.memory import answer_from_memory
from korlm.chat.question_index import IntentMatch, QuestionIndex
from korlm.chat.reply import ABSTAIN_TEXTS, Reply, RetrievalResult
from korlm.corpora.dialogues import check_question
from korlm.corpora.intents import Intent

# Below this similarity the bot says that it does not understand: a tenth of the validation questions (dev/LOG.md).
MIN_SIMILARITY = 0.24
_MAX_CANDIDATES = 5


class IntentBot(ChatBot):
    """A retrieval bot over intents. It does not repeat an answer of the conversation as long as it knows another.

    Questions about the conversation itself are answered by the rules of `korlm.chat.memory`.

    Args:
        intents: at least one.
        held_out: also search the questions that are held out for evaluation.
    """

    def __init__(self, intents: Sequence[Intent], *, held_out: bool = True) -> None:
        self.index = QuestionIndex(intents, held_out=held_out)

    def answer_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]] = (), abstain: bool = True, **options: Any
    ) -> list[Reply]:
        """Answer several messages, without the safety guard. See `reply`.

        Raises:
            InputError: generation options, a blank text or an unpaired surrogate.
        """
        reject_generation_options("intents", options)
        histories = history or [()] * len(texts)
        return [self._answer_message(text, turns, abstain) for text, turns in zip(texts, histories, strict=True)]

    def _answer_message(self, text: str, history: Sequence[str], abstain: bool) -> Reply:
        check_question(text)
        if (remembered := answer_from_memory(text, history)) is not None:
            return Reply(remembered, remembered, rule="memory")
        matches = self.index.search(text, _MAX_CANDIDATES)
        given = set(history[1::2])
        # another answer must be almost as similar; otherwise the repeated one is better
        fresh = [match for match in matches if match.intent.answer not in given]
        best = fresh[0] if fresh and fresh[0].similarity >= 0.9 * matches[0].similarity else matches[0]
        return _build_reply(best, abstain)


def _build_reply(match: IntentMatch, abstain: bool) -> Reply:
    answer = match.intent.answer
    confidence = Confidence(
        similarity=match.similarity, min_similarity=MIN_SIMILARITY, answerable=match.intent.is_answerable
    )
    withheld = abstain and confidence.abstain_reason == "question"
    return Reply(
        ABSTAIN_TEXTS["question"] if withheld else answer,
        answer,
        confidence,
        nearest=RetrievalResult(answer, match.question, match.similarity),
    )
