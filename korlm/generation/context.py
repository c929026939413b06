"""What generation starts from: the net's state after each prompt, the ids so far, the seeds.

>>> sample_seeds(7, 2)[0]
7
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import torch
from torch import Tensor

from korlm.nn.recurrent import RecurrentLM, State
from korlm.tokenizers.base import EOS_ID


@torch.inference_mode()
def prefill(net: RecurrentLM, contexts: Sequence[tuple[int, ...]]) -> tuple[Tensor, State]:
    """Run the net over prompts: equal ones once, those of one length together, so that none needs padding.

    Args:
        net: the language model, in evaluation mode.
        contexts: ids of each prompt, at least one.

    Returns:
        The last hidden outputs ``[B, E]`` and the state, rows in the order of ``contexts``.
    """
    device = next(net.parameters()).device
    distinct = sorted(set(contexts), key=len)
    hidden: list[Tensor] = []
    states: list[State] = []
    for length in sorted({len(context) for context in distinct}):
        same = [context for context in distinct if len(context) == length]
        outputs, state = net(torch.tensor(same, device=device))
        hidden.append(outputs[:, -1])
        states.append(state)
    place = {context: index for index, context in enumerate(distinct)}
    order = torch.tensor([place[context] for context in contexts], device=device)
    joined = (torch.cat(parts, 1).index_select(1, order) for parts in zip(*states, strict=True))
    return torch.cat(hidden).index_select(0, order), tuple(joined)


def history_of(contexts: Sequence[tuple[int, ...]]) -> Tensor:
    """Return the ids of prompts, ``[B, T]`` for a longest prompt of ``T``: shorter ones have ``</s>`` before them.

    >>> history_of([(2, 7), (2, 5, 6)]).tolist()
    [[2, 2, 7], [2, 5, 6]]
    """
    longest = max(map(len, contexts))
    return torch.tensor([(EOS_ID,) * (longest - len(context)) + context for context in contexts])


def sample_seeds(seed: int | None, n: int) -> list[int]:
    """Return the seeds of a prompt's texts: ``seed`` itself, then hashes of it and the text's number.

    Args:
        seed: None draws one.
        n: how many texts.
    """
    first = secrets.randbits(63) if seed is None else seed
    rest = (hashlib.sha256(f"{first} {index}".encode()).digest() for index in range(1, n))
    return [first, *(int.from_bytes(digest[:8], "little") >> 1 for digest in rest)]
