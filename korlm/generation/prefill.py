"""What generation starts from: the net's state after each prompt, the ids so far, the seeds.

A language model goes on with its prompt; an encoder-decoder answers it, and begins with ``<s>``.

>>> derive_seeds(7, 2)[0]
7
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from korlm.nn.cells import State
from korlm.nn.seq2seq import Seq2Seq, TextModel
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID


@torch.inference_mode()
def prefill(model: TextModel, contexts: Sequence[tuple[int, ...]]) -> tuple[Tensor, State]:
    """Run the net over prompts: equal ones once, those of one length together, so that none needs padding.

    Args:
        model: in evaluation mode.
        contexts: ids of each prompt, at least one.

    Returns:
        The last hidden outputs ``[B, E]`` and the state, rows in the order of ``contexts``.
    """
    device = next(model.parameters()).device
    if isinstance(model, Seq2Seq):
        ids = pad_sequence([torch.tensor(context) for context in contexts], batch_first=True, padding_value=PAD_ID)
        return model.start_decoding(ids.to(device), torch.tensor([len(context) for context in contexts]), BOS_ID)
    distinct = sorted(set(contexts), key=len)
    hidden: list[Tensor] = []
    states: list[State] = []
    for length in sorted({len(context) for context in distinct}):
        same = [context for context in distinct if len(context) == length]
        outputs, state = model(torch.tensor(same, device=device))
        hidden.append(outputs[:, -1])
        states.append(state)
    place = {context: index for index, context in enumerate(distinct)}
    order = torch.tensor([place[context] for context in contexts], device=device)
    joined = (torch.cat(parts, 1).index_select(1, order) for parts in zip(*states, strict=True))
    return torch.cat(hidden).index_select(0, order), tuple(joined)


@torch.inference_mode()
def compute_continuation_logits(model: TextModel, context: tuple[int, ...], token_ids: Sequence[int]) -> Tensor:
    """Return the logits ``[T, V]`` before each of the ``T`` ids that came after a prompt, by one run of the net."""
    device = next(model.parameters()).device
    if isinstance(model, Seq2Seq):
        memory, state = model.encode(torch.tensor([context], device=device), torch.tensor([len(context)]))
        hidden, _, _ = model.decode(memory, torch.tensor([[BOS_ID, *token_ids[:-1]]], device=device), state)
        return model.compute_logits(hidden[0])
    hidden, _ = model(torch.tensor([[*context, *token_ids]], device=device))
    return model.compute_logits(hidden[0, len(context) - 1 : -1])


def left_pad_histories(histories: Sequence[tuple[int, ...]]) -> Tensor:
    """Return what was said before, ``[B, T]`` for the longest of ``T`` ids: shorter ones have ``</s>`` before them."""
    longest = max(map(len, histories))
    return torch.tensor([(EOS_ID,) * (longest - len(ids)) + ids for ids in histories])


def derive_seeds(seed: int | None, n: int) -> list[int]:
    """Return the seeds of a prompt's texts: ``seed`` itself, then hashes of it and the text's number.

    Args:
        seed: None draws one.
        n: how many texts.
    """
    first = secrets.randbits(63) if seed is None else seed
    rest = (hashlib.sha256(f"{first} {index}".encode()).digest() for index in range(1, n))
    return [first, *(int.from_bytes(digest[:8], "little") >> 1 for digest in rest)]
