"""The repetition penalty and the blocking of repeated n-grams, for a batch.

``history`` ``[B, T]`` holds the ids of prompt and text, left-padded with ``</s>``, which itself is never penalized.

    >>> logits = torch.zeros(1, 9) + 2.0
    >>> apply_repetition_penalty(logits, torch.tensor([[2, 5]]), 4.0)
    >>> block_repeated_ngrams(logits, torch.tensor([[2, 5, 6, 5]]), 2)
    >>> logits[0, 2:].tolist()
    [2.0, 2.0, 2.0, 0.5, -inf, 2.0, 2.0]
"""

from __future__ import annotations

import torch
from torch import Tensor

from korlm.tokenizers.base import EOS_ID


def apply_repetition_penalty(logits: Tensor, history: Tensor, penalty: float) -> None:
    """Make the tokens of the history less probable, in place (Keskar et al. 2019).

    Positive logits are divided by the penalty and negative ones multiplied, so that both fall.

    Args:
        logits: ``[B, V]``.
        history: ``[B, T]`` ids.
        penalty: above 1 against repetition, below 1 for it; 1 for none.
    """
    if penalty == 1:
        return
    end = logits[:, EOS_ID].clone()
    seen = logits.gather(1, history)
    logits.scatter_(1, history, torch.where(seen > 0, seen / penalty, seen * penalty))
    logits[:, EOS_ID] = end


def block_repeated_ngrams(logits: Tensor, history: Tensor, n: int) -> None:
    """Forbid, in place, the tokens that would repeat an n-gram of the history (Paulus et al. 2018).

    Args:
        logits: ``[B, V]``.
        history: ``[B, T]`` ids.
        n: size of the n-grams; 1 forbids every token of the history, 0 none.
    """
    length = history.shape[1]
    if not 0 < n <= length:
        return
    end = logits[:, EOS_ID].clone()
    windows = history.unfold(1, n, 1)  # [B, T - n + 1, n]
    matches = (windows[..., :-1] == history[:, None, length - n + 1 :]).all(-1)
    rows, indices = matches.nonzero(as_tuple=True)
    logits[rows, windows[rows, indices, -1]] = -torch.inf
    logits[:, EOS_ID] = end
