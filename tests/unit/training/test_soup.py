"""Model soups: weights and temperature against a grid search; incompatible models are an error."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.toy_models import Make, some_ids, stirred

import korlm
from korlm.cli.main import main
from korlm.corpora.registry import Corpus, split_lines
from korlm.errors import CorpusError, InputError
from korlm.models.language_model import LanguageModel
from korlm.tokenizers.segmented import byte_tokenizer
from korlm.training.soup import SoupCandidate, golden_section_search, make_soup, scale_logits

LINES = [
    f"{who}가 {what} 보았다." for who in ("개", "소", "나", "너", "말") for what in ("산을", "강을", "밭을", "별을")
] * 4


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return split_lines("lines", LINES)


@pytest.fixture(scope="module")
def runs(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A short run and two that began with it, with other seeds and dropouts."""
    folder = tmp_path_factory.mktemp("runs")
    first = {"tokenizer": "byte", "embedding": 8, "hidden": 16, "ngrams": 2, "buckets": 50, "ngram_width": 4}
    common = {"batch": 4, "bptt": 16, "bf16": False, "learning_rate": 0.01}
    korlm.train_model(corpus, folder=folder / "first", epochs=4, **first, **common)
    for seed, dropout in ((1, 0.0), (2, 0.3)):
        options = {"start": folder / "first", "epochs": 3, "seed": seed, "dropout": dropout, **common}
        korlm.train_model(corpus, folder=folder / f"run{seed}", **options)
    return [folder / name / "best" for name in ("first", "run1", "run2")]


def valid_bits(lm: LanguageModel, corpus: Corpus) -> float:
    return lm.score(corpus.valid).bits_per_character


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_soup_is_no_worse_than_best_ingredient(
    runs: list[Path], corpus: Corpus, precision: str, tmp_path: Path
) -> None:
    tried: list[SoupCandidate] = []
    lm = make_soup([*runs, runs[0]], corpus, folder=tmp_path / "soup", precision=precision, report=tried.append)
    soup, alone = lm.info["soup"], [valid_bits(korlm.load_model(run), corpus) for run in runs]
    np.testing.assert_allclose(list(soup["valid_bpc"].values()), alone, atol=1e-6)
    assert soup["best_valid_bpc"] == min(report.bits_per_character for report in tried) <= min(alone)
    assert abs(valid_bits(lm, corpus) - soup["best_valid_bpc"]) < (1e-5 if precision == "float32" else 0.01)
    assert set(soup["shares"]) == {str(run) for run in runs} and abs(sum(soup["shares"].values()) - 1) < 1e-3
    assert lm.info["test"]["bits_per_character"] == round(lm.score(corpus.test).bits_per_character, 4)
    assert lm.info["start"]["test"] and "history" not in lm.info["start"]
    assert korlm.load_model(tmp_path / "soup").generate("개", seed=1) == lm.generate("개", seed=1)


def test_soup_weights_and_temperature_match_grid_search(runs: list[Path], corpus: Corpus, tmp_path: Path) -> None:
    lm = make_soup(runs[1:], corpus, folder=tmp_path / "soup", valid_lines=0)
    one, two = (korlm.load_model(run) for run in runs[1:])
    best = min(one, two, key=lambda lm: valid_bits(lm, corpus))
    other = two if best is one else one
    grid = {}
    for share in np.linspace(0, 1, 21):
        net = copy.deepcopy(best.net)
        net.load_weights(
            {k: torch.lerp(w, other.net.weight_dict()[k], float(share)) for k, w in best.net.weight_dict().items()}
        )
        for factor in np.linspace(0.8, 1.25, 10):
            heated = copy.deepcopy(net)
            scale_logits(heated, float(factor))
            grid[share, factor] = valid_bits(LanguageModel(best.tokenizer, heated), corpus)
    assert lm.info["soup"]["best_valid_bpc"] <= min(grid.values()) + 0.002


@torch.no_grad()
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"hidden": 12},
        {"tied": False},
        {"ngrams": 3, "buckets": 20},
        {"layers": 2, "layer_norm": True},
        {"cell": "gru"},
    ],
    ids=lambda shape: " ".join(map(str, shape)) or "usual",
)
def test_scale_logits_scales_only_logits(small_net: Make, shape: dict[str, object]) -> None:
    net = stirred(small_net(**shape))
    ids = some_ids(3, 9)
    hidden, state = net(ids)
    logits = net.compute_logits(hidden)
    scale_logits(net, 1.3)
    again, after = net(ids)
    torch.testing.assert_close(net.compute_logits(again), 1.3 * logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after, state, rtol=1e-4, atol=1e-4)


def test_golden_section_search_finds_minimum_at_edges_and_inside() -> None:
    for valley in (0.0, 0.2, 0.77, 1.0):
        place, value = golden_section_search(lambda x, valley=valley: abs(x - valley), 0.0, 1.0)
        assert abs(place - valley) < 0.02 and value == abs(place - valley)


def test_soup_of_optimal_model_does_not_change_it(runs: list[Path], corpus: Corpus, tmp_path: Path) -> None:
    once = make_soup([runs[0]], corpus, folder=tmp_path / "once")
    twice = make_soup([tmp_path / "once"], corpus, folder=tmp_path / "twice")
    assert abs(twice.info["soup"]["temperature"] - 1) < 0.02
    assert twice.info["soup"]["best_valid_bpc"] < once.info["soup"]["best_valid_bpc"] + 1e-5


def test_incompatible_models_are_a_clear_error(
    runs: list[Path], corpus: Corpus, tmp_path: Path, small_net: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    LanguageModel(byte_tokenizer(), small_net()).save(tmp_path / "other")
    LanguageModel(byte_tokenizer(), small_net(softmax="adaptive", tied=False, hidden=64)).save(tmp_path / "adaptive")
    for models, said in (
        ([runs[0], "reviews-unigram-gru"], "토크나이저"),
        ([runs[0], tmp_path / "other"], "망이"),
        ([tmp_path / "adaptive"], "adaptive"),
        ([], "하나 이상"),
    ):
        with pytest.raises(InputError, match=said):
            make_soup(models, corpus, folder=tmp_path / "soup")
    with pytest.raises(CorpusError, match="검증"):
        make_soup(runs, Corpus("none", LINES, [], []), folder=tmp_path / "soup")
    assert not (tmp_path / "soup").exists()


def test_soup_command_reports_candidates_and_writes_model(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.txt").write_text("\n".join(LINES), "utf-8")
    folder = tmp_path / "soup"
    given = [*map(str, runs[:2]), "--corpus", str(tmp_path / "my.txt"), "--folder", str(folder)]
    assert main(["soup", *given, "--valid-lines", "3", "--precision", "int8", "--json"]) == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out)
    assert values["folder"] == str(folder) and values[f"share of {runs[0]}"] >= 0 and values["bits_per_character"] > 0
    tries = [line.rsplit("  ", 2) for line in printed.err.splitlines()]
    assert {name for name, _, _ in tries} == {*map(str, runs[:2]), "temperature"}
    assert values["valid"] == min(float(bits) for _, _, bits in tries)
    assert korlm.load_model(folder).info["soup"]["valid_lines"] == 3
