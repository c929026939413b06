"""The two chat architectures and their input formats.

An encoder-decoder reads ``<s> question </s>``. A language model continues the conversation in a chat template, ``</s> <user>
question <bot> answer <user> question <bot>``; ``<user>`` and ``<bot>`` are special tokens, which no text is encoded to.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> tokenizer = byte_tokenizer(LANGUAGE_MODEL.special_tokens)
>>> [tokenizer.token_text(token_id) for token_id in LANGUAGE_MODEL.encode_history(tokenizer, [[69], [70], [71]], 64)]
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
from korlm.generation.prefill import length_sorted_batches
from korlm.nn.lm import NetConfig, RecurrentLM
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig, TextModel
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID, Tokenizer
from korlm.training.batching import TrainingBatch
from korlm.training.dialogue_batches import CollateFunction, PairBatch, collate_pairs, collate_prompted_pairs
from korlm.training.loss import lm_loss, seq2seq_loss
from korlm.training.step import LossFunction

Ids = Sequence[int]
USER_TOKEN, BOT_TOKEN = "<user>", "<bot>"


@dataclass(frozen=True)
class ChatArchitecture:
    """A kind of model that answers."""

    name: str  # ``encoder-decoder`` or ``language-model``
    config_class: type  # class of the model's configuration
    model_class: Callable[[Any], TextModel]  # class of the model, called with a configuration
    loss: LossFunction  # training loss of a batch
    make_batch: CollateFunction  # collates pairs of input ids and answer ids
    # negative log-likelihood of the targets of a batch, ``[B, T]``, 0 at padding
    token_nll: Callable[[Any, Any], Tensor]
    # returns the input ids; takes the tokenizer, the ids of each turn so far (the user's first and last) and the
    # maximum number of tokens
    encode_history: Callable[[Tokenizer, Sequence[Ids], int], tuple[int, ...]]
    special_tokens: tuple[str, ...] = ()  # special tokens that the vocabulary needs


def get_architecture(model: TextModel) -> ChatArchitecture:
    """Return the architecture of a model."""
    return ENCODER_DECODER if isinstance(model, Seq2Seq) else LANGUAGE_MODEL


@torch.inference_mode()
def compute_answer_bits(model: TextModel, pairs: Sequence[tuple[Ids, Ids]]) -> list[np.ndarray]:
    """Return the surprisals in bits of each answer's tokens, ``</s>`` last.

    Args:
        model: evaluated without dropout; its mode is restored.
        pairs: the input ids of each answer, and its ids without ``</s>``.
    """
    architecture, device = get_architecture(model), model.embedding.weight.device
    surprisals: list[np.ndarray] = [np.empty(0)] * len(pairs)
    was_training = model.training
    model.eval()
    for indices in length_sorted_batches([len(answer) for _, answer in pairs]):
        batch = architecture.make_batch([pairs[index] for index in indices]).to(device)
        bits = architecture.token_nll(model, batch).double().cpu().numpy() / math.log(2)
        is_token = (batch.targets != PAD_ID).cpu().numpy()
        for row, index in enumerate(indices):
            surprisals[index] = bits[row][is_token[row]]
    model.train(was_training)
    return surprisals


def _encode_question(tokenizer: Tokenizer, turns: Sequence[Ids], max_length: int) -> tuple[int, ...]:
    """Return the last turn, truncated at its end."""
    return (BOS_ID, *turns[-1][: max_length - 2], EOS_ID)


def _apply_chat_template(tokenizer: Tokenizer, turns: Sequence[Ids], max_length: int) -> tuple[int, ...]:
    """Return the most recent turns that fit; the last one is truncated at its end."""
    if {USER_TOKEN, BOT_TOKEN} - set(tokenizer.specials):
        raise ArtifactError(
            f"{tokenizer.name}의 어휘에 {USER_TOKEN}, {BOT_TOKEN} 토큰이 없어 대화를 이어 쓰게 할 수 없습니다. 그 둘을 specials로 넣어 만든 토크나이저를 쓰세요.",
            f"The vocabulary of {tokenizer.name} lacks {USER_TOKEN} and {BOT_TOKEN}. Use a tokenizer made with them as specials.",
        )
    user, bot = tokenizer.specials[USER_TOKEN], tokenizer.specials[BOT_TOKEN]
    ids = [user, *turns[-1][: max_length - 3], bot]
    for index in range(len(turns) - 3, -1, -2):
        earlier = [user, *turns[index], bot, *turns[index + 1]]
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
ARCHITECTURES = {architecture.name: architecture for architecture in (ENCODER_DECODER, LANGUAGE_MODEL)}
