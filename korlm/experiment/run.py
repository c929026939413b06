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
from korlm.experiment.config import ExperimentConfig
from korlm.experiment.jobs import Crew, only_one, run_job
from korlm.experiment.plan import Pace, PlannedRun, plan, plan_run
from korlm.experiment.report import write_report
from korlm.experiment.result import ExperimentResult, collect
from korlm.experiment.show import Silent
from korlm.experiment.store import Store
from korlm.experiment.texts import load_texts


def run_experiment(
    config: ExperimentConfig,
    folder: str | Path = "runs/experiment",
    *,
    jobs: int = 1,
    progress: Silent | None = None,
    command: str = "korlm.experiment.run.run_experiment",
) -> ExperimentResult:
    """Run an experiment in a folder, or go on with it, and write its report.

    Every run is a process of its own. What is finished is skipped; a run that was stopped goes on from its last
    checkpoint, to the same figures (not with ``minutes``, where the clock decides). Tokenizers, cells and seeds may be
    added to a folder later.

    Args:
        config: what to run.
        folder: where; see `korlm.experiment.store`.
        jobs: runs side by side, each with its share of the processor's cores unless ``OMP_NUM_THREADS`` says
            otherwise. It changes seconds, and last bits where the threads change; nothing else.
        progress: is told how it goes; nothing is said by default.
        command: what made it, for the report.

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
    progress = progress or Silent()
    config.check_installed()
    store = Store(folder)
    store.check(config)  # before the lock leaves a file in a folder that is none of ours
    with only_one(store.folder) as lock:
        store.check(config)
        facts = _read_corpus(config, store, command)
        work = _Work(config, store, progress, lock, jobs)
        vocabularies = work.vocabularies()
        runs = plan(config, train_characters=facts["characters"]["train"], vocabularies=vocabularies)
        work.floors()
        work.cells(runs)
        work.marginals(runs, vocabularies)
        progress.stage("보고서를 쓰는 중", "writing the report")
        return report(folder)


def report(folder: str | Path) -> ExperimentResult:
    """Write the report of an experiment from the runs that are finished, and return what it says.

    Raises:
        ArtifactError: the folder holds no experiment, or it cannot be written.
        InputError: no run is finished.
    """
    result = collect(Store(folder))
    write_report(result, Path(folder))
    return result


def _read_corpus(config: ExperimentConfig, store: Store, command: str) -> dict[str, Any]:
    corpus = load_texts(**config.texts)
    if not (corpus.train and corpus.valid and corpus.test):
        raise CorpusError(
            f"'{config.corpus}'의 train, valid, test 가운데 빈 것이 있습니다. 더 큰 말뭉치를 쓰세요.",
            f"A split of '{config.corpus}' (train, valid or test) is empty. Use a larger corpus.",
        )
    return store.write(config, corpus, command)


class _Work:
    """The jobs of an experiment, in order."""

    def __init__(self, config: ExperimentConfig, store: Store, progress: Silent, lock: int | None, jobs: int) -> None:
        self.config, self.store, self.progress, self.lock, self.jobs = config, store, progress, lock, jobs
        self._crew = Crew()
        self._telling = threading.Lock()

    def vocabularies(self) -> dict[str, dict[str, Any]]:
        found = {}
        for spec in self.config.specs:
            facts = self.store.vocabulary(spec.slug)
            if facts is None:
                self.progress.stage(f"어휘를 만드는 중: {spec.label}", f"making the vocabulary of {spec.label}")
                job = {"kind": "vocabulary", "spec": asdict(spec), "folder": str(self.store.tokenizers)}
                facts = self._do(job, self.store.tokenizers / f"{spec.slug}.log")
            for run in self.config.runs():  # a vocabulary beyond the budget is said now, not when all are made
                if run.spec == spec:
                    plan_run(self.config, run, 1, facts)
            found[spec.slug] = facts
        return found

    def floors(self) -> None:
        if self.store.floors() is None:
            self.progress.stage("바닥을 재는 중 (xz, 균등)", "measuring the floors (xz, uniform)")
            job = {"kind": "floors", "prime": self.config.xz_bytes, "file": str(self.store.floors_file)}
            self._do(job, self.store.folder / "floors.log")

    def cells(self, runs: list[PlannedRun]) -> None:
        results = {run.run.name: self.store.result(run.run.name) for run in runs}
        pace = Pace([result for result in results.values() if result])
        left = [run for run in runs if not results[run.run.name]]
        numbers = {run.run.name: number for number, run in enumerate(runs, 1)}
        for run in runs:
            if results[run.run.name]:
                self.progress.skip(run, numbers[run.run.name], len(runs))

        def work(run: PlannedRun) -> None:
            with self._telling:
                self.progress.begin(run, numbers[run.run.name], len(runs), pace.left(left) / self.jobs)
            result = self._cell(run)
            with self._telling:
                left.remove(run)
                pace.add(result)
                self.progress.end(run, result, pace.left(left) / self.jobs)

        with ThreadPoolExecutor(self.jobs) as pool:
            self._wait([pool.submit(work, run) for run in left])

    def marginals(self, runs: list[PlannedRun], vocabularies: dict[str, dict[str, Any]]) -> None:
        """Measure finished runs over all segmentations, where that is asked for and the tokenizer is lossless."""
        beam = self.config.marginal
        names = [run.run.name for run in runs if vocabularies[run.run.spec.slug]["lossless"]]
        left = [name for name in names if beam and self.store.marginal(name, beam) is None]

        def work(name: str) -> None:
            with self._telling:
                self.progress.stage(f"모든 자르기로 재는 중: {name}", f"measuring over all segmentations: {name}")
            folder = self.store.run_folder(name)
            self._do(
                {"kind": "marginal", "folder": str(folder), "beam": beam}, folder / "log.txt", threads=self._threads
            )

        with ThreadPoolExecutor(self.jobs) as pool:
            self._wait([pool.submit(work, name) for name in left])

    @property
    def _threads(self) -> int:
        """Threads of a run beside others; 0 leaves that to torch."""
        return max(1, (os.cpu_count() or 1) // self.jobs) if self.jobs > 1 else 0

    def _wait(self, works: list[Future[None]]) -> None:
        """Wait for all; where one fails or Ctrl-C comes, the others save what they have."""
        try:
            for done in as_completed(works):
                done.result()
        except BaseException:
            for one in works:
                one.cancel()
            self._crew.stop()
            try:
                wait(works)
            except KeyboardInterrupt:  # once more
                self._crew.kill()
                raise
            raise

    def _cell(self, run: PlannedRun) -> dict[str, Any]:
        folder = self.store.run_folder(run.run.name)
        asked = {
            "name": run.run.name, "label": run.run.spec.label, "cell": run.run.cell, "seed": run.run.seed,
            "tokenizer": str(self.store.tokenizers / run.run.spec.slug), "experiment": self.config.signature,
            "options": run.training_options(self.config),
        }  # fmt: skip
        job = {"kind": "cell", "folder": str(folder), "asked": asked}
        return self._do(job, folder / "log.txt", run, threads=self._threads)

    def _do(self, job: dict[str, Any], log: Path, run: PlannedRun | None = None, *, threads: int = 0) -> dict[str, Any]:
        def hear(event: dict[str, Any]) -> None:
            with self._telling:
                self.progress.hear(event, run)

        job = {**job, "corpus": self.config.texts}
        try:
            return run_job(job, log=log, lock=self.lock, hear=hear, crew=self._crew, threads=threads)
        finally:
            with self._telling:
                self.progress.close(run)
