"""The loss of a batch: teacher forcing, or scheduled sampling; AR and TAR where they are asked for.

At every step the net sees the true piece before the one it predicts (teacher forcing, Williams and Zipser 1989). With a
ratio below 1 some of them are its own guesses instead (scheduled sampling, Bengio et al. 2015).
"""

from __future__ import annotations

import torch
from torch import Tensor

from korlm.nn.lm import RecurrentLM, State
from korlm.nn.losses import LMOutput, activation_penalty
from korlm.nn.seq2seq import Seq2Seq
from korlm.tokenizers.base import EOS_ID, PAD_ID
from korlm.training.batching import TrainingBatch
from korlm.training.config import TrainConfig


def lm_loss(
    model: RecurrentLM,
    batch: TrainingBatch,
    state: State,
    config: TrainConfig,
    *,
    bf16: bool = False,
    chances: Tensor | None = None,
    forcing: float | None = None,
) -> tuple[Tensor, Tensor, State]:
    """Return what to follow down, the nats of the targets, and the state after the batch.

    Args:
        model: the language model.
        batch: inputs and targets ``[B, T]`` on the net's device.
        state: before it, detached.
        config: ``teacher_forcing``, ``activation`` and ``temporal`` of it.
        bf16: run the recurrence under autocast. The loss is taken on bf16 products outside of it: autocast would copy
            the logits to float32, which halves the speed on CPU.
        chances: of the vocabulary's entries, for the sampled softmax; None for the full one.
        forcing: share of true inputs at this step; by default ``config.teacher_forcing``.

    Returns:
        The loss over ``batch.global_tokens``, so that the sum over processes is the mean over all; the sum of nats, detached;
        and the new state, with its gradients.
    """
    forcing = config.teacher_forcing if forcing is None else forcing
    with torch.autocast(batch.inputs.device.type, dtype=torch.bfloat16, enabled=bf16):
        if forcing < 1:
            features = _run_scheduled_sampling(model, batch.inputs, state, forcing)
        else:
            features = model.forward_with_activations(batch.inputs, state, lengths=batch.lengths)
    hidden = features.hidden.to(torch.bfloat16) if bf16 else features.hidden  # not all layers give it in bf16
    nats = model.nll(hidden, batch.targets, reduction="sum", ignore_index=PAD_ID, inclusion_probs=chances)
    loss = nats / batch.global_tokens
    if config.activation or config.temporal:
        share = len(batch.inputs) / batch.global_rows
        loss = loss + share * activation_penalty(features, config.activation, config.temporal)
    after = tuple(part.float() if part.is_floating_point() else part for part in features.state)
    return loss, nats.detach(), after


def scheduled_sampling_inputs(
    model: RecurrentLM | Seq2Seq, gold_inputs: Tensor, keep_gold: Tensor, hidden: Tensor
) -> Tensor:
    """Return the inputs of a step of scheduled sampling: where they are not to be true, drawn from the net's prediction.

    Args:
        model: whose prediction.
        gold_inputs: the true inputs, ``[B]``.
        keep_gold: which of them to keep, ``[B]``.
        hidden: the outputs of the step before, ``[B, E]``; no gradient goes through the draw.
    """
    if bool(keep_gold.all()):
        return gold_inputs
    with torch.no_grad():
        chances = model.compute_logits(hidden).float().softmax(-1)
        return torch.where(keep_gold, gold_inputs, torch.multinomial(chances, 1)[:, 0])


def _run_scheduled_sampling(net: RecurrentLM, inputs: Tensor, state: State, ratio: float) -> LMOutput:
    """Read ``[B, T]`` piece by piece; a coin for each decides between the true piece and one drawn from the net's
    prediction of it. No gradient goes through the draw. The first piece of a line, ``</s>``, is always the true one."""
    true = torch.rand(inputs.shape, device=inputs.device) < ratio
    true |= inputs == EOS_ID
    parts: list[LMOutput] = []
    for time in range(inputs.shape[1]):
        current = inputs[:, time]
        if parts:
            current = scheduled_sampling_inputs(net, current, true[:, time], parts[-1].hidden[:, -1])
        parts.append(net.forward_with_activations(current[:, None], state))
        state = parts[-1].state
    hidden, raw, dropped = (
        torch.cat(stretch, 1)
        for stretch in zip(*((part.hidden, part.raw_outputs, part.dropped_outputs) for part in parts), strict=True)
    )
    return LMOutput(hidden, state, raw, dropped)
