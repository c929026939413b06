"""The two kinds of net that answer, and what each reads before its answer.

An encoder-decoder reads ``<s> question </s>``. A language model reads the turns so far in a template, ``</s> <user> question
<bot> answer <user> question <bot>``, and goes on; ``<user>`` and ``<bot>`` are special tokens, which no text ever becomes.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> tokenizer = byte_tokenizer(PROMPTED.specials)
>>> [tokenizer.token_text(number) for number in PROMPTED.given(tokenizer, [[69], [70], [71]], 64)]
['</s>', '<user>', '<0x41>', '<bot>', '<0x42>', '<user>', '<0x43>', '<bot>']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from korlm.errors import ArtifactError
from korlm.nn.recurrent import NetConfig, RecurrentLM
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID, Tokenizer
from korlm.training.batching import Batch
from korlm.training.learner import Loss
from korlm.training.loss import batch_loss
from korlm.training.pairs import Make, PairBatch, make_batch, make_prompted, pair_loss

Ids = Sequence[int]
USER, BOT = "<user>", "<bot>"
_TOGETHER = 64  # pairs scored side by side


@dataclass(frozen=True)
class Form:
    """How a kind of net takes part in a conversation.

    Attributes:
        name: ``encoder-decoder`` or ``language-model``.
        shape: the configuration of its nets.
        net: makes one of a configuration.
        loss: of a batch.
        make: puts pairs of what is given and what is answered together.
        nats: of each target of such a batch, ``[B, T]``, 0 where there is none.
        given: what the net reads before its answer: tokenizer, ids of each turn so far (a person's first and last), and
            how many pieces it may be.
        specials: special tokens that its vocabulary needs.
    """

    name: str
    shape: type
    net: Callable[[Any], RecurrentLM | Seq2Seq]
    loss: Loss
    make: Make
    nats: Callable[[Any, Any], Tensor]
    given: Callable[[Tokenizer, Sequence[Ids], int], tuple[int, ...]]
    specials: tuple[str, ...] = ()


def form_of(net: RecurrentLM | Seq2Seq) -> Form:
    """Return the form of a net."""
    return ENCODER_DECODER if isinstance(net, Seq2Seq) else PROMPTED


@torch.inference_mode()
def attention(net: Seq2Seq, given: Ids, ids: Ids) -> np.ndarray:
    """Return where the decoder looked as it wrote: ``[len(ids), len(given)]`` float32, rows summing to 1.

    Args:
        net: in evaluation mode.
        given: the question, from ``<s>`` to ``</s>``.
        ids: of the answer, ``</s>`` included where it ended.
    """
    device = net.embedding.weight.device
    memory, state = net.encode(torch.tensor([list(given)], device=device), torch.tensor([len(given)]))
    inputs = torch.tensor([[BOS_ID, *ids[:-1]]], device=device)
    _, weights, _ = net.decode(memory, inputs, state)
    found: np.ndarray = weights[0, : len(ids)].float().cpu().numpy()
    return found


@torch.inference_mode()
def answer_bits(net: Seq2Seq | RecurrentLM, pairs: Sequence[tuple[Ids, Ids]]) -> list[np.ndarray]:
    """Return the bits of each answer's pieces, ``</s>`` last.

    Args:
        net: dropout is off meanwhile.
        pairs: what each answer is given, and its ids without ``</s>``.
    """
    form, device = form_of(net), net.embedding.weight.device
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index][1]))
    found: list[np.ndarray] = [np.empty(0)] * len(pairs)
    was_training = net.training
    net.eval()
    for first in range(0, len(order), _TOGETHER):
        chosen = order[first : first + _TOGETHER]
        batch = form.make([pairs[index] for index in chosen]).to(device)
        nats = form.nats(net, batch).double().cpu().numpy() / math.log(2)
        there = (batch.targets != PAD_ID).cpu().numpy()
        for row, index in enumerate(chosen):
            found[index] = nats[row][there[row]]
    net.train(was_training)
    return found


def _question(tokenizer: Tokenizer, turns: Sequence[Ids], longest: int) -> tuple[int, ...]:
    """Return the last turn; its end is cut off where it is too long."""
    return (BOS_ID, *turns[-1][: longest - 2], EOS_ID)


def _template(tokenizer: Tokenizer, turns: Sequence[Ids], longest: int) -> tuple[int, ...]:
    """Return the turns that there is room for, from the last one back; of that one the end is cut off if need be."""
    if {USER, BOT} - set(tokenizer.specials):
        raise ArtifactError(
            f"{tokenizer.name}의 어휘에 {USER}와 {BOT}이 없어 대화를 이어 쓰게 할 수 없습니다. 그 둘을 specials로 넣어 만든 토크나이저를 쓰세요.",
            f"The vocabulary of {tokenizer.name} lacks {USER} and {BOT}. Use a tokenizer made with them as specials.",
        )
    user, bot = tokenizer.specials[USER], tokenizer.specials[BOT]
    ids = [user, *turns[-1][: longest - 3], bot]
    for place in range(len(turns) - 3, -1, -2):
        earlier = [user, *turns[place], bot, *turns[place + 1]]
        if 1 + len(earlier) + len(ids) > longest:
            break
        ids = earlier + ids
    return (EOS_ID, *ids)


def _answered(net: Seq2Seq, batch: PairBatch) -> Tensor:
    memory, state = net.encode(batch.source, batch.source_lengths)
    hidden, _, _ = net.decode(memory, batch.inputs, state)
    return net.nats(hidden, batch.targets, reduction="none", ignore_index=PAD_ID)


def _continued(net: RecurrentLM, batch: Batch) -> Tensor:
    hidden, _ = net(batch.inputs)
    return net.nats(hidden, batch.targets, reduction="none", ignore_index=PAD_ID)


ENCODER_DECODER = Form("encoder-decoder", Seq2SeqConfig, Seq2Seq, pair_loss, make_batch, _answered, _question)
PROMPTED = Form(
    "language-model", NetConfig, RecurrentLM, batch_loss, make_prompted, _continued, _template, specials=(USER, BOT)
)
FORMS = {form.name: form for form in (ENCODER_DECODER, PROMPTED)}
