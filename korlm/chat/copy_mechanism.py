"""Copy unknown words from the question into the answer, with particles that agree with them.

A vocabulary of ``unk`` mode has ``<unk>`` for every word that it lacks, names above all. In the answer each ``<unk>`` is
replaced by the question's word with the highest attention (Luong et al. 2015, "Addressing the rare word problem in neural
machine translation"). Vocabularies with byte fallback need none of this.

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

_SHORT_PARTICLES = ("은/는", "이/가", "을/를", "과/와", "아/야", "으로/로")  # not before Hangul: 이 also begins words
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
    """Return the text of an answer with words of the question in place of ``<unk>``.

    Args:
        tokenizer: in ``unk`` mode.
        ids: of the answer, without ``</s>``.
        attention: ``[len(ids) or more, len(question) + 2]``, the attention of each step over ``<s>``, the question's tokens
            and ``</s>``.
        question: the encoder's input.
    """
    text = copied_word = ""
    known_ids: list[int] = []  # after the copied word
    for step, token_id in enumerate(ids):
        if token_id != tokenizer.unk_id:
            known_ids.append(token_id)
            continue
        text = _join_word(text, copied_word, tokenizer.decode(known_ids))
        copied_word = _most_attended_word(attention[step, 1 : len(question) + 1], question, tokenizer.unk_id)
        known_ids = []
    return _join_word(text, copied_word, tokenizer.decode(known_ids))


def attach_particle(before: str, word: str, after: str) -> str:
    """Join a word to the text around it; a particle after the word takes the form that agrees with it.

    >>> attach_particle("", "지연", "가 좋아요.")
    '지연이 좋아요.'
    """
    particle = _PARTICLE_PATTERN.match(after)
    if not particle:
        return before + word + after
    return before + with_josa(word, _PARTICLE_PAIRS[particle[0]]) + after[particle.end() :]


def _join_word(text: str, word: str, after: str) -> str:
    if not word:
        return text + after
    space = " " if text and text[-1].isalnum() else ""
    return attach_particle(text + space, word, after)


def _most_attended_word(weights: np.ndarray, question: Encoding, unk_id: int) -> str:
    """Return the word with the highest attention, of the unknown words if there are any."""
    if not len(weights):
        return ""
    is_unknown = np.array(question.ids[: len(weights)]) == unk_id
    best = int(np.where(is_unknown, weights, -1.0).argmax() if is_unknown.any() else weights.argmax())
    start, end = question.spans[best]
    return question.text[start:end].strip()
