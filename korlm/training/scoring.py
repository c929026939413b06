"""Code lengths of lines under a net, in nats: what bits per character and surprisals are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from korlm.nn.recurrent import RecurrentLM
from korlm.tokenizers.base import EOS_ID, PAD_ID

_CELLS = 16_384  # pieces a batch, padding included: a batch of logits at V = 8,000 takes 500 MB


@torch.inference_mode()
def line_nats(
    net: RecurrentLM, lines: Sequence[Sequence[int]], *, progress: Callable[[int, int], None] | None = None
) -> list[np.ndarray]:
    """Return ``-ln p`` of every piece of every line, its end included.

    Each line is read by itself: from the zero state, after a first ``</s>``, to its ``</s>``. So the score of a line
    does not hang on its neighbours.

    Args:
        net: the language model; its training mode is restored afterwards.
        lines: ids of each line, without ``</s>``.
        progress: called with lines done and lines in all.

    Returns:
        For each line a float64 array of ``len(line) + 1`` nats.
    """
    results: list[np.ndarray] = [np.empty(0)] * len(lines)
    order = sorted(range(len(lines)), key=lambda index: len(lines[index]))
    was_training = net.training
    net.eval()
    first = 0
    while first < len(order):
        last = _batch_end(order, lines, first)
        chosen = order[first:last]
        for index, nats in zip(chosen, _batch_nats(net, [lines[index] for index in chosen]), strict=True):
            results[index] = nats
        first = last
        if progress:
            progress(first, len(order))
    net.train(was_training)
    return results


def _batch_end(order: list[int], lines: Sequence[Sequence[int]], first: int) -> int:
    last = first + 1
    while last < len(order) and (len(lines[order[last]]) + 1) * (last + 1 - first) <= _CELLS:
        last += 1
    return last


def _batch_nats(net: RecurrentLM, lines: list[Sequence[int]]) -> list[np.ndarray]:
    device = net.embedding.weight.device
    longest = max(len(line) for line in lines) + 1
    targets = torch.full((len(lines), longest), PAD_ID)
    for row, line in enumerate(lines):
        targets[row, : len(line) + 1] = torch.tensor([*line, EOS_ID])
    inputs = torch.cat([torch.full((len(lines), 1), EOS_ID), targets[:, :-1]], dim=1)
    nats = np.empty((len(lines), longest))
    state = None
    step = max(1, _CELLS // len(lines))  # a single very long line is read in stretches, its state carried
    for start in range(0, longest, step):
        hidden, state = net(inputs[:, start : start + step].to(device), state)
        goal = targets[:, start : start + step].to(device)
        losses = F.cross_entropy(net.logits(hidden).flatten(0, 1).float(), goal.flatten(), reduction="none")
        nats[:, start : start + step] = losses.view(goal.shape).double().cpu().numpy()
    return [nats[row, : len(line) + 1] for row, line in enumerate(lines)]


def bits_per_character(nats: float, characters: int) -> float:
    """Return code length per character: ``nats / ln 2 / characters``; count one end-of-line character a line.

    >>> round(bits_per_character(math.log(2) * 30, 10), 6)
    3.0
    """
    return nats / math.log(2) / characters
