"""Batches: streams, jittered windows, whole lines, and shards of several processes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from korlm.errors import CorpusError
from korlm.tokenizers.base import EOS_ID, PAD_ID
from korlm.training.batching import LineBatches, StreamBatches, TrainingBatch


def read_epoch(source: StreamBatches | LineBatches) -> list[TrainingBatch]:
    position, batches = 0, []
    while position < source.epoch_length:
        batches.append(source.batch_at(position))
        position += batches[-1].num_positions
    assert position == source.epoch_length
    return batches


@given(st.integers(2, 300), st.integers(1, 8), st.integers(1, 20), st.booleans())
def test_windows_cover_each_stream_in_order_with_shifted_targets(
    size: int, batch: int, bptt: int, jitter: bool
) -> None:
    if (size - 1) // batch < 1:
        return
    windows = read_epoch(StreamBatches(np.arange(size), batch_size=batch, bptt=bptt, jitter=jitter, seed=3))
    inputs = torch.cat([window.inputs for window in windows], 1)
    assert torch.equal(torch.cat([window.targets for window in windows], 1), inputs + 1)
    assert inputs.flatten().tolist() == list(range(inputs.numel()))
    assert inputs.shape == (batch, (size - 1) // batch)
    assert [window.resets_state for window in windows] == [True] + [False] * (len(windows) - 1)


def test_jittered_windows_vary_around_mean_with_learning_rate() -> None:
    windows = read_epoch(StreamBatches(np.zeros(200_000), batch_size=2, bptt=70, jitter=True, seed=1))[:-1]
    sizes = np.array([window.num_positions for window in windows])
    assert 66 < sizes.mean() < 71 and 35 - 20 < sizes.min() < 50 and sizes.max() < 95
    assert all(window.lr_scale == window.num_positions / 70 for window in windows)


lines_of_ids = st.lists(st.lists(st.integers(4, 50), max_size=9), min_size=6, max_size=60)


@given(lines_of_ids, st.integers(1, 4), st.integers(0, 5))
def test_each_line_is_read_whole_once_per_epoch(lines: list[list[int]], batch: int, seed: int) -> None:
    ids = np.array([token_id for line in lines for token_id in (*line, EOS_ID)])
    batches = LineBatches(ids, batch_size=batch, seed=seed)
    read = []
    for epoch_batch in read_epoch(batches):
        for inputs, targets in zip(epoch_batch.inputs.tolist(), epoch_batch.targets.tolist(), strict=True):
            end = targets.index(EOS_ID)
            assert inputs[: end + 1] == [EOS_ID, *targets[:end]]
            assert set(targets[end + 1 :]) <= {PAD_ID}
            read.append(targets[:end])
        assert epoch_batch.global_tokens == int((epoch_batch.targets != PAD_ID).sum())
    left_over = len(lines) % batch
    pool = sorted(lines)
    assert len(read) == len(lines) - left_over and all(line in pool for line in read)
    if not left_over:
        assert sorted(read) == pool


@given(lines_of_ids, st.sampled_from([(2, 4), (3, 6), (2, 2)]))
def test_shards_of_processes_make_up_the_batch(lines: list[list[int]], split: tuple[int, int]) -> None:
    world_size, batch = split
    ids = np.array([token_id for line in lines for token_id in (*line, EOS_ID)])
    for kind, options in ((StreamBatches, {"bptt": 3}), (LineBatches, {})):
        try:
            whole = kind(ids, batch_size=batch, **options).batch_at(0)  # type: ignore[operator]
        except CorpusError:
            continue
        parts = [
            kind(ids, batch_size=batch, shard=(rank, world_size), **options).batch_at(0) for rank in range(world_size)
        ]  # type: ignore[operator]
        assert torch.equal(torch.cat([part.inputs for part in parts]), whole.inputs)
        assert torch.equal(torch.cat([part.targets for part in parts]), whole.targets)
        assert {part.global_tokens for part in parts} == {whole.global_tokens}


def test_too_small_corpus_is_a_clear_error() -> None:
    with pytest.raises(CorpusError, match="batch 64"):
        StreamBatches(np.arange(10), batch_size=64, bptt=8)
    with pytest.raises(CorpusError, match="줄 2개"):
        LineBatches(np.array([5, EOS_ID, 6, EOS_ID]), batch_size=3)
