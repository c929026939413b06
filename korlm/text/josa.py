"""Particles (josa) that agree with the sound that a word ends in: 책은, 나무는; 물로, 집으로.

>>> with_josa("민수", "은/는"), with_josa("지연", "은/는"), with_josa("서울", "으로/로"), with_josa("3", "이/가")
('민수는', '지연은', '서울로', '3이')
"""

from __future__ import annotations

import re
import unicodedata

from korlm.errors import InputError
from korlm.text.hangul import COMPATIBILITY_TAILS, final_consonant, is_syllable, to_compatibility_jamo

# the last sound of a digit's Sino-Korean name (영 일 이 삼 사 오 육 칠 팔 구), and of a Latin letter's Korean name
_DIGIT_FINAL_SOUNDS = dict(zip("0123456789", ("ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", ""), strict=True))
_LATIN_LETTER_FINAL_SOUNDS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "r": "ㄹ"}  # 엘 엠 엔 알; all others end in a vowel
_POWER_OF_TEN_FINAL_SOUNDS = (
    ("00000000", "ㄱ"),
    ("0000", "ㄴ"),
    ("000", "ㄴ"),
    ("00", "ㄱ"),
    ("0", "ㅂ"),
)  # 억 만 천 백 십


def final_sound(word: str) -> str | None:
    """Return the final consonant that a word is pronounced with, "" for a vowel, or None where that cannot be told.

    Hangul tells it; a number is read in Sino-Korean (10 is 십), Latin capitals by their names (KBS is 케이비에스).
    Latin words in small letters and other scripts cannot be told. Closing signs are passed over.

    >>> [final_sound(word) for word in ("학교", "책'", "물", "100", "LSTM", "korlm", "ㅋ")]
    ['', 'ㄱ', 'ㄹ', 'ㄱ', 'ㅁ', None, 'ㄱ']
    """
    word = re.sub(r"[\W_]+$", "", unicodedata.normalize("NFC", word))
    last = word[-1:]
    if is_syllable(last):
        return to_compatibility_jamo(final_consonant(last))
    if last in COMPATIBILITY_TAILS and last:  # a lone letter goes by its name: 키읔, 기역
        return {"ㅋ": "ㄱ", "ㅎ": "ㅅ"}.get(last, last)
    if last in _DIGIT_FINAL_SOUNDS:
        return _number_final_sound(word)
    if re.search(r"(^|[^a-zA-Z])[A-Z]+$", word):
        return _LATIN_LETTER_FINAL_SOUNDS.get(last.lower(), "")
    return None


def with_josa(word: str, josa: str) -> str:
    """Return a word with the form of a particle that agrees with it.

    Args:
        word: what the particle follows.
        josa: the form after a consonant and that after a vowel: ``은/는``, ``이/가``, ``을/를``, ``과/와``, ``아/야``, ``으로/로``,
            ``이에요/예요``, ``이/`` (민수, 지연이) ... After ㄹ, 으로 is 로.

    Returns:
        Where the sound cannot be told, both forms, as in print: ``korlm은(는)``.

    Raises:
        InputError: not two forms.
    """
    forms = josa.split("/")
    if len(forms) != 2:
        raise InputError(
            f"조사의 두 꼴을 '은/는'처럼 주세요 (받은 것: '{josa}').",
            f"Give both forms of the particle, as in '은/는' (got '{josa}').",
        )
    consonant, vowel = forms
    sound = final_sound(word)
    if sound is None:
        return f"{word}{consonant}({vowel})" if vowel else f"{word}({consonant})"
    if sound == "" or (sound == "ㄹ" and consonant.startswith("으로")):
        return word + vowel
    return word + consonant


def _number_final_sound(word: str) -> str:
    """Return the last sound of the number at the end of a word: 십, 백, 천, 만, 억 where it ends in zeros."""
    digits = re.sub(r"(?<=\d),(?=\d{3})", "", word)
    whole = re.search(r"(\.?)(\d+)$", digits)
    if whole is None or whole[1] or not whole[2].strip("0"):  # after a point digit by digit
        return _DIGIT_FINAL_SOUNDS[word[-1]]
    return next(
        (sound for zeros, sound in _POWER_OF_TEN_FINAL_SOUNDS if whole[2].endswith(zeros)),
        _DIGIT_FINAL_SOUNDS[word[-1]],
    )
