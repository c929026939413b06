"""Mixtures of models, in the library, the command and the app."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.toy_models import Make

import korlm
from korlm.app.generate.score import stream_scores
from korlm.app.generate.score_view import render_scores
from korlm.app.service import Service
from korlm.cli.main import main
from korlm.errors import CorpusError, InputError
from korlm.models.language_model import LanguageModel
from korlm.models.mixture import mixture_bits, score_mixture

LINES = ["정말 재미있다.", "", "ㅋㅋㅋ", "모든 국민은 법 앞에 평등하다."]
bits = st.lists(st.lists(st.floats(0, 900), min_size=3, max_size=3), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def models(small_net: Make) -> list[LanguageModel]:
    tokenizers = [korlm.load_tokenizer(name) for name in ("byte", "syllable", "word")]
    return [LanguageModel(tokenizer, small_net(tokenizer.vocab_size)) for tokenizer in tokenizers]


@given(bits)
def test_mixture_is_mean_of_probabilities_within_log2_k_of_best(each: list[list[float]]) -> None:
    mixed = mixture_bits(each)
    best = np.min(each, 0)
    assert (mixed >= best - 1e-9).all() and (mixed <= best + math.log2(len(each)) + 1e-9).all()
    assert (mixed <= np.mean(each, 0) + 1e-9).all()  # Jensen: no worse than coding by a model drawn at random
    probable = best < 50
    chances = np.mean(np.exp2(-np.array(each)), 0)
    np.testing.assert_allclose(mixed[probable], -np.log2(chances[probable]), rtol=1e-9, atol=1e-9)


def test_mixture_probabilities_sum_to_one() -> None:
    first, second = np.random.default_rng(1).dirichlet(np.ones(50), 2)
    assert np.exp2(-mixture_bits(-np.log2([first, second]))).sum() == pytest.approx(1)


def test_mixture_score_matches_its_models(models: list[LanguageModel]) -> None:
    found = score_mixture(models, LINES)
    alone = [lm.score(LINES) for lm in models]
    assert [one.signature for one in found.model_scores] == [one.signature for one in alone]
    each = np.array([[line.sum() for line in one.surprisals] for one in alone])
    chances = np.exp2(-each)
    assert found.bits_per_character == pytest.approx(-np.log2(chances.mean(0)).sum() / found.characters)
    assert found.characters == sum(map(len, LINES)) + len(LINES)
    np.testing.assert_allclose(found.mean_responsibilities, (chances / chances.sum(0)).mean(1))
    assert all(lm.tokenizer.signature in found.signature for lm in models) and "mix:line/3" in found.signature
    one = score_mixture(models[:1], LINES)
    assert one.bits_per_character == pytest.approx(alone[0].bits_per_character) and one.mean_responsibilities == [1.0]


def test_mixture_without_models_or_lines_is_a_clear_error(models: list[LanguageModel]) -> None:
    with pytest.raises(InputError, match="하나 이상"):
        score_mixture([], LINES)
    with pytest.raises(CorpusError):
        score_mixture(models, [])


def test_evaluate_command_prints_mixture_and_each_model(
    models: list[LanguageModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / f"model{number}") for number in range(3)]
    for lm, folder in zip(models, folders, strict=True):
        lm.save(folder)
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(f"{number}번 {line}" for number, line in enumerate(LINES * 20)), "utf-8")
    given = ["evaluate", folders[0], str(file), "--with", folders[1], "--with", folders[2]]
    assert main([*given, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    lines = korlm.load_corpus(file).test
    found = score_mixture(models, lines)
    assert values["bits_per_character"] == round(found.bits_per_character, 4) and values["lines"] == len(lines)
    assert (
        values[folders[1]] == f"{found.model_scores[1].bits_per_character:.4f} ({found.mean_responsibilities[1]:.0%})"
    )
    assert main([*given, "--dynamic", "0.1"]) == 2 and "--dynamic" in capsys.readouterr().err


def test_app_shows_mixture_of_its_models(models: list[LanguageModel], tmp_path: Path) -> None:
    for number, lm in enumerate(models[:2]):
        lm.save(tmp_path / f"mine{number}" / "best")
    service = Service(runs=tmp_path)
    text = "\n".join(LINES)
    names = [card.name for card in service.list_models() if "mine" in card.name]
    both = [*stream_scores(service, names, text)][-1]
    expected = score_mixture(models[:2], LINES)
    assert both.mixture_bits == pytest.approx(expected.bits_per_character * expected.characters)
    assert f"<b>{expected.bits_per_character:.3f}</b>" in render_scores(both, "ko").split("<tfoot")[1]
    assert "<tfoot" not in render_scores([*stream_scores(service, names[:1], text)][-1], "ko")
