"""Pieces to ids and back, exact for every string: piece, else its syllables, else their UTF-8 bytes.

Ids are laid out as special tokens, the 256 bytes, then the pieces by falling count.

    >>> vocabulary = Vocabulary(["하늘", "하", "늘"])
    >>> vocabulary.ids("하늘"), vocabulary.ids("늘하"), vocabulary.ids("!")
    ((260,), (262, 261), (37,))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from korlm.errors import InputError
from korlm.tokenizers.base import FIRST_BYTE, FIRST_PIECE, lay_out

_MEMO = 200_000  # pieces whose ids are remembered; about 40 MB when full


class Vocabulary:
    """An ordered list of distinct pieces with ids, and the fallback for what it lacks.

    Args:
        pieces: distinct, non-empty strings; the first gets id 260.

    Raises:
        InputError: an empty or repeated piece.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self.pieces = list(pieces)
        self._id = {piece: FIRST_PIECE + index for index, piece in enumerate(self.pieces)}
        if len(self._id) != len(self.pieces) or "" in self._id:
            raise InputError(
                "어휘에 빈 조각이나 겹치는 조각이 있습니다.", "The vocabulary has an empty or a repeated piece."
            )
        self._memo: dict[str, tuple[int, ...]] = {piece: (number,) for piece, number in self._id.items()}

    def __len__(self) -> int:
        return FIRST_PIECE + len(self.pieces)

    def __contains__(self, piece: str) -> bool:
        return piece in self._id

    def token_bytes(self) -> list[bytes]:
        """Return, for each id, the bytes that it stands for (none for special tokens)."""
        return lay_out(self.pieces)

    def ids(self, piece: str) -> tuple[int, ...]:
        """Return the ids of one piece, after the fallback where the vocabulary lacks it."""
        known = self._memo.get(piece)
        if known is None:
            known = tuple(self._fall_back(piece))
            if len(self._memo) < _MEMO:
                self._memo[piece] = known
        return known

    def _fall_back(self, piece: str) -> list[int]:
        ids: list[int] = []
        for character in piece:
            number = self._id.get(character)
            ids += [number] if number is not None else [FIRST_BYTE + byte for byte in character.encode()]
        return ids


def build_pieces(counts: Counter[str], vocab_size: int, *, min_count: int, coverage: float) -> list[str]:
    """Choose the pieces of a vocabulary: the characters that cover the text first, then the most frequent pieces.

    Args:
        counts: how often each piece occurs in the training text.
        vocab_size: ids in all, the 4 special tokens and 256 bytes included.
        min_count: pieces and characters seen less often are left to the fallback.
        coverage: share of the training text's characters that single characters in the vocabulary cover.

    Returns:
        Pieces by falling count (ties by code point), at most ``vocab_size - 260``.

    Raises:
        InputError: ``vocab_size`` leaves no room for pieces.
    """
    room = vocab_size - FIRST_PIECE
    if room < 1:
        raise InputError(
            f"어휘 크기 {vocab_size}이(가) 너무 작습니다. 특수 토큰과 바이트에 {FIRST_PIECE}개가 드니 더 크게 하세요.",
            f"Vocabulary size {vocab_size} is too small: {FIRST_PIECE} go to special tokens and bytes. Ask for more.",
        )
    characters: Counter[str] = Counter()
    for piece, count in counts.items():
        for character in piece:
            characters[character] += count
    chosen: dict[str, int] = {}
    covered, total = 0, sum(characters.values())
    for character, count in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) == room or count < min_count or covered >= coverage * total:
            break
        chosen[character] = counts.get(character, 0)
        covered += count
    for piece, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) == room or count < min_count:
            break
        if len(piece) > 1:
            chosen[piece] = count
    return sorted(chosen, key=lambda piece: (-chosen[piece], piece))
