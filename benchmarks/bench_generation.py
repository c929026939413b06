"""`make bench`, fourth part: pieces a second that the bundled models write, alone and 64 texts side by side.

Beside each a plain PyTorch loop of the same shape takes its turn in the same run: `nn.LSTM` or `nn.GRU` a step, the output's
product, softmax, `torch.multinomial`. It filters nothing, forbids nothing and makes no text; korlm does all three. Figures are
medians of rounds. `--quick` takes fewer.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import korlm
from korlm.nn.config import NetConfig

MODELS = ("reviews-unigram-lstm", "reviews-unigram-gru", "reviews-syllable-lstm", "reviews-kiwi-lstm")
LEAST = {1: 1_000, 64: 10_000}  # pieces a second on two cores, by texts side by side
PIECES = {1: 400, 64: 100}  # of a text
PROMPT = "이 영화는"


def plain(config: NetConfig, batch: int, pieces: int) -> Callable[[], Any]:
    """Return what draws pieces as one writes it without korlm."""
    rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[config.cell](config.embedding, config.hidden, batch_first=True)
    embedding = nn.Embedding(config.vocab_size, config.embedding)
    project = nn.Linear(config.hidden, config.embedding) if config.hidden != config.embedding else nn.Identity()
    output = nn.Linear(config.embedding, config.vocab_size)

    @torch.inference_mode()
    def run() -> list[list[int]]:
        ids, state = torch.full((batch, 1), 2), None
        texts: list[list[int]] = [[] for _ in range(batch)]
        for _ in range(pieces):
            hidden, state = rnn(embedding(ids), state)
            chances = F.softmax(output(project(hidden[:, -1])) / 0.8, -1)
            ids = torch.multinomial(chances, 1)
            for text, number in zip(texts, ids[:, 0].tolist(), strict=True):
                text.append(number)
        return texts

    return run


def rate(action: Callable[[], object], pieces: int) -> float:
    begun = time.perf_counter()
    action()
    return pieces / (time.perf_counter() - begun)


def race(name: str, batch: int, rounds: int) -> bool:
    """Print the rates of both; return whether korlm kept its promise."""
    lm = korlm.load_model(name)
    count = PIECES[batch]
    options: dict[str, Any] = {"min_tokens": count, "max_tokens": count}
    actions: list[Callable[[], object]] = [
        lambda: (
            list(lm.stream(PROMPT, seed=1, **options))
            if batch == 1
            else lm.generate_batch([PROMPT], n=batch, seed=1, **options)
        ),
        plain(lm.net.config, batch, count),
    ]
    if batch > 1:
        actions.append(lambda: lm.generate_batch([PROMPT] * batch, **options))
    for action in actions:
        action()
    pairs = [[rate(action, batch * count) for action in actions] for _ in range(rounds)]
    ours, peer, *bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(own / raw for own, raw, *_ in pairs)
    kept = max(ours, *bare, 0) >= LEAST[batch]
    without = f", {bare[0]:,.0f} by generate_batch" if bare else ""
    print(
        f"{name:<24}{batch:>3}{ours:>9,.0f}{peer:>9,.0f}   ratio {ratio:>6.2f}  least {LEAST[batch]:>6,}"
        f"  {'ok' if kept else 'UNDER':<6}{'' if batch == 1 else f' generate_batch (its bits){without}'}",
        flush=True,
    )
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 rounds instead of 15")
    parser.add_argument("models", nargs="*", default=MODELS, help="names; the bundled ones by default")
    asked = parser.parse_args()
    print(
        f"{platform.node()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}\n"
        f"{'tokens/s':<24}{'B':>3}{'korlm':>9}{'plain':>9}   {PROMPT}, temperature 0.8, top-p 0.95"
    )
    rounds = 5 if asked.quick else 15
    kept = [race(name, batch, rounds) for name in asked.models for batch in LEAST]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
