"""What a step reads: streams, drawn windows, whole lines, and the shares of several processes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from korlm.errors import CorpusError
from korlm.tokenizers.base import EOS_ID, PAD_ID
from korlm.training.batching import LineBatches, StreamBatches


def walked(batches: StreamBatches | LineBatches, epochs: int = 1) -> list:  # type: ignore[type-arg]
    position, found = 0, []
    while position < epochs * batches.epoch_length:
        found.append(batches.batch_at(position))
        position += found[-1].num_positions
    assert position == epochs * batches.epoch_length
    return found


@given(st.integers(2, 300), st.integers(1, 8), st.integers(1, 20), st.booleans())
def test_windows_read_each_stream_in_order_and_targets_come_one_later(
    size: int, batch: int, bptt: int, jitter: bool
) -> None:
    if (size - 1) // batch < 1:
        return
    windows = walked(StreamBatches(np.arange(size), batch_size=batch, bptt=bptt, jitter=jitter, seed=3))
    inputs = torch.cat([window.inputs for window in windows], 1)
    assert torch.equal(torch.cat([window.targets for window in windows], 1), inputs + 1)
    assert inputs.flatten().tolist() == list(range(inputs.numel()))
    assert inputs.shape == (batch, (size - 1) // batch)
    assert [window.resets_state for window in windows] == [True] + [False] * (len(windows) - 1)


def test_drawn_windows_vary_about_their_mean_and_the_rate_with_them() -> None:
    windows = walked(StreamBatches(np.zeros(200_000), batch_size=2, bptt=70, jitter=True, seed=1))[:-1]
    sizes = np.array([window.num_positions for window in windows])
    assert 66 < sizes.mean() < 71 and 35 - 20 < sizes.min() < 50 and sizes.max() < 95
    assert all(window.lr_scale == window.num_positions / 70 for window in windows)


lines_of_ids = st.lists(st.lists(st.integers(4, 50), max_size=9), min_size=6, max_size=60)


@given(lines_of_ids, st.integers(1, 4), st.integers(0, 5))
def test_each_line_is_read_once_an_epoch_from_its_start_to_its_end(
    lines: list[list[int]], batch: int, seed: int
) -> None:
    ids = np.array([number for line in lines for number in (*line, EOS_ID)])
    batches = LineBatches(ids, batch_size=batch, seed=seed)
    read = []
    for found in walked(batches):
        for inputs, targets in zip(found.inputs.tolist(), found.targets.tolist(), strict=True):
            end = targets.index(EOS_ID)
            assert inputs[: end + 1] == [EOS_ID, *targets[:end]]
            assert set(targets[end + 1 :]) <= {PAD_ID}
            read.append(targets[:end])
        assert found.global_tokens == int((found.targets != PAD_ID).sum())
    left_over = len(lines) % batch
    pool = sorted(lines)
    assert len(read) == len(lines) - left_over and all(line in pool for line in read)
    if not left_over:
        assert sorted(read) == pool


@given(lines_of_ids, st.sampled_from([(2, 4), (3, 6), (2, 2)]))
def test_the_shares_of_several_processes_are_the_whole_batch(lines: list[list[int]], split: tuple[int, int]) -> None:
    number, batch = split
    ids = np.array([number for line in lines for number in (*line, EOS_ID)])
    for kind, options in ((StreamBatches, {"bptt": 3}), (LineBatches, {})):
        try:
            whole = kind(ids, batch_size=batch, **options).batch_at(0)  # type: ignore[operator]
        except CorpusError:
            continue
        parts = [kind(ids, batch_size=batch, shard=(rank, number), **options).batch_at(0) for rank in range(number)]  # type: ignore[operator]
        assert torch.equal(torch.cat([part.inputs for part in parts]), whole.inputs)
        assert torch.equal(torch.cat([part.targets for part in parts]), whole.targets)
        assert {part.global_tokens for part in parts} == {whole.global_tokens}


def test_a_corpus_too_small_for_the_batch_is_a_clear_error() -> None:
    with pytest.raises(CorpusError, match="batch 64"):
        StreamBatches(np.arange(10), batch_size=64, bptt=8)
    with pytest.raises(CorpusError, match="줄 2개"):
        LineBatches(np.array([5, EOS_ID, 6, EOS_ID]), batch_size=3)
