"""The model's state after each prompt, one decoding step, and the seeds of the samples.

A language model continues its prompt; an encoder-decoder reads it and starts with ``<s>``.

>>> derive_seeds(7, 2)[0]
7
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from korlm.nn.lm import State
from korlm.nn.seq2seq import Seq2Seq, TextModel
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID


class DecoderOutput(NamedTuple):
    """The result of one decoding step."""

    hidden: Tensor  # ``[B, E]``, from which the next token's logits are computed
    state: State  # recurrent state; the batch is the second dimension of each part
    # ``[B, S]``, the decoder's attention over the source (0 at padding); None for a language model
    attention: Tensor | None = None

    def select_rows(self, rows: Tensor) -> DecoderOutput:
        """Return some rows, also several times."""
        state = tuple(part.index_select(1, rows) for part in self.state)
        attention = None if self.attention is None else self.attention.index_select(0, rows)
        return DecoderOutput(self.hidden.index_select(0, rows), state, attention)


@torch.inference_mode()
def prefill(model: TextModel, contexts: Sequence[tuple[int, ...]]) -> DecoderOutput:
    """Run the model over prompts (at least one): equal ones once, those of one length together, without padding."""
    device = next(model.parameters()).device
    if isinstance(model, Seq2Seq):
        ids = pad_sequence([torch.tensor(context) for context in contexts], batch_first=True, padding_value=PAD_ID)
        lengths = torch.tensor([len(context) for context in contexts])
        hidden, attention, state = model.start_decoding(ids.to(device), lengths, BOS_ID)
        return DecoderOutput(hidden, state, attention)
    distinct = sorted(set(contexts), key=len)
    hiddens: list[Tensor] = []
    states: list[State] = []
    for length in sorted({len(context) for context in distinct}):
        same_length = [context for context in distinct if len(context) == length]
        outputs, state = model(torch.tensor(same_length, device=device))
        hiddens.append(outputs[:, -1])
        states.append(state)
    row_by_context = {context: row for row, context in enumerate(distinct)}
    joined = DecoderOutput(torch.cat(hiddens), tuple(torch.cat(parts, 1) for parts in zip(*states, strict=True)))
    return joined.select_rows(torch.tensor([row_by_context[context] for context in contexts], device=device))


def decode_step(model: TextModel, ids: Tensor, state: State) -> DecoderOutput:
    """Feed the chosen tokens ``[B]`` to the model."""
    if isinstance(model, Seq2Seq):
        hidden, attention, state = model.step_with_attention(ids, state)
        return DecoderOutput(hidden, state, attention)
    return DecoderOutput(*model.step(ids, state))


def attention_rows(attention: Tensor | None, source_lengths: Sequence[int]) -> list[np.ndarray] | None:
    """Return the attention ``[B, S]`` as one float32 array per row, without the padding."""
    if attention is None:
        return None
    return [row[:length] for row, length in zip(attention.float().cpu().numpy(), source_lengths, strict=True)]


def left_pad_histories(histories: Sequence[tuple[int, ...]]) -> Tensor:
    """Return ids ``[B, T]``, shorter rows with ``</s>`` before them."""
    longest = max(map(len, histories))
    return torch.tensor([(EOS_ID,) * (longest - len(ids)) + ids for ids in histories])


def length_sorted_batches(lengths: Sequence[int], batch_size: int = 64) -> Iterator[list[int]]:
    """Yield the indices of sequences in batches of similar length.

    >>> list(length_sorted_batches([5, 1, 3], 2))
    [[1, 2], [0]]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return (order[first : first + batch_size] for first in range(0, len(order), batch_size))


def derive_seeds(seed: int | None, n: int) -> list[int]:
    """Return the seeds of a prompt's ``n`` samples: ``seed`` (None draws one), then hashes of it and the index."""
    first = secrets.randbits(63) if seed is None else seed
    digests = (hashlib.sha256(f"{first} {index}".encode()).digest() for index in range(1, n))
    return [first, *(int.from_bytes(digest[:8], "little") >> 1 for digest in digests)]
