"""The two kinds of net that answer, and what each reads before its answer.

An encoder-decoder reads ``<s> question </s>``. A language model reads the turns so far in a template, ``</s> <user> question
<bot> answer <user> question <bot>``, and goes on; ``<user>`` and ``<bot>`` are special tokens, which no text ever becomes.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> tokenizer = byte_tokenizer(LANGUAGE_MODEL.special_tokens)
>>> [tokenizer.token_text(number) for number in LANGUAGE_MODEL.encode_history(tokenizer, [[69], [70], [71]], 64)]
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
from korlm.nn.lm import NetConfig, RecurrentLM
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID, Tokenizer
from korlm.training.batching import TrainingBatch
from korlm.training.dialogue_batches import CollateFunction, PairBatch, collate_pairs, collate_prompted_pairs
from korlm.training.loss import lm_loss, seq2seq_loss
from korlm.training.step import LossFunction

Ids = Sequence[int]
USER_TOKEN, BOT_TOKEN = "<user>", "<bot>"
_BATCH_SIZE = 64  # pairs scored side by side


@dataclass(frozen=True)
class ChatArchitecture:
    """How a kind of net takes part in a conversation.

    Attributes:
        name: ``encoder-decoder`` or ``language-model``.
        config_class: the configuration of its nets.
        model_class: makes one of a configuration.
        loss: of a batch.
        make_batch: puts pairs of what is given and what is answered together.
        token_nll: of each target of such a batch, ``[B, T]``, 0 where there is none.
        encode_history: what the net reads before its answer: tokenizer, ids of each turn so far (a person's first and last), and
            how many pieces it may be.
        special_tokens: special tokens that its vocabulary needs.
    """

    name: str
    config_class: type
    model_class: Callable[[Any], RecurrentLM | Seq2Seq]
    loss: LossFunction
    make_batch: CollateFunction
    token_nll: Callable[[Any, Any], Tensor]
    encode_history: Callable[[Tokenizer, Sequence[Ids], int], tuple[int, ...]]
    special_tokens: tuple[str, ...] = ()


def get_architecture(model: RecurrentLM | Seq2Seq) -> ChatArchitecture:
    """Return the form of a net."""
    return ENCODER_DECODER if isinstance(model, Seq2Seq) else LANGUAGE_MODEL


@torch.inference_mode()
def compute_attention(model: Seq2Seq, input_ids: Ids, answer_ids: Ids) -> np.ndarray:
    """Return where the decoder looked as it wrote: ``[len(ids), len(given)]`` float32, rows summing to 1.

    Args:
        model: in evaluation mode.
        input_ids: the question, from ``<s>`` to ``</s>``.
        answer_ids: of the answer, ``</s>`` included where it ended.
    """
    device = model.embedding.weight.device
    memory, state = model.encode(torch.tensor([list(input_ids)], device=device), torch.tensor([len(input_ids)]))
    inputs = torch.tensor([[BOS_ID, *answer_ids[:-1]]], device=device)
    _, weights, _ = model.decode(memory, inputs, state)
    found: np.ndarray = weights[0, : len(answer_ids)].float().cpu().numpy()
    return found


@torch.inference_mode()
def compute_answer_bits(model: Seq2Seq | RecurrentLM, pairs: Sequence[tuple[Ids, Ids]]) -> list[np.ndarray]:
    """Return the bits of each answer's pieces, ``</s>`` last.

    Args:
        model: dropout is off meanwhile.
        pairs: what each answer is given, and its ids without ``</s>``.
    """
    form, device = get_architecture(model), model.embedding.weight.device
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index][1]))
    found: list[np.ndarray] = [np.empty(0)] * len(pairs)
    was_training = model.training
    model.eval()
    for first in range(0, len(order), _BATCH_SIZE):
        chosen = order[first : first + _BATCH_SIZE]
        batch = form.make_batch([pairs[index] for index in chosen]).to(device)
        nats = form.token_nll(model, batch).double().cpu().numpy() / math.log(2)
        there = (batch.targets != PAD_ID).cpu().numpy()
        for row, index in enumerate(chosen):
            found[index] = nats[row][there[row]]
    model.train(was_training)
    return found


def _encode_question(tokenizer: Tokenizer, turns: Sequence[Ids], max_length: int) -> tuple[int, ...]:
    """Return the last turn; its end is cut off where it is too long."""
    return (BOS_ID, *turns[-1][: max_length - 2], EOS_ID)


def _apply_chat_template(tokenizer: Tokenizer, turns: Sequence[Ids], max_length: int) -> tuple[int, ...]:
    """Return the turns that there is room for, from the last one back; of that one the end is cut off if need be."""
    if {USER_TOKEN, BOT_TOKEN} - set(tokenizer.specials):
        raise ArtifactError(
            f"{tokenizer.name}의 어휘에 {USER_TOKEN}와 {BOT_TOKEN}이 없어 대화를 이어 쓰게 할 수 없습니다. 그 둘을 specials로 넣어 만든 토크나이저를 쓰세요.",
            f"The vocabulary of {tokenizer.name} lacks {USER_TOKEN} and {BOT_TOKEN}. Use a tokenizer made with them as specials.",
        )
    user, bot = tokenizer.specials[USER_TOKEN], tokenizer.specials[BOT_TOKEN]
    ids = [user, *turns[-1][: max_length - 3], bot]
    for place in range(len(turns) - 3, -1, -2):
        earlier = [user, *turns[place], bot, *turns[place + 1]]
        if 1 + len(earlier) + len(ids) > max_length:
            break
        ids = earlier + ids
    return (EOS_ID, *ids)


def _seq2seq_nll(model: Seq2Seq, batch: PairBatch) -> Tensor:
    memory, state = model.encode(batch.source, batch.source_lengths)
    hidden, _, _ = model.decode(memory, batch.inputs, state)
    return model.nll(hidden, batch.targets, reduction="none", ignore_index=PAD_ID)


def _lm_nll(model: RecurrentLM, batch: TrainingBatch) -> Tensor:
    hidden, _ = model(batch.inputs)
    return model.nll(hidden, batch.targets, reduction="none", ignore_index=PAD_ID)


ENCODER_DECODER = ChatArchitecture(
    "encoder-decoder", Seq2SeqConfig, Seq2Seq, seq2seq_loss, collate_pairs, _seq2seq_nll, _encode_question
)
LANGUAGE_MODEL = ChatArchitecture(
    "language-model",
    NetConfig,
    RecurrentLM,
    lm_loss,
    collate_prompted_pairs,
    _lm_nll,
    _apply_chat_template,
    special_tokens=(USER_TOKEN, BOT_TOKEN),
)
ARCHITECTURES = {form.name: form for form in (ENCODER_DECODER, LANGUAGE_MODEL)}
