"""Negative log-likelihoods of lines in nats, the basis of bits per character and surprisals."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from korlm.nn.lm import RecurrentLM
from korlm.tokenizers.base import EOS_ID, PAD_ID

_MAX_BATCH_TOKENS = 16_384  # tokens per batch, including padding
_LINES_PER_UPDATE = 20  # of dynamic evaluation


@torch.inference_mode()
def token_nlls(
    model: RecurrentLM, lines: Sequence[Sequence[int]], *, progress: Callable[[int, int], None] | None = None
) -> list[np.ndarray]:
    """Return ``-ln p`` of every token of every line, including its end.

    Each line is read on its own, from the zero state after an initial ``</s>`` to its ``</s>``, so its score does not
    depend on other lines.

    Args:
        model: the language model; its training mode is restored afterwards.
        lines: ids of each line, without ``</s>``.
        progress: called with the number of lines done and in all.

    Returns:
        A float64 array of ``len(line) + 1`` nats for each line.
    """
    results: list[np.ndarray] = [np.empty(0)] * len(lines)
    order = sorted(range(len(lines)), key=lambda index: len(lines[index]))
    was_training = model.training
    model.eval()
    first = 0
    while first < len(order):
        last = _find_batch_end(order, lines, first)
        indices = order[first:last]
        for index, nlls in zip(indices, _batch_token_nlls(model, [lines[index] for index in indices]), strict=True):
            results[index] = nlls
        first = last
        if progress:
            progress(first, len(order))
    model.train(was_training)
    return results


def dynamic_token_nlls(
    model: RecurrentLM, lines: Sequence[Sequence[int]], learning_rate: float, *,
    progress: Callable[[int, int], None] | None = None,
) -> list[np.ndarray]:  # fmt: skip
    """Return ``-ln p`` of every token under dynamic evaluation: the model trains on every 20 lines after scoring them.

    Dynamic evaluation (Mikolov et al. 2010; Krause et al. 2018) by plain gradient steps on a copy of the model, without
    dropout. No line is scored after training on it, so these are code lengths too, of the lines in their order. See
    `token_nlls` for the arguments.
    """
    model = copy.deepcopy(model).eval()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    results: list[np.ndarray] = []
    for first in range(0, len(lines), _LINES_PER_UPDATE):
        group = list(lines[first : first + _LINES_PER_UPDATE])
        inputs, targets = _pad_lines(group, model.embedding.weight.device)
        is_token = targets != PAD_ID
        hidden, token_targets = model(inputs)[0][is_token], targets[is_token]
        nlls = model.nll(hidden.detach(), token_targets, reduction="none").double().cpu().numpy()
        results += np.split(nlls, np.cumsum([len(line) + 1 for line in group])[:-1])
        gradients = torch.autograd.grad(model.nll(hidden, token_targets), weights, allow_unused=True)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    weight.add_(gradient, alpha=-learning_rate)
        model.eval()  # drops the stepper cached for the old weights
        if progress:
            progress(len(results), len(lines))
    return results


def _find_batch_end(order: list[int], lines: Sequence[Sequence[int]], first: int) -> int:
    last = first + 1
    while last < len(order) and (len(lines[order[last]]) + 1) * (last + 1 - first) <= _MAX_BATCH_TOKENS:
        last += 1
    return last


def _pad_lines(lines: list[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return inputs and targets ``[B, T]`` of lines, each from an initial ``</s>`` to its own ``</s>``."""
    longest = max(len(line) for line in lines) + 1
    targets = torch.full((len(lines), longest), PAD_ID)
    for row, line in enumerate(lines):
        targets[row, : len(line) + 1] = torch.tensor([*line, EOS_ID])
    inputs = torch.cat([torch.full((len(lines), 1), EOS_ID), targets[:, :-1]], dim=1)
    return inputs.to(device), targets.to(device)


def _batch_token_nlls(model: RecurrentLM, lines: list[Sequence[int]]) -> list[np.ndarray]:
    inputs, targets = _pad_lines(lines, model.embedding.weight.device)
    nlls = np.empty(targets.shape)
    state = None
    step = max(1, _MAX_BATCH_TOKENS // len(lines))  # a very long line is read in windows with carried state
    with torch.no_grad():
        for start in range(0, targets.shape[1], step):
            hidden, state = model(inputs[:, start : start + step], state)
            window = model.nll(hidden, targets[:, start : start + step], reduction="none")
            nlls[:, start : start + step] = window.double().cpu().numpy()
    return [nlls[row, : len(line) + 1] for row, line in enumerate(lines)]


def bits_per_character(nll: float, characters: int) -> float:
    """Return the code length per character, ``nll / ln 2 / characters``; each line counts one end-of-line character.

    >>> round(bits_per_character(math.log(2) * 30, 10), 6)
    3.0
    """
    return nll / math.log(2) / characters
