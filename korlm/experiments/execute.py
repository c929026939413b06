"""One training run of an experiment: trained, scored line by line on valid and test, and its result written.

``result.json`` in its folder says that it is finished. A run that was killed goes on from its ``last``.
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
from korlm.experiments.folder import MARGINAL_BITS_FILE, MARGINAL_FILE
from korlm.experiments.plan import count_parameters, training_flops_per_token
from korlm.models.language_model import LanguageModel
from korlm.models.marginal import score_marginal
from korlm.models.registry import load_model
from korlm.storage.artifacts import read_json, write_json
from korlm.training.train import train_model
from korlm.training.trainer import ProgressReport

RESULT_FILE = "result.json"


def execute_run(
    corpus: Corpus,
    folder: Path,
    settings: dict[str, Any],
    *,
    report: Callable[[ProgressReport], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None,
) -> dict[str, Any] | None:
    """Train and measure one cell; return what is in its ``result.json``, or None where Ctrl-C stopped it.

    Args:
        corpus: all three splits.
        folder: the cell's own.
        settings: ``options`` (of `korlm.train_model`), ``tokenizer`` (a folder), ``experiment`` (its signature), and what
            else is to be kept with the result.
        report: called with the trainer's reports.
        encoding: called with lines encoded and lines in all.
    """
    begun = time.perf_counter()
    share = 0.0

    def forward_report(said: ProgressReport) -> None:
        nonlocal share
        share = said.share
        report(said)

    # the test lines are measured below, once: train_model would do it too
    untested = Corpus(corpus.name, corpus.train, corpus.valid, [])
    lm = train_model(
        untested, folder=folder, resume=(folder / "last").is_dir(),
        tokenizer=settings["tokenizer"], report=forward_report, encoding=encoding, **settings["options"],
    )  # fmt: skip
    if share < 1:
        return None
    progress = read_json(folder / "last" / "progress.json")
    scores = {side: _score_split(lm, getattr(corpus, side), folder / f"bits-{side}.npy") for side in ("valid", "test")}
    _complete_build_info(lm, corpus, folder, settings, scores["test"])
    result = {**settings, **_training_metrics(lm, progress), **scores, **_memory_usage()}
    result["wall_seconds"] = time.perf_counter() - begun
    write_json(folder / RESULT_FILE, result)
    shutil.rmtree(folder / "last", ignore_errors=True)
    return result


def _training_metrics(lm: LanguageModel, progress: dict[str, Any]) -> dict[str, Any]:
    config = lm.net.config
    steps: dict[int, dict[str, float]] = {entry["step"]: entry for entry in reversed(progress["history"])}
    flops = training_flops_per_token(config)
    return {
        "net": asdict(config),
        "parameters": {**asdict(count_parameters(config)), "total": lm.parameters},
        "flops_per_piece": flops,
        "seconds": progress["seconds"],
        "pieces": progress["pieces"],
        "flops": flops * progress["pieces"],
        "history": [steps[step] for step in sorted(steps)],  # once a step
        "signature": lm.tokenizer.signature,
        "threads": torch.get_num_threads(),
    }


def _score_split(lm: LanguageModel, lines: list[str], path: Path) -> dict[str, Any]:
    score = lm.score(lines)
    _save_bits(path, score.bits)
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
    """Have the best model's folder say what it was made from: the corpus with its test lines, and the experiment."""
    lm.info["corpus"]["sha256"] = corpus.digest
    lm.info["experiment"] = settings.get("experiment")
    bits = round(test_score["bits_per_character"], 4)
    lm.info["test"] = {
        "bits_per_character": bits, "characters": test_score["characters"], "signature": test_score["signature"],
    }  # fmt: skip
    write_json(folder / "best" / "build_info.json", lm.info)


def score_marginal_run(corpus: Corpus, folder: Path, beam: int) -> dict[str, Any]:
    """Measure the test lines over their segmentations under the best model of a finished run, and write what they cost."""
    lm = load_model(folder / "best")
    found = score_marginal(lm, corpus.test, beam=beam)
    (folder / MARGINAL_FILE).unlink(missing_ok=True)  # of another beam: its bits go now
    _save_bits(folder / MARGINAL_BITS_FILE, found.bits)
    said = {"beam": beam, "bits_per_character": found.bits_per_character, "own_share": float(found.canonical_probabilities.mean()),
            "signature": found.signature}  # fmt: skip
    write_json(folder / MARGINAL_FILE, said)
    return said


def _save_bits(path: Path, bits: np.ndarray) -> None:
    """Write the bits of each line; a JSON file comes after it, and says that it is whole."""
    with open(path, "wb") as file:
        np.save(file, bits, allow_pickle=False)


def peak_memory_bytes() -> int | None:
    """Return the most memory that this process held, in bytes, or None where the system does not say.

    Linux's ``ru_maxrss`` would not do: a process inherits it from the one that started it.
    """
    if (status := Path("/proc/self/status")).is_file():
        found = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _memory_usage() -> dict[str, int | None]:
    """Return the most memory that this process held, in bytes: interpreter, torch and tokenizer included."""
    gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {"memory": peak_memory_bytes(), "gpu_memory": gpu}
