"""`korlm.experiments.run`: tables match the saved models, budgets are equal, finished work is kept."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from support.experiments import load_run, reproducible_figures

import korlm
from korlm.errors import ArtifactError, InputError, UnknownNameError
from korlm.experiments.config import ExperimentConfig, TokenizerSpec
from korlm.experiments.folder import ExperimentFolder, load_experiment_corpus
from korlm.experiments.plan import plan_runs
from korlm.experiments.results import ExperimentResult
from korlm.experiments.run import report_experiment, run_experiment

pytest_plugins = ["support.experiments"]
pytestmark = pytest.mark.usefixtures("jobs_in_this_process")

SMALL = {"embedding": 8, "batch": 8, "bptt": 16, "validations": 3, "valid_lines": 0}
CONFIG = ExperimentConfig(
    "kolaw", ("syllable", "unigram:700@1"), cells=("gru", "lstm"), parameters=2e4, characters=6e3, limit=150,
    options=SMALL, resamples=100, xz_bytes=5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExperimentResult]:
    folder = tmp_path_factory.mktemp("experiment")
    return folder, run_experiment(CONFIG, folder, command_line="korlm experiment <kolaw>")


def modification_times(folder: Path) -> dict[str, int]:
    done = [*(folder / "runs").rglob("*"), *(folder / "tokenizers").rglob("*"), folder / "floors.json"]
    return {str(path): path.stat().st_mtime_ns for path in done if path.is_file()}


def test_table_matches_saved_models(finished: tuple[Path, ExperimentResult]) -> None:
    folder, result = finished
    corpus = korlm.load_corpus("kolaw", limit=150)
    written = list(csv.DictReader((folder / "table.csv").read_text("utf-8-sig").splitlines()))
    assert [(row.label, row.cell, row.seeds) for row in result.rows] == [
        ("syllable", "gru", [7, 8, 9]), ("syllable", "lstm", [7, 8, 9]), ("unigram:700", "gru", [7]), ("unigram:700", "lstm", [7]),
    ]  # fmt: skip
    for row, line in zip(result.rows, written, strict=False):
        scores: dict[str, list[Any]] = {"valid": [], "test": []}
        for seed in row.seeds:
            slug = row.label.replace(":", "-")
            model = korlm.load_model(folder / "runs" / f"{slug}-{row.cell}-{seed}")
            for split, split_scores in scores.items():
                score = model.score(getattr(corpus, split))
                bits = np.load(folder / "runs" / f"{slug}-{row.cell}-{seed}" / f"bits-{split}.npy")
                assert bits.tolist() == [surprisals.sum() for surprisals in score.surprisals]
                assert score.characters == sum(len(text) + 1 for text in getattr(corpus, split))
                split_scores.append(score)
            assert model.parameters == row.parameters["total"] == sum(list(row.parameters.values())[:3])
            assert model.net.embedding.weight.numel() == row.parameters["embedding"] == 8 * row.vocab_size
        for split, split_scores in scores.items():
            measured = getattr(row, split)
            mean = float(np.mean([score.bits_per_character for score in split_scores]))
            assert measured.value == pytest.approx(mean, abs=1e-12)
            assert float(line[f"{split}_bits_per_character"]) == measured.value
            assert measured.lines and measured.lines[0] < mean < measured.lines[1]
            assert (measured.seeds is None) == (len(row.seeds) < 3)
        encodings = model.tokenizer.encode_batch(corpus.test)
        oov_segments = sum(len(model.tokenizer.oov_segments(encoding)) for encoding in encodings)
        assert row.unknown["test"] == oov_segments / sum(len(encoding.segments) for encoding in encodings)
        ids = sum(len(encoding.ids) + 1 for encoding in encodings)
        assert row.pieces_per_character["test"] == ids / scores["test"][0].characters
        assert row.perplexity == pytest.approx(
            2 ** np.mean([score.bits_per_character * score.characters / ids for score in scores["test"]])
        )
        assert (line["tokenizer"], line["cell"]) == (row.label, row.cell)
        assert int(line["parameters"]) == row.parameters["total"]
        assert row.memory and row.memory > 50e6
    assert [line["tokenizer"] for line in written[4:]] == ["xz", "uniform"]


def test_every_run_gets_the_same_budget(finished: tuple[Path, ExperimentResult]) -> None:
    folder, result = finished
    for row in result.rows:
        assert row.parameters["total"] == pytest.approx(2e4, rel=0.02)
        step = 8 * 16 / row.pieces_per_character["train"]  # a run ends with the step that reaches the budget
        assert 0 <= row.training_characters - 6e3 + 20 < step + 20
        run = load_run(folder, row.label, row.cell, 7)
        assert run["flops"] == run["pieces"] * run["flops_per_piece"] == pytest.approx(row.flops)
    for budget, value in (("flops", 3e8), ("characters", 6e3)):
        runs = plan_runs(replace(CONFIG, **{"characters": 0, budget: value}), train_characters=5_000)
        for run in runs:
            spent = {"flops": (run.training_tokens or 0) * run.flops_per_token, "characters": run.epochs * 5_000}
            assert spent[budget] == pytest.approx(value)


def test_report_has_every_column(finished: tuple[Path, ExperimentResult]) -> None:
    folder, result = finished
    signature = result.config.signature
    assert signature.startswith("exp|corpus:kolaw|parameters:20000|characters:6000|config:")
    html, text = (folder / "report.html").read_text("utf-8"), (folder / "report.md").read_text("utf-8")
    tree = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    name = "{http://www.w3.org/1999/xhtml}"
    headers = ["".join(header.itertext()) for header in next(tree.iter(f"{name}thead")).iter(f"{name}th")]
    rows = [["".join(cell.itertext()) for cell in row] for row in next(tree.iter(f"{name}tbody"))]
    for expected in (
        "tokenizer", "cell", "test bits", "valid bits", "over seeds", "over lines", "vocabulary", "OOV", "tokens/char",
        "embedding", "recurrent", "parameters", "train s", "chars/s", "memory MB",
    ):  # fmt: skip
        assert any(expected in header for header in headers), expected
        assert expected in text
    assert len(rows) == 6 and all(len(row) == len(headers) for row in rows)
    assert [row[0] for row in rows[-2:]] == ["xz -9e", "균등 uniform"]
    best = min(result.rows, key=lambda row: row.test.value)
    assert rows[0][:3] == [best.label, best.cell, f"{best.test.value:.3f}"]
    for whole in (html, text):
        assert signature in whole and result.metadata["corpus"]["sha256"] in whole and "시드" in whole
        assert "korlm experiment" in whole and "xz" in whole
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 4
    for link in re.findall(r"\]\((figures/[^)]+)\)", text):
        assert (folder / link).read_bytes().startswith(b"\x89PNG")
    curves = json.loads((folder / "curves.json").read_text())
    assert len(curves) == 8
    for curve in curves:
        for axis in ("characters", "flops", "seconds"):
            across = [point[axis] for point in curve["points"]]
            assert len(across) == 3 and across == sorted(across) and across[0] > 0
        assert curve["points"][-1]["valid_bpc"] == pytest.approx(
            load_run(folder, curve["label"], curve["cell"], curve["seed"])["valid"]["bits_per_character"], abs=0.5
        )


def test_number_of_draws_grows_with_number_of_pairs(finished: tuple[Path, ExperimentResult]) -> None:
    _, result = finished
    assert len(result.pairs) == 4  # two tokenizers within each cell, two cells of each tokenizer
    assert result.draws == 400  # 100 a pair: with the 100 that were asked for no p could be under 4 x 2 / 101
    assert any(pair.significant for pair in result.pairs)
    for pair in result.pairs:
        first, second = result.rows[pair.first], result.rows[pair.second]
        assert pair.difference == pytest.approx(first.test.value - second.test.value)
        assert pair.lines and pair.lines[0] <= pair.difference <= pair.lines[1]
        assert (pair.seeds is None) == (min(len(first.seeds), len(second.seeds)) < 3)


@pytest.mark.usefixtures("no_figures")
def test_finished_runs_are_skipped_and_rows_can_be_added(
    finished: tuple[Path, ExperimentResult], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finished[0], tmp_path / "copy"))
    times_before = modification_times(folder)
    assert run_experiment(CONFIG, folder).to_dict() == finished[1].to_dict()
    assert modification_times(folder) == times_before
    more = replace(CONFIG, tokenizers=("unigram:700@2", "byte@1"), cells=("gru",))
    result = run_experiment(more, folder)
    assert [(row.label, row.seeds) for row in result.rows] == [("unigram:700", [7, 8]), ("byte", [7])]
    assert times_before.items() <= modification_times(folder).items()
    assert result.rows[0].each[0] == finished[1].rows[2].each[0]


@pytest.mark.usefixtures("no_figures")
def test_repeated_run_is_bit_identical(finished: tuple[Path, ExperimentResult], tmp_path: Path) -> None:
    run_experiment(replace(CONFIG, tokenizers=("syllable@1",), cells=("lstm",)), tmp_path)
    one, other = (load_run(folder, "syllable", "lstm", 7) for folder in (finished[0], tmp_path))
    assert reproducible_figures(one) == reproducible_figures(other)


def test_folder_of_another_experiment_is_rejected(finished: tuple[Path, ExperimentResult], tmp_path: Path) -> None:
    other = replace(CONFIG, characters=7e3, options={**SMALL, "dropout": 0.1})
    with pytest.raises(ArtifactError) as caught:
        run_experiment(other, finished[0])
    assert (
        "(다른 것: characters, dropout)" in caught.value.ko and "what differs: characters, dropout" in caught.value.en
    )
    (tmp_path / "diary.txt").write_text("내 일기")
    with pytest.raises(ArtifactError, match="실험이 아닌 것"):
        run_experiment(CONFIG, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"], "nothing is left in a folder of another's"
    same = replace(CONFIG, parameters=20_000, characters=6_000, options={**SMALL, "dropout": 0})
    assert same.digest == replace(same, parameters=2e4, options={**SMALL, "dropout": 0.0}).digest


@pytest.mark.usefixtures("no_figures")
def test_budget_can_be_corrected_before_the_first_run(tmp_path: Path) -> None:
    config = replace(CONFIG, tokenizers=("byte@1",), cells=("rnn",), parameters=100, characters=500)
    with pytest.raises(InputError, match="예산 100개를 넘습니다"):
        run_experiment(config, tmp_path)
    with pytest.raises(ArtifactError, match="limit"):
        run_experiment(replace(config, parameters=9e3, limit=149), tmp_path)
    assert run_experiment(replace(config, parameters=9e3), tmp_path).config.parameters == 9e3
    with pytest.raises(ArtifactError, match="parameters"):
        run_experiment(config, tmp_path)


def test_changed_corpus_is_rejected(tmp_path: Path) -> None:
    text = tmp_path / "글.txt"
    text.write_text("".join(f"{number}번째 줄입니다\n" for number in range(200)))
    config = replace(CONFIG, corpus=str(text), limit=None)
    ExperimentFolder(tmp_path / "a").path.mkdir()
    (tmp_path / "a" / ".experiment.json-killed").write_text("{")  # a writer that was killed leaves such a one
    ExperimentFolder(tmp_path / "a").check_compatible(config)
    ExperimentFolder(tmp_path / "a").write_metadata(config, load_experiment_corpus(**config.corpus_arguments), "")
    text.write_text(text.read_text() + "새 줄입니다\n")
    with pytest.raises(ArtifactError, match="다릅니다"):
        run_experiment(config, tmp_path / "a")


HOSTILE = "<img src=x onerror=alert(1)>$\\frac{$ |_[*]`&"


def test_hostile_tokenizer_name_is_escaped_and_its_folder_may_be_deleted(tmp_path: Path) -> None:
    name = tmp_path / HOSTILE
    korlm.load_tokenizer("byte").save(name)
    config = replace(CONFIG, tokenizers=(f"{name}@1", "byte@1"), cells=("rnn",), characters=1e3)
    run_experiment(config, tmp_path / "out")
    shutil.rmtree(name)
    result = report_experiment(tmp_path / "out")
    assert result.rows[0].label == str(name) and result.rows[0].each == result.rows[1].each
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    tree = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    assert not [entry for entry in tree.iter() if entry.tag.endswith(("}img", "}script"))]
    assert any("".join(entry.itertext()) == str(name) for entry in tree.iter())
    text = (tmp_path / "out" / "report.md").read_text("utf-8").partition("```")[0]
    assert "<img" not in text and "](" not in re.sub(r"!\[[^]]*\]\(figures/[\w-]+\.png\)", "", text)


def test_parse_tokenizer_spec() -> None:
    assert TokenizerSpec.parse(" kiwi+unigram:4000@5 ") == TokenizerSpec("kiwi+unigram", 4000, seeds=5)
    assert TokenizerSpec.parse("word-unk") == TokenizerSpec("word", on_unknown="unk")
    assert TokenizerSpec.parse("runs/my-unk:8@2") == TokenizerSpec("runs/my-unk:8", seeds=2), "a folder's own name"
    for wrong in ("", " ", "unigram:0", "unigram@00"):
        with pytest.raises(InputError):
            TokenizerSpec.parse(wrong)
    slugs = [TokenizerSpec.parse(text).slug for text in ("a/tok", "b/tok", "c/" + "가" * 80)]
    assert len(set(slugs)) == 3 and all(len(slug.encode()) < 150 and "/" not in slug for slug in slugs)
    with pytest.raises(UnknownNameError):
        ExperimentConfig("kolaw", ("sylable",)).check_installed()
