"""Folders saved before the refactoring of 0.1.0 still load and give the same ids, figures and texts.

``tests/fixtures/saved_0_1_0`` was written by revision a26391b; ``expected.json`` holds what that revision computed from it:

    korlm train kolaw --tokenizer syllable --hidden 8 --embedding 8 --batch 4 --bptt 16 --epochs 0.2 --folder run
    korlm train kolaw --only-tokenizer --tokenizer kiwi --vocab-size 600 --folder tok-kiwi     (and the other tokenizers)
    korlm train-chat dialogues --tokenizer syllable --hidden 8 --embedding 8 --epochs 0.05 --folder chat
    korlm train-chat dialogues --form language-model ... --folder chat-lm
    korlm experiment kolaw --tokenizers syllable,byte --cells gru --seeds 2 --parameters 2e4 --characters 2000 \\
        --embedding 8 --batch 4 --bptt 16 --folder experiment
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

import korlm
from korlm.cli.main import main
from korlm.experiments.run import report_experiment

SAVED = ROOT / "tests" / "fixtures" / "saved_0_1_0"
EXPECTED = json.loads((SAVED / "expected.json").read_text("utf-8"))
TEXT = "대한민국의 모든 국민은 뷁ㅋㅋ 쇼핑했다."


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("tok-")])
def test_tokenizers_give_the_same_ids_and_signature(name: str) -> None:
    tokenizer = korlm.load_tokenizer(SAVED / name)
    encoding = tokenizer.encode(TEXT)
    assert tokenizer.decode(encoding.ids) == TEXT
    assert (encoding.ids, tokenizer.signature) == (EXPECTED[name]["ids"], EXPECTED[name]["signature"])


def test_language_model_gives_the_same_figure_and_text() -> None:
    lm = korlm.load_model(SAVED / "run")
    score = lm.score(["모든 국민은", "법률로 정한다."])
    expected = EXPECTED["run"]
    assert score.signature == expected["signature"]
    assert score.bits_per_character == pytest.approx(expected["bits_per_character"], rel=1e-5)
    assert lm.generate("모든", temperature=0, max_tokens=12) == expected["text"]


@pytest.mark.parametrize("name", ["chat", "chat-lm"])
def test_chatbots_give_the_same_figure_and_reply(name: str) -> None:
    bot = korlm.load_chat(SAVED / name)
    bits = bot.score(korlm.load_pairs("dialogues").test[:3]).bits_per_character
    assert bits == pytest.approx(EXPECTED[name]["bits_per_character"], rel=1e-5)
    assert bot.reply("안녕하세요?", abstain=False).text == EXPECTED[name]["text"]


def test_training_resumes_from_a_saved_checkpoint(tmp_path: Path) -> None:
    """The revision that wrote the checkpoint reached 6.5158 with the same command."""
    shutil.copytree(SAVED / "run", tmp_path / "run")
    shape = ["--tokenizer", "syllable", "--hidden", "8", "--embedding", "8", "--batch", "4", "--bptt", "16"]
    assert main(["train", "kolaw", *shape, "--epochs", "0.4", "--folder", str(tmp_path / "run"), "--resume"]) == 0
    info = json.loads((tmp_path / "run" / "best" / "build_info.json").read_text("utf-8"))
    assert info["test"]["bits_per_character"] == pytest.approx(6.5158, abs=0.002)


def test_experiment_folder_gives_the_same_result(tmp_path: Path) -> None:
    folder = shutil.copytree(SAVED / "experiment", tmp_path / "experiment")
    before = json.loads((folder / "result.json").read_text("utf-8"))
    report_experiment(folder)
    after = json.loads((folder / "result.json").read_text("utf-8"))
    assert after.keys() == before.keys()
    for key in before:
        assert_equal_up_to_rounding(after[key], before[key])


def assert_equal_up_to_rounding(actual: Any, expected: Any) -> None:
    """Compare JSON values; the last digit of a float depends on the processor's vector instructions."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_equal_up_to_rounding(actual[key], expected[key])
    elif isinstance(expected, list):
        assert len(actual) == len(expected)
        for values in zip(actual, expected, strict=True):
            assert_equal_up_to_rounding(*values)
    else:
        assert actual == (pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected)
