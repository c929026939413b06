"""The forms of a message that the safety patterns read: without spaces, and with common misspellings made equal.

>>> list_views("죽 고 시 퍼, 떄려써요")[0]
'죽고시퍼떼려서요'
"""

from __future__ import annotations

import re

from korlm.text.hangul import (
    COMPATIBILITY_LEADS,
    COMPATIBILITY_TAILS,
    COMPATIBILITY_VOWELS,
    CONJOINING_LEADS,
    CONJOINING_TAILS,
    CONJOINING_VOWELS,
    compose_syllable,
    decompose_syllable,
)
from korlm.text.normalization import normalize_message

_REPEATED = re.compile(r"(.)\1{2,}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,40}>")
_NOT_LETTERS = re.compile(r"[\W_]+")
_NOT_SYLLABLES = re.compile(r"[^가-힣ㄱ-ㅎ\n]+")
_JAMO = re.compile(r"[^가-힣\n]+")
_LOOSE_LETTERS = re.compile("([ㄱ-ㅎ])([ㅏ-ㅣ])([ㄱ-ㅎ](?![ㅏ-ㅣ]))?")

# ㅐ, ㅒ and ㅖ like ㅔ, ㅙ and ㅞ like ㅚ, ㅆ like ㅅ; conjoining jamo, the last pair as final consonants
_SAME_JAMO = str.maketrans("\u1162\u1164\u1168\u116b\u1170\u110a\u11bb", "\u1166\u1166\u1166\u116c\u116c\u1109\u11ba")
_KEPT_APART = "애내걔얘쟤"  # the syllables 에, 네, 게 and 제 are too frequent


def squeeze_text(text: str) -> str:
    """Return only the letters and digits of a text, without HTML tags.

    They are composed, in half width and lower case, none more than twice in a row.

    >>> squeeze_text("  ＡＢ 죽…고 싶\\\u200b어어어어! ")
    'ab죽고싶어어'
    """
    untagged = _TAG.sub(" ", normalize_message(text))
    return _REPEATED.sub(r"\1\1", _NOT_LETTERS.sub("", untagged.lower()))


def _soften_syllable(syllable: str) -> str:
    return compose_syllable(*decompose_syllable(syllable).translate(_SAME_JAMO))


_SOFT = {
    code: _soften_syllable(chr(code)) for code in range(ord("가"), ord("힣") + 1) if chr(code) not in _KEPT_APART
}  # fmt: skip


def soften_spelling(text: str) -> str:
    """Return a text, or a pattern, in which letters that are often confused are equal: ㅐ and ㅔ, ㅙ and ㅚ, ㅅ and ㅆ.

    >>> soften_spelling("때렸어요"), soften_spelling("떼렷써요")
    ('떼렷어요', '떼렷서요')
    """
    return text.translate(_SOFT)


def _join_letters(match: re.Match[str]) -> str:
    lead, vowel, tail = match.groups()
    if lead not in COMPATIBILITY_LEADS:
        return match[0]
    conjoining = (
        CONJOINING_LEADS[COMPATIBILITY_LEADS.index(lead)],
        CONJOINING_VOWELS[COMPATIBILITY_VOWELS.index(vowel)],
    )
    if tail and tail in COMPATIBILITY_TAILS:
        return compose_syllable(*conjoining, CONJOINING_TAILS[COMPATIBILITY_TAILS.index(tail)])
    return compose_syllable(*conjoining) + (tail or "")


def compose_letters(text: str) -> str:
    """Return a text in which loose letters are joined to syllables.

    >>> compose_letters("ㅈㅏ살, ㅈㅜㄱㄱㅗ")
    '자살, 죽고'
    """
    return _LOOSE_LETTERS.sub(_join_letters, text)


def simplify_letters(text: str) -> str:
    """Return what the classifiers read of a text: spaces, punctuation and confusable letters make no difference.

    >>> simplify_letters("떄렸어요, ㅈㅜㄱㄱㅗ")
    '떼렷어요죽고'
    """
    return soften_spelling(compose_letters(squeeze_text(text)))


def list_views(text: str, idioms: re.Pattern[str] | None = None) -> list[str]:
    """Return the different forms of a message to search: as it is, without digits and Latin letters, and without jamo.

    Args:
        text: the message.
        idioms: harmless phrases, softened; a line break replaces each, so that no pattern reaches across it.
    """
    softened = simplify_letters(text)
    whole = idioms.sub("\n", softened) if idioms else softened
    return list(dict.fromkeys([whole, _NOT_SYLLABLES.sub("", whole), _JAMO.sub("", whole)]))
