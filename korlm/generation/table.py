"""What the pieces of a tokenizer do to a text: their bytes as a decoder gives them, and which join what is before them.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> table_of(byte_tokenizer()).matrix[4 + 0x41, :2].tolist()
[65, 256]
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from korlm.text.utf8 import allowed_next
from korlm.tokenizers.base import Decoder, Tokenizer
from korlm.tokenizers.letters import JOINING

NOTHING = 256  # stands after the last byte of a piece


@dataclass(frozen=True)
class TokenTable:
    """The pieces of a tokenizer as arrays.

    Attributes:
        matrix: ``[V, longest]`` uint16, the bytes that a decoder gives out for each piece at the start of a text;
            `NOTHING` after them. Less than what the piece stands for where the decoder holds its end back (letters).
        joining: ``[V]`` booleans, pieces that change what the decoder holds back: those that begin with a vowel or a
            final consonant, in units of letters.
        spaced: ``[V]`` booleans, pieces that begin with a space.
        closed: ``[V]`` booleans, what never begins a character or a piece: special tokens, ``</s>`` included, and
            bytes that no character begins with.
        letters: the decoder holds letters back.
    """

    matrix: np.ndarray
    joining: np.ndarray
    spaced: np.ndarray
    closed: np.ndarray
    letters: bool


_TABLES: WeakKeyDictionary[Tokenizer, TokenTable] = WeakKeyDictionary()


def table_of(tokenizer: Tokenizer) -> TokenTable:
    """Return the table of a tokenizer: 20 ms for 9,000 pieces when first asked for, and remembered with it."""
    table = _TABLES.get(tokenizer)
    if table is None:
        table = _TABLES[tokenizer] = _make(tokenizer)
    return table


def _make(tokenizer: Tokenizer) -> TokenTable:
    size = tokenizer.vocab_size
    closed = np.zeros(size, dtype=bool)
    closed[[*tokenizer.specials.values(), *tokenizer.byte_ids.values()]] = True
    closed[[tokenizer.byte_ids[byte] for byte in allowed_next(b"") if byte in tokenizer.byte_ids]] = False
    first = tokenizer.decoder()
    letters = any(
        first.push(number) != token for number, token in enumerate(tokenizer.token_bytes) if not closed[number]
    )
    given = [tokenizer.decoder().push(number) for number in range(size)] if letters else tokenizer.token_bytes
    matrix = np.full((size, max(map(len, given)) + 1), NOTHING, dtype=np.uint16)
    for number, data in enumerate(given):
        matrix[number, : len(data)] = np.frombuffer(data, dtype=np.uint8)
    joins = [letters and token[:3].decode("utf-8", "replace")[:1] in JOINING for token in tokenizer.token_bytes]
    spaced = [token.startswith(b" ") for token in tokenizer.token_bytes]
    return TokenTable(matrix, np.array(joins, dtype=bool), np.array(spaced, dtype=bool), closed, letters)


def probe(tokenizer: Tokenizer, decoder: Decoder, ids: Iterable[int] = ()) -> tuple[bytes, bytes]:
    """Return what a decoder would give for further ids, and would then hold back; the decoder stays as it is.

    >>> from korlm.tokenizers.byte import byte_tokenizer
    >>> tokenizer = byte_tokenizer()
    >>> probe(tokenizer, tokenizer.decoder(), [69])
    (b'A', b'')
    """
    twin = copy.deepcopy(decoder, {id(tokenizer): tokenizer})
    return b"".join(map(twin.push, ids)), twin.finish()
