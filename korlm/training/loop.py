"""The training loop: teacher forcing over truncated back-propagation through time.

At every step the net sees the true piece before the one it predicts (teacher forcing, Williams and Zipser 1989); the
state is carried from window to window, and gradients stop at the window's edge (truncated BPTT, Werbos 1990).
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from korlm.artifacts import new_folder
from korlm.errors import TrainingError
from korlm.nn.recurrent import RecurrentLM, State
from korlm.tokenizers.base import EOS_ID
from korlm.training.batching import WindowBatches
from korlm.training.checkpoint import Progress, load_state, save_state
from korlm.training.config import TrainConfig

_SHOW_EVERY = 0.5  # seconds between reports


@dataclass(frozen=True)
class Report:
    """What a progress bar shows.

    Attributes:
        step: windows done.
        share: of the run that is done, 0 to 1.
        pieces_per_second: over the last stretch.
        loss: mean nats a piece over the last stretch.
        seconds_left: estimate.
        valid: last validation, bits per character, or None.
    """

    step: int
    share: float
    pieces_per_second: float
    loss: float
    seconds_left: float
    valid: float | None


class Trainer:
    """One run of training.

    Args:
        net: what learns.
        batches: its windows.
        config: how.
        validate: gives bits per character of the net on the validation lines.
        write_model: writes a model folder's files into a folder.
        folder: where ``last`` and ``best`` go.
        data: digest of corpus and tokenizer, so that a run is not resumed on others.
        report: called now and then with a `Report`.
    """

    def __init__(
        self,
        net: RecurrentLM,
        batches: WindowBatches,
        config: TrainConfig,
        *,
        validate: Callable[[], float],
        write_model: Callable[[Path], None],
        folder: Path,
        data: str,
        report: Callable[[Report], None] = lambda report: None,
    ) -> None:
        self.net, self.batches, self.config = net, batches, config
        self.validate, self.write_model, self.folder, self.report = validate, write_model, folder, report
        self.device = net.embedding.weight.device
        self.optimizer = torch.optim.AdamW(
            net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99)
        )
        self.state = net.zero_state(batches.batch)
        self.progress = Progress(data)
        self.total = max(1, round(config.epochs * len(batches)))
        self.bf16 = config.bf16 and fast_bf16(self.device)
        self._pace = (0.0, math.nan)  # pieces a second and nats a piece over the last stretch
        self._shown = (0.0, 0, 0.0)  # seconds, pieces and loss sum at the last report
        self._sums = (0, 0.0)  # pieces and nats so far in this process
        self._checked = (0, 0.0)  # the same at the last validation

    def resume(self) -> None:
        """Go on from ``last``.

        Raises:
            ArtifactError: there is none, or it is another run's.
        """
        self.state, self.progress = load_state(self.folder / "last", self.net, self.optimizer, self.progress.data)

    @property
    def share(self) -> float:
        """Share of the run that is done: by windows, or by the clock where that is further."""
        by_clock = self.progress.seconds / 60 / self.config.minutes if self.config.minutes else 0.0
        return max(self.progress.step / self.total, by_clock)

    def run(self) -> Progress:
        """Train to the end, or to Ctrl-C, which saves and validates; ``best`` and ``last`` are on disk afterwards.

        Raises:
            TrainingError: the loss is no longer a number; the last good checkpoint is kept.
        """
        next_check = self.progress.seconds + self.config.validate_every
        self.net.train()
        with _stop_on_ctrl_c() as stopped:
            while self.share < 1 and not stopped.is_set():
                begun = time.perf_counter()
                self._step()
                self.progress.seconds += time.perf_counter() - begun
                if self.progress.seconds >= next_check and self.share < 1:
                    self._check()
                    next_check = self.progress.seconds + self.config.validate_every
        self._check()
        return self.progress

    def _step(self) -> None:
        index = self.progress.step % len(self.batches)
        inputs, targets = (part.to(self.device) for part in self.batches[index])
        state = self.net.zero_state(len(inputs)) if index == 0 else _restart(self.state, inputs[:, 0])
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * rate(self.share, self.config)
        loss, new_state = window_loss(self.net, inputs, targets, state, bf16=self.bf16)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip or math.inf)
        value = loss.item()
        if not math.isfinite(value) or not torch.isfinite(norm):
            raise TrainingError(
                f"{self.progress.step}번째 걸음에서 손실이 수가 아니게 되었습니다. learning_rate를 낮추어 --resume 하세요. "
                "마지막 저장은 온전합니다.",
                f"The loss is no number at step {self.progress.step}. Lower learning_rate and --resume; "
                "the last checkpoint is whole.",
            )
        self.optimizer.step()
        self.state = tuple(part.detach() for part in new_state)
        self.progress.step += 1
        self._sums = (self._sums[0] + targets.numel(), self._sums[1] + value * targets.numel())
        self._tell()

    def _check(self) -> None:
        bits = self.validate()
        train_nats = (self._sums[1] - self._checked[1]) / max(1, self._sums[0] - self._checked[0])
        self._checked = self._sums
        progress = self.progress
        progress.history.append(
            {"step": progress.step, "seconds": round(progress.seconds, 1), "train_nats": train_nats, "valid_bpc": bits}
        )
        better = bits < progress.best
        progress.best = min(bits, progress.best)
        save_state(self.folder / "last", self.net, self.optimizer, self.state, progress, self.write_model)
        if better:
            with new_folder(self.folder / "best") as temporary:
                self.write_model(temporary)
        self._tell(force=True)

    def _tell(self, *, force: bool = False) -> None:
        seconds, pieces, nats = self._shown
        passed = self.progress.seconds - seconds
        if not force and passed < _SHOW_EVERY:
            return
        learnt = self._sums[0] - pieces
        if learnt and passed:
            self._pace = (learnt / passed, (self._sums[1] - nats) / learnt)
        share = min(1.0, self.share)
        self.report(
            Report(
                step=self.progress.step,
                share=share,
                pieces_per_second=self._pace[0],
                loss=self._pace[1],
                seconds_left=self.progress.seconds / share * (1 - share) if share else math.inf,
                valid=self.progress.history[-1]["valid_bpc"] if self.progress.history else None,
            )
        )
        self._shown = (self.progress.seconds, self._sums[0], self._sums[1])


@contextmanager
def _stop_on_ctrl_c() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets, so that no step is cut in half; the second one interrupts."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


def window_loss(net: RecurrentLM, inputs: Tensor, targets: Tensor, state: State, *, bf16: bool) -> tuple[Tensor, State]:
    """Return the mean loss of a window (nats a piece) and the state after it.

    Args:
        net: the language model.
        inputs: ``[B, T]``.
        targets: ``[B, T]``.
        state: before the window, detached.
        bf16: run the recurrence under autocast. The loss itself is taken on bf16 logits outside of it: autocast would
            copy them to float32, which halves the speed on CPU.
    """
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=bf16):
        hidden, new_state = net(inputs, state)
    logits = net.logits(hidden).flatten(0, 1)
    return F.cross_entropy(logits, targets.flatten()).float(), tuple(part.float() for part in new_state)


def rate(share: float, config: TrainConfig) -> float:
    """Return the share of the peak learning rate: linear warm-up, then cosine (Loshchilov and Hutter 2017).

    >>> rate(0.0, TrainConfig()) < 0.05, rate(0.02, TrainConfig()), round(rate(1.0, TrainConfig()), 6)
    (True, 1.0, 0.02)
    """
    if share < config.warmup:
        return max(share / config.warmup, 1e-3)
    along = min(1.0, (share - config.warmup) / max(1e-9, 1 - config.warmup))
    return config.final_rate + (1 - config.final_rate) * (1 + math.cos(math.pi * along)) / 2


def fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 products are fast on this processor."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def _restart(state: State, first: Tensor) -> State:
    """Zero the state of rows whose window opens a line (its first input is ``</s>``).

    Lines are scored and generated from the zero state after ``</s>``; without this the net would hardly ever have
    seen that pair.
    """
    keep = (first != EOS_ID).to(state[0].dtype)[None, :, None]
    return tuple(part * keep for part in state)
