"""How a tokenizer's cuts fit gold morphemes: linguistic fit, not quality.

A tokenizer that cuts at morphemes need not serve a model best; these scores say how near its cuts are to a linguist's.
Only eojeol with a certain alignment count (`GoldEojeol.fully_aligned`).

**Surface boundaries** (boundary precision and recall of Virpioja et al. 2011, "Empirical Comparison of Evaluation
Methods for Unsupervised Learning of Morphology"): the unit's own cuts inside eojeol against gold boundaries, by
character offset. A gold boundary inside a syllable (했 = 하 + 었) has no character offset: it is in neither precision
nor recall (``tie:skip``), is counted apart, and is recalled by a tokenizer that cuts that syllable between its letters.
A cut just before such a syllable (떠내려|간, where 간 = 가 + ㄴ) goes through the morpheme 떠내려가 and is wrong.

**Restored forms**: the forms of an analysis against the gold lemmas of each eojeol, aligned by longest common
subsequence, as the CoNLL 2018 shared task aligns words inside multiword tokens (Zeman et al. 2018). A tokenizer without
an analysis has its surface pieces for forms. Conjoining letters are read as compatibility letters (Kiwi's ᆸ니다 is the
treebank's ㅂ니다); allomorphs (았 and 었) are different forms, as each side gives them.

>>> from korlm.evaluation.gold.alignment import GoldEojeol, GoldSentence
>>> from korlm.morph.base import Morpheme
>>> from korlm.tokenizers.registry import load_tokenizer
>>> morphemes = (Morpheme("하", "VV", 0, 1), Morpheme("었", "EP", 0, 1), Morpheme("다", "EF", 1, 2))
>>> sentence = GoldSentence("s1", "했다", (GoldEojeol(0, 2, morphemes, True),), 1, 0)
>>> counts = score_sentence(load_tokenizer("syllable").encode("했다"), reference_eojeols(sentence))
>>> counts.cuts, counts.boundaries, counts.hits, counts.ties, counts.forms, counts.common_forms
(1, 1, 1, 1, 3, 1)
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
    """Counts of one sentence, to be added up over sentences and then divided.

    Attributes:
        gold_eojeol: eojeol with a certain alignment; all below is inside them.
        exact: eojeol whose surface cuts are exactly the gold ones.
        cuts: the tokenizer's cuts.
        boundaries: gold boundaries that have a character offset.
        hits: cuts that are at such a boundary.
        in_syllable_starts: gold boundaries inside a syllable.
        ties_cut: those whose syllable the tokenizer cuts between letters.
        gold_ids: ids that begin in these eojeol.
        inside_morpheme: ids before which the cut falls between two characters of a morpheme.
        inside_syllable: ids before which it falls between letters of a syllable.
        inside_bytes: ids before which it falls between bytes of a character.
        forms: gold forms.
        made_forms: the tokenizer's forms.
        common_forms: forms on the longest common subsequence of the two.
    """

    gold_eojeol: int
    exact: int
    cuts: int
    boundaries: int
    hits: int
    ties: int
    ties_cut: int
    gold_ids: int
    inside_morpheme: int
    inside_syllable: int
    inside_bytes: int
    forms: int
    made_forms: int
    common_forms: int


class ReferenceEojeol(NamedTuple):
    """A gold eojeol made ready for scoring: offsets, boundaries, characters of ties, forms."""

    start: int
    end: int
    boundaries: frozenset[int]
    in_syllable_starts: tuple[int, ...]
    forms: tuple[str, ...]


def reference_eojeols(sentence: GoldSentence) -> list[ReferenceEojeol]:
    """Return the sentence's eojeol whose alignment is certain, ready for `score_sentence`."""
    found = []
    for eojeol in sentence.eojeol:
        if eojeol.fully_aligned:
            segments = merge_morphemes(eojeol.morphemes)
            boundaries = frozenset(segment.start for segment in segments) - {eojeol.start}
            ties = tuple(morpheme.start for segment in segments for morpheme in segment.morphemes[1:])
            forms = tuple(to_treebank_form(morpheme.form) for morpheme in eojeol.morphemes)
            found.append(ReferenceEojeol(eojeol.start, eojeol.end, boundaries, ties, forms))
    return found


def score_sentence(encoding: Encoding, gold: Sequence[ReferenceEojeol]) -> GoldCounts:
    """Count one sentence's encoding against its gold eojeol.

    Args:
        encoding: of the sentence's text.
        gold: the sentence's `reference_eojeols`.
    """
    made = segment_boundaries(encoding)
    own = [{cut for cut in made if eojeol.start < cut < eojeol.end} for eojeol in gold]
    owner = {place: index for index, eojeol in enumerate(gold) for place in range(eojeol.start, eojeol.end)}
    inside, in_letters, begun = _count_token_boundaries(encoding, gold, owner)
    forms = _group_forms_by_eojeol(encoding, len(gold), owner)
    pairs = list(zip(own, gold, strict=True))
    return GoldCounts(
        gold_eojeol=len(gold),
        exact=sum(cut == eojeol.boundaries for cut, eojeol in pairs),
        cuts=sum(map(len, own)),
        boundaries=sum(len(eojeol.boundaries) for eojeol in gold),
        hits=sum(len(cut & eojeol.boundaries) for cut, eojeol in pairs),
        ties=sum(len(eojeol.in_syllable_starts) for eojeol in gold),
        ties_cut=sum(tie in in_letters for eojeol in gold for tie in eojeol.in_syllable_starts),
        gold_ids=begun,
        inside_morpheme=inside[0],
        inside_syllable=inside[1],
        inside_bytes=inside[2],
        forms=sum(len(eojeol.forms) for eojeol in gold),
        made_forms=sum(map(len, forms)),
        common_forms=sum(lcs_length(eojeol.forms, made) for eojeol, made in zip(gold, forms, strict=True)),
    )


def to_treebank_form(form: str) -> str:
    """Return a form with conjoining letters as compatibility letters, as treebanks write them.

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
) -> tuple[list[int], set[int], int]:
    """Return how many ids begin inside morphemes, syllables and bytes; the syllables cut; and all ids begun."""
    inside, in_letters, begun, before = [0, 0, 0], set(), 0, 0
    for (start, end), piece in zip(encoding.spans, encoding.tokens, strict=True):
        first = next((place for place in range(start, end) if not encoding.text[place].isspace()), -1)
        if first in eojeol_at:
            eojeol = gold[eojeol_at[first]]
            begun += 1
            if start < before:
                letters = is_jamo(piece[:1])
                inside[1 if letters else 2] += 1
                if letters:
                    in_letters.add(start)
            elif first == start > eojeol.start and start not in eojeol.boundaries:
                inside[0] += 1
        before = end
    return inside, in_letters, begun


def _group_forms_by_eojeol(encoding: Encoding, count: int, eojeol_at: Mapping[int, int]) -> list[list[str]]:
    forms: list[list[str]] = [[] for _ in range(count)]
    for place, form in _iter_forms(encoding):
        if place in eojeol_at:
            forms[eojeol_at[place]].append(to_treebank_form(form))
    return forms


def _iter_forms(encoding: Encoding) -> Iterator[tuple[int, str]]:
    """Yield where each form begins and the form: of the analysis where there is one, else of the surface."""
    before: tuple[Morpheme, ...] = ()
    for start, end, morphemes in encoding.segments:
        for morpheme in morphemes:
            if morpheme not in before:  # a subword inside a morpheme carries the morpheme of the one before
                yield morpheme.start, morpheme.form
        surface = encoding.text[start:end]
        if not morphemes and surface.strip():
            yield start + len(surface) - len(surface.lstrip()), surface.strip()
        before = morphemes
