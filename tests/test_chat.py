"""The chatbot: it learns to answer, saves and loads, shows where it looked, and takes any input."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from korlm.chat.model import ChatModel
from korlm.chat.training import train_chat
from korlm.corpora.pairs import Pair, PairCorpus, load_pairs
from korlm.errors import ArtifactError, CorpusError, InputError
from korlm.training.loop import Report

SMALL = {"tokenizer": "syllable", "embedding": 32, "hidden": 64, "batch": 8, "bf16": False, "validations": 3}


@pytest.fixture(scope="module")
def few() -> PairCorpus:
    pairs = load_pairs("dialogues")
    return PairCorpus("few", pairs.train[:40], pairs.valid[:10], pairs.test[:10])


@pytest.fixture(scope="module")
def bot(few: PairCorpus, tmp_path_factory: pytest.TempPathFactory) -> ChatModel:
    """One that knows forty answers by heart."""
    folder = tmp_path_factory.mktemp("chat")
    known = PairCorpus("few", few.train, few.train[:10], few.test)
    return train_chat(known, folder=folder / "run", epochs=45, learning_rate=0.01, precision="float16", **SMALL)


def test_it_learns_its_answers(bot: ChatModel, few: PairCorpus) -> None:
    right = sum(bot.reply(pair.question).text == pair.answer for pair in few.train)
    assert right >= 35
    history = [check["valid_bpc"] for check in bot.info["history"]]
    assert history[-1] < 0.5
    assert bot.info["test"]["bits_per_character"] == pytest.approx(bot.score(few.test).bits_per_character, abs=1e-3)
    assert bot.info["corpus"] == {
        "name": "few",
        "sha256": bot.info["corpus"]["sha256"],
        "train_pairs": 40,
        "learnt": 40,
    }


def test_a_score_is_that_of_each_answer_alone(bot: ChatModel, few: PairCorpus) -> None:
    score = bot.score(few.test)
    for pair, bits in zip(few.test, score.surprisals, strict=True):
        (alone,) = bot.score([pair]).surprisals
        assert bits.tolist() == pytest.approx(alone.tolist(), abs=1e-3)
    total = sum(float(bits.sum()) for bits in score.surprisals)
    assert score.characters == sum(len(pair.answer) + 1 for pair in few.test)
    assert score.bits_per_character == pytest.approx(total / score.characters)
    with pytest.raises(CorpusError):
        bot.score([])


def test_a_reply_says_what_it_read_wrote_and_looked_at(bot: ChatModel, few: PairCorpus) -> None:
    question = few.train[3].question
    reply = bot.reply(question)
    assert reply.question_pieces[0] == "<s>" and reply.question_pieces[-1] == "</s>"
    assert "".join(reply.question_pieces[1:-1]) == question and reply.pieces[-1] == "</s>"
    assert reply.attention.shape == (len(reply.pieces), len(reply.question_pieces))
    assert reply.attention.sum(1) == pytest.approx([1.0] * len(reply.pieces), abs=1e-4)
    bits = bot.score([Pair(question, reply.text)]).surprisals[0]
    assert reply.confidence.surprisal == pytest.approx(float(bits.mean()), abs=1e-3)
    assert "".join(bot.stream(question)) == reply.text
    several = bot.reply(question, beams=4, n=3)
    assert len(several.candidates) == 3 and several.text == several.candidates[0].text.strip()
    assert [one.score for one in several.candidates] == sorted((one.score for one in several.candidates), reverse=True)
    assert bot.reply(question, temperature=1.0, seed=4).text == bot.reply(question, temperature=1.0, seed=4).text


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_it_is_the_same_after_saving_and_loading(
    bot: ChatModel, few: PairCorpus, precision: str, tmp_path: Path
) -> None:
    bot.save(tmp_path / "bot", precision=precision)
    again = ChatModel.load(tmp_path / "bot")
    assert again.net.output.weight is again.net.embedding.weight and again.parameters == bot.parameters
    exact = 0.05 if precision == "int8" else 1e-3
    assert again.score(few.test).bits_per_character == pytest.approx(bot.score(few.test).bits_per_character, rel=exact)
    assert again.reply(few.train[0].question).text == bot.reply(few.train[0].question).text


def test_a_run_goes_on_to_the_same_weights(few: PairCorpus, tmp_path: Path) -> None:
    options = {
        **SMALL,
        "epochs": 6,
        "dropout": 0.2,
        "teacher_forcing": 0.8,
        "forcing_decay": "linear",
        "smoothing": 0.1,
    }
    train_chat(few, folder=tmp_path / "whole", **options)

    def stop(report: Report) -> None:
        if report.valid is not None:  # just validated, and saved
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_chat(few, folder=tmp_path / "part", report=stop, **options)
    with pytest.raises(ArtifactError, match="--resume"):
        train_chat(few, folder=tmp_path / "part", **options)
    train_chat(few, folder=tmp_path / "part", resume=True, **options)
    ends = [ChatModel.load(tmp_path / name / "last") for name in ("whole", "part")]
    for mine, other in zip(*(end.net.parameters() for end in ends), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize(
    "text",
    [
        "가" * 10_000,
        "😀🎉",
        "ㅋㅋㅋ",
        "Hello, how are you?",
        "'; DROP TABLE users; --",
        "<b>안녕</b><script>",
        "<s></s><pad><unk>",
        "\u200b가\u0301",
    ],
)
def test_any_input_gets_an_answer(bot: ChatModel, text: str) -> None:
    reply = bot.reply(text)
    assert len(reply.question_pieces) <= bot.net.config.max_length and len(reply.pieces) < bot.net.config.max_length
    assert math.isfinite(reply.confidence.surprisal) and "<unk>" not in reply.text


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_nothing_is_no_question(bot: ChatModel, text: str) -> None:
    with pytest.raises(InputError, match=r"빈 말|nothing"):
        bot.reply(text)


def test_wrong_options_and_folders_are_said(bot: ChatModel, few: PairCorpus, tmp_path: Path) -> None:
    for wrong in ({"sampled": 50}, {"optimizer": "muon"}, {"cell": "rnn"}, {"hiden": 3}, {"max_length": 2}):
        with pytest.raises(InputError):
            train_chat(few, folder=tmp_path / "run", **{**SMALL, **wrong})
    with pytest.raises(CorpusError):
        train_chat(PairCorpus("one", few.train[:3], [], []), folder=tmp_path / "run", **SMALL)
    with pytest.raises(InputError, match="beems"):
        bot.reply("안녕", beems=3)
    with pytest.raises(ArtifactError):
        ChatModel.load(tmp_path / "nothing")
    bot.save(tmp_path / "bot")
    (tmp_path / "bot" / "model.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(ArtifactError, match="bot"):
        ChatModel.load(tmp_path / "bot")
