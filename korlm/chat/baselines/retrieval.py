"""A retrieval baseline: the answer to the most similar known question, by TF-IDF over morphemes.

A question is a vector with one entry per morpheme, ``(1 + ln tf) ln((1 + N) / (1 + df))`` (Salton and Buckley 1988,
"Term-weighting approaches in automatic text retrieval"); the similarity is the cosine.

>>> from korlm.corpora.dialogues import DialoguePair
>>> bot = RetrievalBot([DialoguePair("비가 와요.", "우산 챙기세요."), DialoguePair("배가 고파요.", "뭐라도 드세요."), DialoguePair("밤이 깊었어요.", "푹 쉬세요.")])
>>> bot.find_nearest("배가 너무 고픈데요?").answer
'뭐라도 드세요.'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from korlm.chat.bot import ChatBot, reject_generation_options
from korlm.chat.reply import Reply, RetrievalResult
from korlm.chat.tfidf import TfidfIndex
from korlm.corpora.dialogues import DialoguePair, check_question
from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.errors import CorpusError
from korlm.morph.kiwi import KiwiAnalyzer


class RetrievalBot(ChatBot):
    """An index of known questions and their answers.

    Args:
        pairs: at least one; of equal questions the first is found.

    Raises:
        CorpusError: no pairs.
        MissingDependencyError: Kiwi is not installed.
    """

    def __init__(self, pairs: Sequence[DialoguePair]) -> None:
        if not pairs:
            raise CorpusError("찾아볼 대화가 없습니다.", "There are no pairs to look in.")
        self._pairs = pairs
        self._analyzer = KiwiAnalyzer()
        self._index = TfidfIndex(self._content_morphemes([pair.question for pair in pairs]))

    def answer_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]] = (), abstain: bool = True, **options: Any
    ) -> list[Reply]:
        """Return the answers to the most similar questions, without the safety guard. See `find_nearest`.

        Raises:
            InputError: generation options, a blank text or an unpaired surrogate.
        """
        reject_generation_options("retrieval", options)
        results = map(self.find_nearest, texts)
        return [Reply(nearest.answer, nearest.answer, nearest=nearest) for nearest in results]

    def find_nearest(self, text: str) -> RetrievalResult:
        """Return the most similar question and its answer; of equally similar ones the first.

        Raises:
            InputError: a blank text or an unpaired surrogate.
        """
        check_question(text)
        [morphemes] = self._content_morphemes([text])
        cosines = self._index.compute_cosines(morphemes)
        best = int(cosines.argmax())  # of equal ones the first
        pair = self._pairs[best]
        return RetrievalResult(pair.answer, pair.question, min(1.0, float(cosines[best])))

    def _content_morphemes(self, texts: Sequence[str]) -> list[list[str]]:
        analyses = self._analyzer.analyze(texts, workers=2)
        # punctuation is left out; a text of nothing else is a term of its own
        return [
            [f"{morpheme.form}/{morpheme.sejong}" for morpheme in morphemes if not morpheme.sejong.startswith("S")]
            or [normalize_for_matching(text)]
            for text, morphemes in zip(texts, analyses, strict=True)
        ]
