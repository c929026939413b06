"""Execute one training run: train, score valid and test line by line, and write the result.

``result.json`` in the run's folder marks it as finished. A run that was killed resumes from its ``last``.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from korlm.corpora.registry import Corpus
from korlm.experiments.folder import MARGINAL_BITS_FILE, MARGINAL_FILE, RESULT_FILE, SCORED_SPLITS, bits_file
from korlm.experiments.plan import count_parameters, training_flops_per_token
from korlm.models.language_model import LanguageModel
from korlm.models.marginal import score_marginal
from korlm.models.registry import load_model
from korlm.storage.artifacts import read_json, write_json
from korlm.training.train import train_model
from korlm.training.trainer import ProgressReport


def execute_run(
    corpus: Corpus,
    folder: Path,
    settings: dict[str, Any],
    *,
    report: Callable[[ProgressReport], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None,
) -> dict[str, Any] | None:
    """Train and score one run; return its ``result.json``, or None if Ctrl-C stopped it.

    Args:
        corpus: all three splits.
        folder: the folder of the run.
        settings: ``options`` (of `korlm.train_model`), ``tokenizer`` (a folder), ``experiment`` (its signature), and
            further values to store with the result.
        report: called with the trainer's reports.
        encoding: called with the numbers of lines encoded and of all lines.
    """
    start = time.perf_counter()
    fraction_done = 0.0

    def forward_report(progress_report: ProgressReport) -> None:
        nonlocal fraction_done
        fraction_done = progress_report.fraction_done
        report(progress_report)

    # without test lines: train_model would score them too
    untested = Corpus(corpus.name, corpus.train, corpus.valid, [])
    lm = train_model(
        untested, folder=folder, resume=(folder / "last").is_dir(),
        tokenizer=settings["tokenizer"], report=forward_report, encoding=encoding, **settings["options"],
    )  # fmt: skip
    if fraction_done < 1:
        return None
    progress = read_json(folder / "last" / "progress.json")
    scores = {split: _score_split(lm, getattr(corpus, split), folder / bits_file(split)) for split in SCORED_SPLITS}
    _complete_build_info(lm, corpus, folder, settings, scores["test"])
    result = {**settings, **_training_metrics(lm, progress), **scores, "memory": peak_memory_bytes()}
    result["gpu_memory"] = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    result["wall_seconds"] = time.perf_counter() - start
    write_json(folder / RESULT_FILE, result)
    shutil.rmtree(folder / "last", ignore_errors=True)
    return result


def score_marginal_run(corpus: Corpus, folder: Path, beam: int) -> dict[str, Any]:
    """Score the test lines over all segmentations under the best model of a finished run, and write the result."""
    score = score_marginal(load_model(folder / "best"), corpus.test, beam=beam)
    (folder / MARGINAL_FILE).unlink(missing_ok=True)  # of another beam: its bits are overwritten now
    np.save(folder / MARGINAL_BITS_FILE, score.bits, allow_pickle=False)
    result = {
        "beam": beam, "bits_per_character": score.bits_per_character,
        "own_share": float(score.canonical_probabilities.mean()), "signature": score.signature,
    }  # fmt: skip
    write_json(folder / MARGINAL_FILE, result)
    return result


def peak_memory_bytes() -> int | None:
    """Return the peak memory of this process (with Python and torch) in bytes, or None if the system does not report it.

    Linux's ``ru_maxrss`` is no use: a process inherits it from its parent.
    """
    if (status := Path("/proc/self/status")).is_file():
        peak_kilobytes = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        return int(peak_kilobytes[1]) * 1024 if peak_kilobytes else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _training_metrics(lm: LanguageModel, progress: dict[str, Any]) -> dict[str, Any]:
    config = lm.net.config
    # a resumed run repeats steps: the first entry of each step counts
    entries: dict[int, dict[str, float]] = {entry["step"]: entry for entry in reversed(progress["history"])}
    flops_per_token = training_flops_per_token(config)
    return {
        "net": asdict(config),
        "parameters": {**asdict(count_parameters(config)), "total": lm.parameters},
        "flops_per_piece": flops_per_token,
        "seconds": progress["seconds"],
        "pieces": progress["pieces"],
        "flops": flops_per_token * progress["pieces"],
        "history": [entries[step] for step in sorted(entries)],
        "signature": lm.tokenizer.signature,
        "threads": torch.get_num_threads(),
    }


def _score_split(lm: LanguageModel, lines: list[str], path: Path) -> dict[str, Any]:
    score = lm.score(lines)
    np.save(path, score.bits, allow_pickle=False)  # result.json, written later, marks it as complete
    return {
        "bits_per_character": score.bits_per_character,
        "characters": score.characters,
        "pieces": score.num_tokens,
        "bits_per_piece": float(score.bits.sum()) / score.num_tokens,
        "signature": score.signature,
    }


def _complete_build_info(
    lm: LanguageModel, corpus: Corpus, folder: Path, settings: dict[str, Any], test_score: dict[str, Any]
) -> None:
    """Add the whole corpus, the experiment and the test score to the best model's ``build_info.json``."""
    lm.info["corpus"]["sha256"] = corpus.digest
    lm.info["experiment"] = settings.get("experiment")
    lm.info["test"] = {
        "bits_per_character": round(test_score["bits_per_character"], 4),
        "characters": test_score["characters"], "signature": test_score["signature"],
    }  # fmt: skip
    write_json(folder / "best" / "build_info.json", lm.info)
