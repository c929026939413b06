"""Fit of a tokenizer's boundaries to gold morphemes: a linguistic fit, not quality.

A tokenizer with morpheme boundaries need not be the best one for a model; these scores measure how close its boundaries
are to a linguist's. Only fully aligned eojeol count (`GoldEojeol.fully_aligned`).

**Surface boundaries** (boundary precision and recall of Virpioja et al. 2011, "Empirical Comparison of Evaluation
Methods for Unsupervised Learning of Morphology"): segment boundaries inside eojeol against gold boundaries, by character
offset. A gold boundary inside a syllable (했 = 하 + 었) has no character offset: it is part of neither precision nor recall
(``tie:skip``) and counted separately; a tokenizer that splits that syllable between its jamo recalls it. A boundary just
before such a syllable (떠내려|간, where 간 = 가 + ㄴ) splits the morpheme 떠내려가 and is wrong.

**Restored forms**: the forms of an analysis against the gold lemmas of each eojeol, aligned by longest common
subsequence, as the CoNLL 2018 shared task aligns words inside multiword tokens (Zeman et al. 2018). The forms of a
tokenizer without an analysis are its surface segments. Conjoining jamo are read as compatibility jamo (Kiwi's ᆸ니다 is the
treebank's ㅂ니다); allomorphs (았 and 었) are different forms.

>>> from korlm.evaluation.gold.alignment import GoldEojeol, GoldSentence
>>> from korlm.morph.base import Morpheme
>>> from korlm.tokenizers.registry import load_tokenizer
>>> morphemes = (Morpheme("하", "VV", 0, 1), Morpheme("었", "EP", 0, 1), Morpheme("다", "EF", 1, 2))
>>> sentence = GoldSentence("s1", "했다", (GoldEojeol(0, 2, morphemes, True),), 1, 0)
>>> counts = score_sentence(load_tokenizer("syllable").encode("했다"), reference_eojeols(sentence))
>>> counts.boundaries, counts.gold_boundaries, counts.correct_boundaries, counts.in_syllable_boundaries
(1, 1, 1, 1)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from korlm.evaluation.boundaries import is_jamo, segment_boundaries
from korlm.evaluation.gold.alignment import GoldSentence
from korlm.morph.base import Morpheme
from korlm.text.hangul import to_compatibility_jamo
from korlm.tokenizers.encoding import Encoding
from korlm.tokenizers.segmenters.morpheme import merge_morphemes


class GoldCounts(NamedTuple):
    """Counts of one sentence; scores are ratios of their sums over sentences."""

    gold_eojeol: int  # fully aligned eojeol; the other counts are inside them
    exact: int  # eojeol whose segment boundaries are exactly the gold ones
    boundaries: int  # segment boundaries of the tokenizer
    gold_boundaries: int  # gold boundaries that have a character offset
    correct_boundaries: int  # segment boundaries at a gold boundary
    in_syllable_boundaries: int  # gold boundaries inside a syllable
    recalled_in_syllable: int  # those whose syllable the tokenizer splits between jamo
    gold_ids: int  # tokens that begin in these eojeol
    inside_morpheme: int  # tokens that begin between two characters of a morpheme
    inside_syllable: int  # tokens that begin between jamo of a syllable
    inside_bytes: int  # tokens that begin between bytes of a character
    gold_forms: int  # gold forms
    forms: int  # forms of the tokenizer
    common_forms: int  # forms on the longest common subsequence of the two


class ReferenceEojeol(NamedTuple):
    """A gold eojeol prepared for scoring: span, boundaries, syllables with an inner boundary, forms."""

    start: int
    end: int
    boundaries: frozenset[int]
    in_syllable_starts: tuple[int, ...]
    forms: tuple[str, ...]


def reference_eojeols(sentence: GoldSentence) -> list[ReferenceEojeol]:
    """Return the fully aligned eojeol of a sentence, prepared for `score_sentence`."""
    references = []
    for eojeol in sentence.eojeol:
        if eojeol.fully_aligned:
            segments = merge_morphemes(eojeol.morphemes)
            boundaries = frozenset(segment.start for segment in segments) - {eojeol.start}
            in_syllable = tuple(morpheme.start for segment in segments for morpheme in segment.morphemes[1:])
            forms = tuple(to_treebank_form(morpheme.form) for morpheme in eojeol.morphemes)
            references.append(ReferenceEojeol(eojeol.start, eojeol.end, boundaries, in_syllable, forms))
    return references


def score_sentence(encoding: Encoding, gold: Sequence[ReferenceEojeol]) -> GoldCounts:
    """Compare the encoding of a sentence's text with its `reference_eojeols`."""
    all_boundaries = segment_boundaries(encoding)
    boundaries = [{offset for offset in all_boundaries if eojeol.start < offset < eojeol.end} for eojeol in gold]
    eojeol_at = {offset: index for index, eojeol in enumerate(gold) for offset in range(eojeol.start, eojeol.end)}
    token_counts, split_syllables = _count_token_boundaries(encoding, gold, eojeol_at)
    forms = _group_forms_by_eojeol(encoding, len(gold), eojeol_at)
    pairs = list(zip(boundaries, gold, strict=True))
    return GoldCounts(
        gold_eojeol=len(gold),
        exact=sum(predicted == eojeol.boundaries for predicted, eojeol in pairs),
        boundaries=sum(map(len, boundaries)),
        gold_boundaries=sum(len(eojeol.boundaries) for eojeol in gold),
        correct_boundaries=sum(len(predicted & eojeol.boundaries) for predicted, eojeol in pairs),
        in_syllable_boundaries=sum(len(eojeol.in_syllable_starts) for eojeol in gold),
        recalled_in_syllable=sum(start in split_syllables for eojeol in gold for start in eojeol.in_syllable_starts),
        **token_counts,
        gold_forms=sum(len(eojeol.forms) for eojeol in gold),
        forms=sum(map(len, forms)),
        common_forms=sum(lcs_length(eojeol.forms, predicted) for eojeol, predicted in zip(gold, forms, strict=True)),
    )


def to_treebank_form(form: str) -> str:
    """Return a form with conjoining jamo as compatibility jamo, as treebanks write them.

    >>> to_treebank_form("\\u11b8니다") == "ㅂ니다"
    True
    """
    return to_compatibility_jamo(form)


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    >>> lcs_length(["하", "었", "다"], ["하", "다"])
    2
    """
    row = [0] * (len(second) + 1)
    for form in first:
        diagonal = 0
        for index, other in enumerate(second, 1):
            diagonal, row[index] = row[index], diagonal + 1 if form == other else max(row[index], row[index - 1])
    return row[-1]


def _count_token_boundaries(
    encoding: Encoding, gold: Sequence[ReferenceEojeol], eojeol_at: Mapping[int, int]
) -> tuple[dict[str, int], set[int]]:
    """Return the token counts of `GoldCounts`, and the syllables split between jamo."""
    counts = dict.fromkeys(("gold_ids", "inside_morpheme", "inside_syllable", "inside_bytes"), 0)
    split_syllables, previous_end = set(), 0
    for (start, end), token in zip(encoding.spans, encoding.tokens, strict=True):
        first = next((offset for offset in range(start, end) if not encoding.text[offset].isspace()), -1)
        if first in eojeol_at:
            eojeol = gold[eojeol_at[first]]
            counts["gold_ids"] += 1
            if start < previous_end and is_jamo(token[:1]):
                counts["inside_syllable"] += 1
                split_syllables.add(start)
            elif start < previous_end:
                counts["inside_bytes"] += 1
            elif first == start > eojeol.start and start not in eojeol.boundaries:
                counts["inside_morpheme"] += 1
        previous_end = end
    return counts, split_syllables


def _group_forms_by_eojeol(encoding: Encoding, count: int, eojeol_at: Mapping[int, int]) -> list[list[str]]:
    forms: list[list[str]] = [[] for _ in range(count)]
    for offset, form in _iter_forms(encoding):
        if offset in eojeol_at:
            forms[eojeol_at[offset]].append(to_treebank_form(form))
    return forms


def _iter_forms(encoding: Encoding) -> Iterator[tuple[int, str]]:
    """Yield the offset of each form and the form: from the analysis, or the surface of segments without one."""
    previous: tuple[Morpheme, ...] = ()
    for start, end, morphemes in encoding.segments:
        for morpheme in morphemes:
            if morpheme not in previous:  # subwords of one morpheme all carry it
                yield morpheme.start, morpheme.form
        surface = encoding.text[start:end]
        if not morphemes and surface.strip():
            yield start + len(surface) - len(surface.lstrip()), surface.strip()
        previous = morphemes
