"""Retrieval: the answer to the nearest question that is known, by TF-IDF over morphemes. The peer that a small net must beat.

A question is a vector with an entry a morpheme, ``(1 + ln tf) ln((1 + N) / (1 + df))`` (Salton and Buckley 1988, "Term-weighting
approaches in automatic text retrieval"); nearness is the cosine of two of them.

>>> from korlm.corpora.dialogues import DialoguePair
>>> bot = RetrievalBot([DialoguePair("비가 와요.", "우산 챙기세요."), DialoguePair("배가 고파요.", "뭐라도 드세요."), DialoguePair("밤이 깊었어요.", "푹 쉬세요.")])
>>> bot.find_nearest("배가 너무 고픈데요?").answer
'뭐라도 드세요.'
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from korlm.corpora.dialogues import DialoguePair, check_question
from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.errors import CorpusError
from korlm.morph.kiwi import KiwiAnalyzer


class RetrievalResult(NamedTuple):
    """The nearest known question.

    Attributes:
        answer: to it.
        question: itself.
        similarity: cosine, 0 (nothing in common) to 1.
    """

    answer: str
    question: str
    similarity: float


class RetrievalBot:
    """Known questions and their answers.

    Args:
        pairs: at least one; of equal questions the first answer is given.

    Raises:
        CorpusError: no pairs.
        MissingDependencyError: Kiwi is not installed.
    """

    def __init__(self, pairs: Sequence[DialoguePair]) -> None:
        if not pairs:
            raise CorpusError("찾아볼 대화가 없습니다.", "There are no pairs to look in.")
        self._pairs = pairs
        self._analyzer = KiwiAnalyzer()
        counts = [
            self._log_term_frequencies(terms) for terms in self._content_morphemes([pair.question for pair in pairs])
        ]
        documents = Counter(term for some in counts for term in some)
        self._idf = {term: math.log((1 + len(pairs)) / (1 + number)) for term, number in documents.items()}
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, some in enumerate(counts):
            for term, weight in self._tfidf_vector(some).items():
                self._postings[term].append((number, weight))

    def find_nearest(self, text: str) -> RetrievalResult:
        """Return the nearest question and its answer; of equally near ones the first.

        Raises:
            InputError: nothing but blanks, or an unpaired surrogate.
        """
        check_question(text)
        (morphemes,) = self._content_morphemes([text])
        cosines: dict[int, float] = defaultdict(float)
        for term, weight in self._tfidf_vector(self._log_term_frequencies(morphemes)).items():
            for number, other in self._postings.get(term, ()):
                cosines[number] += weight * other
        best = max(cosines, key=lambda number: (cosines[number], -number), default=0)
        pair = self._pairs[best]
        return RetrievalResult(pair.answer, pair.question, min(1.0, cosines.get(best, 0.0)))

    def _content_morphemes(self, texts: Sequence[str]) -> list[list[str]]:
        analyses = self._analyzer.analyze(texts, workers=2)
        # signs say nothing; a text of nothing else is its own term
        return [
            [f"{one.form}/{one.sejong}" for one in some if not one.sejong.startswith("S")]
            or [normalize_for_matching(text)]
            for text, some in zip(texts, analyses, strict=True)
        ]

    @staticmethod
    def _log_term_frequencies(morphemes: Sequence[str]) -> dict[str, float]:
        return {term: 1 + math.log(number) for term, number in Counter(morphemes).items()}

    def _tfidf_vector(self, term_frequencies: dict[str, float]) -> dict[str, float]:
        """Return weights of length 1. A morpheme of all questions, or of none, has no say."""
        weights = {term: count * self._idf.get(term, 0.0) for term, count in term_frequencies.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items() if weight} if length else {}
