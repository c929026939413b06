"""`make bench`, third part: whole training steps beside a plain PyTorch loop of the same shape, in the same run.

Both take a step in turn (forward, loss, backward, clipping, AdamW) from the same weights on the same pieces; a figure is the
median over the steps, so that other work on the machine disturbs both alike. Peak memory is that of a process of its own for
each. `--quick` takes fewer steps; `--full` compares the losses at the full shape (two hours of two cores). Nothing but torch
and korlm is needed.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import korlm
from korlm.experiments.execute import peak_memory_bytes
from korlm.experiments.plan import training_flops_per_token
from korlm.nn.config import NetConfig
from korlm.nn.lm import RecurrentLM
from korlm.tokenizers.base import EOS_ID
from korlm.training.batching import StreamBatches, TrainingBatch
from korlm.training.checkpoint import TrainerState
from korlm.training.config import TrainConfig
from korlm.training.distributed import ProcessGroup
from korlm.training.schedule import lr_factor
from korlm.training.step import TrainStep, supports_fast_bf16

BF16 = supports_fast_bf16(torch.device("cpu"))
LEAST_RATIO, LEAST_SHARE = (2.0, 0.7) if BF16 else (1.0, None)  # without bf16: never slower
MOST_MEMORY, MOST_LOSS = 0.6, 0.01
VOCABULARIES = (2_500, 8_000, 32_000)
SHOWN = "{:<10}{:>9}{:>11}{:>11}   ratio {:>5.2f}  least {:g}  {:<6}{:>8.1f} GFLOP/s, {:>4.0%} of a large product{}"


class Shape(NamedTuple):
    """What is trained: ``width`` is E and H, ``steps`` those of the whole run, ``seed`` that of the first weights."""

    cell: str
    vocab_size: int
    width: int = 512
    layers: int = 2
    batch: int = 64
    window: int = 64
    steps: int = 500
    seed: int = 1

    def net(self) -> RecurrentLM:
        return RecurrentLM(self.config, generator=torch.Generator().manual_seed(self.seed))

    @property
    def config(self) -> NetConfig:
        return NetConfig(
            self.vocab_size, cell=self.cell, embedding=self.width, hidden=self.width, layers=self.layers
        )  # fmt: skip

    @property
    def training(self) -> TrainConfig:
        return TrainConfig(batch=self.batch, bptt=self.window)

    @property
    def pieces(self) -> int:
        return self.batch * self.window


Step = Callable[[TrainingBatch, float], float]  # a batch and the share of the run that is done, to nats a piece


def our_steps(shape: Shape) -> Step:
    """Return a step as `korlm train` takes it."""
    learner = TrainStep(shape.net(), shape.training, shape.batch, ProcessGroup())
    progress = TrainerState("bench", batch=shape.batch)

    def step(batch: TrainingBatch, share: float) -> float:
        nats, _ = learner.step(batch, share, progress)
        progress.step += 1
        return nats / batch.global_tokens

    return step


class Plain(nn.Module):
    """What one writes without korlm, with the first weights of korlm's net."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        made = shape.net()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[shape.cell]
        self.embedding = nn.Embedding(shape.vocab_size, shape.width)
        self.rnn = kind(shape.width, shape.width, num_layers=shape.layers, batch_first=True)
        self.output = nn.Linear(shape.width, shape.vocab_size)
        with torch.no_grad():
            self.embedding.weight.copy_(made.embedding.weight)
            self.output.weight = self.embedding.weight  # tied, as in korlm's defaults
            self.output.bias.copy_(made.output.bias)
            for number, layer in enumerate(made.layers):
                for name, weight in layer.named_parameters():
                    getattr(self.rnn, name.replace("_l0", f"_l{number}")).copy_(weight)

    def forward(self, ids: Tensor, state: object) -> tuple[Tensor, object]:
        hidden, state = self.rnn(self.embedding(ids), state)
        return self.output(hidden), state


def plain_steps(shape: Shape) -> Step:
    """Return a step of the plain loop, with the same options."""
    net, config = Plain(shape), shape.training
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=config.peak_learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
    )
    kept: list[tuple[Tensor, ...]] = []

    def step(batch: TrainingBatch, share: float) -> float:
        state = None
        if kept and not batch.resets_state:
            going = (batch.inputs[:, 0] != EOS_ID)[None, :, None]  # a line begins from zeros
            parts = tuple(part.detach() * going for part in kept.pop())
            state = parts if shape.cell == "lstm" else parts[0]
        for group in optimizer.param_groups:
            group["lr"] = config.peak_learning_rate * lr_factor(share, config)
        optimizer.zero_grad()
        logits, state = net(batch.inputs, state)
        loss = F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), config.clip)
        optimizer.step()
        kept[:] = [state if isinstance(state, tuple) else (state,)]
        return loss.item()

    return step


def random_batches(shape: Shape) -> Iterator[TrainingBatch]:
    """Yield windows of pieces drawn as their frequencies in text fall (Zipf)."""
    draws = np.random.default_rng(1)
    chances = 1 / np.arange(1, shape.vocab_size - 2)
    ids = 3 + draws.choice(len(chances), size=shape.pieces * 64, p=chances / chances.sum())
    batches = StreamBatches(ids, batch_size=shape.batch, bptt=shape.window)
    position = 0
    while True:
        batch = batches.batch_at(position)
        if batch.num_positions == shape.window:
            yield batch
        position += batch.num_positions


def seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def product_rate(repeat: int) -> float:
    """Return the operations a second of a large matrix product, in bf16 where that is fast."""
    size = 2048
    left, right = (torch.randn(size, size, dtype=torch.bfloat16 if BF16 else torch.float32) for _ in range(2))
    left @ right
    return 2 * size**3 / statistics.median(seconds(lambda: left @ right) for _ in range(repeat))


def race(shape: Shape, repeat: int) -> bool:
    """Print the rates of both; return whether korlm kept its promises."""
    plain, ours, batches = plain_steps(shape), our_steps(shape), random_batches(shape)
    taken: list[tuple[float, float, float]] = []  # seconds of the plain step, of ours; the product's rate beside them
    for number in range(repeat + 1):
        batch = next(batches)
        pair = {}
        for step in (plain, ours) if number % 2 else (ours, plain):  # each is the first in turn
            pair[step] = seconds(partial(step, batch, 0.1))
        if number:  # the first ones lay out memory
            taken.append((pair[plain], pair[ours], product_rate(1)))
    ratio = statistics.median(raw / own for raw, own, _ in taken)
    flops = training_flops_per_token(shape.config) * shape.pieces
    share = statistics.median(flops / own / product for _, own, product in taken)
    raw, own, _ = (statistics.median(column) for column in zip(*taken, strict=True))
    kept = ratio >= LEAST_RATIO and share >= (LEAST_SHARE or 0)
    limit = f", least {LEAST_SHARE:.0%}" if LEAST_SHARE else ""
    print(
        SHOWN.format(
            shape.cell, f"{shape.vocab_size:,}", f"{shape.pieces / own:,.0f}", f"{shape.pieces / raw:,.0f}",
            ratio, LEAST_RATIO, "ok" if kept else "UNDER", flops / own / 1e9, share, limit,
        ),
        flush=True,
    )  # fmt: skip
    return kept


def measure_memory(side: str, shape: Shape) -> None:
    """Print the most bytes that this process held over three steps."""
    step = our_steps(shape) if side == "ours" else plain_steps(shape)
    batches = random_batches(shape)
    for _ in range(3):
        step(next(batches), 0.1)
    print(peak_memory_bytes())


def compare_memory(cell: str) -> bool:
    shape = Shape(cell, VOCABULARIES[-1])
    held = {}
    for side in ("ours", "plain"):
        command = [sys.executable, __file__, "--memory", side, "--cell", cell]
        held[side] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    share = held["ours"] / held["plain"]
    kept = share <= MOST_MEMORY
    print(
        f"{cell:<10}{shape.vocab_size:>9,}{held['ours'] / 2**20:>7,.0f} MiB{held['plain'] / 2**20:>7,.0f} MiB   share"
        f" {share:>5.2f}   most {MOST_MEMORY:g}  {'ok' if kept else 'OVER'}   peak memory of the process, torch and all",
        flush=True,
    )
    return kept


def text_ids(name: str) -> tuple[np.ndarray, int]:
    """Return the ids of the bundled constitution and bills, each line ended, and the vocabulary's size."""
    tokenizer = korlm.load_tokenizer(name)
    lines = [line for corpus in ("kolaw", "kobill") for line in korlm.load_corpus(corpus).train]
    return np.concatenate([[*ids, EOS_ID] for ids in tokenizer.encode_ids(lines)]), tokenizer.vocab_size


def compare_losses(cell: str, seeds: int, full: bool) -> bool:
    """Print the mean loss of the last 50 of 500 steps of both, over some seeds; return whether they agree.

    From other first weights either loop ends up to a nat away, and after bf16's first rounding the two part by up to 3 %
    in either direction: one seed says little.
    """
    ids, vocab_size = text_ids("unigram" if full else "syllable")
    shape = Shape(cell, vocab_size) if full else Shape(cell, vocab_size, width=128, batch=16, window=32)
    pairs = [[last_loss(make, shape._replace(seed=seed), ids) for make in (our_steps, plain_steps)]
             for seed in range(1, seeds + 1)]  # fmt: skip
    aways = [ours / plain - 1 for ours, plain in pairs]
    ours, plain = (statistics.mean(column) for column in zip(*pairs, strict=True))
    away = statistics.mean(aways)
    kept = abs(away) <= MOST_LOSS
    print(
        f"{cell:<10}{vocab_size:>9,}{ours:>11.4f}{plain:>11.4f}    away {away:>+6.2%}  most {MOST_LOSS:.0%}"
        f"  {'ok' if kept else 'OVER'}   nats a piece, steps 451-500, E = H = {shape.width}, 2 layers,"
        f" {shape.batch} x {shape.window}; by seed {', '.join(f'{one:+.1%}' for one in aways)}",
        flush=True,
    )
    return kept


def last_loss(make: Callable[[Shape], Step], shape: Shape, ids: np.ndarray) -> float:
    """Return the mean loss of the last 50 steps."""
    step, batches, position, found = make(shape), StreamBatches(ids, batch_size=shape.batch, bptt=shape.window), 0, []
    for number in range(shape.steps):
        batch = batches.batch_at(position)
        found.append(step(batch, number / shape.steps))
        position += batch.num_positions
    return statistics.mean(found[-50:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="3 steps of each and 5 seeds in place of 9 (noisy: V 2,500 is near 1)"
    )
    parser.add_argument("--full", action="store_true", help="losses at the full shape")
    parser.add_argument("--cell", choices=["lstm", "gru"], help="one cell alone")
    parser.add_argument("--memory", choices=["ours", "plain"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory:
        measure_memory(asked.memory, Shape(asked.cell, VOCABULARIES[-1]))
        return 0
    print(
        f"{platform.node()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__},"
        f" {'bf16' if BF16 else 'no bf16'}; a product of 2048: {product_rate(3) / 1e9:,.1f} GFLOP/s\n"
        f"{'tokens/s':<10}{'V':>9}{'korlm':>11}{'plain':>11}   E = H = 512, 2 layers, batch 64, window 64, tied"
    )
    cells = [asked.cell] if asked.cell else ["lstm", "gru"]
    kept = [race(Shape(cell, size), 3 if asked.quick else 9) for cell in cells for size in VOCABULARIES]
    kept += [compare_memory(cell) for cell in cells]
    seeds = 1 if asked.full else 5 if asked.quick else 9
    kept += [compare_losses(cell, seeds, asked.full) for cell in cells]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
