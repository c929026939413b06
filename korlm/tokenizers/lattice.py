"""Every way to cut a text into pieces of a vocabulary: `Lattice`, a graph whose paths are the cuts.

A tokenizer gives one of them. A language model gives each its own probability, and the text is as probable as all of them
together (`korlm.models.marginal`).

    >>> from korlm.tokenizers.segmented import SegmentedTokenizer
    >>> from korlm.tokenizers.vocabulary import Vocabulary
    >>> from korlm.tokenizers.segmenters.word import WordSegmenter
    >>> tokenizer = SegmentedTokenizer("word", WordSegmenter(), Vocabulary(["하", "늘", "하늘"]))
    >>> lattice = LatticeBuilder(tokenizer).build("하늘")
    >>> lattice.edges, [tokenizer.token_text(number) for number in (260, 261, 262)]
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

Edge = tuple[int, int]  # the node that it leads to, the id


class Lattice(NamedTuple):
    """The cuts of one text as a graph without circles.

    Attributes:
        edges: of each node, in an order in which edges only lead forward; the first node is the text's beginning and the
            last its end. No two paths have the same ids.
    """

    edges: list[list[Edge]]

    def path_nodes(self, ids: Sequence[int]) -> list[int]:
        """Return the nodes that a cut goes through, one more than its ids.

        Raises:
            ValueError: the ids are no cut of the text.
        """
        steps = [
            {0: 0}
        ]  # after each id: nodes and those before them; two where two characters begin with the same bytes
        for number in ids:
            steps.append({to: node for node in steps[-1] for to, found in self.edges[node] if found == number})
        nodes = [len(self.edges) - 1]
        if nodes[0] not in steps[-1]:
            raise ValueError(f"ids that are no cut of the text: {list(ids)}")
        for step in reversed(steps[1:]):
            nodes.append(step[nodes[-1]])
        return nodes[::-1]


class LatticeBuilder:
    """Makes the lattices of texts for one tokenizer.

    A path is any sequence of ids that `Tokenizer.decode` turns into the text, whether or not the tokenizer would ever give
    it, with two exceptions: a character that is a piece is not spelt in bytes as well, and a lone consonant or vowel (ㅋ)
    is not written with the letter that syllables are made of, where the vocabulary has that.

    Args:
        tokenizer: a lossless one.

    Raises:
        InputError: it is lossy, so that a text is more than its cuts.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        if not tokenizer.lossless:
            raise InputError(
                f"{tokenizer.name} 토크나이저는 글을 잃으므로 자르기를 모두 셀 수 없습니다. on_unknown=fallback인 것을 쓰세요.",
                f"The tokenizer {tokenizer.name} is lossy, so its cuts cannot be summed over. Take one with fallback.",
            )
        self._composes_jamo = tokenizer.composes_jamo
        self._byte_ids = tokenizer.byte_ids
        self._ids_by_prefix: dict[str, list[int]] = {}  # of each piece, and none for what pieces begin with
        self._character_tokens: set[str] = set()  # characters that are pieces
        for number, surface in enumerate(tokenizer.surfaces):
            if surface:
                self._add_token(surface, number)
        if self._composes_jamo:
            self._character_tokens.difference_update(
                CONJOINING_JAMO
            )  # which stand for those of syllables, not for typed ones

    def _add_token(self, surface: str, token_id: int) -> None:
        spelt = "".join(map(_character_to_jamo, surface)) if self._composes_jamo else surface
        for end in range(1, len(spelt)):
            self._ids_by_prefix.setdefault(spelt[:end], [])
        self._ids_by_prefix.setdefault(spelt, []).append(token_id)
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
        place: list[int] = []  # the node before each unit; those within its chains come after it
        node = 0
        for at in range(len(units) + 1):
            place.append(node)
            node += 1 + sum(len(data) - 1 for data, _ in chains.get(at, ()))
        edges: list[list[Edge]] = [[] for _ in range(node)]
        for at in range(len(units)):
            for end in range(at + 1, len(units) + 1):
                if (numbers := self._ids_by_prefix.get(units[at:end])) is None:
                    break
                edges[place[at]] += [(place[end], number) for number in numbers]
            inner = place[at]
            for data, size in chains.get(at, ()):
                nodes = [place[at], *range(inner + 1, inner + len(data)), place[at + size]]
                for index, byte in enumerate(data):
                    edges[nodes[index]].append((nodes[index + 1], self._byte_ids[byte]))
                inner += len(data) - 1
        return Lattice(edges)

    def _byte_chains(self, text: str) -> dict[int, list[tuple[bytes, int]]]:
        """Return, by unit, the characters that begin there and must be spelt in bytes, and how many units they are."""
        chains: dict[int, list[tuple[bytes, int]]] = {}
        at = 0
        for character in text:
            joined = self._composes_jamo and is_syllable(character)
            size = len(decompose_syllable(character)) if joined else 1
            own = [(character, size)] + (
                [(remove_final_consonant(character), 2)] if joined and final_consonant(character) else []
            )
            if found := [(part.encode(), length) for part, length in own if part not in self._character_tokens]:
                chains[at] = found
            at += size
        return chains


def _character_to_jamo(character: str) -> str:
    return decompose_syllable(character) if is_syllable(character) else character
