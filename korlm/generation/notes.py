"""What a model thought of the pieces that were chosen: surprisals and the likeliest pieces.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> [note] = token_info(torch.zeros(1, 256), [69], [1.0], 0, byte_tokenizer())
>>> note.text, round(note.surprisal, 6)
('<0x41>', 8.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from korlm.tokenizers.base import Tokenizer


class TokenInfo(NamedTuple):
    """What a `Step` says, but for the text that it made certain; see there."""

    id: int
    text: str
    surprisal: float
    probability: float
    alternatives: tuple[tuple[str, float], ...]


def token_info(
    logits: Tensor, token_ids: Sequence[int], chosen_probs: Sequence[float], alternatives: int, tokenizer: Tokenizer
) -> list[TokenInfo]:
    """Return a note a row.

    Args:
        logits: ``[B, V]``, as the net gave them.
        token_ids: the ids that were chosen, ``B`` of them.
        chosen_probs: with which probability.
        alternatives: how many of the likeliest pieces to name.
        tokenizer: shows the pieces.
    """
    nats = logits.float().log_softmax(-1)
    chosen = torch.tensor(token_ids, dtype=torch.long, device=nats.device)
    bits = (-nats.gather(1, chosen[:, None])[:, 0].double() / math.log(2)).tolist()
    shown = tokenizer.token_text
    named: list[tuple[tuple[str, float], ...]] = [()] * len(token_ids)
    if alternatives:
        best = nats.topk(min(alternatives, nats.shape[-1]))
        named = [
            tuple((shown(number), chance) for number, chance in zip(ids, probabilities, strict=True))
            for ids, probabilities in zip(best.indices.tolist(), best.values.exp().tolist(), strict=True)
        ]
    return [
        TokenInfo(number, shown(number), surprisal, chance, others)
        for number, surprisal, chance, others in zip(token_ids, bits, chosen_probs, named, strict=True)
    ]
