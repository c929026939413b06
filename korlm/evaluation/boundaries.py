"""Where tokenizers cut alike: cuts inside eojeol, their agreement, and what each cut is against a reference.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> syllable, word = (load_tokenizer(name).encode("나는 간다") for name in ("syllable", "word"))
>>> sorted(segment_boundaries(syllable)), sorted(segment_boundaries(word)), boundary_agreement(segment_boundaries(syllable), segment_boundaries(word))
([1, 4], [], 0.0)

A cut is a character offset ``c``, ``0 < c < n``: it stands between ``text[c - 1]`` and ``text[c]``. All tokenizers cut
at whitespace, so that only cuts inside an eojeol tell them apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from korlm.errors import InputError
from korlm.tokenizers.encoding import Encoding

BoundaryType = Literal["eojeol", "boundary", "inside_morpheme", "inside_syllable", "inside_bytes"]


def segment_boundaries(encoding: Encoding) -> set[int]:
    """Return the unit's own cuts inside eojeol, before the fallback to syllables and bytes.

    Returns:
        Character offsets where a segment begins and neither neighbour is whitespace.
    """
    return _keep_inside_eojeol(encoding.text, (segment[0] for segment in encoding.segments))


def token_boundaries(encoding: Encoding) -> set[int]:
    """Return the cuts inside eojeol that a model reads, after the fallback.

    Returns:
        Character offsets where an id begins and neither neighbour is whitespace. Cuts inside a character (jamo,
        bytes) have no offset and are not among them.
    """
    ends = [0, *(end for _, end in encoding.spans)]
    # an id that begins inside the character of the id before (jamo, bytes) cuts at no offset
    starts = (start for (start, _), end in zip(encoding.spans, ends, strict=False) if start >= end)
    return _keep_inside_eojeol(encoding.text, starts)


def _keep_inside_eojeol(text: str, starts: Iterable[int]) -> set[int]:
    return {
        start for start in starts if 0 < start < len(text) and not (text[start - 1].isspace() or text[start].isspace())
    }


def boundary_agreement(first: set[int], second: set[int]) -> float:
    """Return the share of cuts that two tokenizers have in common (Jaccard 1912); 1.0 where neither cuts.

    >>> boundary_agreement({1, 2, 3}, {2, 3, 4}), boundary_agreement(set(), set())
    (0.5, 1.0)
    """
    either = len(first | second)
    return len(first & second) / either if either else 1.0


def agreement_matrix(encodings: Sequence[Encoding]) -> list[list[float]]:
    """Return the agreement of each encoding's cuts with each other's, of one text.

    Returns:
        ``n`` rows of ``n`` shares from 0 to 1; symmetric, 1.0 on the diagonal.

    Raises:
        InputError: the encodings are of different texts.
    """
    for encoding in encodings[1:]:
        _check_same_text(encodings[0], encoding)
    made = [segment_boundaries(encoding) for encoding in encodings]
    return [[boundary_agreement(first, second) for second in made] for first in made]


def unique_boundaries(boundary_sets: Sequence[set[int]]) -> list[set[int]]:
    """Return, for each tokenizer, the cuts that it alone makes.

    >>> unique_boundaries([{1, 2}, {2, 3}, {2}])
    [{1}, {3}, set()]
    """
    times = Counter(cut for made in boundary_sets for cut in made)
    return [{cut for cut in made if times[cut] == 1} for made in boundary_sets]


def boundary_types(encoding: Encoding, reference: Encoding) -> list[BoundaryType]:
    """Say of the cut before each id, the first id's apart, what it is against a reference's cuts.

    - ``eojeol``: at whitespace; every tokenizer cuts there.
    - ``boundary``: where a segment of the reference begins, or, inside a segment whose morphemes share a syllable
      (걸어갔 = 걸어가 + 았), where one of those morphemes' spans begins (걸어|갔).
    - ``inside_morpheme``: between two characters of one segment.
    - ``inside_syllable``: between letters of one syllable (jamo).
    - ``inside_bytes``: between bytes of one character.

    Args:
        encoding: whose ids are judged.
        reference: most often a morphological analyzer's; its segments' morphemes carry spans.

    Returns:
        ``len(encoding) - 1`` verdicts in order; none for the empty text.

    Raises:
        InputError: the two are of different texts.

    Example:
        >>> from korlm.tokenizers.registry import load_tokenizer
        >>> text = "나는 갔다"
        >>> boundary_types(load_tokenizer("syllable").encode(text), load_tokenizer("kiwi").encode(text))
        ['boundary', 'eojeol', 'eojeol', 'boundary']
    """
    _check_same_text(encoding, reference)
    text, boundaries = encoding.text, reference_boundaries(reference)
    found: list[BoundaryType] = []
    for index in range(1, len(encoding.ids)):
        start, before = encoding.spans[index][0], encoding.spans[index - 1]
        if start < before[1]:
            found.append("inside_syllable" if is_jamo(encoding.tokens[index][:1]) else "inside_bytes")
        elif text[start].isspace() or text[start - 1].isspace():
            found.append("eojeol")
        else:
            found.append("boundary" if start in boundaries else "inside_morpheme")
    return found


def reference_boundaries(reference: Encoding) -> set[int]:
    """Return the offsets where a segment begins, or a morpheme inside one whose morphemes share syllables."""
    starts = {segment.start for segment in reference.segments}
    for segment in reference.segments:
        if len(segment.morphemes) > 1:
            starts |= {m.start for m in segment.morphemes if segment.start < m.start < segment.end}
    return starts


def is_jamo(character: str) -> bool:
    """Return whether a character is a Hangul letter (jamo), conjoining or not, and no syllable.

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
