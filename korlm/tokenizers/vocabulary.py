"""Pieces to ids and back, exact for every string: piece, else its syllables, else their UTF-8 bytes.

Ids are laid out as special tokens, the 256 bytes, then the pieces by falling count.

    >>> vocabulary = Vocabulary(["하늘", "하", "늘"])
    >>> vocabulary.string_to_ids("하늘"), vocabulary.string_to_ids("늘하"), vocabulary.string_to_ids("!")
    ((260,), (262, 261), (37,))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from korlm.errors import InputError
from korlm.storage.artifacts import write_json
from korlm.tokenizers.base import BYTE_IDS, FIRST_BYTE_ID, FIRST_TOKEN_ID, SPECIAL_TOKENS, UNK_ID, vocabulary_layout
from korlm.tokenizers.syllable_splitting import unescape_jamo

UNKNOWN_MODES = ("fallback", "unk")
_MAX_CACHED = 200_000  # pieces whose ids are remembered; about 40 MB when full


class TokenIdCache(dict[str, tuple[int, ...]]):
    """Ids by piece, worked out when first asked for and remembered while there is room."""

    def __init__(self, compute_ids: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._compute_ids = compute_ids

    def __missing__(self, piece: str) -> tuple[int, ...]:
        ids = self._compute_ids(piece)
        if len(self) < _MAX_CACHED:
            self[piece] = ids
        return ids


class Vocabulary:
    """An ordered list of distinct pieces with ids, and what becomes of those it lacks.

    Args:
        tokens: distinct, non-empty strings; the first gets id 260, or 4 where there are no bytes to fall back to.
        on_unknown: ``fallback`` to characters and bytes, or ``unk``: one ``<unk>``, as in the classical word-level
            model; that loses the text.
        specials: names of further special tokens, such as ``<user>``; they get the last ids.
        required: letters that every text may need; those missing from ``tokens`` are added after them.

    Raises:
        InputError: an empty or repeated piece or name, or an unknown ``on_unknown``.
    """

    def __init__(
        self,
        tokens: Iterable[str],
        *,
        on_unknown: str = "fallback",
        specials: Sequence[str] = (),
        required: Iterable[str] = (),
    ) -> None:
        self.tokens = list(tokens)
        present = set(self.tokens)
        self.tokens += [letter for letter in required if letter not in present]
        self.on_unknown = check_on_unknown(on_unknown)
        self.byte_ids = BYTE_IDS if on_unknown == "fallback" else {}
        first = first_token_id(on_unknown)
        self._token_to_id = {piece: first + index for index, piece in enumerate(self.tokens)}
        if len(self._token_to_id) != len(self.tokens) or "" in self._token_to_id:
            raise InputError(
                "어휘에 빈 조각이나 겹치는 조각이 있습니다.", "The vocabulary has an empty or a repeated piece."
            )
        self.specials = assign_special_ids(specials, first + len(self.tokens))
        self.cached_ids = TokenIdCache(self._compute_ids)

    def __len__(self) -> int:
        return len(self.token_bytes)

    def __contains__(self, piece: str) -> bool:
        return piece in self._token_to_id

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """For each id, the bytes that it stands for (none for special tokens)."""
        extra = [b""] * (len(self.specials) - len(SPECIAL_TOKENS))
        if self.byte_ids:
            return vocabulary_layout(self.tokens) + extra
        return [b"", b"", b"", b"<unk>", *(piece.encode() for piece in self.tokens), *extra]

    def string_to_ids(self, string: str) -> tuple[int, ...]:
        """Return the ids of one piece, after the fallback where the vocabulary lacks it."""
        return self.cached_ids[string]

    def write_vocabulary(self, folder: Path) -> None:
        """Write the pieces to a folder, as ``vocabulary.json``."""
        write_json(folder / "vocabulary.json", self.tokens)

    def _compute_ids(self, string: str) -> tuple[int, ...]:
        number = self._token_to_id.get(string)
        if number is not None:
            return (number,)
        return tuple(self._fallback_ids(string)) if self.byte_ids else (UNK_ID,)

    def _fallback_ids(self, string: str) -> list[int]:
        ids: list[int] = []
        for character in string:
            number = self._token_to_id.get(character)
            ids += (
                [number] if number is not None else [FIRST_BYTE_ID + byte for byte in unescape_jamo(character).encode()]
            )
        return ids


def first_token_id(on_unknown: str) -> int:
    """Return the id of the first piece: after the special tokens, and the bytes where there are any."""
    return FIRST_TOKEN_ID if on_unknown == "fallback" else FIRST_BYTE_ID


def check_on_unknown(on_unknown: str) -> str:
    """Return ``on_unknown``, or raise an `InputError` that names what it may be."""
    if on_unknown not in UNKNOWN_MODES:
        raise InputError(
            f"on_unknown은 {', '.join(UNKNOWN_MODES)} 가운데 하나여야 합니다 (받은 값: {on_unknown!r}).",
            f"on_unknown must be one of {', '.join(UNKNOWN_MODES)}, not {on_unknown!r}.",
        )
    return on_unknown


def assign_special_ids(names: Sequence[str], first_id: int) -> dict[str, int]:
    """Return the ids of the four special tokens and of further names, counted from ``first_id``.

    >>> assign_special_ids(["<user>"], 300)["<user>"]
    300
    """
    if len({*names, *SPECIAL_TOKENS}) != len(names) + len(SPECIAL_TOKENS) or not all(name.strip() for name in names):
        raise InputError(
            f"특수 토큰의 이름이 비었거나 겹칩니다: {list(names)}. {', '.join(SPECIAL_TOKENS)}은(는) 이미 있습니다.",
            f"A special token's name is empty or repeated: {list(names)}. {', '.join(SPECIAL_TOKENS)} are there already.",
        )
    return {name: index for index, name in enumerate(SPECIAL_TOKENS)} | {
        name: first_id + i for i, name in enumerate(names)
    }


def select_tokens(
    counts: Counter[str], max_tokens: int, *, min_count: int, coverage: float, required: Sequence[str] = ()
) -> list[str]:
    """Choose the pieces of a vocabulary: the characters that cover the text first, then the most frequent pieces.

    Args:
        counts: how often each piece occurs in the training text.
        max_tokens: how many pieces there may be.
        min_count: pieces and characters seen less often are left to the fallback.
        coverage: share of the training text's characters that single characters in the vocabulary cover; 0 takes none
            for their own sake.
        required: letters that must be in it.

    Returns:
        Pieces by falling count (ties by code point), at most ``max_tokens``.

    Raises:
        InputError: there is no room for pieces.
    """
    if max_tokens < 1 + len(required):
        raise InputError(
            f"어휘가 너무 작습니다: 특수 토큰과 바이트, 꼭 있어야 하는 낱자를 빼면 {max_tokens - len(required)}개가 남습니다. 더 크게 하세요.",
            f"The vocabulary is too small: {max_tokens - len(required)} are left after special tokens, bytes and letters. Ask for more.",
        )
    characters: Counter[str] = Counter()
    for piece, count in counts.items():
        for character in piece:
            if not _is_surrogate(character):
                characters[character] += count
    chosen: dict[str, int] = {letter: counts.get(letter, 0) for letter in required}
    covered, total = 0, sum(characters.values())
    for character, count in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= max_tokens or count < min_count or covered >= coverage * total:
            break
        chosen[character] = counts.get(character, 0)
        covered += count
    for piece, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= max_tokens or count < min_count:
            break
        if (len(piece) > 1 or not coverage) and not any(map(_is_surrogate, piece)):
            chosen[piece] = count
    return sorted(chosen, key=lambda piece: (-chosen[piece], piece))


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
