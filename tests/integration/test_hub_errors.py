"""Errors of the Hub and unsafe repositories: clear messages, nothing lost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from support.hub import ANN, BOB, READER, Make, in_both, logits, save
from support.hub_server import Answer, HubServer

import korlm
from korlm.errors import ArtifactError, InputError, MissingDependencyError, UnknownNameError
from korlm.hub import fetch_from_hub, push_to_hub, render_card
from korlm.storage.hub import ARTIFACT_FILES

pytest_plugins = ["support.hub"]


# access


def test_private_model_needs_a_token_of_its_owner(hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_to_hub(saved, "ann/secret", private=True, token=ANN)
    assert hub.repos["ann/secret"].private
    for token in (None, BOB):
        with pytest.raises(UnknownNameError) as caught:
            korlm.load_model("ann/secret", token=token)
        assert in_both(caught.value, "ann/secret", "hf auth login", "HF_TOKEN", "token=")
    assert korlm.load_model("ann/secret", token=READER).info == {}
    monkeypatch.setenv("HF_TOKEN", ANN)
    assert korlm.load_model("ann/secret").info == {}


def test_private_push_to_a_public_repository_raises(hub: HubServer, saved: Path) -> None:
    hub.add("ann/model", {})
    with pytest.raises(ArtifactError) as caught:
        push_to_hub(saved, "ann/model", private=True, token=ANN)
    assert in_both(caught.value, "ann/model") and "공개" in caught.value.ko
    assert len(hub.repos["ann/model"].commits) == 1


def test_push_without_a_token_raises_before_any_request(hub: HubServer, saved: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        push_to_hub(saved, "ann/model")
    assert in_both(caught.value, "hf auth login", "HF_TOKEN", "token=")
    assert not hub.asked("ann/model")


@pytest.mark.parametrize("exists", [False, True], ids=["a new repository", "an old one"])
@pytest.mark.parametrize("token", [READER, BOB], ids=["a token that reads", "the token of another"])
def test_token_without_write_access_raises(hub: HubServer, saved: Path, token: str, exists: bool) -> None:
    if exists:
        hub.add("ann/model", {})
    with pytest.raises(ArtifactError) as caught:
        push_to_hub(saved, "ann/model", token=token)
    assert in_both(caught.value, "ann/model", "write", "settings/tokens")
    assert not exists or len(hub.repos["ann/model"].commits) == 1


def test_expired_token_raises_for_push_and_load(hub: HubServer, saved: Path) -> None:
    hub.add("ann/model", {})
    for call in (
        lambda: push_to_hub(saved, "ann/model", token="hf_old"),
        lambda: korlm.load_model("ann/model", token="hf_old"),
    ):
        with pytest.raises(ArtifactError) as caught:
            call()
        assert in_both(caught.value, "settings/tokens", "hf auth login")


def test_gated_model_error_links_to_its_terms(hub: HubServer, saved: Path) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
    hub.repos["ann/model"].gated = True
    for token in (None, BOB):
        with pytest.raises(ArtifactError) as caught:
            korlm.load_model("ann/model", token=token)
        assert in_both(caught.value, f"{hub.url}/ann/model", "hf auth login")
    assert korlm.load_model("ann/model", token=ANN).info == {}


# without a network


def test_cached_model_loads_offline(hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = push_to_hub(saved, "ann/model", token=ANN).rsplit("/", 1)[1]
    expected = logits(korlm.load_model("ann/model"))
    hub.failures.append(lambda method, path: Answer(0))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert torch.equal(logits(korlm.load_model("ann/model")), expected)
    assert torch.equal(logits(korlm.load_model("ann/model", revision=commit)), expected)


def test_cached_model_loads_while_the_hub_is_unreachable(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
    korlm.load_model("ann/model")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # no server listens there
    assert korlm.load_model("ann/model").info == {}


def test_error_without_network_and_cache_tells_what_to_do(
    hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for call in (lambda: korlm.load_model("ann/model"), lambda: push_to_hub(saved, "ann/model", token=ANN)):
        with pytest.raises(ArtifactError) as caught:
            call()
        assert in_both(caught.value, "ann/model", "http://127.0.0.1:9") and "인터넷" in caught.value.ko
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for call in (lambda: korlm.load_tokenizer("ann/model"), lambda: push_to_hub(saved, "ann/model", token=ANN)):
        with pytest.raises(ArtifactError) as caught:
            call()
        assert in_both(caught.value, "HF_HUB_OFFLINE")


def test_interrupted_download_is_not_loaded(hub: HubServer, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_to_hub(saved, "ann/model", token=ANN)

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
def test_busy_hub_error_suggests_to_retry_later(hub: HubServer, status: int) -> None:
    hub.failures.append(lambda method, path: Answer.error(status, "too busy"))
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("ann/model")
    assert in_both(caught.value, "too busy") and "잠시 뒤" in caught.value.ko and "later" in caught.value.en


def test_interrupted_push_leaves_the_old_model_intact(hub: HubServer, saved: Path, small_net: Make) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
    before, old = dict(hub.repos["ann/model"].files()), logits(korlm.load_model("ann/model"))
    save(saved, small_net, shift=0.01)

    for failing in ("/storage/", "/commit/"):
        answer = Answer(0) if failing == "/commit/" else Answer.error(400, "storage is full")
        hub.failures[:] = [lambda method, path, failing=failing, answer=answer: answer if failing in path else None]
        with pytest.raises(ArtifactError) as caught:
            push_to_hub(saved, "ann/model", token=ANN)
        assert in_both(caught.value, "ann/model")
        assert hub.repos["ann/model"].files() == before
    hub.failures.clear()
    assert torch.equal(logits(korlm.load_model("ann/model")), old)
    push_to_hub(saved, "ann/model", token=ANN)
    assert torch.equal(logits(korlm.load_model("ann/model")), logits(korlm.load_model(saved)))


# foreign content


def test_unknown_name_raises(hub: HubServer) -> None:
    for load in (korlm.load_model, korlm.load_tokenizer):
        with pytest.raises(UnknownNameError) as caught:
            load("ann/nothing")
        assert in_both(caught.value, "ann/nothing")
    with pytest.raises(UnknownNameError):
        push_to_hub("no-such-thing", "ann/model", token=ANN)
    for name in ("model", "a/b/c", "ann/"):
        with pytest.raises(InputError):
            push_to_hub("syllable", name, token=ANN)


def test_transformers_model_raises_without_fetching_its_weights(hub: HubServer, saved: Path) -> None:
    files = {"config.json": b'{"model_type": "gpt2"}', "model.safetensors": b"x" * 1000}
    hub.add("bob/gpt2", files)
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("bob/gpt2")
    assert in_both(caught.value, "gpt2", "transformers")
    with pytest.raises(ArtifactError) as caught:
        push_to_hub(saved, "bob/gpt2", token=BOB)
    assert in_both(caught.value, "gpt2") and "덮어쓰지" in caught.value.ko
    assert not hub.asked("model.safetensors") and hub.repos["bob/gpt2"].files() == files


@pytest.mark.parametrize("content", [None, b"[]", b'{"kind": "cake"}', b"{", b"\xff"])
def test_repository_without_korlm_config_raises(hub: HubServer, content: bytes | None) -> None:
    hub.add("bob/else", {"data.txt": b"x"} | ({} if content is None else {"config.json": content}))
    with pytest.raises(ArtifactError) as caught:
        korlm.load_tokenizer("bob/else")
    assert in_both(caught.value, "config.json")


def test_tokenizer_and_model_are_not_interchangeable(hub: HubServer, saved: Path) -> None:
    push_to_hub("syllable", "ann/cuts", token=ANN)
    push_to_hub(saved, "ann/model", token=ANN)
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model("ann/cuts")
    assert in_both(caught.value, "korlm.load_tokenizer('ann/cuts')")
    with pytest.raises(ArtifactError) as caught:
        korlm.load_tokenizer("ann/model")
    assert in_both(caught.value, "korlm.load_model('ann/model')")


def test_pickles_and_files_outside_the_folder_are_never_fetched(hub: HubServer, saved: Path) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
    repo = hub.repos["ann/model"]
    unsafe = ["pytorch_model.bin", "tokenizer/words.pkl", "tokenizer/../../evil.json", "../evil.json", "/evil.json"]
    repo.commit(repo.files() | dict.fromkeys(unsafe, b"\x80\x04."), "bad")
    hub.requests.clear()
    folder = fetch_from_hub("ann/model")
    assert korlm.load_model("ann/model").info == {}
    assert not any(hub.asked(name) for name in ("evil", ".pkl", ".bin"))
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert fetched <= set(ARTIFACT_FILES["model"])


def test_damaged_weights_raise(hub: HubServer, saved: Path) -> None:
    push_to_hub(saved, "ann/model", token=ANN)
    repo = hub.repos["ann/model"]
    repo.commit(repo.files() | {"model.safetensors": b"x" * 100}, "damaged")
    with pytest.raises(ArtifactError, match="가중치"):
        korlm.load_model("ann/model")


def test_damaged_folder_is_not_pushed(hub: HubServer, saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(b"x" * 100)
    for readme in (False, True):
        if readme:
            (saved / "README.md").write_text("---\nlanguage: ko\n---\n")
        with pytest.raises(ArtifactError, match="가중치"):
            push_to_hub(saved, "ann/model", token=ANN)
    assert not hub.repos


# missing packages


def test_missing_analyzer_error_names_the_extra(
    hub: HubServer, tmp_path: Path, small_net: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_to_hub(save(tmp_path / "model", small_net, tokenizer="mecab"), "ann/model", token=ANN)
    push_to_hub("mecab+bpe", "ann/cuts", token=ANN)
    monkeypatch.setitem(sys.modules, "_mecab", None)
    for load, name in ((korlm.load_model, "ann/model"), (korlm.load_tokenizer, "ann/cuts")):
        with pytest.raises(MissingDependencyError) as caught:
            load(name)
        assert in_both(caught.value, "mecab", 'pip install "korlm[mecab]"')


def test_missing_huggingface_hub_error_names_the_extra(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (
        lambda: korlm.load_model("ann/model"),
        lambda: push_to_hub(saved, "ann/model"),
        lambda: render_card(saved),
    ):
        with pytest.raises(MissingDependencyError) as caught:
            call()
        assert in_both(caught.value, 'pip install "korlm[hub]"')
    assert korlm.load_model(saved).info == {}
