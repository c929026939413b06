"""`QuestionIndex`: find the intent whose questions are most similar to a text, by TF-IDF over syllables and their pairs.

>>> intent = Intent("a-1", "a", "train", ("배고파", "뭐라도 먹어야겠어"), (), (), "따뜻한 국수는 어때요?", True)
>>> other = Intent("a-2", "a", "train", ("졸려", "잠이 쏟아져"), (), (), "잠깐 눈을 붙여 보세요.", True)
>>> match = QuestionIndex([intent, other]).search("배고프다 배고파")[0]
>>> match.question, match.intent.answer
('배고파', '따뜻한 국수는 어때요?')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from korlm.chat.encoder.model import QuestionEncoder
from korlm.chat.intent_weights import IntentBotWeights
from korlm.chat.tfidf import TfidfIndex
from korlm.corpora.intents import Intent
from korlm.corpora.near_duplicates import normalize_for_matching

# Final endings, which carry the register and not the meaning: 배고파요, 배고프다, 배고프네 share 배고프 and 배고파
_FINAL_ENDINGS = re.compile(
    "(습니다|입니다|합니다|니다|세요|어요|아요|해요|예요|에요|네요|까요|나요|지요|죠|요|까|니|냐|다|어|아|해|지|네|야|음|임|ㅠ|ㅜ|ㅋ|ㅎ)+$"
)
# Weight of the mean similarity of an intent's questions beside the best one. Of 0, 1, 2, 4 and 8, the intent of most
# held-out validation questions came first with 4 and 8: 16.7 % with 0, 24.8 % with 4 (dev/LOG.md, 2026-11-29).
_MEAN_WEIGHT = 4.0
# The same with an encoder: see dev/LOG.md
_LEXICAL_WEIGHT, _NEURAL_MEAN_WEIGHT, _ANSWER_WEIGHT = 0.6, 1.0, 1.0


class IntentMatch(NamedTuple):
    """A similar intent.

    Attributes:
        intent: the intent.
        question: its most similar question.
        similarity: how similar this question and the text are, 0 (nothing in common) to 1: the cosine of their TF-IDF
            vectors, or with an encoder the mean of that and the cosine of the encoder's vectors.
        score: what the matches are ranked by.
        lexical: the cosine of the TF-IDF vectors, 0 to 1.
        neural: the cosine of the encoder's vectors, -1 to 1; 0 without an encoder.
        answer_fit: the cosine of the text and the answer in the encoder's space, -1 to 1; 0 without an encoder.
    """

    intent: Intent
    question: str
    similarity: float
    score: float
    lexical: float = 0.0
    neural: float = 0.0
    answer_fit: float = 0.0


class QuestionIndex:
    """An inverted index of the questions of intents, and the vectors of these questions and of the answers.

    Args:
        intents: at least one. All their questions are indexed, those that are held out only if ``held_out``.
        held_out: index the held-out questions too; False where the index is evaluated.
        encoder: compares vectors as well as characters; None compares characters alone.
        weights: the vectors of ``intents``; None computes them.
    """

    def __init__(
        self, intents: Sequence[Intent], *, held_out: bool = False, encoder: QuestionEncoder | None = None,
        weights: IntentBotWeights | None = None,
    ) -> None:  # fmt: skip
        self.intents = intents
        self.encoder = encoder
        questions = [
            (row, question, number < len(intent.questions) or held_out)
            for row, intent in enumerate(intents)
            for number, question in enumerate(intent.all_questions)
        ]
        is_indexed = np.array([indexed for _, _, indexed in questions])
        self.questions = [question for _, question, indexed in questions if indexed]
        intent_rows = np.array([row for row, _, indexed in questions if indexed])
        self._first_rows = np.searchsorted(intent_rows, np.arange(len(intents)))
        self._num_questions = np.bincount(intent_rows, minlength=len(intents))
        self._exact_rows = {
            question: row for row, question in reversed(list(zip(intent_rows, self.questions, strict=True)))
        }
        self._tfidf = TfidfIndex(list(map(extract_features, self.questions)), offset=1.0, counts_unseen=True)
        if encoder:
            weights = weights or IntentBotWeights.encode_intents(encoder, intents)
            self._question_vectors, self._answer_vectors = weights.questions[is_indexed], weights.answers

    def __len__(self) -> int:
        return len(self.questions)

    def search(self, text: str, k: int = 1, *, vector: np.ndarray | None = None) -> list[IntentMatch]:
        """Return the ``k`` best intents, the best first; of equal ones the first of the list.

        An intent with exactly this question comes first.

        Args:
            text: the query.
            k: number of intents.
            vector: of the text, if it is known; by default the encoder computes it.
        """
        lexical = self._tfidf.compute_cosines(extract_features(text))
        if not self.encoder:
            return self._rank_intents(text, k, lexical, np.zeros_like(lexical), np.zeros(len(self.intents)))
        if vector is None:
            vector = self.encoder.encode([text])[0]
        return self._rank_intents(text, k, lexical, self._question_vectors @ vector, self._answer_vectors @ vector)

    def _rank_intents(
        self, text: str, k: int, lexical: np.ndarray, neural: np.ndarray, answer_fit: np.ndarray
    ) -> list[IntentMatch]:
        """Rank the intents.

        Args:
            text: the query.
            k: number of intents to return.
            lexical: TF-IDF cosine of each question.
            neural: the encoder's cosine of each question.
            answer_fit: the encoder's cosine of each answer.
        """
        if self.encoder:
            similarities = (neural + lexical) / 2
            ranking = neural + _LEXICAL_WEIGHT * lexical
            scores = self._aggregate_questions(ranking, _NEURAL_MEAN_WEIGHT) + _ANSWER_WEIGHT * answer_fit
        else:
            similarities = ranking = lexical
            scores = self._aggregate_questions(lexical, _MEAN_WEIGHT)
        if (exact := self._exact_rows.get(text)) is not None:
            scores[exact] = max(scores) + 1e-3
        matches = []
        for row in np.argsort(-scores, kind="stable")[:k]:
            first, count = self._first_rows[row], self._num_questions[row]
            best = first + int(ranking[first : first + count].argmax())
            similarity = min(1.0, max(0.0, float(similarities[best])))
            matches.append(
                IntentMatch(
                    self.intents[row], self.questions[best], similarity, float(scores[row]), float(lexical[best]),
                    float(neural[best]), float(answer_fit[row]),
                )
            )  # fmt: skip
        return matches

    def _aggregate_questions(self, values: np.ndarray, mean_weight: float) -> np.ndarray:
        """Return the best value of each intent's questions plus the weighted mean, ``[N]``."""
        best = np.maximum.reduceat(values, self._first_rows)
        mean = np.add.reduceat(values, self._first_rows) / self._num_questions
        aggregated: np.ndarray = best + mean_weight * mean
        return aggregated


def extract_features(text: str) -> list[str]:
    """Return the characters and character pairs of a text without spaces, punctuation and final endings.

    >>> extract_features("졸려요!")
    [' ', '졸', '려', ' ', ' 졸', '졸려', '려 ']
    """
    letters = normalize_for_matching(text)
    padded = f" {_FINAL_ENDINGS.sub('', letters) or letters} "
    return [padded[start : start + size] for size in (1, 2) for start in range(len(padded) - size + 1)]
