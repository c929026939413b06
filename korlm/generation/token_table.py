"""`TokenTable`: the tokens of a tokenizer as arrays, from which masks are computed.

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

NO_BYTE = 256  # padding after the last byte of a token


@dataclass(frozen=True)
class TokenTable:
    """The tokens of a tokenizer as arrays."""

    # ``[V, longest]`` uint16, the bytes that a decoder returns for each token at the start of a text, padded with
    # `NO_BYTE`. Fewer than the token's where the decoder holds its end back (jamo)
    byte_matrix: np.ndarray
    # ``[V]`` booleans, tokens that change what the decoder holds back: in jamo units those that start with a vowel or a
    # final consonant
    joins_previous: np.ndarray
    starts_with_space: np.ndarray  # ``[V]`` booleans, tokens that start with a space
    # ``[V]`` booleans, ids that may not come at a character boundary: special tokens, ``</s>`` included, and bytes that
    # start no character
    forbidden: np.ndarray
    holds_jamo: bool  # whether the decoder holds jamo back


_TABLE_CACHE: WeakKeyDictionary[Tokenizer, TokenTable] = WeakKeyDictionary()


def token_table(tokenizer: Tokenizer) -> TokenTable:
    """Return the table of a tokenizer; built once per tokenizer (20 ms for 9,000 tokens)."""
    table = _TABLE_CACHE.get(tokenizer)
    if table is None:
        table = _TABLE_CACHE[tokenizer] = _build_token_table(tokenizer)
    return table


def _build_token_table(tokenizer: Tokenizer) -> TokenTable:
    size = tokenizer.vocab_size
    all_bytes = tokenizer.token_bytes
    forbidden = np.zeros(size, dtype=bool)
    forbidden[[*tokenizer.specials.values(), *tokenizer.byte_ids.values()]] = True
    forbidden[[tokenizer.byte_ids[byte] for byte in allowed_next_bytes(b"") if byte in tokenizer.byte_ids]] = False
    decoder = tokenizer.decoder()
    holds_jamo = any(decoder.push(token_id) != all_bytes[token_id] for token_id in np.flatnonzero(~forbidden).tolist())
    decoded = [tokenizer.decoder().push(token_id) for token_id in range(size)] if holds_jamo else all_bytes
    matrix = np.full((size, max(map(len, decoded)) + 1), NO_BYTE, dtype=np.uint16)
    for token_id, data in enumerate(decoded):
        matrix[token_id, : len(data)] = np.frombuffer(data, dtype=np.uint8)
    joins = [holds_jamo and token[:3].decode("utf-8", "replace")[:1] in JOINING_JAMO for token in all_bytes]
    spaces = [token.startswith(b" ") for token in all_bytes]
    return TokenTable(matrix, np.array(joins, dtype=bool), np.array(spaces, dtype=bool), forbidden, holds_jamo)


def decode_ahead(tokenizer: Tokenizer, decoder: Decoder, ids: Iterable[int] = ()) -> tuple[bytes, bytes]:
    """Return the bytes that a decoder would return for further ids and those held back then, without changing it.

    >>> from korlm.tokenizers.segmented import byte_tokenizer
    >>> tokenizer = byte_tokenizer()
    >>> decode_ahead(tokenizer, tokenizer.decoder(), [69])
    (b'A', b'')
    """
    twin = copy.deepcopy(decoder, {id(tokenizer): tokenizer})
    return b"".join(map(twin.push, ids)), twin.finish()
