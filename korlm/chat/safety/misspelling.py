"""Misspell training messages as people do: as they sound, and with confused or lost jamo.

>>> misspell_text("죽고 싶어 없어", random.Random(0))
'죽고 시퍼 업서'
"""

from __future__ import annotations

import random

from korlm.text.hangul import compose_syllable, decompose_syllable

_AS_IT_SOUNDS, _LOST_TAIL, _OTHER_VOWEL, _OTHER_LEAD = 0.6, 0.05, 0.03, 0.03  # rates for each syllable
# Conjoining jamo: which tail moves to the next syllable as which lead, and what stays.
_MOVES = {
    "\u11a8": ("", "\u1100"), "\u11a9": ("", "\u1101"), "\u11ab": ("", "\u1102"), "\u11ae": ("", "\u1103"),
    "\u11af": ("", "\u1105"), "\u11b7": ("", "\u1106"), "\u11b8": ("", "\u1107"), "\u11ba": ("", "\u1109"),
    "\u11bb": ("", "\u110a"), "\u11bd": ("", "\u110c"), "\u11be": ("", "\u110e"), "\u11bf": ("", "\u110f"),
    "\u11c0": ("", "\u1110"), "\u11c1": ("", "\u1111"), "\u11b9": ("\u11b8", "\u1109"),
}  # fmt: skip
_SILENT_LEAD = "\u110b"
_VOWELS = dict(zip("ᅡᅣᅥᅧᅩᅭᅮᅲᅳᅵ", "ᅣᅡᅧᅥᅭᅩᅲᅮᅵᅳ", strict=True))
_LEADS = dict(zip("ᄀᄁᄃᄄᄇᄈᄉᄊᄌᄍ", "ᄁᄀᄄᄃᄈᄇᄊᄉᄍᄌ", strict=True))


def misspell_text(text: str, generator: random.Random) -> str:
    """Return a text in which some tails have moved to the next syllable, and some jamo are lost or confused."""
    letters = [decompose_syllable(letter) if "가" <= letter <= "힣" else letter for letter in text]
    for at, letter in enumerate(letters):
        if len(letter) < 2:
            continue
        lead, vowel, tail = letter[0], letter[1], letter[2:]
        behind = letters[at + 1] if at + 1 < len(letters) else ""
        if tail in _MOVES and behind[:1] == _SILENT_LEAD and generator.random() < _AS_IT_SOUNDS:
            tail, moved = _MOVES[tail]
            letters[at + 1] = moved + behind[1:]
        chance = generator.random()
        if chance < _LOST_TAIL:
            tail = ""
        elif chance < _LOST_TAIL + _OTHER_VOWEL:
            vowel = _VOWELS.get(vowel, vowel)
        elif chance < _LOST_TAIL + _OTHER_VOWEL + _OTHER_LEAD:
            lead = _LEADS.get(lead, lead)
        letters[at] = lead + vowel + tail
    return "".join(compose_syllable(*letter) if len(letter) > 1 else letter for letter in letters)
