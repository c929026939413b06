"""`run_experiment`: vocabularies, floors, runs and report, each done once, whatever was killed before.

>>> import tempfile
>>> small = {"hidden": 8, "embedding": 8, "batch": 4, "validations": 1}
>>> config = ExperimentConfig("kolaw", ("syllable",), seeds=1, limit=40, characters=1e3, options=small, xz_bytes=1000)
>>> run_experiment(config, tempfile.mkdtemp()).rows[0].label
'syllable'
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any

from korlm.errors import CorpusError, InputError
from korlm.experiments.config import ExperimentConfig
from korlm.experiments.folder import ExperimentFolder, load_experiment_corpus
from korlm.experiments.jobs import JobGroup, folder_lock, run_job
from korlm.experiments.plan import PlannedRun, TimeEstimator, plan_run, plan_runs
from korlm.experiments.progress import NullProgress
from korlm.experiments.report import write_experiment_report
from korlm.experiments.results import ExperimentResult, collect_results


def run_experiment(
    config: ExperimentConfig,
    folder: str | Path = "runs/experiment",
    *,
    jobs: int = 1,
    progress: NullProgress | None = None,
    command_line: str = "korlm.experiments.run.run_experiment",
) -> ExperimentResult:
    """Run an experiment in a folder, or go on with it, and write its report.

    Every run is a process of its own. What is finished is skipped; a run that was stopped goes on from its last
    checkpoint, to the same figures (not with ``minutes``, where the clock decides). Tokenizers, cells and seeds may be
    added to a folder later.

    Args:
        config: what to run.
        folder: where; see `korlm.experiments.folder`.
        jobs: runs side by side, each with its share of the processor's cores unless ``OMP_NUM_THREADS`` says
            otherwise. It changes seconds, and last bits where the threads change; nothing else.
        progress: is told how it goes; nothing is said by default.
        command_line: what made it, for the report.

    Raises:
        InputError: a vocabulary alone exceeds the budget of parameters, or no jobs at all.
        UnknownNameError: a tokenizer that is neither a name nor a folder.
        MissingDependencyError: an analyzer is not installed.
        CorpusError: an empty split, or too little text.
        ArtifactError: the folder holds another experiment, another process is at work in it, or it cannot be written.
        TrainingError: a run failed; the others' results are kept.
        KeyboardInterrupt: Ctrl-C; what runs is saved.
    """
    if jobs < 1:
        raise InputError(f"jobs는 1 이상이어야 합니다 (받은 값: {jobs}).", f"jobs must be at least 1, not {jobs}.")
    progress = progress or NullProgress()
    config.check_installed()
    store = ExperimentFolder(folder)
    store.check_compatible(config)  # before the lock leaves a file in a folder that is none of ours
    with folder_lock(store.path) as lock:
        store.check_compatible(config)
        facts = _record_corpus(config, store, command_line)
        work = _JobRunner(config, store, progress, lock, jobs)
        vocabularies = work.make_vocabularies()
        runs = plan_runs(config, train_characters=facts["characters"]["train"], vocabularies=vocabularies)
        work.measure_baselines()
        work.execute_runs(runs)
        work.score_marginal_runs(runs, vocabularies)
        progress.on_stage_begin("보고서를 쓰는 중", "writing the report")
        return report_experiment(folder)


def report_experiment(folder: str | Path) -> ExperimentResult:
    """Write the report of an experiment from the runs that are finished, and return what it says.

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
    """The jobs of an experiment, in order."""

    def __init__(
        self, config: ExperimentConfig, store: ExperimentFolder, progress: NullProgress, lock: int | None, jobs: int
    ) -> None:
        self.config, self.store, self.progress, self.lock, self.jobs = config, store, progress, lock, jobs
        self._job_group = JobGroup()
        self._progress_lock = threading.Lock()

    def make_vocabularies(self) -> dict[str, dict[str, Any]]:
        found = {}
        for spec in self.config.tokenizer_specs:
            facts = self.store.load_vocabulary_info(spec.slug)
            if facts is None:
                self.progress.on_stage_begin(
                    f"어휘를 만드는 중: {spec.label}", f"making the vocabulary of {spec.label}"
                )
                job = {"kind": "vocabulary", "spec": asdict(spec), "folder": str(self.store.tokenizers_folder)}
                facts = self._run_job(job, self.store.tokenizers_folder / f"{spec.slug}.log")
            for run in self.config.run_specs():  # a vocabulary beyond the budget is said now, not when all are made
                if run.tokenizer_spec == spec:
                    plan_run(self.config, run, 1, facts)
            found[spec.slug] = facts
        return found

    def measure_baselines(self) -> None:
        if self.store.load_baselines() is None:
            self.progress.on_stage_begin("바닥을 재는 중 (xz, 균등)", "measuring the floors (xz, uniform)")
            job = {"kind": "floors", "prime": self.config.xz_bytes, "file": str(self.store.baselines_file)}
            self._run_job(job, self.store.path / "floors.log")

    def execute_runs(self, runs: list[PlannedRun]) -> None:
        results = {run.run_spec.name: self.store.load_result(run.run_spec.name) for run in runs}
        pace = TimeEstimator([result for result in results.values() if result])
        left = [run for run in runs if not results[run.run_spec.name]]
        numbers = {run.run_spec.name: number for number, run in enumerate(runs, 1)}
        for run in runs:
            if results[run.run_spec.name]:
                self.progress.on_run_skip(run, numbers[run.run_spec.name], len(runs))

        def execute_one(run: PlannedRun) -> None:
            with self._progress_lock:
                self.progress.on_run_begin(
                    run, numbers[run.run_spec.name], len(runs), pace.remaining_seconds(left) / self.jobs
                )
            result = self._execute_run(run)
            with self._progress_lock:
                left.remove(run)
                pace.add(result)
                self.progress.on_run_end(run, result, pace.remaining_seconds(left) / self.jobs)

        with ThreadPoolExecutor(self.jobs) as pool:
            self._wait_for_all([pool.submit(execute_one, run) for run in left])

    def score_marginal_runs(self, runs: list[PlannedRun], vocabularies: dict[str, dict[str, Any]]) -> None:
        """Measure finished runs over all segmentations, where that is asked for and the tokenizer is lossless."""
        beam = self.config.marginal
        names = [run.run_spec.name for run in runs if vocabularies[run.run_spec.tokenizer_spec.slug]["lossless"]]
        left = [name for name in names if beam and self.store.load_marginal_bits(name, beam) is None]

        def score_one(name: str) -> None:
            with self._progress_lock:
                self.progress.on_stage_begin(
                    f"모든 자르기로 재는 중: {name}", f"measuring over all segmentations: {name}"
                )
            folder = self.store.run_folder(name)
            self._run_job(
                {"kind": "marginal", "folder": str(folder), "beam": beam},
                folder / "log.txt",
                threads=self._threads_per_run,
            )

        with ThreadPoolExecutor(self.jobs) as pool:
            self._wait_for_all([pool.submit(score_one, name) for name in left])

    @property
    def _threads_per_run(self) -> int:
        """Threads of a run beside others; 0 leaves that to torch."""
        return max(1, (os.cpu_count() or 1) // self.jobs) if self.jobs > 1 else 0

    def _wait_for_all(self, futures: list[Future[None]]) -> None:
        """Wait for all; where one fails or Ctrl-C comes, the others save what they have."""
        try:
            for done in as_completed(futures):
                done.result()
        except BaseException:
            for one in futures:
                one.cancel()
            self._job_group.interrupt_all()
            try:
                wait(futures)
            except KeyboardInterrupt:  # once more
                self._job_group.kill_all()
                raise
            raise

    def _execute_run(self, run: PlannedRun) -> dict[str, Any]:
        folder = self.store.run_folder(run.run_spec.name)
        asked = {
            "name": run.run_spec.name, "label": run.run_spec.tokenizer_spec.label, "cell": run.run_spec.cell, "seed": run.run_spec.seed,
            "tokenizer": str(self.store.tokenizers_folder / run.run_spec.tokenizer_spec.slug), "experiment": self.config.signature,
            "options": run.training_options(self.config),
        }  # fmt: skip
        job = {"kind": "cell", "folder": str(folder), "asked": asked}
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
                job,
                log=log,
                lock_descriptor=self.lock,
                on_event=forward_event,
                job_group=self._job_group,
                threads=threads,
            )
        finally:
            with self._progress_lock:
                self.progress.on_job_end(run)
