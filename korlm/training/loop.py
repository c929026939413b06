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

from korlm.artifacts import new_folder
from korlm.errors import TrainingError
from korlm.training.batching import Batches
from korlm.training.checkpoint import Progress, load_state, save_state
from korlm.training.config import TrainConfig
from korlm.training.distributed import Ranks
from korlm.training.learner import Learner, Loss, Net
from korlm.training.loss import batch_loss
from korlm.training.memory import keep_memory

_SHOW_EVERY = 0.5  # seconds between reports
_STALL = 5  # validations without a better one before NT-ASGD begins to average


@dataclass(frozen=True)
class Report:
    """What a progress bar shows.

    Attributes:
        step: steps done.
        share: of the run that is done, 0 to 1.
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
        net: what learns.
        batches: what it reads.
        config: how.
        validate: gives bits per character of the net on the validation lines.
        write_model: writes a model folder's files into a folder.
        folder: where ``last`` and ``best`` go.
        data: digest of corpus and tokenizer, so that a run is not resumed on others.
        report: called now and then with a `Report`.
        ranks: the processes of the run.
        counts: how frequent each id is in the training text, for ``config.sampled``.
        loss: of a batch; by default a language model's.
    """

    def __init__(
        self,
        net: Net,
        batches: Batches,
        config: TrainConfig,
        *,
        validate: Callable[[], float],
        write_model: Callable[[Path], None],
        folder: Path,
        data: str,
        report: Callable[[Report], None] = lambda report: None,
        ranks: Ranks | None = None,
        counts: Tensor | None = None,
        loss: Loss = batch_loss,
    ) -> None:
        self.net, self.batches, self.config = net, batches, config
        self.validate, self.write_model, self.folder, self.report = validate, write_model, folder, report
        self.ranks = ranks or Ranks()
        self.learner = Learner(net, config, batches.batch, self.ranks, counts=counts, loss=loss)
        self.progress = Progress(data, batch=batches.batch)
        self.end = max(1, round(config.epochs * batches.length))
        self._pace = (0.0, math.nan)  # pieces a second and nats a piece over the last stretch
        self._shown = (0.0, 0, 0.0)  # seconds, pieces and nats at the last report
        self._sums = (0, 0.0)  # pieces and nats so far in this process
        self._checked = (0, 0.0)  # the same at the last validation

    def resume(self) -> None:
        """Go on from ``last``.

        Raises:
            ArtifactError: there is none, or it is another run's.
        """
        tensors, self.progress = load_state(self.folder / "last", self.progress.data, self.batches.batch)
        self.learner.restore(tensors, self.folder / "last")
        self._shown = (self.progress.seconds, 0, 0.0)

    @property
    def share(self) -> float:
        """Share of the run that is done: by what was read, or by the clock where that is further."""
        by_clock = self.progress.seconds / 60 / self.config.minutes if self.config.minutes else 0.0
        return max(self.progress.position / self.end, by_clock)

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end and the last validation is of its last step."""
        history = self.progress.history
        validated = bool(history) and history[-1]["step"] == self.progress.step
        return validated and (self._stale or self.ranks.agree(self.share) >= 1)

    @property
    def _stale(self) -> bool:
        """Whether validation has not improved for as long as the configuration is patient (early stopping)."""
        bits = [entry["valid_bpc"] for entry in self.progress.history]
        return bool(self.config.patience and bits and len(bits) - 1 - bits.index(min(bits)) >= self.config.patience)

    def run(self) -> Progress:
        """Train to the end, or to Ctrl-C, which saves and validates; ``best`` and ``last`` are on disk afterwards.

        A run that was finished when it was resumed stays as it is, on disk too; the one report says so.

        Raises:
            TrainingError: the loss is no longer a number; the last good checkpoint is kept.
        """
        if self.finished:
            self._tell(force=True, finished_before=True)
            return self.progress
        saved = self.progress.seconds
        keep_memory()
        self.net.train()
        with _stop_on_ctrl_c() as stopped:
            share = self.ranks.agree(self.share)
            while share < 1 and not self.ranks.agree(stopped.is_set() or self._stale):
                begun = time.perf_counter()
                self._step(share)
                self.progress.seconds += time.perf_counter() - begun
                share = self.ranks.agree(self.share)
                if share < 1 and share * self.config.validations >= self.progress.checks + 1:
                    self._check()
                    saved = self.progress.seconds
                elif self.ranks.agree(self.progress.seconds - saved >= self.config.save_every):
                    self._save()
                    saved = self.progress.seconds
        if not self._stale:
            self._check(planned=share >= 1)
        return self.progress

    def keep(self) -> None:
        """Put the net as it is into ``best``; every process must call it."""
        with self.learner.average.in_place():
            self.ranks.first_does(self._save_best)

    def _step(self, share: float) -> None:
        progress = self.progress
        batch = self.batches.at(progress.position)
        nats, clipped = self.learner.step(batch, share, progress)
        if not math.isfinite(nats):
            raise TrainingError(
                f"{progress.step}번째 걸음에서 손실이 수가 아니게 되었습니다. learning_rate를 낮추어 --resume 하세요. "
                "마지막 저장은 온전합니다.",
                f"The loss is no number at step {progress.step}. Lower learning_rate and --resume; "
                "the last checkpoint is whole.",
            )
        progress.step += 1
        progress.position += batch.size
        progress.pieces += batch.pieces
        progress.clipped += clipped
        self._sums = (self._sums[0] + batch.pieces, self._sums[1] + nats)
        self._tell()

    def _check(self, *, planned: bool = True) -> None:
        """Validate, save, and keep the best; one that was not planned leaves no trace in how the run goes on."""
        with self.learner.average.in_place():
            bits = self.ranks.first_does(self.validate)
        progress = self.progress
        better = bits < progress.best
        progress.best = min(bits, progress.best)
        if planned:
            progress.checks += 1
            self._record(bits)
        if better:  # before `last`, which says that it is there: a kill between the two repeats the check
            self.keep()
        if planned:
            self._react(better)
        self._save()
        self._tell(force=True)

    def _record(self, bits: float) -> None:
        progress = self.progress
        learnt = self._sums[0] - self._checked[0]
        nats = (self._sums[1] - self._checked[1]) / learnt if learnt else math.nan
        self._checked = self._sums
        progress.history.append(
            {
                "step": progress.step, "pieces": progress.pieces, "seconds": progress.seconds,
                "train_nats": nats, "valid_bpc": bits, "clipped": progress.clipped / max(1, progress.step),
            }
        )  # fmt: skip

    def _react(self, better: bool) -> None:
        """What SGD does where validation got no better: anneal, or begin to average."""
        if self.config.optimizer == "sgd" and not better:
            self.progress.rate /= self.config.anneal
        history = [entry["valid_bpc"] for entry in self.progress.history]
        stalled = len(history) > _STALL and history[-1] > min(history[:-_STALL])
        if self.config.optimizer == "asgd" and not self.learner.average.count and stalled:
            self.learner.average.begin()

    def _save(self) -> None:
        tensors = self.learner.tensors()
        self.ranks.first_does(lambda: save_state(self.folder / "last", tensors, self.progress, self.write_model))

    def _save_best(self) -> None:
        with new_folder(self.folder / "best") as temporary:
            self.write_model(temporary)

    def _tell(self, *, force: bool = False, finished_before: bool = False) -> None:
        seconds, pieces, nats = self._shown
        passed = self.progress.seconds - seconds
        if not self.ranks.first or (not force and passed < _SHOW_EVERY):
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
                clipped=self.progress.clipped / max(1, self.progress.step),
                seconds_left=self.progress.seconds / share * (1 - share) if share else math.inf,
                valid=self.progress.history[-1]["valid_bpc"] if self.progress.history else None,
                finished_before=finished_before,
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
