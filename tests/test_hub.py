"""Models and tokenizers to and from the Hub: the real huggingface_hub against a stand-in of the Hub's HTTP API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import Answer, HubServer
from huggingface_hub import ModelCard, constants

import korlm
from korlm.chat.confidence import Familiarity
from korlm.chat.model import ChatModel
from korlm.cli import main
from korlm.errors import ArtifactError, InputError, KorlmError, MissingDependencyError, UnknownNameError
from korlm.hub import card, fetch, push, write_card
from korlm.lm import LanguageModel
from korlm.nn.seq2seq import Seq2Seq
from korlm.nn.seq2seq_config import Seq2SeqConfig
from korlm.remote.address import Address, address
from korlm.remote.fetch import FILES

ROOT = Path(__file__).resolve().parents[1]
ANN, READER, BOB = "hf_ann", "hf_ann_reads", "hf_bob"
TOKENS = {ANN: ("ann", "write"), READER: ("ann", "read"), BOB: ("bob", "write")}
Make = Callable[..., Any]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The stand-in, where huggingface_hub now takes the Hub to be; a cache of its own; no token saved."""
    with HubServer(TOKENS) as server:
        home = tmp_path / "hf"
        settings = {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_TOKEN_PATH": str(home / "token"),
            "AGENT_HARNESSES_PATH": str(home / "agents.json"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_OFFLINE": False,
        }
        for name, value in settings.items():
            monkeypatch.setattr(constants, name, value)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture
def saved(tmp_path: Path, small_net: Make) -> Path:
    return save(tmp_path / "model", small_net)


def save(folder: Path, small_net: Make, *, tokenizer: str = "syllable", shift: float = 0.0, **info: Any) -> Path:
    loaded = korlm.load_tokenizer(tokenizer)
    net = small_net(loaded.vocab_size)
    with torch.no_grad():
        net.output.bias += shift * torch.arange(loaded.vocab_size)
    LanguageModel(loaded, net, info=info).save(folder)
    return folder


def logits(lm: LanguageModel) -> torch.Tensor:
    return lm.net.logits(lm.net(torch.tensor([[2, 300, 301]]))[0])


def in_both(error: KorlmError, *parts: str) -> bool:
    """Whether the message says so in Korean and in English, and ends as one that tells what to do."""
    assert error.ko.rstrip(".").endswith(("요", "다", '"')), error.ko
    return all(part in error.ko and part in error.en for part in parts)


# there and back


def test_a_pushed_model_gives_the_same_logits_and_text(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = push(saved, "ann/model", token=ANN)
    assert url == f"{hub.url}/ann/model/commit/{hub.repos['ann/model'].refs['main']}"
    monkeypatch.delenv("KORLM_CORPORA", raising=False)  # a machine that never saw the training text
    here, there = korlm.load_model(saved), korlm.load_model("ann/model")
    assert torch.equal(logits(here), logits(there))
    assert here.generate("가", seed=1, max_tokens=8) == there.generate("가", seed=1, max_tokens=8)


@pytest.mark.parametrize("name", ["syllable", "unigram", "mecab+bpe"])
def test_a_pushed_tokenizer_gives_the_same_ids(hub: HubServer, name: str) -> None:
    push(name, "ann/cuts", token=ANN)
    text = "아버지가 방에 들어가셨다 뷁 ㅋㅋ"
    assert korlm.load_tokenizer("ann/cuts").encode(text).ids == korlm.load_tokenizer(name).encode(text).ids


def test_a_pushed_chatbot_answers_and_doubts_as_it_did(hub: HubServer, tmp_path: Path) -> None:
    torch.manual_seed(7)
    tokenizer = korlm.load_tokenizer("syllable")
    net = Seq2Seq(Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=8))
    info = {
        "limits": {"surprisal": 99.0, "familiarity": 0.5},
        "start": {"name": "reviews-syllable-lstm", "pieces": 1234, "weights": []},
    }
    bot = ChatModel(tokenizer, net, info=info, familiarity=Familiarity.of(["안녕하세요?"]))
    bot.save(tmp_path / "bot")
    push(tmp_path / "bot", "ann/bot", token=ANN)
    there = korlm.load_chat("ann/bot")
    for question in ("안녕하세요?", "qwxz", "<script>"):
        here, said = (one.reply(question, max_tokens=8) for one in (bot, there))
        assert (said.text, said.answer, said.confidence) == (here.text, here.answer, here.confidence)
        assert said.sure == (question == "안녕하세요?")
    text = hub.repos["ann/bot"].files()["README.md"].decode()
    assert 'load_chat("ann/bot")' in text and "`reviews-syllable-lstm`의 임베딩 1,234조각" in text
    with pytest.raises(ArtifactError, match="chat"):
        korlm.load_model("ann/bot")


def test_a_model_is_trained_with_a_tokenizer_from_the_hub(hub: HubServer, tmp_path: Path) -> None:
    push("mecab+bpe", "ann/cuts", token=ANN)
    lines = korlm.load_corpus("kolaw", limit=40)
    small = {"hidden": 8, "embedding": 8, "batch": 2, "validations": 1}
    lm = korlm.train_model(lines, folder=tmp_path / "run", tokenizer="ann/cuts@main", **small)
    assert lm.tokenizer.signature == korlm.load_tokenizer("mecab+bpe").signature


def test_options_change_a_tokenizer_from_the_hub_as_they_do_another(hub: HubServer) -> None:
    push("mecab", "ann/mecab", token=ANN)
    assert korlm.load_tokenizer("ann/mecab", split="jamo").encode("갔다").pieces == ["가", "ㅆ", "다"]


def test_a_training_run_is_pushed_as_its_best_checkpoint(hub: HubServer, tmp_path: Path, small_net: Make) -> None:
    save(tmp_path / "run" / "best", small_net, made="best")
    save(tmp_path / "run" / "last", small_net, made="last")
    push(tmp_path / "run", "ann/run", token=ANN)
    assert korlm.load_model("ann/run").info == {"made": "best"}


def test_only_korlms_files_go_up_all_in_one_commit(hub: HubServer, saved: Path) -> None:
    (saved / "optimizer.safetensors").write_bytes(b"large")
    (saved / "diary.txt").write_text("비밀")
    push(saved, "ann/model", token=ANN, message="첫 판")
    repo = hub.repos["ann/model"]
    assert repo.messages == ["by hand", "첫 판"]
    tokenizer = {"tokenizer/config.json", "tokenizer/vocabulary.json"}
    mine = {"config.json", "build_info.json", "model.safetensors", "README.md", *tokenizer}
    assert set(repo.files()) == mine | {".gitattributes"}


@pytest.mark.parametrize("tokenizer", ["word", "syllable", "jamo", "byte", "kiwi", "unigram", "kiwi+unigram", "bpe"])
def test_every_file_of_a_saved_model_is_one_that_is_pushed(tokenizer: str, tmp_path: Path, small_net: Make) -> None:
    folder = save(tmp_path / "model", small_net, tokenizer=tokenizer)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files <= set(FILES["model"])
    inner = {path.name for path in (folder / "tokenizer").iterdir()}
    assert inner <= set(FILES["tokenizer"])


def test_a_second_push_takes_away_what_the_first_left_and_nothing_else(hub: HubServer) -> None:
    push("unigram", "ann/cuts", token=ANN)
    repo = hub.repos["ann/cuts"]
    repo.commit(repo.files() | {"notes.md": b"mine"}, "by hand")
    push("syllable", "ann/cuts", token=ANN)
    assert set(repo.files()) == {".gitattributes", "README.md", "config.json", "vocabulary.json", "notes.md"}
    assert korlm.load_tokenizer("ann/cuts").name == "syllable"


def test_pushing_the_same_again_makes_no_commit(hub: HubServer, saved: Path) -> None:
    first = push(saved, "ann/model", token=ANN)
    assert push(saved, "ann/model", token=ANN) == first
    assert len(hub.repos["ann/model"].commits) == 2


# revisions


def test_a_commit_pins_what_is_loaded(hub: HubServer, saved: Path, small_net: Make) -> None:
    old = push(saved, "ann/model", token=ANN).rsplit("/", 1)[1]
    first = logits(korlm.load_model(saved))
    save(saved, small_net, shift=0.01)
    push(saved, "ann/model", token=ANN)
    assert torch.equal(logits(korlm.load_model("ann/model", revision=old)), first)
    assert torch.equal(logits(korlm.load_model(f"ann/model@{old}")), first)
    assert torch.equal(logits(korlm.load_model("ann/model")), logits(korlm.load_model(saved)))


def test_a_branch_is_made_pushed_to_and_loaded(hub: HubServer, saved: Path, small_net: Make) -> None:
    push(saved, "ann/model", token=ANN)
    save(saved, small_net, shift=0.01, made="later")
    push(saved, "ann/model@next", token=ANN)
    assert korlm.load_model("ann/model@next").info == {"made": "later"}
    assert korlm.load_model("ann/model").info == {}
    push("syllable", "ann/cuts", token=ANN, revision="v2")
    assert korlm.load_tokenizer("ann/cuts", revision="v2").name == "syllable"


def test_a_revision_that_is_not_there_is_said(hub: HubServer, saved: Path) -> None:
    push(saved, "ann/model", token=ANN)
    with pytest.raises(UnknownNameError) as caught:
        korlm.load_model("ann/model@v9")
    assert in_both(caught.value, "'v9'", "/ann/model/commits")


@pytest.mark.parametrize(
    ("name", "revision", "expected"),
    [
        ("ann/model", None, Address("ann/model")),
        ("ann/model@v1", None, Address("ann/model", "v1")),
        ("ann/model@v1", "v1", Address("ann/model", "v1")),
        ("ann/model@refs/pr/1", None, Address("ann/model", "refs/pr/1")),
        ("kiwi", None, None),
        ("./ann/model", None, None),
        ("/ann/model", None, None),
        ("a/b/c", None, None),
        ("한국/모델", None, None),
        (Path("ann/model"), None, None),
    ],
)
def test_what_is_an_address(name: str | Path, revision: str | None, expected: Address | None) -> None:
    assert address(name, revision) == expected


@pytest.mark.parametrize(
    ("name", "revision"), [("ann/model@v1", "v2"), ("ann/model@../../x", None), ("ann/model", "a b"), ("ann/m@", "-x")]
)
def test_a_revision_that_cannot_be_is_refused_unasked(name: str, revision: str | None) -> None:
    with pytest.raises((InputError, UnknownNameError)):
        korlm.load_model(name, revision=revision)


def test_what_is_here_wins_over_the_hub_and_has_no_revisions(
    hub: HubServer, saved: Path, tmp_path: Path, small_net: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(saved, "ann/model", token=ANN)
    hub.requests.clear()
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "ann" / "model", small_net, made="here")
    assert korlm.load_model("ann/model").info == {"made": "here"}
    for load in (korlm.load_model, korlm.load_tokenizer):
        with pytest.raises(InputError, match="revision"):
            load("ann/model", revision="v1")
    with pytest.raises(InputError, match="revision"):
        korlm.load_tokenizer("kiwi", revision="v1")
    assert not hub.requests


# who may


def test_a_private_model_needs_its_owners_token(hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(saved, "ann/secret", private=True, token=ANN)
    assert hub.repos["ann/secret"].private
    for token in (None, BOB):
        with pytest.raises(UnknownNameError) as caught:
            korlm.load_model("ann/secret", token=token)
        assert in_both(caught.value, "ann/secret", "hf auth login", "HF_TOKEN", "token=")
    assert korlm.load_model("ann/secret", token=READER).info == {}
    monkeypatch.setenv("HF_TOKEN", ANN)
    assert korlm.load_model("ann/secret").info == {}


def test_a_push_meant_to_be_private_does_not_go_to_a_public_repository(hub: HubServer, saved: Path) -> None:
    hub.add("ann/model", {})
    with pytest.raises(ArtifactError) as caught:
        push(saved, "ann/model", private=True, token=ANN)
    assert in_both(caught.value, "ann/model") and "공개" in caught.value.ko
    assert len(hub.repos["ann/model"].commits) == 1


def test_pushing_without_a_token_says_how_to_give_one_before_anything_is_asked(hub: HubServer, saved: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        push(saved, "ann/model")
    assert in_both(caught.value, "hf auth login", "HF_TOKEN", "token=")
    assert not hub.asked("ann/model")


@pytest.mark.parametrize("there", [False, True], ids=["a new repository", "an old one"])
@pytest.mark.parametrize("token", [READER, BOB], ids=["a token that reads", "the token of another"])
def test_a_token_that_may_not_write_is_said(hub: HubServer, saved: Path, token: str, there: bool) -> None:
    if there:
        hub.add("ann/model", {})
    with pytest.raises(ArtifactError) as caught:
        push(saved, "ann/model", token=token)
    assert in_both(caught.value, "ann/model", "write", "settings/tokens")
    assert not there or len(hub.repos["ann/model"].commits) == 1


def test_a_token_that_has_run_out_is_said_on_both_ways(hub: HubServer, saved: Path) -> None:
    hub.add("ann/model", {})
    for go in (lambda: push(saved, "ann/model", token="hf_old"), lambda: korlm.load_model("ann/model", token="hf_old")):
        with pytest.raises(ArtifactError) as caught:
            go()
        assert in_both(caught.value, "settings/tokens", "hf auth login")


def test_a_gated_model_says_where_its_terms_are(hub: HubServer, saved: Path) -> None:
    push(saved, "ann/model", token=ANN)
    hub.repos["ann/model"].gated = True
    for token in (None, BOB):
        with pytest.raises(ArtifactError) as caught:
            korlm.load_model("ann/model", token=token)
        assert in_both(caught.value, f"{hub.url}/ann/model", "hf auth login")
    assert korlm.load_model("ann/model", token=ANN).info == {}


# without a network


def test_what_was_fetched_once_opens_without_a_network(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = push(saved, "ann/model", token=ANN).rsplit("/", 1)[1]
    expected = logits(korlm.load_model("ann/model"))
    hub.failures.append(lambda method, path: Answer(0))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert torch.equal(logits(korlm.load_model("ann/model")), expected)
    assert torch.equal(logits(korlm.load_model("ann/model", revision=commit)), expected)


def test_what_was_fetched_opens_while_the_hub_is_away(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(saved, "ann/model", token=ANN)
    korlm.load_model("ann/model")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody answers there
    assert korlm.load_model("ann/model").info == {}


def test_without_a_network_and_a_cache_it_is_said_what_to_do(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for go in (lambda: korlm.load_model("ann/model"), lambda: push(saved, "ann/model", token=ANN)):
        with pytest.raises(ArtifactError) as caught:
            go()
        assert in_both(caught.value, "ann/model", "http://127.0.0.1:9") and "인터넷" in caught.value.ko
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for go in (lambda: korlm.load_tokenizer("ann/model"), lambda: push(saved, "ann/model", token=ANN)):
        with pytest.raises(ArtifactError) as caught:
            go()
        assert in_both(caught.value, "HF_HUB_OFFLINE")


def test_a_download_that_was_cut_is_not_taken_for_a_model(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(saved, "ann/model", token=ANN)

    def no_weights(method: str, path: str) -> Answer | None:
        return Answer.error(400, "storage is being mended") if path.startswith("/storage/") else None

    hub.failures.append(no_weights)
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("ann/model")
    assert in_both(caught.value, "storage is being mended")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ArtifactError, match="HF_HUB_OFFLINE"):
        korlm.load_model("ann/model")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub.failures.clear()
    assert korlm.load_model("ann/model").info == {}


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_cannot_serve_now_is_to_be_asked_later(hub: HubServer, status: int) -> None:
    hub.failures.append(lambda method, path: Answer.error(status, "too busy"))
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("ann/model")
    assert in_both(caught.value, "too busy") and "잠시 뒤" in caught.value.ko and "later" in caught.value.en


def test_a_push_that_is_cut_leaves_the_old_model_whole(hub: HubServer, saved: Path, small_net: Make) -> None:
    push(saved, "ann/model", token=ANN)
    before, old = dict(hub.repos["ann/model"].files()), logits(korlm.load_model("ann/model"))
    save(saved, small_net, shift=0.01)

    for cut in ("/storage/", "/commit/"):
        answer = Answer(0) if cut == "/commit/" else Answer.error(400, "storage is full")
        hub.failures[:] = [lambda method, path, cut=cut, answer=answer: answer if cut in path else None]
        with pytest.raises(ArtifactError) as caught:
            push(saved, "ann/model", token=ANN)
        assert in_both(caught.value, "ann/model")
        assert hub.repos["ann/model"].files() == before
    hub.failures.clear()
    assert torch.equal(logits(korlm.load_model("ann/model")), old)
    push(saved, "ann/model", token=ANN)
    assert torch.equal(logits(korlm.load_model("ann/model")), logits(korlm.load_model(saved)))


# what is not ours


def test_a_name_that_is_nowhere_is_said(hub: HubServer) -> None:
    for load in (korlm.load_model, korlm.load_tokenizer):
        with pytest.raises(UnknownNameError) as caught:
            load("ann/nothing")
        assert in_both(caught.value, "ann/nothing")
    with pytest.raises(UnknownNameError):
        push("no-such-thing", "ann/model", token=ANN)
    for name in ("model", "a/b/c", "ann/"):
        with pytest.raises(InputError):
            push("syllable", name, token=ANN)


def test_a_model_of_transformers_is_named_and_its_weights_are_not_fetched(hub: HubServer, saved: Path) -> None:
    files = {"config.json": b'{"model_type": "gpt2"}', "model.safetensors": b"x" * 1000}
    hub.add("bob/gpt2", files)
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("bob/gpt2")
    assert in_both(caught.value, "gpt2", "transformers")
    with pytest.raises(ArtifactError) as caught:
        push(saved, "bob/gpt2", token=BOB)
    assert in_both(caught.value, "gpt2") and "덮어쓰지" in caught.value.ko
    assert not hub.asked("model.safetensors") and hub.repos["bob/gpt2"].files() == files


@pytest.mark.parametrize("content", [None, b"[]", b'{"kind": "cake"}', b"{", b"\xff"])
def test_a_repository_without_a_config_of_korlm_is_refused(hub: HubServer, content: bytes | None) -> None:
    hub.add("bob/else", {"data.txt": b"x"} | ({} if content is None else {"config.json": content}))
    with pytest.raises(ArtifactError) as caught:
        korlm.load_tokenizer("bob/else")
    assert in_both(caught.value, "config.json")


def test_a_tokenizer_is_no_model_and_the_other_way_about(hub: HubServer, saved: Path) -> None:
    push("syllable", "ann/cuts", token=ANN)
    push(saved, "ann/model", token=ANN)
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("ann/cuts")
    assert in_both(caught.value, "korlm.load_tokenizer('ann/cuts')")
    with pytest.raises(ArtifactError) as caught:
        korlm.load_tokenizer("ann/model")
    assert in_both(caught.value, "korlm.load_model('ann/model')")


def test_a_pickle_is_never_fetched_nor_is_a_file_outside_the_folder(hub: HubServer, saved: Path) -> None:
    push(saved, "ann/model", token=ANN)
    repo = hub.repos["ann/model"]
    strange = ["pytorch_model.bin", "tokenizer/words.pkl", "tokenizer/../../evil.json", "../evil.json", "/evil.json"]
    repo.commit(repo.files() | dict.fromkeys(strange, b"\x80\x04."), "bad")
    hub.requests.clear()
    folder = fetch("ann/model")
    assert korlm.load_model("ann/model").info == {}
    assert not any(hub.asked(name) for name in ("evil", ".pkl", ".bin"))
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert fetched <= set(FILES["model"])


def test_damaged_weights_are_a_clear_error(hub: HubServer, saved: Path) -> None:
    push(saved, "ann/model", token=ANN)
    repo = hub.repos["ann/model"]
    repo.commit(repo.files() | {"model.safetensors": b"x" * 100}, "damaged")
    with pytest.raises(ArtifactError, match="가중치"):
        korlm.load_model("ann/model")


def test_a_broken_folder_is_not_pushed(hub: HubServer, saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(b"x" * 100)
    for readme in (False, True):
        if readme:
            (saved / "README.md").write_text("---\nlanguage: ko\n---\n")
        with pytest.raises(ArtifactError, match="가중치"):
            push(saved, "ann/model", token=ANN)
    assert not hub.repos


# what is not installed


def test_a_missing_analyzer_is_named_with_what_installs_it(
    hub: HubServer, tmp_path: Path, small_net: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(save(tmp_path / "model", small_net, tokenizer="mecab"), "ann/model", token=ANN)
    push("mecab+bpe", "ann/cuts", token=ANN)
    monkeypatch.setitem(sys.modules, "_mecab", None)
    for load, name in ((korlm.load_model, "ann/model"), (korlm.load_tokenizer, "ann/cuts")):
        with pytest.raises(MissingDependencyError) as caught:
            load(name)
        assert in_both(caught.value, "mecab", 'pip install "korlm[mecab]"')


def test_without_huggingface_hub_the_extra_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for go in (lambda: korlm.load_model("ann/model"), lambda: push(saved, "ann/model"), lambda: card(saved)):
        with pytest.raises(MissingDependencyError) as caught:
            go()
        assert in_both(caught.value, 'pip install "korlm[hub]"')
    assert korlm.load_model(saved).info == {}


# cards


def test_a_card_holds_the_figures_where_machines_read_them() -> None:
    text = card("reviews-syllable-lstm", repo_id="ann/reviews")
    data = ModelCard(text).data
    info = json.loads((ROOT / "data/models/reviews-syllable-lstm/build_info.json").read_text("utf-8"))
    assert (data.language, data.license, data.library_name) == ("ko", "apache-2.0", "korlm")
    assert {"korean", "lstm", "syllable"} <= set(data.tags) and data.datasets == ["e9t/nsmc"]
    assert data.eval_results
    result = data.eval_results[0]
    assert (result.metric_type, result.metric_value) == ("bits_per_character", info["test"]["bits_per_character"])
    assert result.dataset_split == "test"
    assert result.metric_args["signature"] == info["test"]["signature"]


def test_a_card_says_in_both_languages_what_it_is_how_it_was_made_and_what_is_wrong_with_it() -> None:
    name = "reviews-syllable-lstm"
    info = json.loads((ROOT / f"data/models/{name}/build_info.json").read_text("utf-8"))
    korean, english = card(name, repo_id="ann/reviews").split("\n# English\n")
    lm = korlm.load_model(name)
    shared = [info["command"], info["corpus"]["sha256"], f"{lm.parameters:,}", "3.2253", 'load_model("ann/reviews")']
    shared += ["LSTM", "`syllable`", lm.generate("이 영화는", seed=1, max_tokens=40), 'pip install "korlm[hub]"']
    for page in (korean, english):
        assert not [part for part in shared if part not in page]
    assert "무례" in korean and "지어냅니다" in korean and "rude" in english and "makes things up" in english


def test_a_card_of_a_model_that_began_with_another_shows_both_commands() -> None:
    text = card("reviews-unigram-gru")
    first, then = text.index("# 처음 (3.5037)"), text.index("# 이어서")
    assert first < text.index("korlm train reviews --tokenizer unigram --vocab-size 8000") < then
    assert then < text.index("korlm train reviews --from runs/reviews-unigram-gru") < text.index("# at first (3.5037)")


def test_a_card_of_a_model_that_says_nothing_of_itself_is_still_one(saved: Path) -> None:
    text = card(saved)
    data = ModelCard(text).data
    assert data.license is None and not data.eval_results
    assert 'load_model("user/model")' in text and "적혀 있지 않습니다" in text


def test_a_card_shows_the_samples_that_were_kept_as_they_are(tmp_path: Path, small_net: Make) -> None:
    kept = [{"prompt": "가", "text": "```|*나*\n다", "seed": 9}]
    folder = save(tmp_path / "model", small_net, samples=kept, license="cc0-1.0", corpus={"name": "mine.txt"})
    text = card(folder)
    assert "````text\n[seed 9] 가▸```|*나*\n다\n````" in text
    assert ModelCard(text).data.license == "cc0-1.0" and "mine.txt" in text


def test_a_tokenizers_card_shows_how_it_cuts_and_what_to_install() -> None:
    text = card("mecab+bpe", repo_id="ann/cuts")
    assert "들어가│셨│다" in text and 'pip install "korlm[hub,mecab]"' in text
    assert "tokenizer" in ModelCard(text).data.tags


def test_a_readme_in_the_folder_is_the_card(hub: HubServer, saved: Path) -> None:
    assert write_card(saved, repo_id="ann/model") == saved / "README.md"
    assert (saved / "README.md").read_text("utf-8") == card(saved, repo_id="ann/model")
    own = "---\nlanguage: ko\n---\n\n# 내가 쓴 카드\n"
    (saved / "README.md").write_text(own, "utf-8")
    push(saved, "ann/model", token=ANN)
    assert hub.repos["ann/model"].files()["README.md"].decode() == own
    (saved / "README.md").write_text("no metadata", "utf-8")
    with pytest.raises(ArtifactError) as caught:
        push(saved, "ann/model", token=ANN)
    assert in_both(caught.value, "README.md")


# the command


def test_the_command_pushes_and_generates_from_a_pinned_revision(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", ANN)
    assert main(["push", str(saved), "ann/model", "--private", "--json", "--message", "첫 판"]) == 0
    commit = json.loads(capsys.readouterr().out)["url"].rsplit("/", 1)[1]
    repo = hub.repos["ann/model"]
    assert repo.private and repo.refs["main"] == commit and repo.messages[-1] == "첫 판"
    assert main(["generate", f"ann/model@{commit}", "가", "--seed", "1", "--max-tokens", "8"]) == 0
    assert capsys.readouterr().out == "가" + korlm.load_model(saved).generate("가", seed=1, max_tokens=8) + "\n"


def test_the_environment_says_where_the_hub_is_and_that_there_is_none(hub: HubServer, tmp_path: Path) -> None:
    push("syllable", "ann/cuts", token=ANN)
    env = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(ROOT)}

    def tokenize(**settings: str) -> str:
        asked = [sys.executable, "-m", "korlm", "tokenize", "-t", "ann/cuts@main"]
        done = subprocess.run(asked, input="가 나", capture_output=True, text=True, env={**env, **settings}, cwd=ROOT)
        return done.stdout + done.stderr.splitlines()[-1] * done.returncode

    assert "HF_HUB_OFFLINE" in tokenize(HF_HUB_OFFLINE="1")
    assert tokenize() == "가│␣│나\n"
    hub.requests.clear()
    assert tokenize(HF_HUB_OFFLINE="1") == "가│␣│나\n"
    assert not hub.requests


def test_the_command_says_what_is_wrong_in_one_message(
    hub: HubServer, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for asked, said in ((["push", str(saved), "ann/m"], "hf auth login"), (["tokenize", "-t", "ann/no"], "ann/no")):
        assert main(asked) == 2
        assert said in capsys.readouterr().err


def test_the_command_prints_a_card_and_writes_it(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(saved)]) == 0
    printed = capsys.readouterr().out
    assert main(["card", str(saved), "--write", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(saved / "README.md")}
    assert (saved / "README.md").read_text("utf-8") + "\n" == printed
