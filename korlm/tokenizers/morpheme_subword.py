"""Morpheme-aware subwords: an analyzer splits morphemes, and a subword model splits each of them (Park et al. 2020).

>>> from korlm.tokenizers.registry import load_tokenizer
>>> load_tokenizer("kiwi+unigram").unit
'morpheme-subword'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from korlm.text.spans import Span
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.catalog import split_name
from korlm.tokenizers.encoding import Encoding, Segment
from korlm.tokenizers.segmented import SegmentedTokenizer
from korlm.tokenizers.segmenters.base import Segmenter
from korlm.tokenizers.sentencepiece import SubwordTokenizer, train_subword

_DELIMITER = "\x01"  # between morphemes, for SentencePiece's trainer only


class MorphemeSubwordTokenizer(SegmentedTokenizer):
    """A tokenizer that applies a subword model within each segment.

    `Encoding.segments` are the subwords, each with the morphemes that it overlaps.
    """

    def __init__(self, name: str, segmenter: Segmenter, subword_tokenizer: SubwordTokenizer) -> None:
        super().__init__(name, segmenter, subword_tokenizer)
        self.unit = f"{segmenter.unit}-{subword_tokenizer.unit}"
        self.subword_tokenizer = subword_tokenizer
        self.hf_exportable = False

    def _fingerprint_bytes(self) -> bytes:
        return self.subword_tokenizer.model

    def dependency_versions(self) -> list[str]:
        """Return the versions of the analyzer and of SentencePiece."""
        return [*self.segmenter.dependency_versions(), *self.subword_tokenizer.dependency_versions()]

    def _build_encoding(self, text: str, ids: list[int], spans: list[Span], segments: list[Segment]) -> Encoding:
        return super()._build_encoding(text, ids, spans, _refine_segments(segments, spans))

    def oov_segments(self, encoding: Encoding) -> set[int]:
        """Return the segments with a token for a byte or ``<unk>``."""
        return Tokenizer.oov_segments(self, encoding)


def train_morpheme_subword(
    name: str, segmenter: Segmenter, lines: Iterable[str], vocab_size: int, *, soft: bool, coverage: float, threads: int,
    specials: Sequence[str] = (),
) -> MorphemeSubwordTokenizer:  # fmt: skip
    """Train the subword model of ``analyzer+subword`` on lines; no token crosses a morpheme boundary.

    Raises:
        CorpusError, InputError: raised by `train_subword`.
    """
    morphemes = segmenter.iter_lookup_strings([line.replace(_DELIMITER, " ") for line in lines], workers=threads)
    joined = (_DELIMITER.join(line) for line in morphemes)
    subwords = train_subword(
        split_name(name)[-1], joined, vocab_size, soft=soft, coverage=coverage, threads=threads,
        specials=specials, delimiter=_DELIMITER,
    )  # fmt: skip
    return MorphemeSubwordTokenizer(name, segmenter, subwords)


def _refine_segments(segments: Sequence[Segment], spans: Sequence[Span]) -> list[Segment]:
    """Return one segment for each distinct span, with the morphemes that it overlaps."""
    refined: list[Segment] = []
    index = 0
    for start, end in dict.fromkeys(spans):
        while segments[index].end <= start:
            index += 1
        morphemes = tuple(
            morpheme for morpheme in segments[index].morphemes if morpheme.start < end and morpheme.end > start
        )
        refined.append(Segment(start, end, morphemes))
    return refined
