"""Run an experiment: vocabularies, baselines, runs and report, each done once, also after a kill.

>>> import tempfile
>>> small = {"hidden": 8, "embedding": 8, "batch": 4, "validations": 1}
>>> config = ExperimentConfig("kolaw", ("syllable",), seeds=1, limit=40, characters=1e3, options=small, xz_bytes=1000)
>>> run_experiment(config, tempfile.mkdtemp()).rows[0].label
'syllable'
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from korlm.errors import CorpusError, InputError
from korlm.experiments.config import ExperimentConfig
from korlm.experiments.folder import ExperimentFolder, load_experiment_corpus
from korlm.experiments.jobs import JobGroup, folder_lock, run_job
from korlm.experiments.plan import PlannedRun, TimeEstimator, plan_run, plan_runs
from korlm.experiments.progress import NullProgress
from korlm.experiments.report import write_experiment_report
from korlm.experiments.results import ExperimentResult, collect_results

Item = TypeVar("Item")


def run_experiment(
    config: ExperimentConfig,
    folder: str | Path = "runs/experiment",
    *,
    jobs: int = 1,
    progress: NullProgress | None = None,
    command_line: str = "korlm.experiments.run.run_experiment",
) -> ExperimentResult:
    """Run an experiment in a folder, or continue it, and write its report.

    Every run is a process of its own. Finished runs are skipped; an interrupted run resumes from its last checkpoint, to
    the same figures (unless ``minutes`` ends it). Tokenizers, cells and seeds may be added to a folder later.

    Args:
        config: the experiment.
        folder: see `korlm.experiments.folder`.
        jobs: number of runs side by side, each with its part of the processor's cores unless ``OMP_NUM_THREADS`` is set.
            It changes seconds, and last bits if the number of threads changes; nothing else.
        progress: callbacks; none by default.
        command_line: the command to state in the report.

    Raises:
        InputError: a vocabulary alone exceeds the budget of parameters, or ``jobs`` is below 1.
        UnknownNameError: a tokenizer that is neither a name nor a folder.
        MissingDependencyError: an analyzer is not installed.
        CorpusError: an empty split, or too little text.
        ArtifactError: the folder holds another experiment, another process works in it, or it cannot be written.
        TrainingError: a run failed; the results of the others are kept.
        KeyboardInterrupt: Ctrl-C; the current runs are saved.
    """
    if jobs < 1:
        raise InputError(f"jobs는 1 이상이어야 합니다 (받은 값: {jobs}).", f"jobs must be at least 1, not {jobs}.")
    progress = progress or NullProgress()
    config.check_installed()
    store = ExperimentFolder(folder)
    store.check_compatible(config)  # before the lock writes a file into a folder of something else
    with folder_lock(store.path) as lock:
        store.check_compatible(config)
        corpus_info = _record_corpus(config, store, command_line)
        runner = _JobRunner(config, store, progress, lock, jobs)
        vocabularies = runner.make_vocabularies()
        runs = plan_runs(config, train_characters=corpus_info["characters"]["train"], vocabularies=vocabularies)
        runner.measure_baselines()
        runner.execute_runs(runs)
        runner.score_marginal_runs(runs, vocabularies)
        progress.on_stage_begin("보고서를 쓰는 중", "writing the report")
        return report_experiment(folder)


def report_experiment(folder: str | Path) -> ExperimentResult:
    """Write the report of an experiment from its finished runs, and return the results.

    Raises:
        ArtifactError: the folder holds no experiment, or it cannot be written.
        InputError: no run is finished.
    """
    result = collect_results(ExperimentFolder(folder))
    write_experiment_report(result, Path(folder))
    return result


def _record_corpus(config: ExperimentConfig, store: ExperimentFolder, command_line: str) -> dict[str, Any]:
    corpus = load_experiment_corpus(**config.corpus_arguments)
    if not (corpus.train and corpus.valid and corpus.test):
        raise CorpusError(
            f"'{config.corpus}'의 train, valid, test 가운데 빈 것이 있습니다. 더 큰 말뭉치를 쓰세요.",
            f"A split of '{config.corpus}' (train, valid or test) is empty. Use a larger corpus.",
        )
    return store.write_metadata(config, corpus, command_line)


class _JobRunner:
    """Runs the jobs of an experiment, stage by stage; the methods are in order of execution."""

    def __init__(
        self, config: ExperimentConfig, store: ExperimentFolder, progress: NullProgress, lock: int | None, jobs: int
    ) -> None:
        self.config, self.store, self.progress, self.lock, self.jobs = config, store, progress, lock, jobs
        self._threads_per_run = max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else 0  # 0 leaves it to torch
        self._job_group = JobGroup()
        self._progress_lock = threading.Lock()

    def make_vocabularies(self) -> dict[str, dict[str, Any]]:
        """Return the statistics of all vocabularies by slug; train those that are missing."""
        vocabularies = {}
        for spec in self.config.tokenizer_specs:
            info = self.store.load_vocabulary_info(spec.slug)
            if info is None:
                ko, en = f"어휘를 만드는 중: {spec.label}", f"making the vocabulary of {spec.label}"
                self.progress.on_stage_begin(ko, en)
                job = {"kind": "vocabulary", "spec": asdict(spec), "folder": str(self.store.tokenizers_folder)}
                info = self._run_job(job, self.store.tokenizers_folder / f"{spec.slug}.log")
            for run_spec in self.config.run_specs():
                if run_spec.tokenizer == spec:  # raises now if the vocabulary exceeds the budget
                    plan_run(self.config, run_spec, 1, info)
            vocabularies[spec.slug] = info
        return vocabularies

    def measure_baselines(self) -> None:
        """Measure the baselines unless they are stored."""
        if self.store.load_baselines() is None:
            self.progress.on_stage_begin("바닥을 재는 중 (xz, 균등)", "measuring the floors (xz, uniform)")
            job = {"kind": "baselines", "max_prime_bytes": self.config.xz_bytes, "file": str(self.store.baselines_file)}
            self._run_job(job, self.store.path / "floors.log")

    def execute_runs(self, runs: list[PlannedRun]) -> None:
        """Execute the runs that are not finished."""
        results = {run.name: self.store.load_result(run.name) for run in runs}
        estimator = TimeEstimator(result for result in results.values() if result)
        unfinished = [run for run in runs if not results[run.name]]
        numbers = {run.name: number for number, run in enumerate(runs, 1)}
        for run in runs:
            if results[run.name]:
                self.progress.on_run_skip(run, numbers[run.name], len(runs))

        def estimate_seconds_left() -> float:
            return estimator.remaining_seconds(unfinished) / self.jobs

        def execute_one(run: PlannedRun) -> None:
            with self._progress_lock:
                self.progress.on_run_begin(run, numbers[run.name], len(runs), estimate_seconds_left())
            result = self._execute_run(run)
            with self._progress_lock:
                unfinished.remove(run)
                estimator.add(result)
                self.progress.on_run_end(run, result, estimate_seconds_left())

        self._run_in_parallel(execute_one, list(unfinished))

    def score_marginal_runs(self, runs: list[PlannedRun], vocabularies: dict[str, dict[str, Any]]) -> None:
        """Score the runs of lossless tokenizers over all segmentations, if the experiment asks for it."""
        beam = self.config.marginal
        names = [run.name for run in runs if vocabularies[run.tokenizer.slug]["lossless"]]

        def score_one(name: str) -> None:
            ko, en = f"모든 자르기로 재는 중: {name}", f"measuring over all segmentations: {name}"
            with self._progress_lock:
                self.progress.on_stage_begin(ko, en)
            folder = self.store.run_folder(name)
            job = {"kind": "marginal", "folder": str(folder), "beam": beam}
            self._run_job(job, folder / "log.txt", threads=self._threads_per_run)

        unscored = [name for name in names if beam and self.store.load_marginal_bits(name, beam) is None]
        self._run_in_parallel(score_one, unscored)

    def _run_in_parallel(self, function: Callable[[Item], None], items: Iterable[Item]) -> None:
        """Call a function for each item in threads; after a failure or Ctrl-C the other jobs save and stop."""
        with ThreadPoolExecutor(self.jobs) as pool:
            futures = [pool.submit(function, item) for item in items]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                self._job_group.interrupt_all()
                try:
                    wait(futures)
                except KeyboardInterrupt:  # a second Ctrl-C
                    self._job_group.kill_all()
                    raise
                raise

    def _execute_run(self, run: PlannedRun) -> dict[str, Any]:
        folder = self.store.run_folder(run.name)
        settings = {
            "name": run.name, "label": run.tokenizer.label, "cell": run.cell, "seed": run.seed,
            "tokenizer": str(self.store.tokenizers_folder / run.tokenizer.slug), "experiment": self.config.signature,
            "options": run.training_options(self.config),
        }  # fmt: skip
        job = {"kind": "training", "folder": str(folder), "settings": settings}
        return self._run_job(job, folder / "log.txt", run, threads=self._threads_per_run)

    def _run_job(
        self, job: dict[str, Any], log: Path, run: PlannedRun | None = None, *, threads: int = 0
    ) -> dict[str, Any]:
        def forward_event(event: dict[str, Any]) -> None:
            with self._progress_lock:
                self.progress.on_job_event(event, run)

        job = {**job, "corpus": self.config.corpus_arguments}
        try:
            return run_job(
                job, log=log, lock_descriptor=self.lock, on_event=forward_event, job_group=self._job_group, threads=threads
            )  # fmt: skip
        finally:
            with self._progress_lock:
                self.progress.on_job_end(run)
