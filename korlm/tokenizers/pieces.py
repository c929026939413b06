"""`PieceTokenizer`: a segmenter that cuts the text, and a vocabulary that numbers the pieces.

>>> from korlm.tokenizers.vocabulary import Vocabulary
>>> from korlm.tokenizers.word import WordSegmenter
>>> tokenizer = PieceTokenizer("word", WordSegmenter(), Vocabulary(["나랑", " 쇼핑"]))
>>> tokenizer.encode("나랑 쇼핑").pieces
['나랑', ' 쇼핑']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from korlm.text.hangul import shown
from korlm.text.spans import Span
from korlm.text.utf8 import is_complete, is_start
from korlm.tokenizers.base import Decoder, Tokenizer
from korlm.tokenizers.encoding import Encoding, Segment, owners, walk
from korlm.tokenizers.letters import JOINING, Joiner, escape
from korlm.tokenizers.segmenter import Segmenter
from korlm.tokenizers.syllable import SyllableSegmenter

if TYPE_CHECKING:
    from korlm.tokenizers.arrays import CharacterTable, IdArray


class PieceVocabulary(Protocol):
    """Numbers pieces; see `korlm.tokenizers.vocabulary.Vocabulary`."""

    on_unknown: str
    specials: dict[str, int]
    byte_ids: dict[int, int]

    @property
    def memo(self) -> Mapping[str, tuple[int, ...]]: ...

    @property
    def token_bytes(self) -> list[bytes]: ...

    def __contains__(self, piece: str) -> bool: ...

    def write_vocabulary(self, folder: Path) -> None: ...


class PieceTokenizer(Tokenizer):
    """A tokenizer whose pieces are a segmenter's cuts.

    Args:
        name: the registry's name.
        segmenter: how the text is cut.
        vocabulary: the known pieces; the rest falls back to syllables, then bytes (or is ``<unk>``).
    """

    def __init__(self, name: str, segmenter: Segmenter, vocabulary: PieceVocabulary) -> None:
        self.name = name
        self.unit = segmenter.unit
        self.segmenter = segmenter
        self.vocabulary = vocabulary
        self.token_bytes = vocabulary.token_bytes
        self.specials = vocabulary.specials
        self.byte_ids = vocabulary.byte_ids
        self.lossless = vocabulary.on_unknown == "fallback"
        self.joins_letters = bool(segmenter.letters)

    @property
    def on_unknown(self) -> str:
        return self.vocabulary.on_unknown

    def _versions(self) -> list[str]:
        return self.segmenter.versions()

    def _ids(self, texts: Sequence[str], workers: int) -> Iterator[list[int]]:
        look_up = self.vocabulary.memo.__getitem__
        for pieces in self.segmenter.pieces(texts, workers=workers):
            yield list(chain.from_iterable(map(look_up, pieces)))

    def _array(self, texts: Sequence[str], workers: int, eos: int | None) -> IdArray:
        if not isinstance(self.segmenter, SyllableSegmenter) or not texts:
            return super()._array(texts, workers, eos)
        if self.unit == "byte":
            from korlm.tokenizers.arrays import byte_array

            return byte_array(texts, self.byte_ids[0], eos)
        return self._table.encode(texts, eos)

    @cached_property
    def _table(self) -> CharacterTable:
        from korlm.tokenizers.arrays import CharacterTable  # numpy, which one text does without

        return CharacterTable(lambda character: next(iter(self._ids([character], 1))))

    def _encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text, segments in zip(texts, self.segmenter.segment(texts, workers=workers), strict=True):
            escaped, joining = (escape(text), JOINING) if self.joins_letters else (text, frozenset())
            ids: list[int] = []
            spans: list[Span] = []
            for segment in segments:
                strings = self.segmenter.strings(escaped, segment)
                own = [number for string in strings for number in self.vocabulary.memo[string]]
                whole = [segment[:2]] * len(own)
                spans += walk(self.surfaces, text, own, segment.start, joining) if self.lossless else whole
                ids += own
            yield self._encoding(text, ids, spans, segments)

    def _encoding(self, text: str, ids: list[int], spans: list[Span], segments: list[Segment]) -> Encoding:
        pieces = [self.token_text(number) for number in ids]
        return Encoding(text, ids, pieces, spans, segments, owners(spans, segments))

    def unknown(self, encoding: Encoding) -> set[int]:
        if self.unit == "byte":
            return set()
        escaped = escape(encoding.text) if self.joins_letters else encoding.text
        return {
            index
            for index, segment in enumerate(encoding.segments)
            if not all(string in self.vocabulary for string in self.segmenter.strings(escaped, segment))
        }

    def decoder(self) -> Decoder:
        return _LetterDecoder(self) if self.joins_letters else super().decoder()

    def token_text(self, token_id: int) -> str:
        text = super().token_text(token_id)
        return shown(text) if self.joins_letters else text

    def _options(self) -> dict[str, Any]:
        lossy = {} if self.lossless else {"on_unknown": self.on_unknown}
        return lossy | super()._options() | self.segmenter.options

    def write_vocabulary(self, folder: Path) -> None:
        self.vocabulary.write_vocabulary(folder)


class _LetterDecoder:
    """Joins letters across ids; the bytes of a whole character count as that character."""

    def __init__(self, tokenizer: PieceTokenizer) -> None:
        self._tokenizer = tokenizer
        self._joiner = Joiner()
        self._begun = b""

    def push(self, token_id: int) -> bytes:
        surface = self._tokenizer.surfaces[token_id]
        if surface is not None:
            return self._drop() + self._joiner.push(surface).encode()
        byte = self._tokenizer.token_bytes[token_id]
        if not self._begun and not is_start(byte[0]):
            return self._joiner.finish().encode() + byte
        self._begun += byte
        if is_complete(self._begun):
            begun, self._begun = self._begun, b""
            try:
                character = begun.decode()
            except UnicodeDecodeError:
                return self._joiner.finish().encode() + begun
            if escape(character) != character:  # a letter that was typed joins nothing
                return self._joiner.finish().encode() + begun
            return self._joiner.push(character).encode()
        return b""

    def _drop(self) -> bytes:
        """Give up a character whose bytes never came: they go out as they are."""
        begun, self._begun = self._begun, b""
        return self._joiner.finish().encode() + begun if begun else b""

    def finish(self) -> bytes:
        return self._drop() or self._joiner.finish().encode()
