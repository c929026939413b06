"""Training on a GPU: the same losses as on the processor, bf16, a run taken up again, the launcher; skips without one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import korlm
from korlm.models.language_model import LanguageModel
from korlm.models.marginal import score_marginal
from korlm.models.scoring import token_nlls
from korlm.nn.lm import RecurrentLM
from korlm.training.batching import TrainingBatch
from korlm.training.checkpoint import TrainerState
from korlm.training.config import TrainConfig
from korlm.training.distributed import ProcessGroup
from korlm.training.step import TrainStep
from korlm.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")

LINES = korlm.load_corpus("kolaw").train[:300] + korlm.load_corpus("kolaw").valid
SMALL = {"tokenizer": "syllable", "embedding": 32, "hidden": 48, "batch": 8, "bptt": 16, "epochs": 2}
SHAPES = [
    {"cell": "rnn"},
    {"cell": "gru", "layers": 2},
    {"cell": "lstm", "dropout": 0.0},
    {"cell": "lstm", "projection": 8},
    {"cell": "lstm", "layer_norm": True},
    {"cell": "lstm", "ngrams": 3, "buckets": 64, "ngram_width": 8},
]


def losses(net: RecurrentLM, steps: int = 12, **options: object) -> list[float]:
    """Nats a piece at some steps of learning one batch by heart, on the net's device."""
    config = TrainConfig(**{"batch": 4, "learning_rate": 0.01, "warmup": 0.0, **options})  # type: ignore[arg-type]
    learner = TrainStep(net.train(), config, 4, ProcessGroup(), counts=torch.ones(260))
    ids = torch.randint(3, 40, (4, 17), generator=torch.Generator().manual_seed(3))
    batch = TrainingBatch(ids[:, :-1], ids[:, 1:], 16, global_rows=4, global_tokens=64, resets_state=True)
    progress, found = TrainerState(""), []
    for progress.step in range(steps):
        found.append(learner.step(batch, 0.1, progress)[0] / 64)
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_gpu_learns_what_the_processor_learns(
    small_net: Callable[..., RecurrentLM], shape: dict[str, object], optimizer: str
) -> None:
    here = losses(small_net(**shape), optimizer=optimizer, bf16=False)
    there = losses(small_net(**shape).to("cuda"), optimizer=optimizer, bf16=False)
    assert there == pytest.approx(here, rel=3e-3)  # cuDNN takes tf32 products
    assert here[-1] < here[0]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bf16_learns_what_float32_learns(small_net: Callable[..., RecurrentLM], shape: dict[str, object]) -> None:
    wide = losses(small_net(**shape).to("cuda"), steps=25, bf16=False)
    half = losses(small_net(**shape).to("cuda"), steps=25, bf16=True)
    assert half[-1] == pytest.approx(wide[-1], rel=0.05)
    assert half != wide, "bf16 was asked for, and nothing changed"


def test_lines_are_scored_alike(small_net: Callable[..., RecurrentLM]) -> None:
    lines = [[5, 6, 7], [8] * 40, []]
    here, there = token_nlls(small_net(), lines), token_nlls(small_net().to("cuda"), lines)
    for left, right in zip(here, there, strict=True):
        assert right == pytest.approx(left, rel=2e-3)


def test_segmentations_are_summed_alike(small_net: Callable[..., RecurrentLM]) -> None:
    tokenizer = korlm.load_tokenizer("unigram")
    lines = ["정말 재미있다ㅋㅋ", "", "뷁 모든 국민은 법 앞에 평등하다."]
    here, there = (
        score_marginal(LanguageModel(tokenizer, small_net(tokenizer.vocab_size).to(device)), lines).bits
        for device in ("cpu", "cuda")
    )
    assert there == pytest.approx(here, rel=3e-3)


def test_a_run_on_a_gpu_ends_in_a_model_for_every_machine(tmp_path: Path) -> None:
    lm = korlm.train_model(LINES, folder=tmp_path / "run", **SMALL)
    assert lm.net.embedding.weight.device.type == "cpu"
    assert korlm.load_model(tmp_path / "run").generate("모든", seed=1) == lm.generate("모든", seed=1)


def test_a_run_taken_up_again_ends_as_one_never_stopped(tmp_path: Path) -> None:
    whole = korlm.train_model(LINES, folder=tmp_path / "whole", save_every=0.0, **SMALL)
    step, stopped = Trainer._step, []

    def stop(self: Trainer, share: float) -> None:
        if self.state.step == 9 and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        step(self, share)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", stop)
        with pytest.raises(KeyboardInterrupt):
            korlm.train_model(LINES, folder=tmp_path / "parts", save_every=0.0, **SMALL)
        parts = korlm.train_model(LINES, folder=tmp_path / "parts", save_every=0.0, resume=True, **SMALL)
    for name, weight in whole.net.weight_dict().items():
        torch.testing.assert_close(parts.net.weight_dict()[name], weight, rtol=1e-3, atol=1e-4)


def test_torchrun_takes_nccl(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(LINES), encoding="utf-8")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "-m", "korlm"]
    done = subprocess.run(
        [*launcher, "train", str(text), *options, f"--folder={tmp_path / 'run'}"],
        capture_output=True, text=True, timeout=800, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert korlm.load_model(tmp_path / "run").parameters > 0
