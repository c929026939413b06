"""Strings that must not come, whichever pieces would make them: an Aho-Corasick automaton over UTF-8 bytes.

A state is the longest end of the text that one of the strings begins with. From a state the automaton says at once
which of all pieces would complete a string, also one that began in earlier pieces.
Aho and Corasick (1975), "Efficient string matching: an aid to bibliographic search".

    >>> automaton = Automaton([b"abc"])
    >>> state = automaton.run(0, b"xxab")
    >>> automaton.completes(state, b"c"), automaton.completes(state, b"xc")
    (True, False)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from korlm.generation.table import NOTHING


class Automaton:
    """Watches a text for strings of two kinds.

    Args:
        always: strings that never may come.
        often: strings that may not come where the caller is strict.
    """

    def __init__(self, always: Sequence[bytes], often: Sequence[bytes] = ()) -> None:
        children, ends = _trie([*always, *often])
        size = len(children)
        self._next = np.zeros((size, 256), dtype=np.int32)
        whole = np.zeros((2, size), dtype=bool)  # [strict or not, state]: a string ends in that state
        for number, node in enumerate(ends):
            whole[int(number >= len(always)) :, node] = True
        self._link(children, whole)
        self._steps = [self._absorbing(ending) for ending in whole]
        self._found: dict[tuple[int, bool], np.ndarray] = {}

    def _link(self, children: list[dict[int, int]], whole: np.ndarray) -> None:
        """Fill in where each byte leads from each node, the shortest nodes first; what a node ends, it inherits."""
        fallback = [0] * len(children)
        queue = [0]
        for node in queue:
            self._next[node] = self._next[fallback[node]]
            whole[:, node] |= whole[:, fallback[node]]
            for byte, child in children[node].items():
                fallback[child] = int(self._next[fallback[node], byte]) if node else 0
                queue.append(child)
            for byte, child in children[node].items():
                self._next[node, byte] = child

    def _absorbing(self, ending: np.ndarray) -> np.ndarray:
        """Return the steps ``[states + 1, 257]`` with one more state, never left: a string has come."""
        size = len(ending)
        steps = np.full((size + 1, NOTHING + 1), size, dtype=np.int32)
        steps[:size, :NOTHING] = np.where(ending[self._next], size, self._next)
        steps[:size, NOTHING] = np.arange(size)
        return steps

    def run(self, state: int, data: bytes) -> int:
        """Return the state after further bytes, whatever they complete."""
        for byte in data:
            state = int(self._next[state, byte])
        return state

    def completes(self, state: int, data: bytes, *, strict: bool = False) -> bool:
        """Return whether further bytes complete a string."""
        steps = self._steps[strict]
        for byte in data:
            state = int(steps[state, byte])
        return state == len(steps) - 1

    def completing(self, state: int, matrix: np.ndarray, *, strict: bool = False) -> np.ndarray:
        """Return which pieces complete a string, ``[V]`` booleans; remembered for each state.

        Args:
            state: of the text so far.
            matrix: the bytes of the pieces (`korlm.generation.table.TokenTable`); the same one at each call.
            strict: strings of the second kind count.
        """
        if (found := self._found.get((state, strict))) is None:
            steps = self._steps[strict]
            states = np.full(len(matrix), state, dtype=np.int32)
            for column in matrix.T:
                states = steps[states, column]
            found = self._found[state, strict] = states == len(steps) - 1
        return found


def _trie(strings: Sequence[bytes]) -> tuple[list[dict[int, int]], list[int]]:
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
