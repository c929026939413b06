"""Cuts inside a syllable: text as syllables and letters, exact both ways.

A precomposed syllable is spelt in conjoining letters where a cut falls inside it (한 → 하 and U+11AB). A conjoining
letter that somebody typed (NFD) must not be taken for one of these: `escape_typed_jamo` puts an unpaired surrogate in its place,
which no vocabulary has, so that it falls back to its bytes.

    >>> to_jamo("한!"), [to_compatibility_jamo(piece) for piece in to_jamo("한")]
    (['\\u1112', '\\u1161', '\\u11ab', '!'], ['ㅎ', 'ㅏ', 'ㄴ'])
    >>> joiner = JamoComposer()
    >>> [joiner.push(letter) for letter in to_jamo("한가")], joiner.finish()
    (['', '', '한', '', ''], '가')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, pairwise

from korlm.morph.base import Morpheme
from korlm.text.hangul import (
    CONJOINING_JAMO,
    CONJOINING_LEADS,
    CONJOINING_TAILS,
    CONJOINING_VOWELS,
    compose_syllable,
    decompose_syllable,
    final_consonant,
    is_syllable,
    remove_final_consonant,
    to_compatibility_jamo,
)

_LEADS, _VOWELS, _TAILS = frozenset(CONJOINING_LEADS), frozenset(CONJOINING_VOWELS), frozenset(CONJOINING_TAILS)
JOINING_JAMO = _VOWELS | _TAILS  # letters that stand on the character of the letter before them
_TYPED_JAMO = re.compile(f"[{''.join(CONJOINING_JAMO)}]")
_ESCAPE = {ord(letter): 0xD800 + index for index, letter in enumerate(CONJOINING_JAMO)}
_UNESCAPE = {0xD800 + index: letter for index, letter in enumerate(CONJOINING_JAMO)}


def escape_typed_jamo(text: str) -> str:
    """Return ``text`` with a surrogate for each conjoining letter that was typed; as long as before."""
    return text.translate(_ESCAPE) if not text.isascii() and _TYPED_JAMO.search(text) else text


def unescape_jamo(character: str) -> str:
    """Return the character that `escape_typed_jamo` replaced; others as they are."""
    return _UNESCAPE.get(ord(character), character)


class _JamoCache(dict[str, tuple[str, ...]]):
    def __missing__(self, character: str) -> tuple[str, ...]:
        spelt = tuple(decompose_syllable(character)) if is_syllable(character) else (escape_typed_jamo(character),)
        self[character] = spelt
        return spelt


_JAMO_CACHE = _JamoCache()


def to_jamo(text: str) -> list[str]:
    """Return ``text`` letter by letter: the letters of syllables, other characters as `escape_typed_jamo` gives them."""
    return list(chain.from_iterable(map(_JAMO_CACHE.__getitem__, text)))


class JamoComposer:
    """Puts letters together again, piece by piece, and holds back what the next letter may still complete.

    Letters that make no syllable (from a model, or cut by hand) are given as compatibility letters: ㅎ, ㅏ, ㄴ.
    """

    def __init__(self) -> None:
        self._pending = ""  # a lead, or a syllable without a final consonant

    def push(self, token: str) -> str:
        """Take a piece; return the text that is now certain."""
        done = ""
        for character in token:
            if character in _VOWELS and self._pending in _LEADS:
                self._pending = compose_syllable(self._pending, character)
            elif character in _TAILS and self._pending and self._pending not in _LEADS:
                done += chr(ord(self._pending) + ord(character) - ord(CONJOINING_TAILS[0]) + 1)
                self._pending = ""
            else:
                done += self.finish()
                if character in _LEADS or (is_syllable(character) and not final_consonant(character)):
                    self._pending = character
                else:
                    done += to_compatibility_jamo(character)
        return done

    def finish(self) -> str:
        """Return what was held back."""
        held, self._pending = self._pending, ""
        return to_compatibility_jamo(held)


def split_within_syllables(text: str, start: int, end: int, morphemes: Sequence[Morpheme]) -> list[str]:
    """Return a stretch of text cut between its morphemes, inside syllables where the letters allow.

    Two morphemes share a syllable that can be cut where the first ends in the syllable without its final consonant
    (가 + 았 → 가, ㅆ; 하 + ㄴ → 하, ㄴ; 갈 + ㄴ → 가, ㄴ) and the consonant is the second's. Where a vowel is fused
    (됐 = 되 + 었) they stay one piece.

    Args:
        text: the caller's string as `escape_typed_jamo` gives it.
        start: first code point of the stretch, which may be a space that joins it.
        end: one past the last.
        morphemes: of the stretch, by rising start.

        >>> from korlm.morph.base import Morpheme
        >>> parts = split_within_syllables("간다", 0, 2, [Morpheme("가", "VV", 0, 1), Morpheme("ㄴ다", "EF", 0, 2)])
        >>> [[to_compatibility_jamo(letter) for letter in part] for part in parts]
        [['가'], ['ㄴ', '다']]
    """
    parts: list[str] = []
    begun, lead = start, ""  # `lead`: the consonant that the part under way begins with
    for before, after in pairwise(morphemes):
        if after.start >= before.end:
            if after.start > begun:
                parts.append(lead + text[begun : after.start])
                begun, lead = after.start, ""
        elif after.start == before.end - 1 >= begun and not (lead and after.start < begun):
            syllable = text[after.start]
            if _can_split_syllable(syllable, before.form, after.form):
                parts.append(lead + text[begun : after.start] + remove_final_consonant(syllable))
                begun, lead = after.start + 1, final_consonant(syllable)
    return [part for part in (*parts, lead + text[begun:end]) if part]


def _can_split_syllable(syllable: str, before: str, after: str) -> bool:
    if not is_syllable(syllable) or not (tail := final_consonant(syllable)) or not is_syllable(before[-1]):
        return False
    if remove_final_consonant(before[-1]) != remove_final_consonant(syllable):
        return False
    first = after[0]
    if is_syllable(first):  # 았, 었: the vowel is gone, the consonant is left
        return remove_final_consonant(first) in ("아", "어") and final_consonant(first) == tail
    return first in (tail, to_compatibility_jamo(tail))
