"""Particles (josa) in the form that agrees with the final sound of a word: 책은, 나무는; 물로, 집으로.

>>> with_josa("민수", "은/는"), with_josa("지연", "은/는"), with_josa("서울", "으로/로"), with_josa("3", "이/가")
('민수는', '지연은', '서울로', '3이')
"""

from __future__ import annotations

import re
import unicodedata

from korlm.errors import InputError
from korlm.text.hangul import COMPATIBILITY_TAILS, final_consonant, is_syllable, to_compatibility_jamo

# Final sounds of the Sino-Korean digit names (영 일 이 삼 사 오 육 칠 팔 구) and of the Korean names of Latin letters.
_DIGIT_FINAL_SOUNDS = dict(zip("0123456789", ("ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", ""), strict=True))
_LATIN_LETTER_FINAL_SOUNDS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ", "r": "ㄹ"}  # 엘 엠 엔 알; all others end in a vowel
# 억 만 천 백 십
_POWER_OF_TEN_FINAL_SOUNDS = (("0" * 8, "ㄱ"), ("0000", "ㄴ"), ("000", "ㄴ"), ("00", "ㄱ"), ("0", "ㅂ"))


def with_josa(word: str, josa: str) -> str:
    """Return a word with the form of a particle that agrees with it.

    Args:
        word: the word before the particle.
        josa: the form after a consonant and the form after a vowel: ``은/는``, ``이/가``, ``을/를``, ``과/와``, ``아/야``,
            ``으로/로``, ``이라는/라는``, ``이에요/예요``, ``이/`` (민수, 지연이) ... After ㄹ, 으로 becomes 로.

    Returns:
        The word and one form; both forms, as in print (``korlm은(는)``, ``korlm(이)라는``), if the pronunciation is
        unknown.

    Raises:
        InputError: ``josa`` is not two forms.
    """
    forms = josa.split("/")
    if len(forms) != 2:
        raise InputError(
            f"조사의 두 꼴을 '은/는'처럼 주세요 (받은 것: '{josa}').",
            f"Give both forms of the particle, as in '은/는' (got '{josa}').",
        )
    after_consonant, after_vowel = forms
    sound = final_sound(word)
    if sound is None:
        if after_consonant.endswith(after_vowel):  # they differ by a 이 or 으 before: (이)라는, (으)로
            return f"{word}({after_consonant.removesuffix(after_vowel)}){after_vowel}"
        return f"{word}{after_consonant}({after_vowel})"
    if sound == "" or (sound == "ㄹ" and after_consonant.startswith("으로")):
        return word + after_vowel
    return word + after_consonant


def quote_with_josa(name: object, josa: str) -> str:
    """Return what a user wrote in quotation marks, for a message, with the form of a particle that agrees with it.

    >>> quote_with_josa("나무", "이라는/라는"), quote_with_josa("책", "이라는/라는"), quote_with_josa("kiwy", "이라는/라는")
    ("'나무'라는", "'책'이라는", "'kiwy'(이)라는")
    """
    return with_josa(f"'{name}'", josa)


def final_sound(word: str) -> str | None:
    """Return the final consonant in the pronunciation of a word, ``""`` for a vowel, or None if it is unknown.

    Numbers are read in Sino-Korean (10 is 십), Latin capitals by their names (KBS is 케이비에스). Latin words in lower
    case and other scripts are unknown. Punctuation at the end is skipped.

    >>> [final_sound(word) for word in ("학교", "책'", "물", "100", "LSTM", "korlm", "ㅋ")]
    ['', 'ㄱ', 'ㄹ', 'ㄱ', 'ㅁ', None, 'ㄱ']
    """
    word = re.sub(r"[\W_]+$", "", unicodedata.normalize("NFC", word))
    last = word[-1:]
    if is_syllable(last):
        return to_compatibility_jamo(final_consonant(last))
    if last in COMPATIBILITY_TAILS and last:  # a lone consonant is read by its name: 키읔, 기역
        return {"ㅋ": "ㄱ", "ㅎ": "ㅅ"}.get(last, last)
    if last in _DIGIT_FINAL_SOUNDS:
        return _number_final_sound(word)
    if re.search(r"(^|[^a-zA-Z])[A-Z]+$", word):
        return _LATIN_LETTER_FINAL_SOUNDS.get(last.lower(), "")
    return None


def _number_final_sound(word: str) -> str:
    """Return the final sound of the number at the end of a word: of 십, 백, 천, 만 or 억 if it ends in zeros."""
    digits = re.sub(r"(?<=\d),(?=\d{3})", "", word)
    number = re.search(r"(\.?)(\d+)$", digits)
    if number and not number[1] and number[2].strip("0"):  # decimals are read digit by digit
        for zeros, sound in _POWER_OF_TEN_FINAL_SOUNDS:
            if number[2].endswith(zeros):
                return sound
    return _DIGIT_FINAL_SOUNDS[word[-1]]
