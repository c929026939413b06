"""What the pieces of a tokenizer do to a text: their bytes as a decoder gives them, and which join what is before them.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> token_table(byte_tokenizer()).byte_matrix[4 + 0x41, :2].tolist()
[65, 256]
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from korlm.text.incremental import allowed_next_bytes
from korlm.tokenizers.base import Decoder, Tokenizer
from korlm.tokenizers.syllable_splitting import JOINING_JAMO

NO_BYTE = 256  # stands after the last byte of a piece


@dataclass(frozen=True)
class TokenTable:
    """The pieces of a tokenizer as arrays.

    Attributes:
        byte_matrix: ``[V, longest]`` uint16, the bytes that a decoder gives out for each piece at the start of a text;
            `NO_BYTE` after them. Less than what the piece stands for where the decoder holds its end back (letters).
        joins_previous: ``[V]`` booleans, pieces that change what the decoder holds back: those that begin with a vowel or a
            final consonant, in units of letters.
        starts_with_space: ``[V]`` booleans, pieces that begin with a space.
        forbidden: ``[V]`` booleans, what never begins a character or a piece: special tokens, ``</s>`` included, and
            bytes that no character begins with.
        holds_jamo: the decoder holds letters back.
    """

    byte_matrix: np.ndarray
    joins_previous: np.ndarray
    starts_with_space: np.ndarray
    forbidden: np.ndarray
    holds_jamo: bool


_TABLE_CACHE: WeakKeyDictionary[Tokenizer, TokenTable] = WeakKeyDictionary()


def token_table(tokenizer: Tokenizer) -> TokenTable:
    """Return the table of a tokenizer: 20 ms for 9,000 pieces when first asked for, and remembered with it."""
    table = _TABLE_CACHE.get(tokenizer)
    if table is None:
        table = _TABLE_CACHE[tokenizer] = _build_token_table(tokenizer)
    return table


def _build_token_table(tokenizer: Tokenizer) -> TokenTable:
    size = tokenizer.vocab_size
    closed = np.zeros(size, dtype=bool)
    closed[[*tokenizer.specials.values(), *tokenizer.byte_ids.values()]] = True
    closed[[tokenizer.byte_ids[byte] for byte in allowed_next_bytes(b"") if byte in tokenizer.byte_ids]] = False
    first = tokenizer.decoder()
    letters = any(
        first.push(number) != token for number, token in enumerate(tokenizer.token_bytes) if not closed[number]
    )
    given = [tokenizer.decoder().push(number) for number in range(size)] if letters else tokenizer.token_bytes
    matrix = np.full((size, max(map(len, given)) + 1), NO_BYTE, dtype=np.uint16)
    for number, data in enumerate(given):
        matrix[number, : len(data)] = np.frombuffer(data, dtype=np.uint8)
    joins = [letters and token[:3].decode("utf-8", "replace")[:1] in JOINING_JAMO for token in tokenizer.token_bytes]
    spaced = [token.startswith(b" ") for token in tokenizer.token_bytes]
    return TokenTable(matrix, np.array(joins, dtype=bool), np.array(spaced, dtype=bool), closed, letters)


def decode_ahead(tokenizer: Tokenizer, decoder: Decoder, ids: Iterable[int] = ()) -> tuple[bytes, bytes]:
    """Return what a decoder would give for further ids, and would then hold back; the decoder stays as it is.

    >>> from korlm.tokenizers.segmented import byte_tokenizer
    >>> tokenizer = byte_tokenizer()
    >>> decode_ahead(tokenizer, tokenizer.decoder(), [69])
    (b'A', b'')
    """
    twin = copy.deepcopy(decoder, {id(tokenizer): tokenizer})
    return b"".join(map(twin.push, ids)), twin.finish()
