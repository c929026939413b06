"""`PieceTokenizer`: a segmenter that cuts the text, and a vocabulary that numbers the pieces.

>>> from korlm.tokenizers.word import WordSegmenter
>>> tokenizer = PieceTokenizer("word", WordSegmenter(), Vocabulary(["나랑", " 쇼핑"]))
>>> tokenizer.encode("나랑 쇼핑").pieces
['나랑', ' 쇼핑']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from korlm.artifacts import FORMAT, new_folder, write_json
from korlm.tokenizers.base import Segment, Tokenizer
from korlm.tokenizers.vocabulary import Vocabulary


class Segmenter(Protocol):
    """Cuts texts into segments that partition them."""

    unit: str

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield the segments of each text; joined, they are the text."""
        ...

    def versions(self) -> list[str]:
        """Return ``name:version`` of the libraries that decide the cuts."""
        ...


class PieceTokenizer(Tokenizer):
    """A tokenizer whose pieces are a segmenter's cuts.

    Args:
        name: the registry's name.
        segmenter: how the text is cut.
        vocabulary: the known pieces; the rest falls back to syllables, then bytes.
    """

    def __init__(self, name: str, segmenter: Segmenter, vocabulary: Vocabulary) -> None:
        self.name = name
        self.unit = segmenter.unit
        self.segmenter = segmenter
        self.vocabulary = vocabulary
        self.token_bytes = vocabulary.token_bytes()

    def _versions(self) -> list[str]:
        return self.segmenter.versions()

    def _cut(self, texts: Sequence[str], workers: int) -> Iterator[tuple[list[int], list[Segment]]]:
        lookup = self.vocabulary.ids
        for text, segments in zip(texts, self.segmenter.segment(texts, workers=workers), strict=True):
            yield [i for segment in segments for i in lookup(text[segment[0] : segment[1]])], segments

    def save(self, folder: str | Path) -> None:
        config = {"kind": "tokenizer", "format": FORMAT, "name": self.name, "unit": self.unit}
        with new_folder(folder) as temporary:
            write_json(temporary / "config.json", config | {"signature": self.signature})
            write_json(temporary / "vocabulary.json", self.vocabulary.pieces)
