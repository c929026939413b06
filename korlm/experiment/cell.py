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

from korlm.artifacts import read_json, write_json
from korlm.corpora.sources import Corpus
from korlm.experiment.cost import flops_per_piece, parts
from korlm.experiment.store import MARGINAL, MARGINAL_BITS
from korlm.lm import LanguageModel
from korlm.marginal import score_marginal
from korlm.models import load_model
from korlm.runs import train_model
from korlm.training.loop import Report

RESULT = "result.json"


def run_cell(
    corpus: Corpus,
    folder: Path,
    asked: dict[str, Any],
    *,
    report: Callable[[Report], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None,
) -> dict[str, Any] | None:
    """Train and measure one cell; return what is in its ``result.json``, or None where Ctrl-C stopped it.

    Args:
        corpus: all three splits.
        folder: the cell's own.
        asked: ``options`` (of `korlm.train_model`), ``tokenizer`` (a folder), ``experiment`` (its signature), and what
            else is to be kept with the result.
        report: called with the trainer's reports.
        encoding: called with lines encoded and lines in all.
    """
    begun = time.perf_counter()
    share = 0.0

    def watch(said: Report) -> None:
        nonlocal share
        share = said.share
        report(said)

    # the test lines are measured below, once: train_model would do it too
    untested = Corpus(corpus.name, corpus.train, corpus.valid, [])
    lm = train_model(
        untested, folder=folder, resume=(folder / "last").is_dir(),
        tokenizer=asked["tokenizer"], report=watch, encoding=encoding, **asked["options"],
    )  # fmt: skip
    if share < 1:
        return None
    progress = read_json(folder / "last" / "progress.json")
    scores = {side: _score(lm, getattr(corpus, side), folder / f"bits-{side}.npy") for side in ("valid", "test")}
    _complete_info(lm, corpus, folder, asked, scores["test"])
    result = {**asked, **_figures(lm, progress), **scores, **_memory()}
    result["wall_seconds"] = time.perf_counter() - begun
    write_json(folder / RESULT, result)
    shutil.rmtree(folder / "last", ignore_errors=True)
    return result


def _figures(lm: LanguageModel, progress: dict[str, Any]) -> dict[str, Any]:
    config = lm.net.config
    steps: dict[int, dict[str, float]] = {entry["step"]: entry for entry in reversed(progress["history"])}
    flops = flops_per_piece(config)
    return {
        "net": asdict(config),
        "parameters": {**asdict(parts(config)), "total": lm.parameters},
        "flops_per_piece": flops,
        "seconds": progress["seconds"],
        "pieces": progress["pieces"],
        "flops": flops * progress["pieces"],
        "history": [steps[step] for step in sorted(steps)],  # once a step
        "signature": lm.tokenizer.signature,
        "threads": torch.get_num_threads(),
    }


def _score(lm: LanguageModel, lines: list[str], path: Path) -> dict[str, Any]:
    score = lm.score(lines)
    _save_bits(path, score.bits)
    return {
        "bits_per_character": score.bits_per_character,
        "characters": score.characters,
        "pieces": score.pieces,
        "bits_per_piece": float(score.bits.sum()) / score.pieces,
        "signature": score.signature,
    }


def _complete_info(
    lm: LanguageModel, corpus: Corpus, folder: Path, asked: dict[str, Any], test: dict[str, Any]
) -> None:
    """Have the best model's folder say what it was made from: the corpus with its test lines, and the experiment."""
    lm.info["corpus"]["sha256"] = corpus.digest
    lm.info["experiment"] = asked.get("experiment")
    bits = round(test["bits_per_character"], 4)
    lm.info["test"] = {
        "bits_per_character": bits, "characters": test["characters"], "signature": test["signature"],
    }  # fmt: skip
    write_json(folder / "best" / "build_info.json", lm.info)


def sum_cell(corpus: Corpus, folder: Path, beam: int) -> dict[str, Any]:
    """Measure the test lines over their segmentations under the best model of a finished run, and write what they cost."""
    lm = load_model(folder / "best")
    found = score_marginal(lm, corpus.test, beam=beam)
    (folder / MARGINAL).unlink(missing_ok=True)  # of another beam: its bits go now
    _save_bits(folder / MARGINAL_BITS, found.bits)
    said = {"beam": beam, "bits_per_character": found.bits_per_character, "own_share": float(found.shares.mean()),
            "signature": found.signature}  # fmt: skip
    write_json(folder / MARGINAL, said)
    return said


def _save_bits(path: Path, bits: np.ndarray) -> None:
    """Write the bits of each line; a JSON file comes after it, and says that it is whole."""
    with open(path, "wb") as file:
        np.save(file, bits, allow_pickle=False)


def peak_memory() -> int | None:
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


def _memory() -> dict[str, int | None]:
    """Return the most memory that this process held, in bytes: interpreter, torch and tokenizer included."""
    gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {"memory": peak_memory(), "gpu_memory": gpu}
