"""Hangul arithmetic: precomposed syllables, their letters, and how a lone letter is shown.

>>> decompose_syllable("한"), compose_syllable("\\u1112", "\\u1161", "\\u11ab"), to_compatibility_jamo("\\u11ab")
('\\u1112\\u1161\\u11ab', '한', 'ㄴ')

The Unicode Standard, section 3.12, "Conjoining Jamo Behavior".
"""

from __future__ import annotations

COMPATIBILITY_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"  # 초성, U+1100 on
COMPATIBILITY_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"  # 중성, U+1161 on
COMPATIBILITY_TAILS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"  # 종성, U+11A8 on
_LEAD_BASE, _VOWEL_BASE, _TAIL_BASE, _SYLLABLE_BASE = 0x1100, 0x1161, 0x11A8, 0xAC00

CONJOINING_LEADS = tuple(chr(_LEAD_BASE + index) for index in range(len(COMPATIBILITY_LEADS)))
CONJOINING_VOWELS = tuple(chr(_VOWEL_BASE + index) for index in range(len(COMPATIBILITY_VOWELS)))
CONJOINING_TAILS = tuple(chr(_TAIL_BASE + index) for index in range(len(COMPATIBILITY_TAILS)))
CONJOINING_JAMO = (
    CONJOINING_LEADS + CONJOINING_VOWELS + CONJOINING_TAILS
)  # the 67 conjoining letters that syllables are made of
_TO_COMPATIBILITY = str.maketrans(
    dict(zip(CONJOINING_JAMO, COMPATIBILITY_LEADS + COMPATIBILITY_VOWELS + COMPATIBILITY_TAILS, strict=True))
)


def is_syllable(character: str) -> bool:
    """Return whether a character is a precomposed syllable, 가 to 힣."""
    return "가" <= character <= "힣"


def decompose_syllable(syllable: str) -> str:
    """Return the two or three conjoining letters of a precomposed syllable (its NFD)."""
    number = ord(syllable) - _SYLLABLE_BASE
    lead, vowel, tail = number // 588, number % 588 // 28, number % 28
    return chr(_LEAD_BASE + lead) + chr(_VOWEL_BASE + vowel) + (chr(_TAIL_BASE + tail - 1) if tail else "")


def compose_syllable(lead: str, vowel: str, tail: str = "") -> str:
    """Return the syllable of conjoining letters."""
    number = (
        (ord(lead) - _LEAD_BASE) * 588 + (ord(vowel) - _VOWEL_BASE) * 28 + (ord(tail) - _TAIL_BASE + 1 if tail else 0)
    )
    return chr(_SYLLABLE_BASE + number)


def final_consonant(syllable: str) -> str:
    """Return the conjoining final consonant of a syllable, or nothing.

    >>> final_consonant("가"), final_consonant("간") == "\\u11ab"
    ('', True)
    """
    tail = (ord(syllable) - _SYLLABLE_BASE) % 28
    return chr(_TAIL_BASE + tail - 1) if tail else ""


def remove_final_consonant(syllable: str) -> str:
    """Return a syllable without its final consonant.

    >>> remove_final_consonant("간")
    '가'
    """
    return chr(ord(syllable) - (ord(syllable) - _SYLLABLE_BASE) % 28)


def to_compatibility_jamo(text: str) -> str:
    """Return ``text`` with each conjoining letter as the compatibility letter that fonts draw alone.

    >>> to_compatibility_jamo("\\u11b8니다")
    'ㅂ니다'
    """
    return text.translate(_TO_COMPATIBILITY)
