"""`SegmentedTokenizer`: a segmenter, and a vocabulary of its segments.

>>> from korlm.tokenizers.vocabulary import Vocabulary
>>> from korlm.tokenizers.segmenters.word import WordSegmenter
>>> tokenizer = SegmentedTokenizer("word", WordSegmenter(), Vocabulary(["나랑", " 쇼핑"]))
>>> tokenizer.encode("나랑 쇼핑").tokens
['나랑', ' 쇼핑']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.text.hangul import to_compatibility_jamo
from korlm.text.incremental import is_complete_character, is_leading_byte
from korlm.text.spans import Span
from korlm.tokenizers.base import Decoder, Tokenizer
from korlm.tokenizers.encoding import Encoding, Segment, segment_indices, token_spans
from korlm.tokenizers.segmenters.base import Segmenter
from korlm.tokenizers.segmenters.character import ByteSegmenter
from korlm.tokenizers.syllable_splitting import JOINING_JAMO, JamoComposer, escape_typed_jamo
from korlm.tokenizers.vocabulary import Vocabulary

if TYPE_CHECKING:
    from korlm.tokenizers.batch_encoding import CharacterIdTable, IdArray
    from korlm.tokenizers.sentencepiece import SubwordTokenizer


class SegmentedTokenizer(Tokenizer):
    """A tokenizer whose tokens are a segmenter's segments.

    Args:
        name: the registry's name.
        segmenter: splits the text.
        vocabulary: the known segments; others fall back to syllables, then bytes (or become ``<unk>``).
    """

    def __init__(self, name: str, segmenter: Segmenter, vocabulary: Vocabulary | SubwordTokenizer) -> None:
        self.name = name
        self.unit = segmenter.unit
        self.segmenter = segmenter
        self.vocabulary = vocabulary
        self.token_bytes = vocabulary.token_bytes
        self.specials = vocabulary.specials
        self.byte_ids = vocabulary.byte_ids
        self.lossless = vocabulary.on_unknown == "fallback"
        self.composes_jamo = bool(segmenter.conjoining_jamo)
        self.one_character_per_segment = segmenter.one_character_per_segment
        self.hf_exportable = segmenter.hf_exportable

    @property
    def on_unknown(self) -> str:
        """The vocabulary's mode."""
        return self.vocabulary.on_unknown

    def dependency_versions(self) -> list[str]:
        """Return the segmenter's versions."""
        return self.segmenter.dependency_versions()

    def _iter_ids(self, texts: Sequence[str], workers: int) -> Iterator[list[int]]:
        look_up = self.vocabulary.cached_ids.__getitem__
        for strings in self.segmenter.iter_lookup_strings(texts, workers=workers):
            yield list(chain.from_iterable(map(look_up, strings)))

    def _encode_array(self, texts: Sequence[str], workers: int, eos_id: int | None) -> IdArray:
        if not self.one_character_per_segment or not texts:
            return super()._encode_array(texts, workers, eos_id)
        if self.unit == "byte":
            from korlm.tokenizers.batch_encoding import byte_id_array

            return byte_id_array(texts, self.byte_ids[0], eos_id)
        return self._character_table.encode(texts, eos_id)

    @cached_property
    def _character_table(self) -> CharacterIdTable:
        from korlm.tokenizers.batch_encoding import CharacterIdTable  # needs numpy, which is slow to import

        return CharacterIdTable(lambda character: next(iter(self._iter_ids([character], 1))))

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text, segments in zip(texts, self.segmenter.segment(texts, workers=workers), strict=True):
            escaped, joining = (escape_typed_jamo(text), JOINING_JAMO) if self.composes_jamo else (text, frozenset())
            ids: list[int] = []
            spans: list[Span] = []
            for segment in segments:
                strings = self.segmenter.lookup_strings(escaped, segment)
                segment_ids = [token_id for string in strings for token_id in self.vocabulary.cached_ids[string]]
                if self.lossless:
                    spans += token_spans(self.surfaces, text, segment_ids, segment.start, joining)
                else:
                    spans += [segment[:2]] * len(segment_ids)
                ids += segment_ids
            yield self._build_encoding(text, ids, spans, segments)

    def _build_encoding(self, text: str, ids: list[int], spans: list[Span], segments: list[Segment]) -> Encoding:
        tokens = [self.token_text(token_id) for token_id in ids]
        return Encoding(text, ids, tokens, spans, segments, segment_indices(spans, segments))

    def oov_segments(self, encoding: Encoding) -> set[int]:
        """Return the segments with a lookup string that is not in the vocabulary; none for bytes."""
        if self.unit == "byte":
            return set()
        escaped = escape_typed_jamo(encoding.text) if self.composes_jamo else encoding.text
        return {
            index
            for index, segment in enumerate(encoding.segments)
            if not all(string in self.vocabulary for string in self.segmenter.lookup_strings(escaped, segment))
        }

    def decoder(self) -> Decoder:
        """Return a decoder, which composes conjoining jamo if the vocabulary has any."""
        return _JamoDecoder(self) if self.composes_jamo else super().decoder()

    def token_text(self, token_id: int) -> str:
        """Return the text of a token, with compatibility jamo for conjoining ones."""
        text = super().token_text(token_id)
        return to_compatibility_jamo(text) if self.composes_jamo else text

    def _config_fields(self) -> dict[str, Any]:
        lossy = {} if self.lossless else {"on_unknown": self.on_unknown}
        return lossy | super()._config_fields() | self.segmenter.options

    def write_vocabulary(self, folder: Path) -> None:
        """Write the vocabulary's file into a folder."""
        self.vocabulary.write_vocabulary(folder)


class _JamoDecoder:
    """Composes jamo across ids; the bytes of a complete character count as that character."""

    def __init__(self, tokenizer: SegmentedTokenizer) -> None:
        self._tokenizer = tokenizer
        self._composer = JamoComposer()
        self._partial_bytes = b""

    def push(self, token_id: int) -> bytes:
        surface = self._tokenizer.surfaces[token_id]
        if surface is not None:
            return self._flush_partial() + self._composer.push(surface).encode()
        byte = self._tokenizer.token_bytes[token_id]
        if not self._partial_bytes and not is_leading_byte(byte[0]):
            return self._composer.finish().encode() + byte
        self._partial_bytes += byte
        if not is_complete_character(self._partial_bytes):
            return b""
        character = self._partial_bytes.decode(errors="ignore")
        if character.encode() != self._partial_bytes or escape_typed_jamo(character) != character:
            return self._flush_partial()  # invalid bytes, or a typed conjoining jamo, which is not composed
        self._partial_bytes = b""
        return self._composer.push(character).encode()

    def _flush_partial(self) -> bytes:
        """Return the bytes held back as they are."""
        partial, self._partial_bytes = self._partial_bytes, b""
        return self._composer.finish().encode() + partial if partial else b""

    def finish(self) -> bytes:
        return self._flush_partial() or self._composer.finish().encode()


def byte_tokenizer(specials: Sequence[str] = ()) -> SegmentedTokenizer:
    """Return the byte tokenizer: 4 special tokens and 256 bytes, and any further special tokens."""
    return SegmentedTokenizer("byte", ByteSegmenter(), Vocabulary([], specials=specials))
