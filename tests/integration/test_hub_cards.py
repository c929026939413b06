"""Cards, and the commands that push, fetch and print them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from support import ROOT
from support.hub import ANN, Make, in_both, save
from support.hub_server import HubServer

import korlm
from korlm.cli.main import main
from korlm.errors import ArtifactError
from korlm.hub import push_to_hub, render_card, write_card

pytest_plugins = ["support.hub"]


# cards


def test_card_metadata_has_the_evaluation_results() -> None:
    text = render_card("reviews-syllable-lstm", repo_id="ann/reviews")
    data = ModelCard(text).data
    info = json.loads((ROOT / "data/models/reviews-syllable-lstm/build_info.json").read_text("utf-8"))
    assert (data.language, data.license, data.library_name) == ("ko", "apache-2.0", "korlm")
    assert {"korean", "lstm", "syllable"} <= set(data.tags) and data.datasets == ["e9t/nsmc"]
    assert data.eval_results
    result = data.eval_results[0]
    assert (result.metric_type, result.metric_value) == ("bits_per_character", info["test"]["bits_per_character"])
    assert result.dataset_split == "test"
    assert result.metric_args["signature"] == info["test"]["signature"]


def test_card_describes_model_training_and_limitations_in_both_languages() -> None:
    name = "reviews-syllable-lstm"
    info = json.loads((ROOT / f"data/models/{name}/build_info.json").read_text("utf-8"))
    korean, english = render_card(name, repo_id="ann/reviews").split("\n# English\n")
    lm = korlm.load_model(name)
    expected = [info["command"], info["corpus"]["sha256"], f"{lm.parameters:,}", "3.2253", 'load_model("ann/reviews")']
    expected += ["LSTM", "`syllable`", lm.generate("이 영화는", seed=1, max_tokens=40), 'pip install "korlm[hub]"']
    for page in (korean, english):
        assert not [part for part in expected if part not in page]
    assert "무례" in korean and "지어냅니다" in korean and "rude" in english and "makes things up" in english


def test_card_of_a_continued_model_shows_both_training_commands() -> None:
    text = render_card("reviews-unigram-gru")
    first, then = text.index("# 처음 (3.5037)"), text.index("# 이어서")
    assert first < text.index("korlm train reviews --tokenizer unigram --vocab-size 8000") < then
    assert then < text.index("korlm train reviews --from runs/reviews-unigram-gru") < text.index("# at first (3.5037)")


def test_card_of_a_model_without_build_information(saved: Path) -> None:
    text = render_card(saved)
    data = ModelCard(text).data
    assert data.license is None and not data.eval_results
    assert 'load_model("user/model")' in text and "적혀 있지 않습니다" in text


def test_card_shows_stored_samples_unchanged(tmp_path: Path, small_net: Make) -> None:
    samples = [{"prompt": "가", "text": "```|*나*\n다", "seed": 9}]
    folder = save(tmp_path / "model", small_net, samples=samples, license="cc0-1.0", corpus={"name": "mine.txt"})
    text = render_card(folder)
    assert "````text\n[seed 9] 가▸```|*나*\n다\n````" in text
    assert ModelCard(text).data.license == "cc0-1.0" and "mine.txt" in text


def test_tokenizer_card_shows_a_segmentation_and_the_extras() -> None:
    text = render_card("mecab+bpe", repo_id="ann/cuts")
    assert "들어가│셨│다" in text and 'pip install "korlm[hub,mecab]"' in text
    assert "tokenizer" in ModelCard(text).data.tags


def test_readme_in_the_folder_is_pushed_as_the_card(hub: HubServer, saved: Path) -> None:
    assert write_card(saved, repo_id="ann/model") == saved / "README.md"
    assert (saved / "README.md").read_text("utf-8") == render_card(saved, repo_id="ann/model")
    custom_card = "---\nlanguage: ko\n---\n\n# 내가 쓴 카드\n"
    (saved / "README.md").write_text(custom_card, "utf-8")
    push_to_hub(saved, "ann/model", token=ANN)
    assert hub.repos["ann/model"].files()["README.md"].decode() == custom_card
    (saved / "README.md").write_text("no metadata", "utf-8")
    with pytest.raises(ArtifactError) as caught:
        push_to_hub(saved, "ann/model", token=ANN)
    assert in_both(caught.value, "README.md")


# the command


def test_push_command_and_generation_from_a_pinned_revision(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", ANN)
    assert main(["push", str(saved), "ann/model", "--private", "--json", "--message", "첫 판"]) == 0
    commit = json.loads(capsys.readouterr().out)["url"].rsplit("/", 1)[1]
    repo = hub.repos["ann/model"]
    assert repo.private and repo.refs["main"] == commit and repo.messages[-1] == "첫 판"
    assert main(["generate", f"ann/model@{commit}", "가", "--seed", "1", "--max-tokens", "8"]) == 0
    assert capsys.readouterr().out == "가" + korlm.load_model(saved).generate("가", seed=1, max_tokens=8) + "\n"


def test_environment_variables_set_the_endpoint_and_offline_mode(hub: HubServer, tmp_path: Path) -> None:
    push_to_hub("syllable", "ann/cuts", token=ANN)
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT)}

    def tokenize(**settings: str) -> str:
        command = [sys.executable, "-m", "korlm", "tokenize", "-t", "ann/cuts@main"]
        done = subprocess.run(command, input="가 나", capture_output=True, text=True, env={**env, **settings}, cwd=ROOT)
        return done.stdout + done.stderr.splitlines()[-1] * done.returncode

    assert "HF_HUB_OFFLINE" in tokenize(HF_HUB_OFFLINE="1")
    assert tokenize() == "가│␣│나\n"
    hub.requests.clear()
    assert tokenize(HF_HUB_OFFLINE="1") == "가│␣│나\n"
    assert not hub.requests


def test_commands_print_one_message_for_an_error(
    hub: HubServer, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, message in (
        (["push", str(saved), "ann/m"], "hf auth login"),
        (["tokenize", "-t", "ann/no"], "ann/no"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err


def test_card_command_prints_and_writes_a_card(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(saved)]) == 0
    printed = capsys.readouterr().out
    assert main(["card", str(saved), "--write", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(saved / "README.md")}
    assert (saved / "README.md").read_text("utf-8") + "\n" == printed
