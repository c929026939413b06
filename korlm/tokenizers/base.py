"""What every tokenizer is: `Tokenizer` (encode, decode, save) and the `Encoding` that it gives.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> encoding = byte_tokenizer().encode("가!")
>>> encoding.pieces, encoding.spans
(['<0xEA>', '<0xB0>', '<0x80>', '<0x21>'], [(0, 1), (0, 1), (0, 1), (1, 2)])
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from korlm.errors import InputError
from korlm.morph.base import Morpheme
from korlm.text.spans import Span, check_text

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
PAD_ID, BOS_ID, EOS_ID, UNK_ID = range(4)
FIRST_BYTE = len(SPECIALS)  # ids are laid out as special tokens, the 256 bytes, then pieces
FIRST_PIECE = FIRST_BYTE + 256


def is_byte(token_id: int) -> bool:
    """Return whether an id is a lone byte."""
    return FIRST_BYTE <= token_id < FIRST_PIECE


def lay_out(pieces: Iterable[str]) -> list[bytes]:
    """Return the bytes that each id stands for, none for special tokens, in the order of all vocabularies."""
    return [b""] * FIRST_BYTE + [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in pieces]


class Segment(NamedTuple):
    """One cut of the unit, before the vocabulary: a stretch of the text and the morphemes that it carries.

    Attributes:
        start: first code point.
        end: one past the last.
        morphemes: in order; several where they share a syllable (했 = 하 + 었), none for other units.
    """

    start: int
    end: int
    morphemes: tuple[Morpheme, ...] = ()

    @property
    def tag(self) -> str | None:
        """Tags of the morphemes joined by ``+``, or None."""
        return "+".join(morpheme.tag for morpheme in self.morphemes) or None


@dataclass(frozen=True)
class Encoding:
    """One text as ids, with where each id stands in the caller's string.

    Attributes:
        text: the caller's string.
        ids: token ids, ``n`` of them.
        pieces: ``n`` strings; a byte of a character is written ``<0xEA>``.
        spans: ``n`` half-open code-point offsets; bytes of one character share its span.
        segments: the unit's own cuts before the fallback to syllables and bytes; they partition the text.
        segment_of: for each id, the index of its segment.
    """

    text: str
    ids: list[int]
    pieces: list[str]
    spans: list[Span]
    segments: list[Segment] = field(repr=False)
    segment_of: list[int] = field(repr=False)

    @property
    def tags(self) -> list[str | None]:
        """For each id, the part-of-speech tags of its segment (``VV+EP``), or None."""
        return [self.segments[index].tag for index in self.segment_of]

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizer(ABC):
    """A lossless tokenizer: ``decode(encode(text).ids) == text`` for every string that UTF-8 can write.

    Attributes:
        name: the registry's name (``kiwi``, ``unigram``, ...).
        unit: what a piece is: ``word``, ``morpheme``, ``subword``, ``syllable`` or ``byte``.
        token_bytes: for each id the UTF-8 bytes that it stands for; empty for special tokens.
    """

    name: str
    unit: str
    token_bytes: list[bytes]

    @abstractmethod
    def _cut(self, texts: Sequence[str], workers: int) -> Iterable[tuple[list[int], list[Segment] | None]]:
        """Yield the ids of each text and, where they are not simply the ids' own spans, its segments."""

    @abstractmethod
    def save(self, folder: str | Path) -> None:
        """Write the tokenizer to ``folder``, atomically, for `korlm.load_tokenizer`.

        Raises:
            ArtifactError: the folder cannot be written.
        """

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens and the 256 bytes included."""
        return len(self.token_bytes)

    @cached_property
    def signature(self) -> str:
        """A short text that says what made an id: name, unit, size, treatment of the unknown, hash, versions."""
        digest = hashlib.sha256(b"".join(len(token).to_bytes(4, "little") + token for token in self.token_bytes))
        parts = [f"tok:{self.name}", f"unit:{self.unit}", f"v:{self.vocab_size}", "unk:fallback"]
        return "|".join([*parts, f"sha:{digest.hexdigest()[:8]}", *self._versions()])

    def _versions(self) -> list[str]:
        """Return ``name:version`` of what else decides the cuts."""
        return []

    def encode(self, text: str) -> Encoding:
        """Encode one text. See `encode_batch`."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str], *, workers: int = 1) -> list[Encoding]:
        """Encode texts, with pieces, spans and tags.

        Args:
            texts: any strings; special tokens typed in them are ordinary text.
            workers: threads or processes, where the backend can use them.

        Raises:
            InputError: an unpaired surrogate.
            AnalyzerError, MissingDependencyError: the morphological analyzer failed or is not installed.
        """
        texts = [check_text(text) for text in texts]
        cuts = self._cut(texts, workers)
        return [self._encoding(text, ids, segments) for text, (ids, segments) in zip(texts, cuts, strict=True)]

    def encode_ids(self, texts: Sequence[str], *, workers: int = 1) -> list[list[int]]:
        """Encode texts to ids alone: the fast way. The same ids and errors as `encode_batch`."""
        return [ids for ids, _ in self._cut([check_text(text) for text in texts], workers)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bytes that are no UTF-8 (cut by hand or by a model) become U+FFFD.

        Raises:
            InputError: an id that the vocabulary does not have.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the UTF-8 bytes of ``ids``. See `decode`."""
        ids = list(ids)
        if ids and not 0 <= min(ids) <= max(ids) < self.vocab_size:
            wrong = next(i for i in ids if not 0 <= i < self.vocab_size)
            raise InputError(
                f"ID {wrong}은(는) 어휘(0~{self.vocab_size - 1})에 없습니다. 같은 토크나이저의 ID인지 보세요.",
                f"Id {wrong} is not in the vocabulary (0 to {self.vocab_size - 1}). Is it from the same tokenizer?",
            )
        return b"".join([self.token_bytes[i] for i in ids])

    @cached_property
    def _surfaces(self) -> list[str | None]:
        """For each id its text, or None where it is a lone byte of a character (or special)."""
        return [_surface(token, index) for index, token in enumerate(self.token_bytes)]

    def _encoding(self, text: str, ids: list[int], segments: list[Segment] | None) -> Encoding:
        spans: list[Span] = []
        position, left = 0, 0  # `left`: bytes of the character at `position` still to come
        for i in ids:
            surface = self._surfaces[i]
            if surface is not None:
                spans.append((position, position + len(surface)))
                position += len(surface)
                continue
            left = left or len(text[position].encode())
            spans.append((position, position + 1))
            left -= 1
            position += left == 0
        if segments is None:
            segments = [Segment(*span) for span in dict.fromkeys(spans)]
        owners = _owners(spans, segments)
        return Encoding(text, ids, [self.token_text(i) for i in ids], spans, segments, owners)

    def token_text(self, token_id: int) -> str:
        """Return how an id is shown: its text, ``<0xEA>`` for a lone byte, ``</s>`` for a special token."""
        if token_id < FIRST_BYTE:
            return SPECIALS[token_id]
        surface = self._surfaces[token_id]
        return f"<0x{self.token_bytes[token_id][0]:02X}>" if surface is None else surface


def _surface(token: bytes, index: int) -> str | None:
    return None if is_byte(index) else token.decode("utf-8")


def _owners(spans: list[Span], segments: list[Segment]) -> list[int]:
    owners: list[int] = []
    index = 0
    for start, _ in spans:
        while segments[index].end <= start:
            index += 1
        owners.append(index)
    return owners
