"""Strings that must come in a text, as the pieces that would write them.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> encode_forced_strings(byte_tokenizer(), GenerationConfig(forced="AB"))
(Target(data=b'AB', ways=((69, 70),)),)

Strings that must not come, whichever pieces would make them: an Aho-Corasick automaton over UTF-8 bytes.

A state is the longest end of the text that one of the strings begins with. From a state the automaton says at once
which of all pieces would complete a string, also one that began in earlier pieces.
Aho and Corasick (1975), "Efficient string matching: an aid to bibliographic search".

    >>> automaton = StringMatcher([b"abc"])
    >>> state = automaton.next_state(0, b"xxab")
    >>> automaton.completes_match(state, b"c"), automaton.completes_match(state, b"xc")
    (True, False)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.generation.token_table import NO_BYTE
from korlm.tokenizers.base import Tokenizer

SPACE_PREFIXED_UNITS = (
    "word",
    "morpheme",
    "subword",
    "morpheme-subword",
)  # units whose pieces carry the space before them
_MAX_UTF8_BYTES = 4  # bytes of the longest character


@dataclass(frozen=True)
class ForcedString:
    """A string that must come.

    Attributes:
        data: its UTF-8 bytes.
        tokenizations: ids that write it; in units whose pieces carry the space before them, also with a space before it.
    """

    data: bytes
    tokenizations: tuple[tuple[int, ...], ...]

    @property
    def max_num_tokens(self) -> int:
        """How many pieces the longest way takes."""
        return max(map(len, self.tokenizations))


def encode_forced_strings(tokenizer: Tokenizer, config: GenerationConfig) -> tuple[ForcedString, ...]:
    """Return what must come.

    Raises:
        InputError: a string that the vocabulary cannot write, or more of them than ``max_tokens`` has room for.
    """
    found = tuple(_encode_forced_string(tokenizer, text) for text in config.forced)
    needed = sum(target.max_num_tokens for target in found)
    if needed > config.max_tokens:
        raise InputError(
            f"forced를 쓰려면 조각이 {needed}개 있어야 합니다. max_tokens를 그 이상으로 하세요.",
            f"Writing what is forced takes {needed} pieces. Give at least so many as max_tokens.",
        )
    return found


def utf8_budget(tokenizer: Tokenizer) -> int:
    """Return how many pieces a character under way may still take: bytes, where the vocabulary has them."""
    return _MAX_UTF8_BYTES - 1 if tokenizer.byte_ids else 0


def _encode_forced_string(tokenizer: Tokenizer, text: str) -> ForcedString:
    variants = [text]
    if tokenizer.unit in SPACE_PREFIXED_UNITS and not text.startswith(" "):
        variants.append(" " + text)
    special = set(tokenizer.specials.values())
    ways = []
    for ids in tokenizer.encode_ids(variants):
        decoder = tokenizer.decoder()
        written = b"".join([*map(decoder.push, ids), decoder.finish()])
        if text.encode() in written and special.isdisjoint(ids):
            ways.append(tuple(ids))
    if not ways:
        raise InputError(
            f"이 모델의 어휘로는 forced '{text}'을(를) 쓸 수 없습니다. 다른 말이나 다른 모델을 쓰세요.",
            f"The model's vocabulary cannot write forced '{text}'. Use another string or another model.",
        )
    return ForcedString(text.encode(), tuple(dict.fromkeys(ways)))


class StringMatcher:
    """Watches a text for strings of two kinds.

    Args:
        banned: strings that never may come.
        banned_if_strict: strings that may not come where the caller is strict.
    """

    def __init__(self, banned: Sequence[bytes], banned_if_strict: Sequence[bytes] = ()) -> None:
        children, ends = _build_trie([*banned, *banned_if_strict])
        size = len(children)
        self._transitions = np.zeros((size, 256), dtype=np.int32)
        whole = np.zeros((2, size), dtype=bool)  # [strict or not, state]: a string ends in that state
        for number, node in enumerate(ends):
            whole[int(number >= len(banned)) :, node] = True
        self._build_transitions(children, whole)
        self._match_transitions = [self._add_absorbing_state(ending) for ending in whole]
        self._completing_cache: dict[tuple[int, bool], np.ndarray] = {}

    def _build_transitions(self, children: list[dict[int, int]], whole: np.ndarray) -> None:
        """Fill in where each byte leads from each node, the shortest nodes first; what a node ends, it inherits."""
        fallback = [0] * len(children)
        queue = [0]
        for node in queue:
            self._transitions[node] = self._transitions[fallback[node]]
            whole[:, node] |= whole[:, fallback[node]]
            for byte, child in children[node].items():
                fallback[child] = int(self._transitions[fallback[node], byte]) if node else 0
                queue.append(child)
            for byte, child in children[node].items():
                self._transitions[node, byte] = child

    def _add_absorbing_state(self, ending: np.ndarray) -> np.ndarray:
        """Return the steps ``[states + 1, 257]`` with one more state, never left: a string has come."""
        size = len(ending)
        steps = np.full((size + 1, NO_BYTE + 1), size, dtype=np.int32)
        steps[:size, :NO_BYTE] = np.where(ending[self._transitions], size, self._transitions)
        steps[:size, NO_BYTE] = np.arange(size)
        return steps

    def next_state(self, state: int, data: bytes) -> int:
        """Return the state after further bytes, whatever they complete."""
        for byte in data:
            state = int(self._transitions[state, byte])
        return state

    def completes_match(self, state: int, data: bytes, *, strict: bool = False) -> bool:
        """Return whether further bytes complete a string."""
        steps = self._match_transitions[strict]
        for byte in data:
            state = int(steps[state, byte])
        return state == len(steps) - 1

    def completing_tokens(self, state: int, byte_matrix: np.ndarray, *, strict: bool = False) -> np.ndarray:
        """Return which pieces complete a string, ``[V]`` booleans; remembered for each state.

        Args:
            state: of the text so far.
            byte_matrix: the bytes of the pieces (`korlm.generation.token_table.TokenTable`); the same one at each call.
            strict: strings of the second kind count.
        """
        if (found := self._completing_cache.get((state, strict))) is None:
            steps = self._match_transitions[strict]
            states = np.full(len(byte_matrix), state, dtype=np.int32)
            for column in byte_matrix.T:
                states = steps[states, column]
            found = self._completing_cache[state, strict] = states == len(steps) - 1
        return found


def _build_trie(strings: Sequence[bytes]) -> tuple[list[dict[int, int]], list[int]]:
    """Return the children of each node by byte, and the node that each string ends in."""
    children: list[dict[int, int]] = [{}]
    ends = []
    for string in strings:
        node = 0
        for byte in string:
            if byte not in children[node]:
                children[node][byte] = len(children)
                children.append({})
            node = children[node][byte]
        ends.append(node)
    return children, ends
