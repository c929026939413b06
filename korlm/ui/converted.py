"""Values of the rooms above as plain ones. The service hands them over: nothing here imports those rooms.

>>> from types import SimpleNamespace
>>> wrote(SimpleNamespace(id=9, text="가", delta="가", surprisal=1.0, probability=0.5, alternatives=()), 2).bits
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from korlm.ui.plain import Counts, Morph, Piece, Token, Wrote


def wrote(step: Any, eos: int) -> Wrote:
    """Return a generated `Step`; ``eos`` is the id of the end of the text."""
    return Wrote(step.text, step.delta, step.surprisal, step.probability, step.alternatives, step.id == eos)


def tokens_of(encoding: Any, tokenizer: Any, offset: int = 0) -> list[Token]:
    """Return the ids of an `Encoding`, ``offset`` characters further on."""
    rows = zip(encoding.ids, encoding.pieces, encoding.spans, strict=True)
    return [
        Token(number, text, offset + start, offset + end, tokenizer.token_bytes[number], index)
        for index, (number, text, (start, end)) in enumerate(rows)
    ]


def pieces_of(encoding: Any, tokenizer: Any, group: Callable[[str], str]) -> tuple[Piece, ...]:
    """Return the segments of an `Encoding` with their ids; ``group`` gives the group of a tag."""
    tokens: list[list[Token]] = [[] for _ in encoding.segments]
    for token, owner in zip(tokens_of(encoding, tokenizer), encoding.segment_of, strict=True):
        tokens[owner].append(token)
    unknown = tokenizer.unknown(encoding)
    return tuple(
        Piece(
            segment.start,
            segment.end,
            tuple(own),
            tuple(_morph(morpheme, group) for morpheme in segment.morphemes),
            index in unknown,
        )
        for index, (segment, own) in enumerate(zip(encoding.segments, tokens, strict=True))
    )


def _morph(morpheme: Any, group: Callable[[str], str]) -> Morph:
    form, tag, start, end, sejong = morpheme
    return Morph(form, morpheme.lemma, tag, sejong, group(sejong or tag), start, end)


def counts_of(measured: Any, tokenizer: Any) -> Counts:
    """Return what `korlm.comparison.intrinsic.measure` counted."""
    return Counts(
        pieces=measured.segments,
        ids=measured.ids,
        ids_per_eojeol=measured.fertility if measured.eojeol else None,
        characters_per_id=measured.characters_per_id if measured.ids else None,
        byte_ids=measured.byte_ids,
        fallback=measured.unknown_segments,
        vocabulary=tokenizer.vocab_size,
    )
