"""`WordLexicon`: which words a generated answer may use: those of the dialogues, of the conversation, or of Kiwi's dictionary.

A small network sometimes joins tokens to a word that does not exist (기울 + 든든히고). A word that is in no text is accepted if Kiwi
finds in it one dictionary word, and then only particles, endings and suffixes.

>>> lexicon = WordLexicon(["고양이가 좋아요."])
>>> lexicon.find_strange_words("고양이가 강아지처럼 뗸여를 좋아요!"), lexicon.find_strange_words("뗸여를", "뗸여를 알아?")
(['뗸여를'], [])
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from korlm.errors import MissingDependencyError
from korlm.morph.kiwi import KiwiAnalyzer, KiwiOptions

_WORD = re.compile(r"[가-힣ㄱ-ㅎㅏ-ㅣA-Za-z0-9]+")
_LEXICAL_TAGS = ("NNG", "NNP", "NNB", "NR", "NP", "VV", "VA", "VX", "MM", "MAG", "MAJ", "IC", "XR")
_PREFIXES = ("XPN",)


class WordLexicon:
    """A set of known words, and Kiwi for the others.

    Args:
        texts: whose words are known. Without Kiwi, only these are.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._known_words = {word for text in texts for word in _WORD.findall(text)}
        self._analyzer = KiwiAnalyzer(KiwiOptions(workers=1))
        self._verdicts: dict[str, bool] = {}

    def find_strange_words(self, text: str, context: str = "") -> list[str]:
        """Return the words of a text that are neither known nor in the context nor derived from a dictionary word."""
        allowed = set(_WORD.findall(context))
        return [word for word in _WORD.findall(text) if word not in allowed and not self._is_word(word)]

    def _is_word(self, word: str) -> bool:
        if word in self._known_words:
            return True
        if word not in self._verdicts:
            if len(self._verdicts) >= 100_000:
                self._verdicts.clear()
            self._verdicts[word] = self._is_dictionary_word(word)
        return self._verdicts[word]

    def _is_dictionary_word(self, word: str) -> bool:
        try:
            if self._analyzer.find_unknown_forms([word])[0]:
                return False
            tags = [morpheme.sejong for morpheme in self._analyzer.analyze([word])[0]]
        except MissingDependencyError:
            return False
        if tags and tags[0] in _PREFIXES:
            tags = tags[1:]
        return bool(tags) and tags[0] in _LEXICAL_TAGS and not any(tag in _LEXICAL_TAGS for tag in tags[1:])


def has_repeated_words(text: str, size: int = 2) -> bool:
    """Return whether a word follows itself, or a sequence of ``size`` words occurs twice.

    >>> has_repeated_words("가서 가서 쉬어요"), has_repeated_words("물을 드시고 물을 드세요")
    (True, False)
    """
    words = _WORD.findall(text)
    if any(first == second for first, second in pairwise(words)):
        return True
    ngrams = [tuple(words[start : start + size]) for start in range(len(words) - size + 1)]
    return len(set(ngrams)) < len(ngrams)
