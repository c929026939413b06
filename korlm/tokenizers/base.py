"""The base class of all tokenizers: `Tokenizer` (encode, decode, save).

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> encoding = byte_tokenizer().encode("가!")
>>> encoding.tokens, encoding.spans
(['<0xEA>', '<0xB0>', '<0x80>', '<0x21>'], [(0, 1), (0, 1), (0, 1), (1, 2)])
"""

from __future__ import annotations

import hashlib
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from korlm._deprecation import DeprecatedAlias
from korlm.errors import InputError
from korlm.storage.artifacts import FORMAT_VERSION, new_folder, write_json
from korlm.text.spans import check_list, check_text, check_texts
from korlm.tokenizers.encoding import Encoding

if TYPE_CHECKING:
    from korlm.tokenizers.batch_encoding import IdArray

SPECIAL_TOKENS = ("<pad>", "<s>", "</s>", "<unk>")
PAD_ID, BOS_ID, EOS_ID, UNK_ID = range(4)
FIRST_BYTE_ID = len(SPECIAL_TOKENS)  # order of ids: special tokens, the 256 bytes, tokens, further special tokens
FIRST_TOKEN_ID = FIRST_BYTE_ID + 256
BYTE_IDS = {byte: FIRST_BYTE_ID + byte for byte in range(256)}


def vocabulary_layout(tokens: Iterable[str]) -> list[bytes]:
    """Return the bytes of each id, in the order of korlm's vocabularies; special tokens have none."""
    return [b""] * FIRST_BYTE_ID + [bytes([byte]) for byte in range(256)] + [token.encode() for token in tokens]


class Decoder(Protocol):
    """Decodes ids one by one; may hold back bytes that a later id can still change."""

    def push(self, token_id: int) -> bytes:
        """Append an id; return the bytes that are now final."""

    def finish(self) -> bytes:
        """Return the bytes held back."""


class Tokenizer(ABC):
    """Base class of tokenizers.

    ``decode(encode(text).ids) == text`` for every string that UTF-8 can encode, if `lossless`.

    Attributes:
        name: the registry's name (``kiwi``, ``unigram``, ``mecab+bpe``, ...).
        unit: of its tokens: ``word``, ``morpheme``, ``subword``, ``morpheme-subword``, ``syllable``, ``jamo``, ``byte``.
        token_bytes: the UTF-8 bytes of each id; empty for special tokens.
        specials: ids of the special tokens by name.
        byte_ids: ids of single bytes by byte; empty if the vocabulary has none.
        lossless: False if unknown text becomes ``<unk>`` or the text is normalized.
        composes_jamo: tokens may be conjoining jamo, which `decode` composes (`korlm.tokenizers.syllable_splitting`).
        one_character_per_segment: each character is encoded by itself, whatever surrounds it.
        hf_exportable: `korlm.export_tokenizer` supports it.
    """

    name: str
    unit: str
    token_bytes: list[bytes]
    specials: dict[str, int]
    byte_ids: dict[int, int] = BYTE_IDS
    lossless: bool = True
    composes_jamo: bool = False
    one_character_per_segment: bool = False
    hf_exportable: bool = False
    unknown = DeprecatedAlias("oov_segments")

    @abstractmethod
    def _iter_ids(self, texts: Sequence[str], workers: int) -> Iterable[list[int]]:
        """Yield the ids of each text, without spans and tags."""

    @abstractmethod
    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterable[Encoding]:
        """Yield the encoding of each text."""

    @abstractmethod
    def write_vocabulary(self, folder: Path) -> None:
        """Write the vocabulary to a folder; see `save`."""

    def save(self, folder: str | Path) -> None:
        """Save the tokenizer to ``folder``, atomically, for `korlm.load_tokenizer`.

        Raises:
            ArtifactError: the folder cannot be written.
        """
        config = {"kind": "tokenizer", "format": FORMAT_VERSION, "name": self.name, "unit": self.unit}
        with new_folder(folder) as temporary:
            write_json(temporary / "config.json", config | self._config_fields() | {"signature": self.signature})
            self.write_vocabulary(temporary)

    def _config_fields(self) -> dict[str, Any]:
        """Return the fields of ``config.json`` that `korlm.load_tokenizer` needs, as plain values."""
        further = [name for name in self.specials if name not in SPECIAL_TOKENS]
        return {"specials": further} if further else {}

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens and the 256 bytes included."""
        return len(self.token_bytes)

    @cached_property
    def signature(self) -> str:
        """Identifies what decides the ids: name, unit, size, treatment of unknown text, hash, versions."""
        digest = hashlib.sha256(self._fingerprint_bytes()).hexdigest()[:8]
        parts = [f"tok:{self.name}", f"unit:{self.unit}", f"v:{self.vocab_size}", f"unk:{self.on_unknown}"]
        return "|".join([*parts, f"sha:{digest}", *self.dependency_versions()])

    def _fingerprint_bytes(self) -> bytes:
        """Return the bytes of the vocabulary to hash for the signature."""
        return b"".join(len(token).to_bytes(4, "little") + token for token in self.token_bytes)

    @property
    def on_unknown(self) -> str:
        """Treatment of unknown text: ``fallback`` to syllables and bytes (lossless), or ``unk``: one ``<unk>`` (lossy)."""
        return "fallback"

    @property
    def unk_id(self) -> int:
        """The id of ``<unk>``, or -1."""
        return self.specials.get("<unk>", -1)

    @cached_property
    def byte_token_ids(self) -> frozenset[int]:
        """The ids that stand for a single byte."""
        return frozenset(self.byte_ids.values())

    def dependency_versions(self) -> list[str]:
        """Return ``name:version`` of the libraries that decide the segmentation."""
        return []

    def oov_segments(self, encoding: Encoding) -> set[int]:
        """Return the indices of the segments that are out of vocabulary (OOV), before any fallback.

        Here those encoded with bytes or ``<unk>``. The byte unit has none.
        """
        oov_ids = self.byte_token_ids | {self.unk_id}
        return {
            segment for token_id, segment in zip(encoding.ids, encoding.segment_of, strict=True) if token_id in oov_ids
        }

    def encode(self, text: str) -> Encoding:
        """Encode one text. See `encode_batch`."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str], *, workers: int = 1) -> list[Encoding]:
        """Encode texts to ids with tokens, spans and tags.

        Args:
            texts: any strings; names of special tokens in them are ordinary text.
            workers: threads or processes, if the backend can use them.

        Raises:
            InputError: a text that is not a string, a single string, or an unpaired surrogate.
            AnalyzerError, MissingDependencyError: the morphological analyzer failed or is not installed.
        """
        check_list(texts, "text")
        return list(self._iter_encodings([check_text(text) for text in texts], workers))

    def encode_ids(self, texts: Sequence[str], *, workers: int = 1) -> list[list[int]]:
        """Encode texts to ids only, which is faster; ids and errors as for `encode_batch`."""
        return list(self._iter_ids(check_texts(texts), workers))

    def encode_array(self, texts: Sequence[str], *, workers: int = 1, eos: int | None = None) -> IdArray:
        """Encode texts to one array of ids, the fastest for a corpus; ids and errors as for `encode_batch`.

        Args:
            texts: any strings.
            workers: threads or processes, if the backend can use them.
            eos: an id to append to each text, such as that of ``</s>``.
        """
        return self._encode_array(check_texts(texts), workers, eos)

    def _encode_array(self, texts: Sequence[str], workers: int, eos_id: int | None) -> IdArray:
        from korlm.tokenizers.batch_encoding import id_array_from_lists

        return id_array_from_lists(self._iter_ids(texts, workers), eos_id)

    def decode(self, ids: Iterable[int]) -> str:
        """Decode ids to text; incomplete or invalid UTF-8 bytes become U+FFFD.

        Raises:
            InputError: not ids, or an id that is not in the vocabulary.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the UTF-8 bytes of ``ids``. See `decode`."""
        ids = self.check_ids(ids)
        decoder = self.decoder()
        return b"".join([*map(decoder.push, ids), decoder.finish()])

    def check_ids(self, ids: Iterable[int]) -> list[int]:
        """Return ids as a list of integers, or raise an `InputError` if they are none or not in the vocabulary."""
        try:
            if isinstance(ids, (str, bytes)):
                raise TypeError
            ids = list(map(operator.index, ids))
        except TypeError:
            raise InputError(
                f"decode에는 정수 ID의 목록이 필요합니다 (받은 것: {type(ids).__name__}). encode(글).ids를 넣으세요.",
                f"decode takes a list of integer ids (got {type(ids).__name__}). Pass encode(text).ids.",
            ) from None
        if ids and not 0 <= min(ids) <= max(ids) < self.vocab_size:
            wrong = next(i for i in ids if not 0 <= i < self.vocab_size)
            raise InputError(
                f"ID {wrong}은(는) 어휘(0~{self.vocab_size - 1})에 없습니다. 같은 토크나이저의 ID인지 보세요.",
                f"Id {wrong} is not in the vocabulary (0 to {self.vocab_size - 1}). Is it from the same tokenizer?",
            )
        return ids

    def decoder(self) -> Decoder:
        """Return a decoder for ids that come one by one, as from a model."""
        return _PlainDecoder(self.token_bytes)

    @cached_property
    def surfaces(self) -> list[str | None]:
        """The text of each id, empty for a special token, None for a single byte of a character."""
        return [
            None if index in self.byte_token_ids else token.decode("utf-8")
            for index, token in enumerate(self.token_bytes)
        ]

    @cached_property
    def _special_names(self) -> dict[int, str]:
        return {token_id: name for name, token_id in self.specials.items()}

    def token_text(self, token_id: int) -> str:
        """Return the token of an id: its text, ``<0xEA>`` for a single byte, ``</s>`` for a special token."""
        if token_id in self._special_names:
            return self._special_names[token_id]
        surface = self.surfaces[token_id]
        return f"<0x{self.token_bytes[token_id][0]:02X}>" if surface is None else surface


class _PlainDecoder:
    def __init__(self, token_bytes: list[bytes]) -> None:
        self.push = token_bytes.__getitem__

    def finish(self) -> bytes:
        return b""
