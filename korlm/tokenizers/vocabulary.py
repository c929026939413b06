"""`Vocabulary`: strings to ids, lossless: a token, else its syllables, else their UTF-8 bytes.

Ids are in the order special tokens, the 256 bytes, tokens by falling count, further special tokens.

    >>> ids = Vocabulary(["하늘", "하", "늘"]).cached_ids
    >>> ids["하늘"], ids["늘하"], ids["!"]
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
_MAX_CACHED = 200_000  # strings; about 40 MB when full


class TokenIdCache(dict[str, tuple[int, ...]]):
    """A bounded cache of the ids of strings, computed on first use."""

    def __init__(self, compute_ids: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._compute_ids = compute_ids

    def __missing__(self, string: str) -> tuple[int, ...]:
        ids = self._compute_ids(string)
        if len(self) < _MAX_CACHED:
            self[string] = ids
        return ids


class Vocabulary:
    """An ordered list of distinct tokens with ids, and the treatment of unknown strings.

    Args:
        tokens: distinct, non-empty strings; the first gets id 260, or 4 without bytes to fall back to.
        on_unknown: ``fallback`` to characters and bytes, or ``unk``: one ``<unk>``, as in classical word-level models,
            which is lossy.
        specials: names of further special tokens, such as ``<user>``; they get the last ids.
        required: jamo that any text may need; those missing from ``tokens`` are appended.

    Raises:
        InputError: an empty or repeated token or name, or an unknown ``on_unknown``.
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
        self.tokens += [jamo for jamo in required if jamo not in present]
        self.on_unknown = check_on_unknown(on_unknown)
        self.byte_ids = BYTE_IDS if on_unknown == "fallback" else {}
        first = first_token_id(on_unknown)
        self._token_to_id = {token: first + index for index, token in enumerate(self.tokens)}
        if len(self._token_to_id) != len(self.tokens) or "" in self._token_to_id:
            raise InputError(
                "어휘에 빈 토큰이나 겹치는 토큰이 있습니다.", "The vocabulary has an empty or a repeated token."
            )
        self.specials = assign_special_ids(specials, first + len(self.tokens))
        self.cached_ids = TokenIdCache(self._compute_ids)

    def __len__(self) -> int:
        return len(self.token_bytes)

    def __contains__(self, string: str) -> bool:
        return string in self._token_to_id

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """The bytes of each id, empty for special tokens."""
        extra = [b""] * (len(self.specials) - len(SPECIAL_TOKENS))
        if self.byte_ids:
            return vocabulary_layout(self.tokens) + extra
        return [b"", b"", b"", b"<unk>", *(token.encode() for token in self.tokens), *extra]

    def write_vocabulary(self, folder: Path) -> None:
        """Write the tokens to ``vocabulary.json`` in a folder."""
        write_json(folder / "vocabulary.json", self.tokens)

    def _compute_ids(self, string: str) -> tuple[int, ...]:
        if string in self._token_to_id:
            return (self._token_to_id[string],)
        if not self.byte_ids:
            return (UNK_ID,)
        ids: list[int] = []
        for character in string:
            if character in self._token_to_id:
                ids.append(self._token_to_id[character])
            else:
                ids += [FIRST_BYTE_ID + byte for byte in unescape_jamo(character).encode()]
        return tuple(ids)


def first_token_id(on_unknown: str) -> int:
    """Return the id of the first token, after the special tokens and the bytes, if there are any."""
    return FIRST_TOKEN_ID if on_unknown == "fallback" else FIRST_BYTE_ID


def check_on_unknown(on_unknown: str) -> str:
    """Return ``on_unknown``, or raise an `InputError` that names the valid values."""
    if on_unknown not in UNKNOWN_MODES:
        raise InputError(
            f"on_unknown은 {', '.join(UNKNOWN_MODES)} 가운데 하나여야 합니다 (받은 값: {on_unknown!r}).",
            f"on_unknown must be one of {', '.join(UNKNOWN_MODES)}, not {on_unknown!r}.",
        )
    return on_unknown


def assign_special_ids(names: Sequence[str], first_id: int) -> dict[str, int]:
    """Return the ids of the four special tokens, and of further names from ``first_id`` on.

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
    """Choose the tokens of a vocabulary: first characters that cover the text, then the most frequent strings.

    Args:
        counts: frequency of each string in the training text.
        max_tokens: maximum number of tokens.
        min_count: strings and characters that are rarer are left to the fallback.
        coverage: fraction of the training text's characters that single characters cover; 0 adds no characters.
        required: jamo that must be tokens.

    Returns:
        Tokens by falling count (ties by code point), at most ``max_tokens``.

    Raises:
        InputError: ``max_tokens`` leaves room for ``required`` only.
    """
    if max_tokens < 1 + len(required):
        raise InputError(
            f"어휘가 너무 작습니다: 특수 토큰과 바이트, 꼭 있어야 하는 낱자를 빼면 {max_tokens - len(required)}개가 남습니다. 더 크게 하세요.",
            f"The vocabulary is too small: {max_tokens - len(required)} are left after special tokens, bytes and letters. Ask for more.",
        )
    characters: Counter[str] = Counter()
    for string, count in counts.items():
        for character in string:
            if not _is_surrogate(character):
                characters[character] += count
    chosen = {jamo: counts.get(jamo, 0) for jamo in required}
    num_covered, num_characters = 0, characters.total()
    for character, count in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= max_tokens or count < min_count or num_covered >= coverage * num_characters:
            break
        chosen[character] = counts.get(character, 0)
        num_covered += count
    for string, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if len(chosen) >= max_tokens or count < min_count:
            break
        if (len(string) > 1 or not coverage) and not any(map(_is_surrogate, string)):
            chosen[string] = count
    return sorted(chosen, key=lambda string: (-chosen[string], string))


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
