"""Code lengths of lines under a net, in nats: what bits per character and surprisals are made of."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from korlm.nn.lm import RecurrentLM
from korlm.tokenizers.base import EOS_ID, PAD_ID

_MAX_BATCH_TOKENS = 16_384  # pieces a batch, padding included
_LINES_PER_UPDATE = 20  # lines between two steps of dynamic evaluation


@torch.inference_mode()
def token_nlls(
    model: RecurrentLM, lines: Sequence[Sequence[int]], *, progress: Callable[[int, int], None] | None = None
) -> list[np.ndarray]:
    """Return ``-ln p`` of every piece of every line, its end included.

    Each line is read by itself: from the zero state, after a first ``</s>``, to its ``</s>``. So the score of a line
    does not hang on its neighbours.

    Args:
        model: the language model; its training mode is restored afterwards.
        lines: ids of each line, without ``</s>``.
        progress: called with lines done and lines in all.

    Returns:
        For each line a float64 array of ``len(line) + 1`` nats.
    """
    results: list[np.ndarray] = [np.empty(0)] * len(lines)
    order = sorted(range(len(lines)), key=lambda index: len(lines[index]))
    was_training = model.training
    model.eval()
    first = 0
    while first < len(order):
        last = _find_batch_end(order, lines, first)
        chosen = order[first:last]
        for index, nats in zip(chosen, _batch_token_nlls(model, [lines[index] for index in chosen]), strict=True):
            results[index] = nats
        first = last
        if progress:
            progress(first, len(order))
    model.train(was_training)
    return results


def dynamic_token_nlls(
    model: RecurrentLM,
    lines: Sequence[Sequence[int]],
    learning_rate: float,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[np.ndarray]:
    """Return the nats of lines under a net that learns from each 20 of them once it has predicted them.

    Dynamic evaluation (Mikolov et al. 2010; Krause et al. 2018) by plain gradient steps on a copy of the net, dropout
    off. Nothing is predicted after it was learnt from, so these are code lengths too, of the lines in their order.

    Args:
        model: the language model; not changed.
        lines: ids of each line, without ``</s>``.
        learning_rate: the learning rate.
        progress: called with lines done and lines in all.
    """
    model = copy.deepcopy(model).eval()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    results: list[np.ndarray] = []
    for first in range(0, len(lines), _LINES_PER_UPDATE):
        group = list(lines[first : first + _LINES_PER_UPDATE])
        inputs, targets = _pad_lines(group, model.embedding.weight.device)
        real = targets != PAD_ID
        hidden, goal = model(inputs)[0][real], targets[real]
        nats = model.nll(hidden.detach(), goal, reduction="none").double().cpu().numpy()
        results += np.split(nats, np.cumsum([len(line) + 1 for line in group])[:-1])
        loss = model.nll(hidden, goal)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    weight.add_(gradient, alpha=-learning_rate)
        model.eval()  # the weights have changed: what the net keeps of them is void
        if progress:
            progress(len(results), len(lines))
    return results


def _find_batch_end(order: list[int], lines: Sequence[Sequence[int]], first: int) -> int:
    last = first + 1
    while last < len(order) and (len(lines[order[last]]) + 1) * (last + 1 - first) <= _MAX_BATCH_TOKENS:
        last += 1
    return last


def _pad_lines(lines: list[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return inputs and targets ``[B, T]``, each line from ``</s>`` to its ``</s>``."""
    longest = max(len(line) for line in lines) + 1
    targets = torch.full((len(lines), longest), PAD_ID)
    for row, line in enumerate(lines):
        targets[row, : len(line) + 1] = torch.tensor([*line, EOS_ID])
    inputs = torch.cat([torch.full((len(lines), 1), EOS_ID), targets[:, :-1]], dim=1)
    return inputs.to(device), targets.to(device)


def _batch_token_nlls(net: RecurrentLM, lines: list[Sequence[int]]) -> list[np.ndarray]:
    inputs, targets = _pad_lines(lines, net.embedding.weight.device)
    nats = np.empty(targets.shape)
    state = None
    step = max(1, _MAX_BATCH_TOKENS // len(lines))  # a single very long line is read in stretches, its state carried
    with torch.no_grad():
        for start in range(0, targets.shape[1], step):
            hidden, state = net(inputs[:, start : start + step], state)
            losses = net.nll(hidden, targets[:, start : start + step], reduction="none")
            nats[:, start : start + step] = losses.double().cpu().numpy()
    return [nats[row, : len(line) + 1] for row, line in enumerate(lines)]


def bits_per_character(nll: float, characters: int) -> float:
    """Return code length per character: ``nll / ln 2 / characters``; count one end-of-line character a line.

    >>> round(bits_per_character(math.log(2) * 30, 10), 6)
    3.0
    """
    return nll / math.log(2) / characters
