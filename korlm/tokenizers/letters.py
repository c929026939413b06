"""Cuts inside a syllable: text as syllables and letters, exact both ways.

A precomposed syllable is spelt in conjoining letters where a cut falls inside it (한 → 하 and U+11AB). A conjoining
letter that somebody typed (NFD) must not be taken for one of these: `escape` puts an unpaired surrogate in its place,
which no vocabulary has, so that it falls back to its bytes.

    >>> spell("한!"), [shown(piece) for piece in spell("한")]
    (['\\u1112', '\\u1161', '\\u11ab', '!'], ['ㅎ', 'ㅏ', 'ㄴ'])
    >>> joiner = Joiner()
    >>> [joiner.push(letter) for letter in spell("한가")], joiner.finish()
    (['', '', '한', '', ''], '가')
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, pairwise

from korlm.morph.base import Morpheme
from korlm.text.hangul import (
    LEAD_LETTERS,
    LETTERS,
    TAIL_LETTERS,
    VOWEL_LETTERS,
    compose,
    is_syllable,
    letters_of,
    shown,
    tail_of,
    without_tail,
)

_LEADS, _VOWELS, _TAILS = frozenset(LEAD_LETTERS), frozenset(VOWEL_LETTERS), frozenset(TAIL_LETTERS)
JOINING = _VOWELS | _TAILS  # letters that stand on the character of the letter before them
_TYPED = re.compile(f"[{''.join(LETTERS)}]")
_ESCAPE = {ord(letter): 0xD800 + index for index, letter in enumerate(LETTERS)}
_UNESCAPE = {0xD800 + index: letter for index, letter in enumerate(LETTERS)}


def escape(text: str) -> str:
    """Return ``text`` with a surrogate for each conjoining letter that was typed; as long as before."""
    return text.translate(_ESCAPE) if not text.isascii() and _TYPED.search(text) else text


def typed(character: str) -> str:
    """Return the character that `escape` replaced; others as they are."""
    return _UNESCAPE.get(ord(character), character)


class _Spelling(dict[str, tuple[str, ...]]):
    def __missing__(self, character: str) -> tuple[str, ...]:
        spelt = tuple(letters_of(character)) if is_syllable(character) else (escape(character),)
        self[character] = spelt
        return spelt


_SPELLING = _Spelling()


def spell(text: str) -> list[str]:
    """Return ``text`` letter by letter: the letters of syllables, other characters as `escape` gives them."""
    return list(chain.from_iterable(map(_SPELLING.__getitem__, text)))


class Joiner:
    """Puts letters together again, piece by piece, and holds back what the next letter may still complete.

    Letters that make no syllable (from a model, or cut by hand) are given as compatibility letters: ㅎ, ㅏ, ㄴ.
    """

    def __init__(self) -> None:
        self._held = ""  # a lead, or a syllable without a final consonant

    def push(self, piece: str) -> str:
        """Take a piece; return the text that is now certain."""
        done = ""
        for character in piece:
            if character in _VOWELS and self._held in _LEADS:
                self._held = compose(self._held, character)
            elif character in _TAILS and self._held and self._held not in _LEADS:
                done += chr(ord(self._held) + ord(character) - ord(TAIL_LETTERS[0]) + 1)
                self._held = ""
            else:
                done += self.finish()
                if character in _LEADS or (is_syllable(character) and not tail_of(character)):
                    self._held = character
                else:
                    done += shown(character)
        return done

    def finish(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return shown(held)


def split_inside(text: str, start: int, end: int, morphemes: Sequence[Morpheme]) -> list[str]:
    """Return a stretch of text cut between its morphemes, inside syllables where the letters allow.

    Two morphemes share a syllable that can be cut where the first ends in the syllable without its final consonant
    (가 + 았 → 가, ㅆ; 하 + ㄴ → 하, ㄴ; 갈 + ㄴ → 가, ㄴ) and the consonant is the second's. Where a vowel is fused
    (됐 = 되 + 었) they stay one piece.

    Args:
        text: the caller's string as `escape` gives it.
        start: first code point of the stretch, which may be a space that joins it.
        end: one past the last.
        morphemes: of the stretch, by rising start.

        >>> from korlm.morph.base import Morpheme
        >>> parts = split_inside("간다", 0, 2, [Morpheme("가", "VV", 0, 1), Morpheme("ㄴ다", "EF", 0, 2)])
        >>> [[shown(letter) for letter in part] for part in parts]
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
            if _allows(syllable, before.form, after.form):
                parts.append(lead + text[begun : after.start] + without_tail(syllable))
                begun, lead = after.start + 1, tail_of(syllable)
    return [part for part in (*parts, lead + text[begun:end]) if part]


def _allows(syllable: str, before: str, after: str) -> bool:
    if not is_syllable(syllable) or not (tail := tail_of(syllable)) or not is_syllable(before[-1]):
        return False
    if without_tail(before[-1]) != without_tail(syllable):
        return False
    first = after[0]
    if is_syllable(first):  # 았, 었: the vowel is gone, the consonant is left
        return without_tail(first) in ("아", "어") and tail_of(first) == tail
    return first in (tail, shown(tail))
