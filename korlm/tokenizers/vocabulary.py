"""Pieces to ids and back, exact for every string: piece, else its syllables, else their UTF-8 bytes.

Ids are laid out as special tokens, the 256 bytes, then the pieces by falling count.

    >>> vocabulary = Vocabulary(["하늘", "하", "늘"])
    >>> vocabulary.ids("하늘"), vocabulary.ids("늘하"), vocabulary.ids("!")
    ((260,), (262, 261), (37,))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from korlm.artifacts import write_json
from korlm.errors import InputError
from korlm.tokenizers.base import BYTE_IDS, FIRST_BYTE, FIRST_PIECE, SPECIALS, UNK_ID, lay_out
from korlm.tokenizers.letters import typed

ON_UNKNOWN = ("fallback", "unk")
_MEMO = 200_000  # pieces whose ids are remembered; about 40 MB when full


class Memo(dict[str, tuple[int, ...]]):
    """Ids by piece, worked out when first asked for and remembered while there is room."""

    def __init__(self, work_out: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, piece: str) -> tuple[int, ...]:
        ids = self._work_out(piece)
        if len(self) < _MEMO:
            self[piece] = ids
        return ids


class Vocabulary:
    """An ordered list of distinct pieces with ids, and what becomes of those it lacks.

    Args:
        pieces: distinct, non-empty strings; the first gets id 260, or 4 where there are no bytes to fall back to.
        on_unknown: ``fallback`` to characters and bytes, or ``unk``: one ``<unk>``, as in the classical word-level
            model; that loses the text.
        specials: names of further special tokens, such as ``<user>``; they get the last ids.
        required: letters that every text may need; those missing from ``pieces`` are added after them.

    Raises:
        InputError: an empty or repeated piece or name, or an unknown ``on_unknown``.
    """

    def __init__(
        self,
        pieces: Iterable[str],
        *,
        on_unknown: str = "fallback",
        specials: Sequence[str] = (),
        required: Iterable[str] = (),
    ) -> None:
        self.pieces = list(pieces)
        present = set(self.pieces)
        self.pieces += [letter for letter in required if letter not in present]
        self.on_unknown = check_on_unknown(on_unknown)
        self.byte_ids = BYTE_IDS if on_unknown == "fallback" else {}
        first = first_piece(on_unknown)
        self._id = {piece: first + index for index, piece in enumerate(self.pieces)}
        if len(self._id) != len(self.pieces) or "" in self._id:
            raise InputError(
                "어휘에 빈 조각이나 겹치는 조각이 있습니다.", "The vocabulary has an empty or a repeated piece."
            )
        self.specials = number_specials(specials, first + len(self.pieces))
        self.memo = Memo(self._work_out)

    def __len__(self) -> int:
        return len(self.token_bytes)

    def __contains__(self, piece: str) -> bool:
        return piece in self._id

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """For each id, the bytes that it stands for (none for special tokens)."""
        extra = [b""] * (len(self.specials) - len(SPECIALS))
        if self.byte_ids:
            return lay_out(self.pieces) + extra
        return [b"", b"", b"", b"<unk>", *(piece.encode() for piece in self.pieces), *extra]

    def ids(self, piece: str) -> tuple[int, ...]:
        """Return the ids of one piece, after the fallback where the vocabulary lacks it."""
        return self.memo[piece]

    def write_vocabulary(self, folder: Path) -> None:
        """Write the pieces to a folder, as ``vocabulary.json``."""
        write_json(folder / "vocabulary.json", self.pieces)

    def _work_out(self, piece: str) -> tuple[int, ...]:
        number = self._id.get(piece)
        if number is not None:
            return (number,)
        return tuple(self._fall_back(piece)) if self.byte_ids else (UNK_ID,)

    def _fall_back(self, piece: str) -> list[int]:
        ids: list[int] = []
        for character in piece:
            number = self._id.get(character)
            ids += [number] if number is not None else [FIRST_BYTE + byte for byte in typed(character).encode()]
        return ids


def first_piece(on_unknown: str) -> int:
    """Return the id of the first piece: after the special tokens, and the bytes where there are any."""
    return FIRST_PIECE if on_unknown == "fallback" else FIRST_BYTE


def check_on_unknown(on_unknown: str) -> str:
    """Return ``on_unknown``, or raise an `InputError` that names what it may be."""
    if on_unknown not in ON_UNKNOWN:
        raise InputError(
            f"on_unknown은 {', '.join(ON_UNKNOWN)} 가운데 하나여야 합니다 (받은 값: {on_unknown!r}).",
            f"on_unknown must be one of {', '.join(ON_UNKNOWN)}, not {on_unknown!r}.",
        )
    return on_unknown


def number_specials(names: Sequence[str], first: int) -> dict[str, int]:
    """Return the ids of the four special tokens and of further names, counted from ``first``.

    >>> number_specials(["<user>"], 300)["<user>"]
    300
    """
    if len({*names, *SPECIALS}) != len(names) + len(SPECIALS) or not all(name.strip() for name in names):
        raise InputError(
            f"특수 토큰의 이름이 비었거나 겹칩니다: {list(names)}. {', '.join(SPECIALS)}은(는) 이미 있습니다.",
            f"A special token's name is empty or repeated: {list(names)}. {', '.join(SPECIALS)} are there already.",
        )
    return {name: index for index, name in enumerate(SPECIALS)} | {name: first + i for i, name in enumerate(names)}


def build_pieces(
    counts: Counter[str], room: int, *, min_count: int, coverage: float, required: Sequence[str] = ()
) -> list[str]:
    """Choose the pieces of a vocabulary: the characters that cover the text first, then the most frequent pieces.

    Args:
        counts: how often each piece occurs in the training text.
        room: how many pieces there may be.
        min_count: pieces and characters seen less often are left to the fallback.
        coverage: share of the training text's characters that single characters in the vocabulary cover; 0 takes none
            for their own sake.
        required: letters that must be in it.

    Returns:
        Pieces by falling count (ties by code point), at most ``room``.

    Raises:
        InputError: there is no room for pieces.
    """
    if room < 1 + len(required):
        raise InputError(
            f"어휘가 너무 작습니다: 특수 토큰과 바이트, 꼭 있어야 하는 낱자를 빼면 {room - len(required)}개가 남습니다. 더 크게 하세요.",
            f"The vocabulary is too small: {room - len(required)} are left after special tokens, bytes and letters. Ask for more.",
        )
    characters: Counter[str] = Counter()
    for piece, count in counts.items():
        for character in piece:
            if not _is_escape(character):
                characters[character] += count
    chosen: dict[str, int] = {letter: counts.get(letter, 0) for letter in required}
    covered, total = 0, sum(characters.values())
    for character, count in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= room or count < min_count or covered >= coverage * total:
            break
        chosen[character] = counts.get(character, 0)
        covered += count
    for piece, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= room or count < min_count:
            break
        if (len(piece) > 1 or not coverage) and not any(map(_is_escape, piece)):
            chosen[piece] = count
    return sorted(chosen, key=lambda piece: (-chosen[piece], piece))


def _is_escape(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
