"""What every tokenizer is: `Tokenizer` (encode, decode, save).

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> encoding = byte_tokenizer().encode("가!")
>>> encoding.tokens, encoding.spans
(['<0xEA>', '<0xB0>', '<0x80>', '<0x21>'], [(0, 1), (0, 1), (0, 1), (1, 2)])
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from korlm._deprecation import DeprecatedAlias
from korlm.errors import InputError
from korlm.storage.artifacts import FORMAT_VERSION, new_folder, write_json
from korlm.text.spans import check_text, check_texts
from korlm.tokenizers.encoding import Encoding

if TYPE_CHECKING:
    from korlm.tokenizers.batch_encoding import IdArray

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>")
PAD_ID, BOS_ID, EOS_ID, UNK_ID = range(4)
FIRST_BYTE_ID = len(SPECIAL_TOKENS)  # ids of korlm's own: special tokens, the 256 bytes, pieces, further special tokens
FIRST_TOKEN_ID = FIRST_BYTE_ID + 256
BYTE_IDS = {byte: FIRST_BYTE_ID + byte for byte in range(256)}


def vocabulary_layout(tokens: Iterable[str]) -> list[bytes]:
    """Return the bytes that each id stands for, none for special tokens, in the order of all vocabularies."""
    return [b""] * FIRST_BYTE_ID + [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in tokens]


class Decoder(Protocol):
    """Turns ids into bytes one by one; may hold back what a later id can still alter."""

    def push(self, token_id: int) -> bytes:
        """Take an id; return the bytes that are now certain."""
        ...

    def finish(self) -> bytes:
        """Return what was held back."""
        ...


class Tokenizer(ABC):
    """A tokenizer; ``decode(encode(text).ids) == text`` for every string that UTF-8 can write, where `lossless`.

    Attributes:
        name: the registry's name (``kiwi``, ``unigram``, ``mecab+bpe``, ...).
        unit: what a piece is: ``word``, ``morpheme``, ``subword``, ``morpheme-subword``, ``syllable``, ``jamo``, ``byte``.
        token_bytes: for each id the UTF-8 bytes that it stands for; empty for special tokens.
        specials: ids of the special tokens by name.
        byte_ids: ids of lone bytes by byte; empty where the vocabulary has none.
        lossless: False where the unknown becomes ``<unk>`` or the text is normalised.
        composes_jamo: pieces may be letters of a syllable, which `decode` joins (`korlm.tokenizers.syllable_splitting`).
    """

    name: str
    unit: str
    token_bytes: list[bytes]
    specials: dict[str, int]
    byte_ids: dict[int, int] = BYTE_IDS
    lossless: bool = True
    composes_jamo: bool = False
    unknown = DeprecatedAlias("oov_segments")

    @abstractmethod
    def _iter_ids(self, texts: Sequence[str], workers: int) -> Iterable[list[int]]:
        """Yield the ids of each text: the fast way."""

    @abstractmethod
    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterable[Encoding]:
        """Yield the encoding of each text."""

    @abstractmethod
    def write_vocabulary(self, folder: Path) -> None:
        """Write what numbers the pieces to a folder; see `save`."""

    def save(self, folder: str | Path) -> None:
        """Write the tokenizer to ``folder``, atomically, for `korlm.load_tokenizer`.

        Raises:
            ArtifactError: the folder cannot be written.
        """
        config = {"kind": "tokenizer", "format": FORMAT_VERSION, "name": self.name, "unit": self.unit}
        with new_folder(folder) as temporary:
            write_json(temporary / "config.json", config | self._config_fields() | {"signature": self.signature})
            self.write_vocabulary(temporary)

    def _config_fields(self) -> dict[str, Any]:
        """Return what ``config.json`` must say for the same ids to come back, as plain values."""
        further = [name for name in self.specials if name not in SPECIAL_TOKENS]
        return {"specials": further} if further else {}

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens and the 256 bytes included."""
        return len(self.token_bytes)

    @cached_property
    def signature(self) -> str:
        """A short text that says what made an id: name, unit, size, treatment of the unknown, hash, versions."""
        digest = hashlib.sha256(self._fingerprint_bytes()).hexdigest()[:8]
        parts = [f"tok:{self.name}", f"unit:{self.unit}", f"v:{self.vocab_size}", f"unk:{self.on_unknown}"]
        return "|".join([*parts, f"sha:{digest}", *self.dependency_versions()])

    def _fingerprint_bytes(self) -> bytes:
        """Return what of the vocabulary decides the ids, for the signature's hash."""
        return b"".join(len(token).to_bytes(4, "little") + token for token in self.token_bytes)

    @property
    def on_unknown(self) -> str:
        """``fallback`` (to syllables and bytes, nothing is lost) or ``unk`` (one ``<unk>``, lossy)."""
        return "fallback"

    @property
    def unk_id(self) -> int:
        """The id of what the vocabulary lacks, or -1."""
        return self.specials.get("<unk>", -1)

    @cached_property
    def byte_token_ids(self) -> frozenset[int]:
        """The ids that are a lone byte."""
        return frozenset(self.byte_ids.values())

    def dependency_versions(self) -> list[str]:
        """Return ``name:version`` of what else decides the cuts."""
        return []

    def oov_segments(self, encoding: Encoding) -> set[int]:
        """Return the indices of the segments that the vocabulary lacks, before any fallback.

        Here: those that took bytes or ``<unk>``. The byte unit lacks none.
        """
        strange = self.byte_token_ids | {self.unk_id}
        return {owner for number, owner in zip(encoding.ids, encoding.segment_of, strict=True) if number in strange}

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
        return list(self._iter_encodings([check_text(text) for text in texts], workers))

    def encode_ids(self, texts: Sequence[str], *, workers: int = 1) -> list[list[int]]:
        """Encode texts to ids alone: the fast way. The same ids and errors as `encode_batch`."""
        return list(self._iter_ids(check_texts(texts), workers))

    def encode_array(self, texts: Sequence[str], *, workers: int = 1, eos: int | None = None) -> IdArray:
        """Encode texts to one array of ids: the quickest way for a corpus. The same ids and errors as `encode_batch`.

        Args:
            texts: any strings.
            workers: threads or processes, where the backend can use them.
            eos: an id that ends each text, such as ``</s>``; none by default.
        """
        return self._encode_array(check_texts(texts), workers, eos)

    def _encode_array(self, texts: Sequence[str], workers: int, eos_id: int | None) -> IdArray:
        from korlm.tokenizers.batch_encoding import id_array_from_lists

        return id_array_from_lists(self._iter_ids(texts, workers), eos_id)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bytes that are no UTF-8 (cut by hand or by a model) become U+FFFD.

        Raises:
            InputError: an id that the vocabulary does not have.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the UTF-8 bytes of ``ids``. See `decode`."""
        ids = list(ids)
        self.check_ids(ids)
        decoder = self.decoder()
        return b"".join([*map(decoder.push, ids), decoder.finish()])

    def check_ids(self, ids: Sequence[int]) -> None:
        """Raise an `InputError` for an id that the vocabulary does not have."""
        if ids and not 0 <= min(ids) <= max(ids) < self.vocab_size:
            wrong = next(i for i in ids if not 0 <= i < self.vocab_size)
            raise InputError(
                f"ID {wrong}은(는) 어휘(0~{self.vocab_size - 1})에 없습니다. 같은 토크나이저의 ID인지 보세요.",
                f"Id {wrong} is not in the vocabulary (0 to {self.vocab_size - 1}). Is it from the same tokenizer?",
            )

    def decoder(self) -> Decoder:
        """Return a decoder that takes ids one by one, as a model writes them."""
        return _PlainDecoder(self.token_bytes)

    @cached_property
    def surfaces(self) -> list[str | None]:
        """For each id its text (nothing for a special token), or None where it is a lone byte of a character."""
        return [
            None if index in self.byte_token_ids else token.decode("utf-8")
            for index, token in enumerate(self.token_bytes)
        ]

    @cached_property
    def _special_names(self) -> dict[int, str]:
        return {number: name for name, number in self.specials.items()}

    def token_text(self, token_id: int) -> str:
        """Return how an id is shown: its text, ``<0xEA>`` for a lone byte, ``</s>`` for a special token."""
        if token_id in self._special_names:
            return self._special_names[token_id]
        surface = self.surfaces[token_id]
        return f"<0x{self.token_bytes[token_id][0]:02X}>" if surface is None else surface


class _PlainDecoder:
    def __init__(self, token_bytes: list[bytes]) -> None:
        self.push = token_bytes.__getitem__

    def finish(self) -> bytes:
        return b""
