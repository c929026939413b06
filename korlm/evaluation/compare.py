"""Compare the segmentations of one text by several tokenizers, printed as aligned lanes.

>>> print(compare("나랑 쇼핑", ["word", "syllable"], vocabularies=False))
word      나랑│␣쇼핑
syllable  나│랑│␣│쇼│핑
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from korlm.evaluation.token_counts import TokenCounts, count_tokens
from korlm.i18n import localize
from korlm.morph.base import Morpheme
from korlm.text.display import pad_left, show_invisible
from korlm.text.spans import check_list
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding
from korlm.tokenizers.registry import load_tokenizer


@dataclass(frozen=True)
class ComparisonLane:
    """The text under one tokenizer.

    Attributes:
        name: the tokenizer's name.
        unit: its segmentation unit.
        encoding: token ids, tokens, spans and segments.
        counts: counts of the encoding.
        signature: the tokenizer's signature.
    """

    name: str
    unit: str
    encoding: Encoding
    counts: TokenCounts
    signature: str


@dataclass(frozen=True)
class Comparison:
    """A text with a lane per tokenizer; ``str()`` is for people, `to_dict` for programs."""

    text: str
    lanes: tuple[ComparisonLane, ...]
    vocabularies: bool = True

    def __str__(self) -> str:
        width = max((len(lane.name) for lane in self.lanes), default=0)
        rows = [f"{lane.name:<{width}}  {format_segments(lane.encoding.segment_texts)}" for lane in self.lanes]
        return "\n".join([*rows, "", self._format_counts(width)] if self.vocabularies else rows)

    def _format_counts(self, width: int) -> str:
        ko, en = "조각 토큰 토큰/어절 글자/토큰 어휘밖 바이트", "pieces tokens tok/eojeol chars/tok unknown bytes"
        heads = localize(ko, en).split()
        lines = [" " * width + "".join("  " + pad_left(head, 10) for head in heads)]
        for lane in self.lanes:
            counts = lane.counts
            cells = [
                str(counts.segments), str(counts.ids), f"{counts.fertility:.2f}",
                f"{counts.characters_per_id:.2f}", str(counts.unknown_segments), str(counts.byte_ids),
            ]  # fmt: skip
            lines.append(f"{lane.name:<{width}}" + "".join("  " + pad_left(cell, 10) for cell in cells))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the text, and the encoding and counts of each lane."""
        lanes = [
            {name: getattr(lane, name) for name in ("name", "unit", "signature")}
            | encoding_to_dict(lane.encoding)
            | {"counts": asdict(lane.counts)}
            for lane in self.lanes
        ]
        return {"text": self.text, "lanes": lanes}


def compare(text: str, names: Sequence[str | Tokenizer], *, vocabularies: bool = True) -> Comparison:
    """Tokenize one text with several tokenizers.

    Args:
        text: any string.
        names: tokenizer names, folders or tokenizers.
        vocabularies: print the table of counts below the lanes.

    Raises:
        UnknownNameError, InputError, AnalyzerError: as `load_tokenizer` and `Tokenizer.encode` do.

    Example:
        >>> compare("이 영화를 봤다.", ["kiwi"]).lanes[0].encoding.tokens
        ['이', ' 영화', '를', ' 봤', '다', '.']
    """
    check_list(names, '"kiwi"')
    lanes = []
    for name in names:
        tokenizer = name if isinstance(name, Tokenizer) else load_tokenizer(name)
        encoding = tokenizer.encode(text)
        counts = count_tokens(encoding, tokenizer)
        lanes.append(ComparisonLane(tokenizer.name, tokenizer.unit, encoding, counts, tokenizer.signature))
    return Comparison(text, tuple(lanes), vocabularies)


def encoding_to_dict(encoding: Encoding) -> dict[str, Any]:
    """Return an encoding as plain values for JSON."""
    return {
        "ids": encoding.ids,
        "pieces": encoding.tokens,
        "spans": encoding.spans,
        "tags": encoding.tags,
        "segments": [
            {"span": (start, end), "morphemes": [_morpheme_to_dict(morpheme) for morpheme in morphemes]}
            for start, end, morphemes in encoding.segments
        ],
    }


def _morpheme_to_dict(morpheme: Morpheme) -> dict[str, Any]:
    values = {name: getattr(morpheme, name) for name in ("form", "lemma", "tag", "sejong")}
    return {**values, "span": (morpheme.start, morpheme.end)}


def format_segments(segments: Sequence[str]) -> str:
    """Return segments on one line, separated by bars, with visible spaces and control characters."""
    return "│".join(map(show_invisible, segments))
