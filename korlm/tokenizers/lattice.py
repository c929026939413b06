"""All segmentations of a text into tokens of a vocabulary: `Lattice`, a graph whose paths are the segmentations.

A tokenizer returns one segmentation. A language model gives each a probability, and the probability of the text is their
sum (`korlm.models.marginal`).

    >>> from korlm.tokenizers.segmented import SegmentedTokenizer
    >>> from korlm.tokenizers.vocabulary import Vocabulary
    >>> from korlm.tokenizers.segmenters.word import WordSegmenter
    >>> tokenizer = SegmentedTokenizer("word", WordSegmenter(), Vocabulary(["하", "늘", "하늘"]))
    >>> lattice = LatticeBuilder(tokenizer).build("하늘")
    >>> lattice.edges, [tokenizer.token_text(token_id) for token_id in (260, 261, 262)]
    ([[(1, 260), (2, 262)], [(2, 261)], []], ['하', '늘', '하늘'])
    >>> lattice.path_nodes([262]), lattice.path_nodes([260, 261])
    ([0, 2], [0, 1, 2])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from korlm.errors import InputError
from korlm.text.hangul import CONJOINING_JAMO, decompose_syllable, final_consonant, is_syllable, remove_final_consonant
from korlm.text.spans import check_text
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.syllable_splitting import to_jamo

Edge = tuple[int, int]  # target node, token id


class Lattice(NamedTuple):
    """The segmentations of one text as an acyclic graph. No two paths have the same ids."""

    edges: list[list[Edge]]  # of each node, in topological order from the beginning of the text to its end

    def path_nodes(self, ids: Sequence[int]) -> list[int]:
        """Return the nodes of the path of a segmentation, one more than its ids.

        Raises:
            ValueError: the ids are not a segmentation of the text.
        """
        # after each id, the predecessor of each node reached: several if characters begin with the same bytes
        predecessors = [{0: 0}]
        for token_id in ids:
            edges = ((node, edge) for node in predecessors[-1] for edge in self.edges[node])
            predecessors.append({target: node for node, (target, edge_id) in edges if edge_id == token_id})
        nodes = [len(self.edges) - 1]
        if nodes[0] not in predecessors[-1]:
            raise ValueError(f"ids that are no segmentation of the text: {list(ids)}")
        for step in reversed(predecessors[1:]):
            nodes.append(step[nodes[-1]])
        return nodes[::-1]


class LatticeBuilder:
    """Builds the lattices of texts for one lossless tokenizer.

    A path is any sequence of ids that `Tokenizer.decode` turns into the text, even if the tokenizer would never return
    it, with two exceptions: a character that is a token is not also encoded as bytes, and a compatibility jamo (ㅋ) is
    not encoded as the conjoining jamo of syllables, if the vocabulary has that.

    Raises:
        InputError: it is lossy, so that a text is more than its segmentations.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        if not tokenizer.lossless:
            raise InputError(
                f"{tokenizer.name} 토크나이저는 글을 잃으므로 자르기를 모두 셀 수 없습니다. on_unknown=fallback인 것을 쓰세요.",
                f"The tokenizer {tokenizer.name} is lossy, so its segmentations cannot be summed over. "
                "Use one with on_unknown=fallback.",
            )
        self._composes_jamo = tokenizer.composes_jamo
        self._byte_ids = tokenizer.byte_ids
        self._ids_by_prefix: dict[str, list[int]] = {}  # empty for a proper prefix of tokens
        self._character_tokens: set[str] = set()  # characters that are tokens
        for token_id, surface in enumerate(tokenizer.surfaces):
            if surface:
                self._add_token(surface, token_id)
        if self._composes_jamo:  # conjoining jamo are tokens for those of syllables, not for typed ones
            self._character_tokens.difference_update(CONJOINING_JAMO)

    def _add_token(self, surface: str, token_id: int) -> None:
        units = surface
        if self._composes_jamo:
            units = "".join(decompose_syllable(char) if is_syllable(char) else char for char in surface)
        for end in range(1, len(units)):
            self._ids_by_prefix.setdefault(units[:end], [])
        self._ids_by_prefix.setdefault(units, []).append(token_id)
        if len(surface) == 1:
            self._character_tokens.add(surface)

    def build(self, text: str) -> Lattice:
        """Return the lattice of a text.

        Raises:
            InputError: an unpaired surrogate.
        """
        check_text(text)
        units = "".join(to_jamo(text)) if self._composes_jamo else text
        chains = self._byte_chains(text)
        unit_nodes: list[int] = []  # the node before each unit; the nodes inside its byte chains follow it
        num_nodes = 0
        for start in range(len(units) + 1):
            unit_nodes.append(num_nodes)
            num_nodes += 1 + sum(len(data) - 1 for data, _ in chains.get(start, ()))
        edges: list[list[Edge]] = [[] for _ in range(num_nodes)]
        for start in range(len(units)):
            for end in range(start + 1, len(units) + 1):
                if (token_ids := self._ids_by_prefix.get(units[start:end])) is None:
                    break
                edges[unit_nodes[start]] += [(unit_nodes[end], token_id) for token_id in token_ids]
            inner = unit_nodes[start]
            for data, num_units in chains.get(start, ()):
                nodes = [unit_nodes[start], *range(inner + 1, inner + len(data)), unit_nodes[start + num_units]]
                for index, byte in enumerate(data):
                    edges[nodes[index]].append((nodes[index + 1], self._byte_ids[byte]))
                inner += len(data) - 1
        return Lattice(edges)

    def _byte_chains(self, text: str) -> dict[int, list[tuple[bytes, int]]]:
        """Return, by unit, the UTF-8 bytes and number of units of the characters there that are not tokens."""
        chains: dict[int, list[tuple[bytes, int]]] = {}
        start = 0
        for character in text:
            decomposed = self._composes_jamo and is_syllable(character)
            num_units = len(decompose_syllable(character)) if decomposed else 1
            parts = [(character, num_units)]
            if decomposed and final_consonant(character):
                parts.append((remove_final_consonant(character), 2))
            if chain := [(part.encode(), size) for part, size in parts if part not in self._character_tokens]:
                chains[start] = chain
            start += num_units
        return chains
