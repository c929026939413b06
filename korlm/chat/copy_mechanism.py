"""What an answer takes word for word from its question: the unknown, by attention (Luong et al. 2015, "Addressing the rare word
problem in neural machine translation"), and particles that agree with it.

A vocabulary in ``unk`` mode writes ``<unk>`` for every word that it lacks, a name above all. In the answer the word that the
decoder looked at stands in its place. Vocabularies that fall back to bytes write any word by themselves and need none of this.

>>> attach_particle("안녕하세요, ", "민수", "은 학생이군요.")
'안녕하세요, 민수는 학생이군요.'
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from korlm.text.josa import with_josa
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding

_SHORT_PARTICLES = ("은/는", "이/가", "을/를", "과/와", "아/야", "으로/로")  # whole: 이 begins words too
_LONG_PARTICLES = (
    "이에요/예요",
    "이라고/라고",
    "이라는/라는",
    "이랑/랑",
    "이군요/군요",
    "이네요/네요",
    "이시군요/시군요",
)
_PARTICLE_PAIRS = {form: pair for pair in (*_SHORT_PARTICLES, *_LONG_PARTICLES) for form in pair.split("/")}
_PARTICLE_PATTERN = re.compile(
    "({})|({})(?![가-힣])".format(
        *("|".join(form for pair in pairs for form in pair.split("/")) for pairs in (_LONG_PARTICLES, _SHORT_PARTICLES))
    )
)


def copy_words(tokenizer: Tokenizer, ids: Sequence[int], attention: np.ndarray, question: Encoding) -> str:
    """Return the text of an answer, words of its question in the place of ``<unk>``.

    Args:
        tokenizer: in ``unk`` mode.
        ids: of the answer, without ``</s>``.
        attention: ``[len(ids) or more, len(question) + 2]``, the attention of each step over ``<s>``, the question's pieces
            and ``</s>``.
        question: what the encoder read.
    """
    text = ""
    begun: list[int] = []  # known ids after the last copy
    copied = ""
    for place, number in enumerate(ids):
        if number != tokenizer.unk_id:
            begun.append(number)
            continue
        text = _join_word(text, copied, tokenizer.decode(begun))
        copied, begun = _most_attended_word(attention[place, 1 : len(question) + 1], question, tokenizer.unk_id), []
    return _join_word(text, copied, tokenizer.decode(begun))


def attach_particle(before: str, word: str, after: str) -> str:
    """Join a word to the text around it; a particle after it takes the form that agrees.

    >>> attach_particle("", "지연", "가 좋아요.")
    '지연이 좋아요.'
    """
    found = _PARTICLE_PATTERN.match(after)
    if not found:
        return before + word + after
    return before + with_josa(word, _PARTICLE_PAIRS[found[0]]) + after[found.end() :]


def _join_word(text: str, word: str, after: str) -> str:
    if not word:
        return text + after
    gap = " " if text and text[-1].isalnum() else ""
    return attach_particle(text + gap, word, after)


def _most_attended_word(weights: np.ndarray, question: Encoding, unk_id: int) -> str:
    """Return the word looked at most: of the unknown ones where there are any."""
    if not len(weights):
        return ""
    strange = np.array([number == unk_id for number in question.ids[: len(weights)]])
    best = int(np.where(strange, weights, -1.0).argmax() if strange.any() else weights.argmax())
    start, end = question.spans[best]
    return question.text[start:end].strip()
