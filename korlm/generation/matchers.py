"""Forced strings, as tokens that write them, and `StringMatcher`, which finds banned and stop strings.

The matcher is an Aho-Corasick automaton over UTF-8 bytes (Aho and Corasick 1975, "Efficient string matching: an aid to
bibliographic search"). A state is the longest suffix of the text that one of the strings starts with. From a state the
matcher tells at once which tokens would complete a string, also one that started in earlier tokens.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> encode_forced_strings(byte_tokenizer(), GenerationConfig(forced="AB"))
(ForcedString(data=b'AB', tokenizations=((69, 70),)),)
>>> matcher = StringMatcher([b"abc"])
>>> state = matcher.next_state(0, b"xxab")
>>> matcher.completes_match(state, b"c"), matcher.completes_match(state, b"xc")
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

SPACE_PREFIXED_UNITS = ("word", "morpheme", "subword", "morpheme-subword")  # their tokens carry the space before them
_MAX_UTF8_BYTES = 4  # of a character


@dataclass(frozen=True)
class ForcedString:
    """A string that the text must contain."""

    data: bytes  # its UTF-8 bytes
    # the ids of each; in `SPACE_PREFIXED_UNITS` also with a space before the string
    tokenizations: tuple[tuple[int, ...], ...]

    @property
    def max_num_tokens(self) -> int:
        """Length of the longest tokenization."""
        return max(map(len, self.tokenizations))


def encode_forced_strings(tokenizer: Tokenizer, config: GenerationConfig) -> tuple[ForcedString, ...]:
    """Encode ``config.forced``.

    Raises:
        InputError: the vocabulary cannot write a string, or all of them take more than ``max_tokens``.
    """
    forced_strings = tuple(_encode_forced_string(tokenizer, text) for text in config.forced)
    needed = sum(string.max_num_tokens for string in forced_strings)
    if needed > config.max_tokens:
        raise InputError(
            f"forced를 쓰려면 토큰이 {needed}개 있어야 합니다. max_tokens를 그 이상으로 하세요.",
            f"The forced text takes {needed} tokens. Raise max_tokens to at least that.",
        )
    return forced_strings


def utf8_budget(tokenizer: Tokenizer) -> int:
    """Return the largest number of byte tokens that an unfinished character may still need."""
    return _MAX_UTF8_BYTES - 1 if tokenizer.byte_ids else 0


def _encode_forced_string(tokenizer: Tokenizer, text: str) -> ForcedString:
    variants = [text]
    if tokenizer.unit in SPACE_PREFIXED_UNITS and not text.startswith(" "):
        variants.append(" " + text)
    special = set(tokenizer.specials.values())
    tokenizations = []
    for ids in tokenizer.encode_ids(variants):
        decoder = tokenizer.decoder()
        written = b"".join([*map(decoder.push, ids), decoder.finish()])
        if text.encode() in written and special.isdisjoint(ids):
            tokenizations.append(tuple(ids))
    if not tokenizations:
        raise InputError(
            f"이 모델의 어휘로는 forced '{text}'을(를) 쓸 수 없습니다. 다른 말이나 다른 모델을 쓰세요.",
            f"The model's vocabulary cannot write forced '{text}'. Use another string or another model.",
        )
    return ForcedString(text.encode(), tuple(dict.fromkeys(tokenizations)))


class StringMatcher:
    """An automaton that finds strings of two kinds in a text.

    Args:
        banned: strings that are never allowed.
        banned_if_strict: strings that are not allowed in strict mode.
    """

    def __init__(self, banned: Sequence[bytes], banned_if_strict: Sequence[bytes] = ()) -> None:
        children, ends = _build_trie([*banned, *banned_if_strict])
        size = len(children)
        self._transitions = np.zeros((size, 256), dtype=np.int32)
        accepting = np.zeros((2, size), dtype=bool)  # [strict, state]: a string ends in that state
        for index, node in enumerate(ends):
            accepting[int(index >= len(banned)) :, node] = True
        self._build_transitions(children, accepting)
        self._match_transitions = [self._add_absorbing_state(row) for row in accepting]
        self._completing_cache: dict[tuple[int, bool], np.ndarray] = {}

    def _build_transitions(self, children: list[dict[int, int]], accepting: np.ndarray) -> None:
        """Fill in the transitions, shortest nodes first; a node accepts what its fallback accepts."""
        fallback = [0] * len(children)
        queue = [0]
        for node in queue:
            self._transitions[node] = self._transitions[fallback[node]]
            accepting[:, node] |= accepting[:, fallback[node]]
            for byte, child in children[node].items():
                fallback[child] = int(self._transitions[fallback[node], byte]) if node else 0
                queue.append(child)
            for byte, child in children[node].items():
                self._transitions[node, byte] = child

    def _add_absorbing_state(self, accepting: np.ndarray) -> np.ndarray:
        """Return the transitions ``[states + 1, 257]`` with one more state, never left: a string was matched."""
        size = len(accepting)
        steps = np.full((size + 1, NO_BYTE + 1), size, dtype=np.int32)
        steps[:size, :NO_BYTE] = np.where(accepting[self._transitions], size, self._transitions)
        steps[:size, NO_BYTE] = np.arange(size)
        return steps

    def next_state(self, state: int, data: bytes) -> int:
        """Return the state after further bytes, whether or not they complete a string."""
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
        """Return which tokens complete a string, ``[V]`` booleans; cached for each state.

        Args:
            state: after the text so far.
            byte_matrix: bytes of the tokens (`korlm.generation.token_table.TokenTable`); the same one at each call.
            strict: strings of the second kind count.
        """
        if (completing := self._completing_cache.get((state, strict))) is None:
            steps = self._match_transitions[strict]
            states = np.full(len(byte_matrix), state, dtype=np.int32)
            for column in byte_matrix.T:
                states = steps[states, column]
            completing = self._completing_cache[state, strict] = states == len(steps) - 1
        return completing


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
