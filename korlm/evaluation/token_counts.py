"""Token statistics of one encoded text.

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
    """Counts of one text under one tokenizer."""

    characters: int  # code points of the text
    eojeol: int  # whitespace-separated words
    segments: int  # units of pre-tokenization (such as words or morphemes), before the vocabulary is applied
    ids: int  # token ids, the input of a model; an unknown segment counts as the syllables and bytes that encode it
    byte_ids: int  # ids that stand for a single byte
    unknown_segments: int  # out-of-vocabulary segments (`Tokenizer.oov_segments`)

    @property
    def fertility(self) -> float:
        """Tokens per eojeol (Rust et al. 2021); 0 for a text without eojeol."""
        return self.ids / self.eojeol if self.eojeol else 0.0

    @property
    def characters_per_id(self) -> float:
        """Characters per token; 0 for the empty text."""
        return self.characters / self.ids if self.ids else 0.0


def count_tokens(encoding: Encoding, tokenizer: Tokenizer) -> TokenCounts:
    """Count the tokens of an encoding made by ``tokenizer``."""
    return TokenCounts(
        characters=len(encoding.text),
        eojeol=len(eojeol_spans(encoding.text)),
        segments=len(encoding.segments),
        ids=len(encoding.ids),
        byte_ids=sum(token_id in tokenizer.byte_token_ids for token_id in encoding.ids),
        unknown_segments=len(tokenizer.oov_segments(encoding)),
    )
