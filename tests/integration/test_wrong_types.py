"""Arguments of the wrong type or kind in Python, which users try first: the error says what to pass instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import korlm
from korlm.errors import InputError, UnknownNameError
from korlm.training.train import train_model


@pytest.fixture(scope="module")
def lm() -> korlm.LanguageModel:
    return korlm.load_model("reviews-syllable-lstm")


@pytest.mark.parametrize("name", [None, 5, ["kiwi"], b"kiwi", "", " "])
@pytest.mark.parametrize(
    ("load", "listing"),
    [
        (korlm.load_tokenizer, "list_tokenizers"),
        (korlm.load_model, "list_models"),
        (korlm.load_chat, "list_chats"),
        (korlm.load_corpus, "kolaw"),
    ],
)
def test_what_is_no_name_is_an_error_that_tells_the_names(
    load: Callable[..., object], listing: str, name: object
) -> None:
    with pytest.raises(InputError) as error:
        load(name)
    assert listing in error.value.ko and listing in error.value.en


@pytest.mark.parametrize("tokenizer", ["syllable", "unigram"])
@pytest.mark.parametrize("ids", ["abc", None, 5, [[1, 2]], ["1"], [1.5], b"ab"])
def test_what_is_no_ids_cannot_be_decoded(tokenizer: str, ids: object) -> None:
    with pytest.raises(InputError, match=r"encode\(글\)\.ids"):
        korlm.load_tokenizer(tokenizer).decode(ids)  # type: ignore[arg-type]


def test_ids_of_numpy_and_torch_are_decoded() -> None:
    numpy, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    tokenizer = korlm.load_tokenizer("syllable")
    ids = tokenizer.encode("가나").ids
    assert tokenizer.decode(numpy.array(ids)) == tokenizer.decode(torch.tensor(ids)) == "가나"


@pytest.mark.parametrize("prompt", [None, 5, ["이 영화는"]])
def test_a_prompt_that_is_no_string_is_an_error(lm: korlm.LanguageModel, prompt: object) -> None:
    for call in (lm.generate, lm.stream, lambda text: lm.generate_batch([text]), lambda text: lm.generate(text, n=2)):
        with pytest.raises(InputError, match=type(prompt).__name__):
            call(prompt)


def test_one_string_instead_of_a_list_is_an_error(tmp_path: Path) -> None:
    tokenizer = korlm.load_tokenizer("syllable")
    for call in (
        lambda: korlm.compare("안녕", "kiwi"),
        lambda: korlm.evaluate_tokenizers(["안녕"], "word"),
        lambda: tokenizer.encode_batch("안녕"),
        lambda: tokenizer.encode_ids("안녕"),
        lambda: tokenizer.encode_array("안녕"),
        lambda: korlm.train_tokenizer("syllable", "안녕하세요"),
    ):
        with pytest.raises(InputError, match="목록") as error:
            call()
        assert "Pass a list" in error.value.en


@pytest.mark.parametrize("name", ["kolaw", Path("kolaw")])
def test_train_model_tells_how_to_train_on_a_named_corpus(name: str | Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        train_model(name, folder=tmp_path / "run")  # type: ignore[arg-type]
    assert "load_corpus('kolaw')" in error.value.ko and "load_corpus('kolaw')" in error.value.en


def test_an_option_of_the_wrong_type_names_its_range(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hidden.*1 이상"):
        train_model(["가"], folder=tmp_path / "run", hidden="wide")


@pytest.mark.parametrize("name", ["chat-gru", "chat-unigram-gru", "eliza", "retrieval"])
def test_the_name_of_a_chatbot_is_sent_to_load_chat(name: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        korlm.load_model(name)
    assert f"load_chat('{name}')" in error.value.ko and f"load_chat('{name}')" in error.value.en


def test_the_name_of_a_language_model_is_sent_to_load_model() -> None:
    with pytest.raises(UnknownNameError) as error:
        korlm.load_chat("reviews-unigram-lstm")
    assert "load_model('reviews-unigram-lstm')" in error.value.ko
    assert "load_model('reviews-unigram-lstm')" in error.value.en
