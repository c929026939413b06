"""Counts of one encoded text, the ground of every comparison.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> tokenizer = load_tokenizer("byte")
>>> count_tokens(tokenizer.encode("가 나"), tokenizer)
TokenCounts(characters=3, eojeol=2, segments=3, ids=7, byte_ids=7, unknown_segments=0)
"""

from __future__ import annotations

from dataclasses import dataclass

from korlm.text.spans import eojeol_spans
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding


@dataclass(frozen=True)
class TokenCounts:
    """What one tokenizer made of one text.

    Attributes:
        characters: code points of the text.
        eojeol: stretches between whitespace.
        segments: the unit's own cuts, before the vocabulary.
        ids: after the fallback to syllables and bytes: what a model reads.
        byte_ids: ids that are a lone byte.
        unknown_segments: segments that the vocabulary lacks as they are (`Tokenizer.oov_segments`).
    """

    characters: int
    eojeol: int
    segments: int
    ids: int
    byte_ids: int
    unknown_segments: int

    @property
    def fertility(self) -> float:
        """Ids per eojeol (Rust et al. 2021); 0 for a text without one."""
        return self.ids / self.eojeol if self.eojeol else 0.0

    @property
    def characters_per_id(self) -> float:
        """Characters per id; 0 for the empty text."""
        return self.characters / self.ids if self.ids else 0.0


def count_tokens(encoding: Encoding, tokenizer: Tokenizer) -> TokenCounts:
    """Count one encoding.

    Args:
        encoding: a tokenizer's.
        tokenizer: the one that made it.
    """
    return TokenCounts(
        characters=len(encoding.text),
        eojeol=len(eojeol_spans(encoding.text)),
        segments=len(encoding.segments),
        ids=len(encoding.ids),
        byte_ids=sum(number in tokenizer.byte_token_ids for number in encoding.ids),
        unknown_segments=len(tokenizer.oov_segments(encoding)),
    )
