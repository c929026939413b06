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


class IntentMatch(NamedTuple):
    """A similar intent.

    Attributes:
        intent: the intent.
        question: its most similar question.
        similarity: cosine of this question and the text, 0 (nothing in common) to 1.
        score: what the matches are ranked by.
    """

    intent: Intent
    question: str
    similarity: float
    score: float


class QuestionIndex:
    """An inverted index of the questions of intents.

    Args:
        intents: at least one. All their questions are indexed, those that are held out only if ``held_out``.
        held_out: index the held-out questions too; False where the index is evaluated.
    """

    def __init__(self, intents: Sequence[Intent], *, held_out: bool = False) -> None:
        self.intents = intents
        questions = [
            (row, question)
            for row, intent in enumerate(intents)
            for question in (intent.all_questions if held_out else intent.questions)
        ]
        self.questions = [question for _, question in questions]
        intent_rows = np.array([row for row, _ in questions])
        self._first_rows = np.searchsorted(intent_rows, np.arange(len(intents)))
        self._num_questions = np.bincount(intent_rows, minlength=len(intents))
        self._tfidf = TfidfIndex(list(map(extract_features, self.questions)), offset=1.0, counts_unseen=True)

    def __len__(self) -> int:
        return len(self.questions)

    def search(self, text: str, k: int = 1) -> list[IntentMatch]:
        """Return the ``k`` best intents, the best first; of equal ones the first of the list."""
        cosines = self._tfidf.compute_cosines(extract_features(text))
        best_cosines = np.maximum.reduceat(cosines, self._first_rows)
        scores = best_cosines + _MEAN_WEIGHT * np.add.reduceat(cosines, self._first_rows) / self._num_questions
        best_rows = np.argsort(-scores, kind="stable")[:k]
        matches = []
        for row in best_rows:
            first, count = self._first_rows[row], self._num_questions[row]
            question = self.questions[first + int(cosines[first : first + count].argmax())]
            similarity = min(1.0, float(best_cosines[row]))
            matches.append(IntentMatch(self.intents[row], question, similarity, float(scores[row])))
        return matches


def extract_features(text: str) -> list[str]:
    """Return the characters and character pairs of a text without spaces, punctuation and final endings.

    >>> extract_features("졸려요!")
    [' ', '졸', '려', ' ', ' 졸', '졸려', '려 ']
    """
    letters = normalize_for_matching(text)
    padded = f" {_FINAL_ENDINGS.sub('', letters) or letters} "
    return [padded[start : start + size] for size in (1, 2) for start in range(len(padded) - size + 1)]
