"""Profile of a vocabulary: its tokens by script and by length.

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
MAX_COUNTED_LENGTH = 8  # characters; longer tokens count as this long


def vocabulary_scripts(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the number of tokens in each of `SCRIPTS`, in order; they add up to the vocabulary size.

    A leading space of a token is ignored. A token that is not valid UTF-8 by itself counts as bytes.
    """
    counts = Counter(script for script, _ in _iter_scripts_and_tokens(tokenizer))
    return {script: counts[script] for script in SCRIPTS}


def vocabulary_lengths(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the number of tokens of 1, 2, ... and 8 or more characters, without bytes and special tokens.

    A leading space of a token is not counted.
    """
    counts: Counter[int] = Counter()
    for _, token in _iter_scripts_and_tokens(tokenizer):
        if token:
            counts[min(len(token.removeprefix(" ") or token), MAX_COUNTED_LENGTH)] += 1
    return {
        f"{length}+" if length == MAX_COUNTED_LENGTH else str(length): counts[length]
        for length in range(1, MAX_COUNTED_LENGTH + 1)
    }


def classify_script(token: str) -> str:
    """Return the script of a token, one of `SCRIPTS`; combining marks and joiners do not count."""
    scripts = {_character_script(character) for character in token.strip()} - {"mark"}
    if not scripts:
        return "space" if not token.strip() else "symbols"
    return scripts.pop() if len(scripts) == 1 else "mixed"


def _iter_scripts_and_tokens(tokenizer: Tokenizer) -> Iterator[tuple[str, str]]:
    """Yield the script and the text of each token; the text of bytes and special tokens is empty."""
    specials, byte_ids = set(tokenizer.specials.values()), tokenizer.byte_token_ids
    for token_id, raw in enumerate(tokenizer.token_bytes):
        if token_id in specials or token_id in byte_ids:
            yield "special" if token_id in specials else "bytes", ""
            continue
        try:
            token = raw.decode()
        except UnicodeDecodeError:
            yield "bytes", ""
        else:
            yield classify_script(token), token


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
    scripts = {"HANGUL SYLLABLE": "syllables", "HANGUL": "letters", "LATIN": "latin", "CJK": "hanja"}
    return next((script for part, script in scripts.items() if part in name), "other")
