"""The training loop: steps, validations, checkpoints, and how a run stops and goes on.

A run is a function of its options, corpus and seed: random draws are made anew at each step from the seed and the step, so
a run that was killed and resumed ends in the same weights, bit for bit, as one that never stopped (on one machine and
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
_ASGD_PATIENCE = 5  # validations without a better one before NT-ASGD begins to average


@dataclass(frozen=True)
class ProgressReport:
    """What a progress bar shows.

    Attributes:
        step: steps done.
        fraction_done: of the run that is done, 0 to 1.
        pieces_per_second: over the last stretch, all processes together.
        loss: mean nats a piece over the last stretch.
        clipped: share of the steps whose gradients were cut.
        seconds_left: estimate.
        valid: last validation, bits per character, or None.
        finished_before: the run that was resumed was finished already, so nothing was done.
    """

    step: int
    share: float
    pieces_per_second: float
    loss: float
    clipped: float
    seconds_left: float
    valid: float | None
    finished_before: bool = False


class Trainer:
    """One run of training.

    Args:
        model: what learns.
        batches: what it reads.
        config: how.
        validate: gives bits per character of the net on the validation lines.
        write_model: writes a model folder's files into a folder.
        folder: where ``last`` and ``best`` go.
        data_digest: digest of corpus and tokenizer, so that a run is not resumed on others.
        report: called now and then with a `ProgressReport`.
        process_group: the processes of the run.
        counts: how frequent each id is in the training text, for ``config.sampled``.
        loss_function: of a batch; by default a language model's.
    """

    def __init__(
        self,
        model: TextModel,
        batches: BatchSource,
        config: TrainConfig,
        *,
        validate: Callable[[], float],
        write_model: Callable[[Path], None],
        folder: Path,
        data_digest: str,
        report: Callable[[ProgressReport], None] = lambda report: None,
        process_group: ProcessGroup | None = None,
        counts: Tensor | None = None,
        loss_function: LossFunction = lm_loss,
    ) -> None:
        self.model, self.batches, self.config = model, batches, config
        self.validate, self.write_model, self.folder, self.report = validate, write_model, folder, report
        self.process_group = process_group or ProcessGroup()
        self.train_step = TrainStep(
            model, config, batches.batch_size, self.process_group, counts=counts, loss_function=loss_function
        )
        self.state = TrainerState(data_digest, batch=batches.batch_size)
        self.total_positions = max(1, round(config.epochs * batches.epoch_length))
        self._recent_rates = (0.0, math.nan)  # pieces a second and nats a piece over the last stretch
        self._totals_at_report = (0.0, 0, 0.0)  # seconds, pieces and nats at the last report
        self._totals = (0, 0.0)  # pieces and nats so far in this process
        self._totals_at_validation = (0, 0.0)  # the same at the last validation

    def resume(self) -> None:
        """Go on from ``last``.

        Raises:
            ArtifactError: there is none, or it is another run's.
        """
        tensors, self.state = load_checkpoint(self.folder / "last", self.state.data, self.batches.batch_size)
        self.train_step.restore_tensors(tensors, self.folder / "last")
        self._totals_at_report = (self.state.seconds, 0, 0.0)

    @property
    def fraction_done(self) -> float:
        """Share of the run that is done: by what was read, or by the clock where that is further."""
        by_clock = self.state.seconds / 60 / self.config.minutes if self.config.minutes else 0.0
        return max(self.state.position / self.total_positions, by_clock)

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to its end and the last validation is of its last step."""
        history = self.state.history
        validated = bool(history) and history[-1]["step"] == self.state.step
        return validated and (self._patience_exhausted or self.process_group.broadcast_object(self.fraction_done) >= 1)

    @property
    def _patience_exhausted(self) -> bool:
        """Whether validation has not improved for as long as the configuration is patient (early stopping)."""
        bits = [entry["valid_bpc"] for entry in self.state.history]
        return bool(self.config.patience and bits and len(bits) - 1 - bits.index(min(bits)) >= self.config.patience)

    def run(self) -> TrainerState:
        """Train to the end, or to Ctrl-C, which saves and validates; ``best`` and ``last`` are on disk afterwards.

        A run that was finished when it was resumed stays as it is, on disk too; the one report says so.

        Raises:
            TrainingError: the loss is no longer a number; the last good checkpoint is kept.
        """
        if self.is_finished:
            self._report_progress(force=True, finished_before=True)
            return self.state
        saved = self.state.seconds
        retain_freed_memory()
        self.model.train()
        with _stop_on_ctrl_c() as stopped:
            share = self.process_group.broadcast_object(self.fraction_done)
            while share < 1 and not self.process_group.broadcast_object(stopped.is_set() or self._patience_exhausted):
                begun = time.perf_counter()
                self._step(share)
                self.state.seconds += time.perf_counter() - begun
                share = self.process_group.broadcast_object(self.fraction_done)
                if share < 1 and share * self.config.validations >= self.state.checks + 1:
                    self._validate_and_save()
                    saved = self.state.seconds
                elif self.process_group.broadcast_object(self.state.seconds - saved >= self.config.save_every):
                    self._save_last()
                    saved = self.state.seconds
        if not self._patience_exhausted:
            self._validate_and_save(planned=share >= 1)
        return self.state

    def save_best(self) -> None:
        """Put the net as it is into ``best``; every process must call it."""
        with self.train_step.average.average_parameters():
            self.process_group.run_on_main(self._write_best)

    def _step(self, fraction_done: float) -> None:
        progress = self.state
        batch = self.batches.batch_at(progress.position)
        nats, clipped = self.train_step.step(batch, fraction_done, progress)
        if not math.isfinite(nats):
            raise TrainingError(
                f"{progress.step}번째 걸음에서 손실이 수가 아니게 되었습니다. learning_rate를 낮추어 --resume 하세요. "
                "마지막 저장은 온전합니다.",
                f"The loss is no number at step {progress.step}. Lower learning_rate and --resume; "
                "the last checkpoint is whole.",
            )
        progress.step += 1
        progress.position += batch.num_positions
        progress.pieces += batch.global_tokens
        progress.clipped += clipped
        self._totals = (self._totals[0] + batch.global_tokens, self._totals[1] + nats)
        self._report_progress()

    def _validate_and_save(self, *, planned: bool = True) -> None:
        """Validate, save, and keep the best; one that was not planned leaves no trace in how the run goes on."""
        with self.train_step.average.average_parameters():
            bits = self.process_group.run_on_main(self.validate)
        progress = self.state
        better = bits < progress.best
        progress.best = min(bits, progress.best)
        if planned:
            progress.checks += 1
            self._record_validation(bits)
        if better:  # before `last`, which says that it is there: a kill between the two repeats the check
            self.save_best()
        if planned:
            self._adjust_after_validation(better)
        self._save_last()
        self._report_progress(force=True)

    def _record_validation(self, bits: float) -> None:
        progress = self.state
        learnt = self._totals[0] - self._totals_at_validation[0]
        nats = (self._totals[1] - self._totals_at_validation[1]) / learnt if learnt else math.nan
        self._totals_at_validation = self._totals
        progress.history.append(
            {
                "step": progress.step, "pieces": progress.pieces, "seconds": progress.seconds,
                "train_nats": nats, "valid_bpc": bits, "clipped": progress.clipped / max(1, progress.step),
            }
        )  # fmt: skip

    def _adjust_after_validation(self, improved: bool) -> None:
        """What SGD does where validation got no better: anneal, or begin to average."""
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
        seconds, pieces, nats = self._totals_at_report
        passed = self.state.seconds - seconds
        if not self.process_group.is_main or (not force and passed < _REPORT_INTERVAL):
            return
        learnt = self._totals[0] - pieces
        if learnt and passed:
            self._recent_rates = (learnt / passed, (self._totals[1] - nats) / learnt)
        share = min(1.0, self.fraction_done)
        self.report(
            ProgressReport(
                step=self.state.step,
                share=share,
                pieces_per_second=self._recent_rates[0],
                loss=self._recent_rates[1],
                clipped=self.state.clipped / max(1, self.state.step),
                seconds_left=self.state.seconds / share * (1 - share) if share else math.inf,
                valid=self.state.history[-1]["valid_bpc"] if self.state.history else None,
                finished_before=finished_before,
            )
        )
        self._totals_at_report = (self.state.seconds, self._totals[0], self._totals[1])


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
