"""Hangul arithmetic: precomposed syllables, their letters, and how a lone letter is shown.

>>> letters_of("한"), compose("\\u1112", "\\u1161", "\\u11ab"), shown("\\u11ab")
('\\u1112\\u1161\\u11ab', '한', 'ㄴ')

The Unicode Standard, section 3.12, "Conjoining Jamo Behavior".
"""

from __future__ import annotations

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"  # 초성, U+1100 on
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"  # 중성, U+1161 on
TAILS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"  # 종성, U+11A8 on
_LEAD, _VOWEL, _TAIL, _SYLLABLE = 0x1100, 0x1161, 0x11A8, 0xAC00

LEAD_LETTERS = tuple(chr(_LEAD + index) for index in range(len(LEADS)))
VOWEL_LETTERS = tuple(chr(_VOWEL + index) for index in range(len(VOWELS)))
TAIL_LETTERS = tuple(chr(_TAIL + index) for index in range(len(TAILS)))
LETTERS = LEAD_LETTERS + VOWEL_LETTERS + TAIL_LETTERS  # the 67 conjoining letters that syllables are made of
_SHOWN = str.maketrans(dict(zip(LETTERS, LEADS + VOWELS + TAILS, strict=True)))


def is_syllable(character: str) -> bool:
    """Return whether a character is a precomposed syllable, 가 to 힣."""
    return "가" <= character <= "힣"


def letters_of(syllable: str) -> str:
    """Return the two or three conjoining letters of a precomposed syllable (its NFD)."""
    number = ord(syllable) - _SYLLABLE
    lead, vowel, tail = number // 588, number % 588 // 28, number % 28
    return chr(_LEAD + lead) + chr(_VOWEL + vowel) + (chr(_TAIL + tail - 1) if tail else "")


def compose(lead: str, vowel: str, tail: str = "") -> str:
    """Return the syllable of conjoining letters."""
    number = (ord(lead) - _LEAD) * 588 + (ord(vowel) - _VOWEL) * 28 + (ord(tail) - _TAIL + 1 if tail else 0)
    return chr(_SYLLABLE + number)


def tail_of(syllable: str) -> str:
    """Return the conjoining final consonant of a syllable, or nothing.

    >>> tail_of("가"), tail_of("간") == "\\u11ab"
    ('', True)
    """
    tail = (ord(syllable) - _SYLLABLE) % 28
    return chr(_TAIL + tail - 1) if tail else ""


def without_tail(syllable: str) -> str:
    """Return a syllable without its final consonant.

    >>> without_tail("간")
    '가'
    """
    return chr(ord(syllable) - (ord(syllable) - _SYLLABLE) % 28)


def shown(text: str) -> str:
    """Return ``text`` with each conjoining letter as the compatibility letter that fonts draw alone.

    >>> shown("\\u11b8니다")
    'ㅂ니다'
    """
    return text.translate(_SHOWN)
