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
from typing import Any, NamedTuple

import numpy as np

from korlm.chat.bot import ChatBot, reject_generation_options
from korlm.chat.confidence import Confidence
from korlm.chat.encoder.model import QuestionEncoder
from korlm.chat.fact_recall import recall_fact
from korlm.chat.follow_ups import (
    NO_OTHER_ANSWER,
    choose_fallback,
    find_previous_question,
    find_reaction,
    is_question,
    needs_context,
    rewrite_abbreviation,
    strip_discourse_markers,
    wants_another_answer,
)
from korlm.chat.intent_weights import IntentBotWeights
from korlm.chat.match_checks import is_plausible
from korlm.chat.memory import answer_from_memory
from korlm.chat.question_index import IntentMatch, QuestionIndex
from korlm.chat.reply import Reply, RetrievalResult
from korlm.corpora.dialogues import check_question
from korlm.corpora.intents import Intent

# Below this similarity the bot without an encoder says that it does not understand: a tenth of the validation questions
# (dev/LOG.md).
MIN_SIMILARITY = 0.24
# To questions of facts, the time, prices and the like; the first that the conversation does not have yet
UNKNOWABLE_TEXTS = (
    "그건 제가 알 수 없어요. 인터넷도 시계도 없는 작은 챗봇이거든요.",
    "그건 저도 몰라요. 지어내느니 솔직하게 모른다고 말씀드릴게요.",
    "아쉽지만 저는 그걸 찾아볼 방법이 없어요. 직접 검색하거나 확인해 보시는 게 정확해요.",
    "제가 아는 것 밖의 일이라 답을 드릴 수가 없네요. 믿을 만한 곳에서 확인해 보시겠어요?",
)
MAX_CANDIDATES = 10
_NUM_CHECKED = 60
_CERTAIN_PROBABILITY, _MAX_UNANSWERABLE_IF_CERTAIN = 0.93, 1.0  # on the validation messages; see dev/LOG.md
# In a conversation; see dev/LOG.md. "another" is another answer to an earlier message.
MIN_PROBABILITY_OF_LATER = {"question": 0.45, "statement": 0.65, "another": 0.5}
_MIN_LEXICAL_OF_UNKNOWN = 0.3  # similarity by characters that a message without a known word needs
_MIN_UNKNOWABLE_SIMILARITY = 0.5  # of an intent of the same kind, whose own answer is then given


class Retrieval(NamedTuple):
    """The intents retrieved for a message."""

    query: str  # what was looked for
    vector: np.ndarray | None  # its vector; None without an encoder
    matches: list[IntentMatch]  # the best first
    wants_another: bool  # whether the message asks for another answer to the question before


class IntentBot(ChatBot):
    """A retrieval bot over intents. It does not repeat an answer of the conversation as long as it knows another.

    Args:
        intents: at least one.
        held_out: also search the questions that are held out for evaluation.
        encoder: finds questions in other words; None compares characters alone.
        weights: of these intents and this encoder; None encodes the intents and estimates no probabilities.
        index: of these intents, encoder and weights, if another bot has built it.
    """

    def __init__(
        self, intents: Sequence[Intent], *, held_out: bool = True, encoder: QuestionEncoder | None = None,
        weights: IntentBotWeights | None = None, index: QuestionIndex | None = None,
    ) -> None:  # fmt: skip
        self.weights = weights
        if index is None:
            index = QuestionIndex(intents, held_out=held_out, encoder=encoder, weights=weights)
        self.index = index

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
        if (remembered := answer_from_memory(text, history) or recall_fact(text, history)) is not None:
            return Reply(remembered, remembered, rule="memory")
        if history and (reaction := find_reaction(text, set(history[1::2]))) is not None:
            return Reply(reaction, reaction, rule="reaction")
        return self._answer_retrieval(text, history, self.retrieve_matches(text, history), abstain)

    def retrieve_matches(self, text: str, history: Sequence[str] = ()) -> Retrieval:
        """Return the intents that are most similar to a message, which is read with the one before it if it needs that."""
        previous = find_previous_question(history)
        wants_another = bool(previous) and wants_another_answer(text)
        if wants_another:
            query = previous
        elif previous and needs_context(text):
            query = f"{previous} {text}"
        else:
            query = rewrite_abbreviation(strip_discourse_markers(text))
        vector = self.index.encoder.encode([query])[0] if self.index.encoder else None
        return Retrieval(query, vector, self.find_matches(query, vector), wants_another)

    def _answer_retrieval(self, text: str, history: Sequence[str], retrieval: Retrieval, abstain: bool) -> Reply:
        """Return the reply with the best of the retrieved answers."""
        query, vector, matches, wants_another = retrieval
        given = set(history[1::2])
        best = choose_match(matches, given, only_new=wants_another)
        confidence = self._estimate_confidence(
            query, vector, matches, best, in_conversation=bool(history), wants_another=wants_another
        )
        answer = best.intent.answer
        if not confidence.answerable and best.intent.is_answerable:
            best, answer = _choose_unknowable(matches, best, given)
        withheld = abstain and confidence.abstain_reason == "question"
        return Reply(
            (NO_OTHER_ANSWER if wants_another else choose_fallback(text, given)) if withheld else answer,
            answer,
            confidence,
            nearest=to_retrieval_result(best),
            nearest_matches=tuple(map(to_retrieval_result, matches)),
            query="" if query == text else query,
        )

    def find_matches(self, text: str, vector: np.ndarray | None = None) -> list[IntentMatch]:
        """Return the most similar intents that may answer a message at all, the best first; see `is_plausible`.

        Args:
            text: the message, without what only joins it to the one before.
            vector: of the text, if it is known.
        """
        matches = self.index.search(text, _NUM_CHECKED, vector=vector)
        plausible = [match for match in matches if is_plausible(text, match.intent, match.question, match.lexical)]
        return (plausible or matches)[:MAX_CANDIDATES]

    def _estimate_confidence(
        self, text: str, vector: np.ndarray | None, matches: Sequence[IntentMatch], best: IntentMatch,
        *, in_conversation: bool, wants_another: bool,
    ) -> Confidence:  # fmt: skip
        weights = self.weights
        if vector is None or weights is None or weights.answerability is None or weights.calibration is None:
            return Confidence(
                similarity=best.similarity, min_similarity=MIN_SIMILARITY, answerable=best.intent.is_answerable
            )
        calibration = weights.calibration
        log_odds = weights.answerability.compute_log_odds(text, vector)
        components = measure_confidence(text, matches, best, log_odds)
        probability = calibration.estimate_probability(components)
        if (
            best.lexical < _MIN_LEXICAL_OF_UNKNOWN
            and self.index.encoder is not None
            and not self.index.encoder.knows_words(text)
        ):
            probability = 0.0
        asks = is_question(text)
        # a nearly certain answer, or what is only told, needs more evidence that it cannot be answered
        is_certain = probability >= _CERTAIN_PROBABILITY
        limit = max(
            weights.max_unanswerable, _MAX_UNANSWERABLE_IF_CERTAIN if is_certain else 0.0 if not asks else -np.inf
        )
        answerable = log_odds <= limit and (best.intent.is_answerable or not asks)
        # a later message, above all a statement, often continues a story that the nearest question does not know
        kind = "another" if wants_another else "question" if asks else "statement"
        later = MIN_PROBABILITY_OF_LATER[kind] if in_conversation else 0.0
        return Confidence(
            similarity=best.similarity,
            answerable=answerable,
            probability=probability,
            min_probability=max(calibration.min_probability, later),
            sure_probability=calibration.sure_probability,
            components=components,
        )


def measure_confidence(
    text: str, matches: Sequence[IntentMatch], best: IntentMatch, log_odds: float
) -> dict[str, float]:
    """Return the figures from which the confidence is estimated.

    Args:
        text: the message.
        matches: the most similar intents, the best first.
        best: the one that is answered.
        log_odds: that the message cannot be answered.

    Returns:
        ``meaning``, ``characters``, ``answer_fit``: cosines of the message with the best question by the encoder, with it by
        characters, and with the answer; ``lead``: the lead over the best other intent; ``agreement``: the fraction of the
        matches that are about the same topic; ``answerable``: minus ``log_odds``, within 6; ``length``: log of the number of
        characters.
    """
    others = [match.score for match in matches if match is not best]
    return {
        "meaning": best.neural,
        "characters": best.lexical,
        "answer_fit": best.answer_fit,
        "lead": best.score - max(others, default=0.0),
        "agreement": sum(match.intent.topic == best.intent.topic for match in matches) / len(matches),
        "answerable": float(np.clip(-log_odds, -6.0, 6.0)),
        "length": float(np.log(len(text))),
    }


def choose_match(matches: Sequence[IntentMatch], given: set[str], *, only_new: bool = False) -> IntentMatch:
    """Return the best match whose answer is not given yet if it is almost as similar as the best of all.

    Args:
        matches: the most similar intents, the best first.
        given: the answers of the conversation.
        only_new: an answer that is not given yet need not be almost as similar.
    """
    fresh = next((match for match in matches if match.intent.answer not in given), matches[0])
    return fresh if only_new or fresh.similarity >= 0.9 * matches[0].similarity else matches[0]


def _choose_unknowable(matches: Sequence[IntentMatch], best: IntentMatch, given: set[str]) -> tuple[IntentMatch, str]:
    """Return a match that cannot be answered, and its answer; a general one if there is none."""
    for match in matches:
        if not match.intent.is_answerable and match.similarity >= _MIN_UNKNOWABLE_SIMILARITY:
            return match, match.intent.answer
    return best, next((text for text in UNKNOWABLE_TEXTS if text not in given), UNKNOWABLE_TEXTS[0])


def to_retrieval_result(match: IntentMatch) -> RetrievalResult:
    """Return the question, the answer and the similarity of a match."""
    return RetrievalResult(match.intent.answer, match.question, match.similarity)
