"""What the pieces so far change: the repetition penalty and the ban on repeated n-grams, for a whole batch at once.

``history``, ``[B, T]``: the ids of the prompt and the text, with ``</s>`` before them where a row has fewer. ``</s>``
itself is neither penalised nor banned.

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
    """Make the pieces of the history less probable, in place (Keskar et al. 2019).

    Positive logits are divided by the penalty and negative ones multiplied, so that both fall.

    Args:
        logits: ``[B, V]``.
        history: ``[B, T]`` ids.
        penalty: over 1 against repetition, under 1 for it; 1 changes nothing.
    """
    if penalty == 1:
        return
    end = logits[:, EOS_ID].clone()
    seen = logits.gather(1, history)
    logits.scatter_(1, history, torch.where(seen > 0, seen / penalty, seen * penalty))
    logits[:, EOS_ID] = end


def block_repeated_ngrams(logits: Tensor, history: Tensor, n: int) -> None:
    """Forbid, in place, every piece that would make an n-gram of the history come again (Paulus et al. 2018).

    Args:
        logits: ``[B, V]``.
        history: ``[B, T]`` ids.
        n: pieces of an n-gram; 1 lets no piece come twice, 0 is no rule.
    """
    length = history.shape[1]
    if not 0 < n <= length:
        return
    end = logits[:, EOS_ID].clone()
    windows = history.unfold(1, n, 1)  # [B, T - n + 1, n]
    same = (windows[..., :-1] == history[:, None, length - n + 1 :]).all(-1)
    rows, places = same.nonzero(as_tuple=True)
    logits[rows, windows[rows, places, -1]] = -torch.inf
    logits[:, EOS_ID] = end
