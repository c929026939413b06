"""Values of the rooms above as plain ones. The service hands them over: nothing here imports those rooms.

>>> from types import SimpleNamespace
>>> to_generated_token(SimpleNamespace(id=9, text="가", delta="가", surprisal=1.0, probability=0.5, alternatives=()), 2).surprisal
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from korlm.ui.plain import DisplayMorpheme, DisplaySegment, DisplayToken, GeneratedToken, LaneCounts


def to_generated_token(step: Any, eos: int) -> GeneratedToken:
    """Return a generated `Step`; ``eos`` is the id of the end of the text."""
    return GeneratedToken(step.text, step.delta, step.surprisal, step.probability, step.alternatives, step.id == eos)


def display_tokens(encoding: Any, tokenizer: Any, offset: int = 0) -> list[DisplayToken]:
    """Return the ids of an `Encoding`, ``offset`` characters further on."""
    rows = zip(encoding.ids, encoding.pieces, encoding.spans, strict=True)
    return [
        DisplayToken(number, text, offset + start, offset + end, tokenizer.token_bytes[number], index)
        for index, (number, text, (start, end)) in enumerate(rows)
    ]


def display_segments(encoding: Any, tokenizer: Any, coarse_tag_of: Callable[[str], str]) -> tuple[DisplaySegment, ...]:
    """Return the segments of an `Encoding` with their ids; ``coarse_tag_of`` gives the group of a tag."""
    tokens: list[list[DisplayToken]] = [[] for _ in encoding.segments]
    for token, owner in zip(display_tokens(encoding, tokenizer), encoding.segment_of, strict=True):
        tokens[owner].append(token)
    unknown = tokenizer.unknown(encoding)
    return tuple(
        DisplaySegment(
            segment.start,
            segment.end,
            tuple(own),
            tuple(_display_morpheme(morpheme, coarse_tag_of) for morpheme in segment.morphemes),
            index in unknown,
        )
        for index, (segment, own) in enumerate(zip(encoding.segments, tokens, strict=True))
    )


def _display_morpheme(morpheme: Any, coarse_tag_of: Callable[[str], str]) -> DisplayMorpheme:
    form, tag, start, end, sejong = morpheme
    return DisplayMorpheme(form, morpheme.lemma, tag, sejong, coarse_tag_of(sejong or tag), start, end)


def display_counts(measured: Any, tokenizer: Any) -> LaneCounts:
    """Return what `korlm.comparison.intrinsic.measure` counted."""
    return LaneCounts(
        pieces=measured.segments,
        ids=measured.ids,
        ids_per_eojeol=measured.fertility if measured.eojeol else None,
        characters_per_id=measured.characters_per_id if measured.ids else None,
        byte_ids=measured.byte_ids,
        fallback=measured.unknown_segments,
        vocabulary=tokenizer.vocab_size,
    )
