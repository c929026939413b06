"""The training losses of a language model and of an encoder-decoder.

Each step reads the gold token before the one it predicts (teacher forcing, Williams and Zipser 1989). With a ratio below 1
some inputs are the model's own predictions instead (scheduled sampling, Bengio et al. 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from korlm.nn.lm import RecurrentLM, State
from korlm.nn.losses import LMOutput, activation_penalty
from korlm.nn.seq2seq import Seq2Seq, TextModel
from korlm.tokenizers.base import EOS_ID, PAD_ID
from korlm.training.batching import TrainingBatch
from korlm.training.config import TrainConfig
from korlm.training.dialogue_batches import PairBatch


class LMLoss(NamedTuple):
    """The loss of one batch."""

    # scalar to minimize, over `TrainingBatch.global_tokens`: the sum over processes is the mean over all tokens
    loss: Tensor
    nll: Tensor  # scalar, summed over the targets, in nats, detached
    state: State  # recurrent state after the batch; it carries gradients


def lm_loss(
    model: RecurrentLM, batch: TrainingBatch, state: State, config: TrainConfig, *, autocast: bool = False,
    inclusion_probs: Tensor | None = None, teacher_forcing: float | None = None,
) -> LMLoss:  # fmt: skip
    """Compute the training loss of one batch of a language model.

    Args:
        model: the language model.
        batch: inputs and targets, ``[B, T]``, on the model's device.
        state: recurrent state from the previous window, detached.
        config: uses ``teacher_forcing``, ``activation`` (AR) and ``temporal`` (TAR).
        autocast: run the recurrence in bf16. The softmax stays outside, on bf16 products: autocast would copy the
            logits to float32, which halves the speed on CPU.
        inclusion_probs: ``[V]``, for the sampled softmax; None computes the full softmax.
        teacher_forcing: probability of feeding the gold token; the config's by default.
    """
    teacher_forcing = config.teacher_forcing if teacher_forcing is None else teacher_forcing
    with torch.autocast(batch.inputs.device.type, dtype=torch.bfloat16, enabled=autocast):
        if teacher_forcing < 1:
            output = forward_with_scheduled_sampling(model, batch.inputs, state, teacher_forcing)
        else:
            output = model.forward_with_activations(batch.inputs, state, lengths=batch.lengths)
    hidden = output.hidden.to(torch.bfloat16) if autocast else output.hidden  # not every layer returns bf16
    nll = model.nll(hidden, batch.targets, reduction="sum", ignore_index=PAD_ID, inclusion_probs=inclusion_probs)
    loss = nll / batch.global_tokens
    if config.activation or config.temporal:
        process_weight = len(batch.inputs) / batch.global_rows
        loss = loss + process_weight * activation_penalty(output, config.activation, config.temporal)
    new_state = tuple(part.float() if part.is_floating_point() else part for part in output.state)
    return LMLoss(loss, nll.detach(), new_state)


def seq2seq_loss(
    model: Seq2Seq, batch: PairBatch, state: State, config: TrainConfig, *, autocast: bool = False,
    inclusion_probs: Tensor | None = None, teacher_forcing: float = 1.0,
) -> LMLoss:  # fmt: skip
    """Compute the training loss of one batch of an encoder-decoder. See `lm_loss`.

    Args:
        model: the encoder-decoder.
        batch: pairs, on the model's device.
        state: not used: every pair is read on its own, and the returned state is empty.
        config: uses ``smoothing``: label smoothing (Szegedy et al. 2016), which is part of the returned ``nll``.
        autocast: run encoder and decoder in bf16.
        inclusion_probs: not used.
        teacher_forcing: probability of feeding the decoder the gold token. The first input, ``<s>``, always is.

    Example:
        >>> from korlm.nn.seq2seq import Seq2SeqConfig
        >>> from korlm.training.dialogue_batches import collate_pairs
        >>> model = Seq2Seq(Seq2SeqConfig(300, embedding=8, hidden=8))
        >>> loss, nll, state = seq2seq_loss(model, collate_pairs([([1, 5, 2], [6, 7])]), (), TrainConfig())
        >>> torch.allclose(loss, nll / 3), state
        (True, ())
    """
    with torch.autocast(batch.inputs.device.type, dtype=torch.bfloat16, enabled=autocast):
        memory, decoder_state = model.encode(batch.source, batch.source_lengths)

        def run_decoder(ids: Tensor) -> Tensor:
            nonlocal decoder_state
            hidden, _, decoder_state = model.decode(memory, ids, decoder_state)
            return hidden

        if teacher_forcing < 1:
            hidden = torch.cat(_run_scheduled_sampling(model, batch.inputs, teacher_forcing, run_decoder), 1)
        else:
            hidden = run_decoder(batch.inputs)
    nll = model.nll(hidden, batch.targets, label_smoothing=config.smoothing, reduction="sum", ignore_index=PAD_ID)
    return LMLoss(nll / batch.global_tokens, nll.detach(), ())


def forward_with_scheduled_sampling(
    model: RecurrentLM, inputs: Tensor, state: State, teacher_forcing: float
) -> LMOutput:
    """Run a language model over ``[B, T]`` ids, token by token, with scheduled sampling.

    The first token of a line, ``</s>``, is always the gold one.
    """
    outputs: list[LMOutput] = []

    def run_model(ids: Tensor) -> Tensor:
        outputs.append(model.forward_with_activations(ids, outputs[-1].state if outputs else state))
        return outputs[-1].hidden

    hidden = _run_scheduled_sampling(model, inputs, teacher_forcing, run_model)
    raw, dropped = ([getattr(output, name) for output in outputs] for name in ("raw_outputs", "dropped_outputs"))
    return LMOutput(torch.cat(hidden, 1), outputs[-1].state, torch.cat(raw, 1), torch.cat(dropped, 1))


def _run_scheduled_sampling(
    model: TextModel, inputs: Tensor, teacher_forcing: float, run_step: Callable[[Tensor], Tensor]
) -> list[Tensor]:
    """Feed ``[B, T]`` inputs one time step at a time, some replaced by a sample of the model's prediction.

    The first column and every ``</s>`` stay. No gradient flows through the samples.

    Args:
        model: computes the logits.
        inputs: gold inputs, ``[B, T]``.
        teacher_forcing: probability of keeping a gold input.
        run_step: maps ``[B, 1]`` ids to hidden outputs ``[B, 1, E]`` and carries the state.

    Returns:
        The hidden outputs of each time step.
    """
    keep_gold = (torch.rand(inputs.shape, device=inputs.device) < teacher_forcing) | (inputs == EOS_ID)
    hidden: list[Tensor] = []
    for time in range(inputs.shape[1]):
        ids = inputs[:, time]
        if hidden and not bool(keep_gold[:, time].all()):
            with torch.no_grad():
                probabilities = model.compute_logits(hidden[-1][:, -1]).float().softmax(-1)
                ids = torch.where(keep_gold[:, time], ids, torch.multinomial(probabilities, 1)[:, 0])
        hidden.append(run_step(ids[:, None]))
    return hidden
