"""Boundaries of segments and tokens inside eojeol: their agreement, and their types against a reference.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> syllable, word = (segment_boundaries(load_tokenizer(name).encode("나는 간다")) for name in ("syllable", "word"))
>>> sorted(syllable), sorted(word), boundary_agreement(syllable, word)
([1, 4], [], 0.0)

A boundary is a character offset ``c``, ``0 < c < n``, between ``text[c - 1]`` and ``text[c]``. Every tokenizer has a
boundary at whitespace, so that only boundaries inside an eojeol distinguish tokenizers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from korlm.errors import InputError
from korlm.tokenizers.encoding import Encoding

BoundaryType = Literal["eojeol", "boundary", "inside_morpheme", "inside_syllable", "inside_bytes"]


def segment_boundaries(encoding: Encoding) -> set[int]:
    """Return the segment boundaries inside eojeol, before the fallback to syllables and bytes.

    Returns:
        Character offsets at which a segment starts, without whitespace on either side.
    """
    return _keep_inside_eojeol(encoding.text, (segment[0] for segment in encoding.segments))


def token_boundaries(encoding: Encoding) -> set[int]:
    """Return the token boundaries inside eojeol, after the fallback.

    Returns:
        Character offsets at which a token starts, without whitespace on either side. Boundaries inside a character
        (jamo, bytes) have no offset and are left out.
    """
    previous_ends = [0, *(end for _, end in encoding.spans)]
    starts = (start for (start, _), end in zip(encoding.spans, previous_ends, strict=False) if start >= end)
    return _keep_inside_eojeol(encoding.text, starts)


def _keep_inside_eojeol(text: str, offsets: Iterable[int]) -> set[int]:
    return {c for c in offsets if 0 < c < len(text) and not (text[c - 1].isspace() or text[c].isspace())}


def boundary_agreement(first: set[int], second: set[int]) -> float:
    """Return the Jaccard index of two sets of boundaries (Jaccard 1912); 1.0 if both are empty.

    >>> boundary_agreement({1, 2, 3}, {2, 3, 4}), boundary_agreement(set(), set())
    (0.5, 1.0)
    """
    union = len(first | second)
    return len(first & second) / union if union else 1.0


def agreement_matrix(encodings: Sequence[Encoding]) -> list[list[float]]:
    """Return the boundary agreement of each pair of encodings of one text.

    Returns:
        ``[n, n]`` fractions from 0 to 1: symmetric, 1.0 on the diagonal.

    Raises:
        InputError: the encodings are of different texts.
    """
    for encoding in encodings[1:]:
        _check_same_text(encodings[0], encoding)
    boundary_sets = [segment_boundaries(encoding) for encoding in encodings]
    return [[boundary_agreement(first, second) for second in boundary_sets] for first in boundary_sets]


def unique_boundaries(boundary_sets: Sequence[set[int]]) -> list[set[int]]:
    """Return, for each tokenizer, the boundaries that no other tokenizer has.

    >>> unique_boundaries([{1, 2}, {2, 3}, {2}])
    [{1}, {3}, set()]
    """
    counts = Counter(boundary for boundaries in boundary_sets for boundary in boundaries)
    return [{boundary for boundary in boundaries if counts[boundary] == 1} for boundaries in boundary_sets]


def boundary_types(encoding: Encoding, reference: Encoding) -> list[BoundaryType]:
    """Return the type of the boundary before each token, except the first, against a reference.

    - ``eojeol``: at whitespace, where every tokenizer has one.
    - ``boundary``: a segment of the reference starts here, or, inside a segment whose morphemes share a syllable
      (걸어갔 = 걸어가 + 았), the span of one of those morphemes (걸어|갔).
    - ``inside_morpheme``: between two characters of one segment.
    - ``inside_syllable``: between jamo of one syllable.
    - ``inside_bytes``: between bytes of one character.

    Args:
        encoding: the encoding to classify.
        reference: usually a morphological analyzer's, whose segments have morphemes with spans.

    Returns:
        ``len(encoding) - 1`` types in order; none for the empty text.

    Raises:
        InputError: the encodings are of different texts.

    Example:
        >>> from korlm.tokenizers.registry import load_tokenizer
        >>> text = "나는 갔다"
        >>> boundary_types(load_tokenizer("syllable").encode(text), load_tokenizer("kiwi").encode(text))
        ['boundary', 'eojeol', 'eojeol', 'boundary']
    """
    _check_same_text(encoding, reference)
    text, boundaries = encoding.text, reference_boundaries(reference)
    types: list[BoundaryType] = []
    for index in range(1, len(encoding.ids)):
        start, previous_end = encoding.spans[index][0], encoding.spans[index - 1][1]
        if start < previous_end:
            types.append("inside_syllable" if is_jamo(encoding.tokens[index][:1]) else "inside_bytes")
        elif text[start].isspace() or text[start - 1].isspace():
            types.append("eojeol")
        else:
            types.append("boundary" if start in boundaries else "inside_morpheme")
    return types


def reference_boundaries(reference: Encoding) -> set[int]:
    """Return the offsets at which a segment starts, or a morpheme of a segment whose morphemes share syllables."""
    starts = {segment.start for segment in reference.segments}
    for segment in reference.segments:
        if len(segment.morphemes) > 1:
            starts |= {m.start for m in segment.morphemes if segment.start < m.start < segment.end}
    return starts


def is_jamo(character: str) -> bool:
    """Return whether a character is a Hangul jamo, conjoining or compatibility, and not a syllable.

    >>> is_jamo("ㄴ"), is_jamo("\\u11ab"), is_jamo("<"), is_jamo("간"), is_jamo("")
    (True, True, False, False, False)
    """
    return "\u1100" <= character <= "\u11ff" or "\u3131" <= character <= "\u318e"


def _check_same_text(first: Encoding, second: Encoding) -> None:
    if first.text != second.text:
        raise InputError(
            "서로 다른 글의 인코딩은 견줄 수 없습니다. 같은 글을 인코딩해서 넣으세요.",
            "Encodings of different texts cannot be compared. Encode the same text with both.",
        )
