"""Hangul syllables and jamo: composition, decomposition and display.

>>> decompose_syllable("한"), compose_syllable("\\u1112", "\\u1161", "\\u11ab"), to_compatibility_jamo("\\u11ab")
('\\u1112\\u1161\\u11ab', '한', 'ㄴ')

The Unicode Standard, section 3.12, "Conjoining Jamo Behavior".
"""

from __future__ import annotations

COMPATIBILITY_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"  # 초성, from U+1100
COMPATIBILITY_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"  # 중성, from U+1161
COMPATIBILITY_TAILS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"  # 종성, from U+11A8
_LEAD_BASE, _VOWEL_BASE, _TAIL_BASE, _SYLLABLE_BASE = 0x1100, 0x1161, 0x11A8, 0xAC00

CONJOINING_LEADS = tuple(chr(_LEAD_BASE + index) for index in range(len(COMPATIBILITY_LEADS)))
CONJOINING_VOWELS = tuple(chr(_VOWEL_BASE + index) for index in range(len(COMPATIBILITY_VOWELS)))
CONJOINING_TAILS = tuple(chr(_TAIL_BASE + index) for index in range(len(COMPATIBILITY_TAILS)))
CONJOINING_JAMO = CONJOINING_LEADS + CONJOINING_VOWELS + CONJOINING_TAILS  # the 67 jamo of precomposed syllables
_TO_COMPATIBILITY = str.maketrans(
    dict(zip(CONJOINING_JAMO, COMPATIBILITY_LEADS + COMPATIBILITY_VOWELS + COMPATIBILITY_TAILS, strict=True))
)


def is_syllable(character: str) -> bool:
    """Return whether a character is a precomposed syllable, 가 to 힣."""
    return "가" <= character <= "힣"


def decompose_syllable(syllable: str) -> str:
    """Return the two or three conjoining jamo of a precomposed syllable (its NFD)."""
    index = ord(syllable) - _SYLLABLE_BASE
    lead, vowel, tail = index // 588, index % 588 // 28, index % 28
    return chr(_LEAD_BASE + lead) + chr(_VOWEL_BASE + vowel) + (chr(_TAIL_BASE + tail - 1) if tail else "")


def compose_syllable(lead: str, vowel: str, tail: str = "") -> str:
    """Return the precomposed syllable of conjoining jamo."""
    tail_index = ord(tail) - _TAIL_BASE + 1 if tail else 0
    return chr(_SYLLABLE_BASE + (ord(lead) - _LEAD_BASE) * 588 + (ord(vowel) - _VOWEL_BASE) * 28 + tail_index)


def final_consonant(syllable: str) -> str:
    """Return the conjoining final consonant of a syllable, or ``""``.

    >>> final_consonant("가"), final_consonant("간") == "\\u11ab"
    ('', True)
    """
    return decompose_syllable(syllable)[2:]


def remove_final_consonant(syllable: str) -> str:
    """Return a syllable without its final consonant.

    >>> remove_final_consonant("간")
    '가'
    """
    return chr(ord(syllable) - (ord(syllable) - _SYLLABLE_BASE) % 28)


def to_compatibility_jamo(text: str) -> str:
    """Replace conjoining jamo by compatibility jamo, which fonts draw alone.

    >>> to_compatibility_jamo("\\u11b8니다")
    'ㅂ니다'
    """
    return text.translate(_TO_COMPATIBILITY)
