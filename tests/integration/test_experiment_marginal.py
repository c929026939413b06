"""`korlm experiment --marginal`: finished runs scored over all segmentations without training again."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import korlm
from korlm.errors import InputError
from korlm.experiments.config import ExperimentConfig
from korlm.experiments.folder import ExperimentFolder
from korlm.experiments.results import reversed_pairs
from korlm.experiments.run import report_experiment, run_experiment
from korlm.reporting.significance import PairedDifference

pytest_plugins = ["support.experiments"]
pytestmark = pytest.mark.usefixtures("jobs_in_this_process")

CONFIG = ExperimentConfig(
    "kolaw", ("syllable", "unigram:700", "word-unk:900"), seeds=1, parameters=3e4, characters=4e3, limit=150,
    options={"embedding": 8, "batch": 8, "bptt": 16, "validations": 1, "valid_lines": 0}, resamples=100, xz_bytes=5000,
)  # fmt: skip


@pytest.fixture(autouse=True)
def draw_no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("korlm.experiments.report.has_matplotlib", lambda: False)


def test_marginal_scores_of_finished_lossless_runs(tmp_path: Path) -> None:
    plain = run_experiment(CONFIG, tmp_path)
    assert all(row.marginal is None for row in plain.rows)
    assert "모든 자르기" not in (tmp_path / "report.md").read_text("utf-8")
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    result = run_experiment(replace(CONFIG, marginal=3), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")} == trained
    assert [row.marginal is None for row in result.rows] == [False, False, True]
    lines = korlm.load_corpus("kolaw", limit=150).test
    for row, slug in zip(result.rows[:2], ("syllable", "unigram-700"), strict=True):
        score = korlm.score_marginal(korlm.load_model(tmp_path / "runs" / f"{slug}-lstm-7"), lines, beam=3)
        assert row.marginal and row.marginal.value == pytest.approx(score.bits_per_character, abs=1e-6)
        assert row.marginal.lines and row.marginal.lines[0] < row.marginal.value < row.marginal.lines[1]
        assert row.marginal.value <= row.test.value
        np.testing.assert_allclose(
            ExperimentFolder(tmp_path).load_marginal_bits(f"{slug}-lstm-7", 3), score.bits, rtol=1e-5
        )
        info = json.loads((tmp_path / "runs" / f"{slug}-lstm-7" / "marginal.json").read_text("utf-8"))
        assert info["signature"] == score.signature
    (pair,) = result.marginal_pairs  # of the two lossless rows
    first, second = (result.rows[index].marginal for index in (pair.first, pair.second))
    assert first and second and pair.difference == pytest.approx(first.value - second.value)
    assert result.to_dict()["pairs_marginal"][0]["first"] == ["syllable", "lstm"]
    csv_rows = csv.DictReader((tmp_path / "table.csv").read_text("utf-8-sig").splitlines())
    assert [bool(line["test_marginal"]) for line in csv_rows] == [True, True, False, False, False]
    text = (tmp_path / "report.md").read_text("utf-8")
    table = text.split("## 모든 자르기로 재면")[1].split("\n## ")[0]
    assert "| syllable |" in table and "| unigram:700 |" in table and "word" not in table and "3개의 빔" in table
    again = report_experiment(tmp_path)
    assert [row.marginal for row in again.rows] == [row.marginal for row in result.rows]
    wider = run_experiment(replace(CONFIG, marginal=5), tmp_path)  # a wider beam never raises the bits
    assert [row.marginal.value <= other.marginal.value + 1e-9 for row, other in zip(wider.rows, result.rows, strict=True)
            if row.marginal and other.marginal] == [True, True]  # fmt: skip


def test_signature_is_independent_of_beam_and_negative_beam_is_rejected() -> None:
    assert replace(CONFIG, marginal=8).signature == CONFIG.signature
    with pytest.raises(InputError, match="marginal"):
        replace(CONFIG, marginal=-1)


def test_reversed_pairs_have_significant_opposite_differences() -> None:
    def pair(first: int, second: int, difference: float, adjusted: float) -> PairedDifference:
        return PairedDifference(first, second, difference, None, adjusted, adjusted, None)

    canonical = [pair(0, 1, 0.03, 0.01), pair(0, 2, 0.03, 0.2), pair(1, 2, -0.1, 0.01), pair(2, 3, 0.1, 0.01)]
    marginal = [pair(0, 1, -0.05, 0.01), pair(0, 2, -0.05, 0.01), pair(1, 2, -0.2, 0.01), pair(2, 3, -0.1, 0.3)]
    assert reversed_pairs(canonical, marginal) == marginal[:1]
