"""Push and load models and tokenizers: huggingface_hub against a local server with the Hub's HTTP API."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.hub import ANN, Make, in_both, logits, save
from support.hub_server import HubServer

import korlm
from korlm.chat.confidence import BigramCoverage
from korlm.chat.model import ChatModel
from korlm.errors import ArtifactError, InputError, UnknownNameError
from korlm.hub import push_to_hub
from korlm.nn.config import Seq2SeqConfig
from korlm.nn.seq2seq import Seq2Seq
from korlm.storage.hub import ARTIFACT_FILES, Address, match_address

pytest_plugins = ["support.hub"]


# round trip


def test_pushed_model_gives_the_same_logits_and_text(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = push_to_hub(saved, "ann/model", token=ANN)
    assert url == f"{hub.url}/ann/model/commit/{hub.repos['ann/model'].refs['main']}"
    monkeypatch.delenv("KORLM_CORPORA", raising=False)  # as on a machine without the training text
    local, remote = korlm.load_model(saved), korlm.load_model("ann/model")
    assert torch.equal(logits(local), logits(remote))
    assert local.generate("가", seed=1, max_tokens=8) == remote.generate("가", seed=1, max_tokens=8)


@pytest.mark.parametrize("name", ["syllable", "unigram", "mecab+bpe"])
def test_pushed_tokenizer_gives_the_same_ids(hub: HubServer, name: str) -> None:
    push_to_hub(name, "ann/cuts", token=ANN)
    text = "아버지가 방에 들어가셨다 뷁 ㅋㅋ"
    assert korlm.load_tokenizer("ann/cuts").encode(text).ids == korlm.load_tokenizer(name).encode(text).ids


def test_pushed_chatbot_gives_the_same_replies_and_confidence(hub: HubServer, tmp_path: Path) -> None:
    torch.manual_seed(7)
    tokenizer = korlm.load_tokenizer("syllable")
    net = Seq2Seq(Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=8))
    info = {
        "limits": {"surprisal": 99.0, "familiarity": 0.5},
        "start": {"name": "reviews-syllable-lstm", "pieces": 1234, "weights": []},
    }
    bot = ChatModel(tokenizer, net, info=info, familiarity=BigramCoverage.from_questions(["안녕하세요?"]))
    bot.save(tmp_path / "bot")
    push_to_hub(tmp_path / "bot", "ann/bot", token=ANN)
    remote = korlm.load_chat("ann/bot")
    for question in ("안녕하세요?", "qwxz", "<script>"):
        expected, reply = (each.reply(question, max_tokens=8) for each in (bot, remote))
        assert (reply.text, reply.answer, reply.confidence) == (expected.text, expected.answer, expected.confidence)
        assert reply.is_confident == (question == "안녕하세요?")
    text = hub.repos["ann/bot"].files()["README.md"].decode()
    assert 'load_chat("ann/bot")' in text and "`reviews-syllable-lstm`의 토큰 1,234개의 임베딩" in text
    with pytest.raises(ArtifactError, match="chat"):
        korlm.load_model("ann/bot")


def test_model_can_be_trained_with_a_tokenizer_from_the_hub(hub: HubServer, tmp_path: Path) -> None:
    push_to_hub("mecab+bpe", "ann/cuts", token=ANN)
    lines = korlm.load_corpus("kolaw", limit=40)
    small = {"hidden": 8, "embedding": 8, "batch": 2, "validations": 1}
    lm = korlm.train_model(lines, folder=tmp_path / "run", tokenizer="ann/cuts@main", **small)
    assert lm.tokenizer.signature == korlm.load_tokenizer("mecab+bpe").signature


def test_tokenizer_options_apply_to_a_tokenizer_from_the_hub(hub: HubServer) -> None:
    push_to_hub("mecab", "ann/mecab", token=ANN)
    assert korlm.load_tokenizer("ann/mecab", split="jamo").encode("갔다").tokens == ["가", "ㅆ", "다"]


def test_push_of_a_training_run_is_its_best_checkpoint(hub: HubServer, tmp_path: Path, small_net: Make) -> None:
    save(tmp_path / "run" / "best", small_net, made="best")
    save(tmp_path / "run" / "last", small_net, made="last")
    push_to_hub(tmp_path / "run", "ann/run", token=ANN)
    assert korlm.load_model("ann/run").info == {"made": "best"}


def test_push_is_one_commit_of_korlm_files_only(hub: HubServer, saved: Path) -> None:
    (saved / "optimizer.safetensors").write_bytes(b"large")
    (saved / "diary.txt").write_text("비밀")
    push_to_hub(saved, "ann/model", token=ANN, message="첫 판")
    repo = hub.repos["ann/model"]
    assert repo.messages == ["by hand", "첫 판"]
    tokenizer = {"tokenizer/config.json", "tokenizer/vocabulary.json"}
    expected = {"config.json", "build_info.json", "model.safetensors", "README.md", *tokenizer}
    assert set(repo.files()) == expected | {".gitattributes"}


@pytest.mark.parametrize("tokenizer", ["word", "syllable", "jamo", "byte", "kiwi", "unigram", "kiwi+unigram", "bpe"])
def test_every_file_of_a_saved_model_is_pushed(tokenizer: str, tmp_path: Path, small_net: Make) -> None:
    folder = save(tmp_path / "model", small_net, tokenizer=tokenizer)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files <= set(ARTIFACT_FILES["model"])
    tokenizer_files = {path.name for path in (folder / "tokenizer").iterdir()}
    assert tokenizer_files <= set(ARTIFACT_FILES["tokenizer"])


def test_second_push_deletes_stale_korlm_files_only(hub: HubServer) -> None:
    push_to_hub("unigram", "ann/cuts", token=ANN)
    repo = hub.repos["ann/cuts"]
    repo.commit(repo.files() | {"notes.md": b"mine"}, "by hand")
    push_to_hub("syllable", "ann/cuts", token=ANN)
    assert set(repo.files()) == {".gitattributes", "README.md", "config.json", "vocabulary.json", "notes.md"}
    assert korlm.load_tokenizer("ann/cuts").name == "syllable"


def test_pushing_the_same_files_again_makes_no_commit(hub: HubServer, saved: Path) -> None:
    first = push_to_hub(saved, "ann/model", token=ANN)
    assert push_to_hub(saved, "ann/model", token=ANN) == first
    assert len(hub.repos["ann/model"].commits) == 2


# revisions


def test_revision_pins_the_loaded_commit(hub: HubServer, saved: Path, small_net: Make) -> None:
    old = push_to_hub(saved, "ann/model", token=ANN).rsplit("/", 1)[1]
    first = logits(korlm.load_model(saved))
    save(saved, small_net, shift=0.01)
    push_to_hub(saved, "ann/model", token=ANN)
    assert torch.equal(logits(korlm.load_model("ann/model", revision=old)), first)
    assert torch.equal(logits(korlm.load_model(f"ann/model@{old}")), first)
    assert torch.equal(logits(korlm.load_model("ann/model")), logits(korlm.load_model(saved)))


def test_push_creates_a_branch_that_can_be_loaded(hub: HubServer, saved: Path, small_net: Make) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
    save(saved, small_net, shift=0.01, made="later")
    push_to_hub(saved, "ann/model@next", token=ANN)
    assert korlm.load_model("ann/model@next").info == {"made": "later"}
    assert korlm.load_model("ann/model").info == {}
    push_to_hub("syllable", "ann/cuts", token=ANN, revision="v2")
    assert korlm.load_tokenizer("ann/cuts", revision="v2").name == "syllable"


def test_unknown_revision_raises(hub: HubServer, saved: Path) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
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
def test_match_address(name: str | Path, revision: str | None, expected: Address | None) -> None:
    assert match_address(name, revision) == expected


@pytest.mark.parametrize(
    ("name", "revision"), [("ann/model@v1", "v2"), ("ann/model@../../x", None), ("ann/model", "a b"), ("ann/m@", "-x")]
)
def test_invalid_revision_raises_without_a_request(name: str, revision: str | None) -> None:
    with pytest.raises((InputError, UnknownNameError)):
        korlm.load_model(name, revision=revision)


def test_local_folder_precedes_the_hub_and_has_no_revisions(
    hub: HubServer, saved: Path, tmp_path: Path, small_net: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
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
