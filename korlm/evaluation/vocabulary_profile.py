"""What a vocabulary is made of: its pieces by script and by length.

>>> classify_script("하다"), classify_script("ㅋㅋ"), classify_script("3월"), classify_script("!"), classify_script("韓")
('syllables', 'letters', 'mixed', 'symbols', 'hanja')
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from korlm.tokenizers.base import Tokenizer

SCRIPTS = {
    "syllables": ("한글 음절", "Hangul syllables"),
    "letters": ("한글 낱자", "Hangul letters"),
    "latin": ("로마자", "Latin"),
    "digits": ("숫자", "digits"),
    "hanja": ("한자", "Hanja"),
    "symbols": ("문장 부호·기호", "punctuation, symbols"),
    "mixed": ("섞임", "mixed"),
    "other": ("다른 글자", "other scripts"),
    "space": ("공백", "whitespace"),
    "bytes": ("바이트", "bytes"),
    "special": ("특수 토큰", "special tokens"),
}
MAX_COUNTED_LENGTH = 8  # characters; longer pieces are counted with these


def vocabulary_scripts(tokenizer: Tokenizer) -> dict[str, int]:
    """Return how many ids are of each script, all of `SCRIPTS` in order; they add up to the vocabulary size.

    A space that a piece begins with is not looked at; a piece that is no UTF-8 by itself counts as bytes.
    """
    counts = Counter(script for script, _ in _iter_scripts_and_tokens(tokenizer))
    return {script: counts[script] for script in SCRIPTS}


def vocabulary_lengths(tokenizer: Tokenizer) -> dict[str, int]:
    """Return how many pieces have 1, 2, ... and 8 or more characters; bytes and special tokens are left out.

    A space that a piece begins with is not counted.
    """
    counts: Counter[int] = Counter()
    for _, piece in _iter_scripts_and_tokens(tokenizer):
        if piece:
            counts[min(len(piece.removeprefix(" ") or piece), MAX_COUNTED_LENGTH)] += 1
    return {
        f"{length}+" if length == MAX_COUNTED_LENGTH else str(length): counts[length]
        for length in range(1, MAX_COUNTED_LENGTH + 1)
    }


def classify_script(token: str) -> str:
    """Return the script of a piece: one of `SCRIPTS`; marks and joiners go with what they stand on."""
    kinds = {_character_script(character) for character in token.strip()} - {"mark"}
    if not kinds:
        return "space" if not token.strip() else "symbols"
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _iter_scripts_and_tokens(tokenizer: Tokenizer) -> Iterator[tuple[str, str]]:
    """Yield the script of each id and its text, which is empty for bytes and special tokens."""
    specials, lone = set(tokenizer.specials.values()), tokenizer.byte_token_ids
    for number, token in enumerate(tokenizer.token_bytes):
        if number in specials or number in lone:
            yield "special" if number in specials else "bytes", ""
            continue
        try:
            piece = token.decode()
        except UnicodeDecodeError:
            yield "bytes", ""
        else:
            yield classify_script(piece), piece


@lru_cache(maxsize=50_000)
def _character_script(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Nd", "Nl", "No"):
        return "digits"
    if category[0] in "PSC":
        return "mark" if category == "Cf" else "symbols"
    if category[0] in "ZM":
        return "mark"
    name = unicodedata.name(character, "")
    for part, kind in (("HANGUL SYLLABLE", "syllables"), ("HANGUL", "letters"), ("LATIN", "latin"), ("CJK", "hanja")):
        if part in name:
            return kind
    return "other"
