"""The training loop: steps, validation, checkpoints, stopping and resuming.

A run is a function of its options, corpus and seed: the random generator is seeded at each step with the seed and the step.
So a run that was killed and resumed ends with the same weights, bit for bit, as an uninterrupted one (on one machine and
number of threads; not with ``minutes``, where the clock decides).
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

from torch import Tensor

from korlm.errors import TrainingError
from korlm.nn.seq2seq import TextModel
from korlm.storage.artifacts import new_folder
from korlm.training.allocator import retain_freed_memory
from korlm.training.batching import BatchSource
from korlm.training.checkpoint import TrainerState, load_checkpoint, save_checkpoint
from korlm.training.config import TrainConfig
from korlm.training.distributed import ProcessGroup
from korlm.training.loss import lm_loss
from korlm.training.step import LossFunction, TrainStep

_REPORT_INTERVAL = 0.5  # seconds between reports
_ASGD_PATIENCE = 5  # validations without improvement before NT-ASGD starts to average


@dataclass(frozen=True)
class ProgressReport:
    """The progress of a run, for a progress bar."""

    step: int  # steps done
    fraction_done: float  # fraction of the run that is done, 0 to 1
    pieces_per_second: float  # tokens per second since the last report, all processes together
    loss: float  # mean nats per token since the last report
    clipped: float  # fraction of the steps whose gradients were clipped
    seconds_left: float  # estimated remaining seconds
    valid: float | None  # bits per character of the last validation, or None
    finished_before: bool = False  # the resumed run was already finished, so nothing was done


class Trainer:
    """One training run.

    Args:
        validate: returns the bits per character of the model on the validation examples.
        write_model: writes the model's files into a folder.
        folder: the folder of ``last`` and ``best``.
        data_digest: digest of corpus and tokenizer, which a resumed run must match.
        report: called now and then with a `ProgressReport`.
        counts: see `TrainStep`, as for ``loss_function``.
    """

    def __init__(
        self, model: TextModel, batches: BatchSource, config: TrainConfig, *, validate: Callable[[], float],
        write_model: Callable[[Path], None], folder: Path, data_digest: str,
        report: Callable[[ProgressReport], None] = lambda report: None, process_group: ProcessGroup | None = None,
        counts: Tensor | None = None, loss_function: LossFunction = lm_loss,
    ) -> None:  # fmt: skip
        self.model, self.batches, self.config = model, batches, config
        self.validate, self.write_model, self.folder, self.report = validate, write_model, folder, report
        self.process_group = process_group or ProcessGroup()
        self.train_step = TrainStep(
            model, config, batches.batch_size, self.process_group, counts=counts, loss_function=loss_function
        )
        self.state = TrainerState(data_digest, batch=batches.batch_size)
        self.total_positions = max(1, round(config.epochs * batches.epoch_length))
        self._recent_rates = (0.0, math.nan)  # tokens per second and nats per token since the last report
        self._totals_at_report = (0.0, 0, 0.0)  # seconds, tokens and nats at the last report
        self._totals = (0, 0.0)  # tokens and nats so far in this process
        self._totals_at_validation = (0, 0.0)  # the same at the last validation

    def resume(self) -> None:
        """Continue from ``last``.

        Raises:
            ArtifactError: it is missing, damaged, or of another run.
        """
        tensors, self.state = load_checkpoint(self.folder / "last", self.state.data, self.batches.batch_size)
        self.train_step.restore_tensors(tensors, self.folder / "last")
        self._totals_at_report = (self.state.seconds, 0, 0.0)

    @property
    def fraction_done(self) -> float:
        """Fraction of the run that is done, by position or by the clock, whichever is further."""
        by_clock = self.state.seconds / 60 / self.config.minutes if self.config.minutes else 0.0
        return max(self.state.position / self.total_positions, by_clock)

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended and the last validation is that of its last step."""
        history = self.state.history
        validated = bool(history) and history[-1]["step"] == self.state.step
        return validated and (self._patience_exhausted or self.process_group.broadcast_object(self.fraction_done) >= 1)

    @property
    def _patience_exhausted(self) -> bool:
        """Whether the last ``config.patience`` validations brought no improvement (early stopping)."""
        bits = [entry["valid_bpc"] for entry in self.state.history]
        return bool(self.config.patience and bits and len(bits) - 1 - bits.index(min(bits)) >= self.config.patience)

    def run(self) -> TrainerState:
        """Train to the end or to Ctrl-C, which validates and saves; ``best`` and ``last`` are on disk afterwards.

        A run that was already finished when it was resumed is left as it is, also on disk; the one report says so.

        Raises:
            TrainingError: the loss is not finite; the last checkpoint is kept.
        """
        if self.is_finished:
            self._report_progress(force=True, finished_before=True)
            return self.state
        seconds_at_save = self.state.seconds
        retain_freed_memory()
        self.model.train()
        with _stop_on_ctrl_c() as stopped:
            done = self.process_group.broadcast_object(self.fraction_done)
            while done < 1 and not self.process_group.broadcast_object(stopped.is_set() or self._patience_exhausted):
                start = time.perf_counter()
                self._step(done)
                self.state.seconds += time.perf_counter() - start
                done = self.process_group.broadcast_object(self.fraction_done)
                seconds_unsaved = self.state.seconds - seconds_at_save
                if done < 1 and done * self.config.validations >= self.state.checks + 1:
                    self._validate_and_save()
                    seconds_at_save = self.state.seconds
                elif self.process_group.broadcast_object(seconds_unsaved >= self.config.save_every):
                    self._save_last()
                    seconds_at_save = self.state.seconds
        if not self._patience_exhausted:
            self._validate_and_save(planned=done >= 1)
        return self.state

    def save_best(self) -> None:
        """Write the current model to ``best``; every process must call it."""
        with self.train_step.average.average_parameters():
            self.process_group.run_on_main(self._write_best)

    def _step(self, fraction_done: float) -> None:
        progress = self.state
        batch = self.batches.batch_at(progress.position)
        nll, clipped = self.train_step.step(batch, fraction_done, progress)
        if not math.isfinite(nll):
            raise TrainingError(
                f"{progress.step}번째 스텝에서 손실이 NaN이나 무한대가 되었습니다. learning_rate를 낮추어 --resume 하세요. "
                "마지막 저장은 온전합니다.",
                f"The loss is NaN or infinite at step {progress.step}. Lower learning_rate and --resume; "
                "the last checkpoint is whole.",
            )
        progress.step += 1
        progress.position += batch.num_positions
        progress.pieces += batch.global_tokens
        progress.clipped += clipped
        self._totals = (self._totals[0] + batch.global_tokens, self._totals[1] + nll)
        self._report_progress()

    def _validate_and_save(self, *, planned: bool = True) -> None:
        """Validate, and save ``last`` and, if improved, ``best``; an unplanned validation does not affect the rest of the run."""
        with self.train_step.average.average_parameters():
            bits = self.process_group.run_on_main(self.validate)
        progress = self.state
        better = bits < progress.best
        progress.best = min(bits, progress.best)
        if planned:
            progress.checks += 1
            self._record_validation(bits)
        if better:  # before `last`, which records it: a kill in between repeats the validation
            self.save_best()
        if planned:
            self._adjust_after_validation(better)
        self._save_last()
        self._report_progress(force=True)

    def _record_validation(self, bits: float) -> None:
        progress = self.state
        num_tokens = self._totals[0] - self._totals_at_validation[0]
        train_nats = (self._totals[1] - self._totals_at_validation[1]) / num_tokens if num_tokens else math.nan
        self._totals_at_validation = self._totals
        progress.history.append({
            "step": progress.step, "pieces": progress.pieces, "seconds": progress.seconds,
            "train_nats": train_nats, "valid_bpc": bits, "clipped": progress.clipped / max(1, progress.step),
        })  # fmt: skip

    def _adjust_after_validation(self, improved: bool) -> None:
        """With SGD, anneal the learning rate or start averaging if validation has not improved."""
        if self.config.optimizer == "sgd" and not improved:
            self.state.rate /= self.config.anneal
        history = [entry["valid_bpc"] for entry in self.state.history]
        stalled = len(history) > _ASGD_PATIENCE and history[-1] > min(history[:-_ASGD_PATIENCE])
        if self.config.optimizer == "asgd" and not self.train_step.average.num_averaged and stalled:
            self.train_step.average.start()

    def _save_last(self) -> None:
        tensors = self.train_step.checkpoint_tensors()
        self.process_group.run_on_main(
            lambda: save_checkpoint(self.folder / "last", tensors, self.state, self.write_model)
        )

    def _write_best(self) -> None:
        with new_folder(self.folder / "best") as temporary:
            self.write_model(temporary)

    def _report_progress(self, *, force: bool = False, finished_before: bool = False) -> None:
        last_seconds, last_tokens, last_nats = self._totals_at_report
        seconds = self.state.seconds - last_seconds
        if not self.process_group.is_main or (not force and seconds < _REPORT_INTERVAL):
            return
        num_tokens = self._totals[0] - last_tokens
        if num_tokens and seconds:
            self._recent_rates = (num_tokens / seconds, (self._totals[1] - last_nats) / num_tokens)
        done = min(1.0, self.fraction_done)
        step, clipped = self.state.step, self.state.clipped / max(1, self.state.step)
        seconds_left = self.state.seconds / done * (1 - done) if done else math.inf
        valid = self.state.history[-1]["valid_bpc"] if self.state.history else None
        self.report(ProgressReport(step, done, *self._recent_rates, clipped, seconds_left, valid, finished_before))
        self._totals_at_report = (self.state.seconds, *self._totals)


@contextmanager
def _stop_on_ctrl_c() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets, so that the current step completes; the second one interrupts."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(signal_number: int, frame: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, previous_handler)

    previous_handler = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, previous_handler)
