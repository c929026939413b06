"""Chatbots: training, replies, confidence, copying, evaluation and the commands."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import korlm
from korlm.chat.confidence import BigramCoverage, Confidence, ConfidenceThresholds
from korlm.chat.copy_mechanism import attach_particle
from korlm.chat.evaluation import compare_bots
from korlm.chat.metrics import evaluate_answers
from korlm.chat.model import ChatModel
from korlm.chat.reply import ABSTAIN_TEXTS
from korlm.chat.training import train_chat
from korlm.chat.weight_transfer import transfer_weights
from korlm.cli.main import main
from korlm.corpora.dialogues import DialoguePair, PairCorpus, load_pairs
from korlm.errors import ArtifactError, CorpusError, InputError
from korlm.models.language_model import LanguageModel
from korlm.morph.mecab import mecab_surfaces
from korlm.nn.config import NetConfig
from korlm.nn.lm import RecurrentLM
from korlm.tokenizers.base import BOS_ID, EOS_ID
from korlm.tokenizers.segmented import byte_tokenizer
from korlm.training.trainer import ProgressReport

SMALL = {"tokenizer": "syllable", "embedding": 32, "hidden": 64, "batch": 8, "bf16": False, "validations": 3}


@pytest.fixture(scope="module")
def few() -> PairCorpus:
    pairs = load_pairs("dialogues")
    return PairCorpus("few", pairs.train[:40], pairs.valid[:10], pairs.test[:10])


@pytest.fixture(scope="module")
def bot(few: PairCorpus, tmp_path_factory: pytest.TempPathFactory) -> ChatModel:
    """Return a bot that memorized forty answers."""
    folder = tmp_path_factory.mktemp("chat")
    known = PairCorpus("few", few.train, few.train[:10], few.test)
    return train_chat(known, folder=folder / "run", epochs=45, learning_rate=0.01, precision="float16", **SMALL)


@pytest.fixture(scope="module")
def teller(few: PairCorpus, tmp_path_factory: pytest.TempPathFactory) -> ChatModel:
    """Return a language model that memorized some dialogues of several turns."""
    turns = [pair for pair in load_pairs("dialogues").train if pair.history][:16]
    known = PairCorpus("turns", [*few.train[:16], *turns], few.train[:10], few.test)
    options = {**SMALL, "epochs": 60, "learning_rate": 0.01}
    return train_chat(known, form="language-model", folder=tmp_path_factory.mktemp("teller") / "run", **options)


def test_training_memorizes_the_answers(bot: ChatModel, few: PairCorpus) -> None:
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


@pytest.mark.parametrize("options", [{}, {"beams": 4, "n": 3}, {"temperature": 0.9, "seed": 5, "n": 2}])
def test_attention_kept_while_decoding_equals_that_of_a_second_pass(
    bot: ChatModel, few: PairCorpus, options: dict[str, Any]
) -> None:
    questions = [pair.question for pair in few.train[:4]] + ["GPU"]
    for question, reply in zip(questions, bot.reply_all(questions, **options), strict=True):
        input_ids = torch.tensor([[BOS_ID, *bot.tokenizer.encode(question).ids, EOS_ID]])
        answer_ids = [step.id for step in reply.candidates[0].steps]
        with torch.inference_mode():
            memory, state = bot.net.encode(input_ids, torch.tensor([input_ids.shape[1]]))
            _, weights, _ = bot.net.decode(memory, torch.tensor([[BOS_ID, *answer_ids[:-1]]]), state)
        assert reply.attention is not None and reply.attention.dtype == np.float32
        assert reply.attention == pytest.approx(weights[0].numpy(), abs=1e-5)


def test_batched_scores_equal_single_scores(bot: ChatModel, few: PairCorpus) -> None:
    score = bot.score(few.test)
    for pair, bits in zip(few.test, score.surprisals, strict=True):
        (alone,) = bot.score([pair]).surprisals
        assert bits.tolist() == pytest.approx(alone.tolist(), abs=1e-3)
    total = sum(float(bits.sum()) for bits in score.surprisals)
    assert score.characters == sum(len(pair.answer) + 1 for pair in few.test)
    assert score.bits_per_character == pytest.approx(total / score.characters)
    with pytest.raises(CorpusError):
        bot.score([])


def test_reply_holds_tokens_attention_and_confidence(bot: ChatModel, few: PairCorpus) -> None:
    question = few.train[3].question
    reply = bot.reply(question)
    assert reply.question_tokens[0] == "<s>" and reply.question_tokens[-1] == "</s>"
    assert "".join(reply.question_tokens[1:-1]) == question and reply.tokens[-1] == "</s>"
    assert reply.attention.shape == (len(reply.tokens), len(reply.question_tokens))
    assert reply.attention.sum(1) == pytest.approx([1.0] * len(reply.tokens), abs=1e-4)
    bits = bot.score([DialoguePair(question, reply.text)]).surprisals[0]
    assert reply.confidence.surprisal == pytest.approx(float(bits.mean()), abs=1e-3)
    assert "".join(bot.stream(question)) == reply.text
    several = bot.reply(question, beams=4, n=3)
    assert len(several.candidates) == 3 and several.text == several.candidates[0].text.strip()
    assert [one.score for one in several.candidates] == sorted((one.score for one in several.candidates), reverse=True)
    assert bot.reply(question, temperature=1.0, seed=4).text == bot.reply(question, temperature=1.0, seed=4).text


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_save_and_load_round_trip(bot: ChatModel, few: PairCorpus, precision: str, tmp_path: Path) -> None:
    bot.save(tmp_path / "bot", precision=precision)
    again = ChatModel.load(tmp_path / "bot")
    assert again.net.output.weight is again.net.embedding.weight and again.parameters == bot.parameters
    exact = 0.05 if precision == "int8" else 1e-3
    assert again.score(few.test).bits_per_character == pytest.approx(bot.score(few.test).bits_per_character, rel=exact)
    assert again.reply(few.train[0].question).text == bot.reply(few.train[0].question).text


def test_resumed_run_reaches_the_same_weights(few: PairCorpus, tmp_path: Path) -> None:
    options = {
        **SMALL,
        "epochs": 6,
        "dropout": 0.2,
        "teacher_forcing": 0.8,
        "forcing_decay": "linear",
        "smoothing": 0.1,
    }
    train_chat(few, folder=tmp_path / "whole", **options)

    def stop(report: ProgressReport) -> None:
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
    assert len(reply.question_tokens) <= bot.net.config.max_length and len(reply.tokens) < bot.net.config.max_length
    assert math.isfinite(reply.confidence.surprisal) and "<unk>" not in reply.text


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_blank_questions_raise_input_error(bot: ChatModel, text: str) -> None:
    with pytest.raises(InputError, match=r"빈 말|nothing"):
        bot.reply(text)


def test_invalid_options_and_folders_raise_errors(bot: ChatModel, few: PairCorpus, tmp_path: Path) -> None:
    for wrong in ({"sampled": 50}, {"cell": "rnn"}, {"hiden": 3}, {"max_length": 2}):
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


def test_language_model_answers_by_its_chat_template(teller: ChatModel, few: PairCorpus) -> None:
    question = few.train[0].question
    reply = teller.reply(question)
    assert reply.text == few.train[0].answer and reply.attention is None
    pieces = reply.question_tokens
    assert pieces[:2] == ("</s>", "<user>") and pieces[-1] == "<bot>" and "".join(pieces[2:-1]) == question
    assert "".join(teller.stream(question)) == reply.text
    score = teller.score(few.train[:5])
    assert score.bits_per_character < 1.0
    for pair, bits in zip(few.train[:5], score.surprisals, strict=True):
        assert bits.tolist() == pytest.approx(teller.score([pair]).surprisals[0].tolist(), abs=1e-3)


def test_language_model_reads_the_history(teller: ChatModel) -> None:
    turns = [pair for pair in load_pairs("dialogues").train if pair.history][:16]
    right = sum(teller.reply(pair.question, history=pair.history, abstain=False).text == pair.answer for pair in turns)
    assert right >= 13
    pieces = teller.reply(turns[0].question, history=turns[0].history).question_tokens
    assert pieces.count("<user>") == len(turns[0].history) // 2 + 1 == pieces.count("<bot>")
    long = teller.reply("그래요?", history=["가나다라마바사" * 30, "네."] * 9)  # what there is no room for is left out
    assert len(long.question_tokens) <= 128 and long.question_tokens[1] == "<user>"


def test_typed_special_tokens_are_plain_text(teller: ChatModel) -> None:
    pieces = teller.reply("<bot>안녕</s><user>").question_tokens
    assert pieces.count("<user>") == pieces.count("<bot>") == 1 and pieces.count("</s>") == 1


def test_language_model_without_special_tokens_is_rejected(teller: ChatModel) -> None:
    plain = korlm.load_tokenizer("syllable")
    with pytest.raises(ArtifactError, match="<user>"):
        ChatModel(plain, RecurrentLM(NetConfig(plain.vocab_size, hidden=8, embedding=8)))


def test_streamed_answer_grows_and_is_finished_last(bot: ChatModel, few: PairCorpus) -> None:
    growing = list(bot.stream_replies(few.train[3].question))
    assert [reply.finished for reply in growing] == [False] * (len(growing) - 1) + [True]
    for before, after in itertools.pairwise(growing):
        assert after.answer.startswith(before.answer)
    assert growing[-1].text == bot.reply(few.train[3].question).text
    asked = iter([False, False, True])
    stopped = list(bot.stream_replies(few.train[3].question, stopped=lambda: next(asked, True)))
    assert stopped[-1].finished and len(stopped[-1].tokens) == 2
    (whole,) = bot.stream_replies(few.train[3].question, beams=3, n=3)
    assert whole.finished and len(whole.candidates) == 3


def test_bot_abstains_beyond_its_thresholds(bot: ChatModel, few: PairCorpus) -> None:
    limits = bot.info["limits"]
    assert limits["questions"] == 10 and 0 < limits["familiarity"] <= 1 and limits["surprisal"] > 0
    strange = bot.reply("QWERTY zxcvb 12345")
    assert strange.confidence.abstain_reason == "question" and strange.confidence.familiarity < limits["familiarity"]
    assert not strange.is_confident and strange.text == ABSTAIN_TEXTS["question"] != strange.answer
    said = bot.reply("QWERTY zxcvb 12345", abstain=False)
    assert said.text == said.answer == strange.answer
    known = few.train[0]
    assert bot.reply(known.question).is_confident and bot.reply(known.question).text == known.answer
    doubting = replace(bot.reply(known.question).confidence, surprisal=limits["surprisal"] + 0.1)
    assert doubting.abstain_reason == "answer"


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8), st.text(min_size=1, max_size=30))
def test_familiarity_is_a_fraction_and_one_for_known_questions(questions: list[str], other: str) -> None:
    known = BigramCoverage.from_questions(questions)
    assert all(known(question) == 1.0 for question in questions)
    assert 0.0 <= known(other) <= 1.0


def test_thresholds_reject_the_intended_fraction() -> None:
    draws = np.random.default_rng(1)
    surprisals, familiarities = draws.gamma(2.0, size=4000), draws.beta(8, 2, size=4000)
    limits = ConfidenceThresholds.from_validation(surprisals.tolist(), familiarities.tolist())
    doubts = Counter(
        Confidence(*one, limits).abstain_reason for one in zip(surprisals.tolist(), familiarities.tolist(), strict=True)
    )
    assert doubts["question"] / 4000 == pytest.approx(0.025, abs=0.002)
    assert doubts["answer"] / 4000 == pytest.approx(0.025, abs=0.005)


def test_unknown_words_are_copied_with_agreeing_particles(tmp_path: Path) -> None:
    """A vocabulary of unk mode lacks unseen names; the model learns to generate <unk> in their place."""
    names = ["민수", "지연", "하윤", "서준", "도현", "은비", "가람", "준호", "유나", "태희"]
    pairs = [DialoguePair(f"저는 {name} 예요", f"{name} 님 반가워요") for name in names]
    lines = ["저는 예요 님 반가워요"] * 9
    tokenizer = korlm.train_tokenizer("word", lines, on_unknown="unk")
    tokenizer.save(tmp_path / "words")
    known = PairCorpus("names", pairs, pairs[:2], [])
    bot = train_chat(
        known, folder=tmp_path / "run",
        **{**SMALL, "tokenizer": str(tmp_path / "words"), "epochs": 60, "batch": 5, "learning_rate": 0.01},
    )  # fmt: skip
    for name in ("홍길동", "Ada"):
        reply = bot.reply(f"저는 {name} 예요", abstain=False)
        assert "<unk>" in reply.tokens and reply.text == f"{name} 님 반가워요"
        assert [one.text for one in bot.stream_replies(f"저는 {name} 예요", abstain=False)] == [reply.text]


@pytest.mark.parametrize(
    ("word", "after", "whole"),
    [
        ("민수", "은 학생이군요.", "민수는 학생이군요."),
        ("지연", "는 학생이군요.", "지연은 학생이군요."),
        ("서울", "으로 가요.", "서울로 가요."),
        ("지연", "예요.", "지연이에요."),
        ("민수", "이라고 해요.", "민수라고 해요."),
        ("민수", "이름이 좋아요.", "민수이름이 좋아요."),  # no particle but the beginning of a word
        ("민수", " 님, 반가워요.", "민수 님, 반가워요."),
    ],
)
def test_particles_agree_with_a_copied_word(word: str, after: str, whole: str) -> None:
    assert attach_particle("", word, after) == whole


def test_training_starts_from_a_language_model(few: PairCorpus, tmp_path: Path) -> None:
    options = {**SMALL, "epochs": 0.2, "validations": 1}
    lm = korlm.train_model(
        korlm.load_corpus("kolaw"), folder=tmp_path / "lm", tokenizer="syllable", cell="gru",
        embedding=32, hidden=64, batch=4, epochs=0.2, validations=1,
    )  # fmt: skip
    begun = train_chat(few, folder=tmp_path / "bot", start=tmp_path / "lm", cell="gru", **options)
    taken = begun.info["start"]
    shared = {lm.tokenizer.token_text(one) for one in range(lm.tokenizer.vocab_size)} & {
        begun.tokenizer.token_text(one) for one in range(begun.tokenizer.vocab_size)
    }
    assert taken["pieces"] == len(shared) > 260
    assert sorted(taken["weights"]) == sorted(name for name, _ in lm.net.named_parameters() if "layers." in name)
    teller = train_chat(
        few, form="language-model", folder=tmp_path / "teller", start=tmp_path / "lm", cell="gru", **options
    )
    assert {"layers.0.weight_hh_l0", "project.weight"} <= set(teller.info["start"]["weights"])
    with pytest.raises(InputError, match="32"):
        train_chat(few, folder=tmp_path / "wide", start=tmp_path / "lm", **{**options, "embedding": 16})


def test_keep_last_saves_the_final_state(few: PairCorpus, tmp_path: Path) -> None:
    options = {**SMALL, "epochs": 6, "learning_rate": 0.05, "smoothing": 0.1}
    best, last = (train_chat(few, folder=tmp_path / keep, keep=keep, **options) for keep in ("best", "last"))
    assert last.info["kept"] == "last" and last.thresholds and last.info["test"]
    history = [entry["valid_bpc"] for entry in last.info["history"]]
    assert last.score(few.valid).bits_per_character == pytest.approx(history[-1], abs=1e-6)
    assert best.score(few.valid).bits_per_character == pytest.approx(min(history), abs=1e-6)
    with pytest.raises(InputError, match="first"):
        train_chat(few, folder=tmp_path / "no", keep="first", **options)


def test_weight_transfer_matches_tokens_by_text(few: PairCorpus, tmp_path: Path) -> None:
    lm = LanguageModel(byte_tokenizer(), RecurrentLM(NetConfig(260, embedding=8, hidden=16, cell="gru")))
    tokenizer = byte_tokenizer(("<user>", "<bot>"))
    net = RecurrentLM(NetConfig(tokenizer.vocab_size, embedding=8, hidden=16, cell="gru"))
    own = net.embedding.weight[tokenizer.specials["<bot>"]].clone()
    transfer_weights(net, tokenizer, lm)
    for byte in (b"a", b"\xea"):
        mine, theirs = (one.token_bytes.index(byte) for one in (tokenizer, lm.tokenizer))
        assert torch.equal(net.embedding.weight[mine], lm.net.embedding.weight[theirs])
    assert torch.equal(net.embedding.weight[tokenizer.specials["<bot>"]], own)
    assert torch.equal(net.layers[0].weight_hh_l0, lm.net.layers[0].weight_hh_l0)


def test_comparison_table_has_intervals(bot: ChatModel, few: PairCorpus, tmp_path: Path) -> None:
    bot.save(tmp_path / "bot")
    known = PairCorpus("few", few.train, few.valid, few.train[:12])
    names = [str(tmp_path / "bot"), "retrieval", "eliza"]
    table = compare_bots(known, names, decodings=["greedy", "beam"], resamples=60)
    rows = {(row.bot, row.decoding): row for row in table.rows}
    learnt, search, rules = rows[names[0], "greedy"], rows["retrieval", ""], rows["eliza", ""]
    assert search.figures["copied"].value == 1.0 and search.figures["bleu"].value == pytest.approx(100)
    assert learnt.figures["copied"].value > 0.8 and rules.figures["copied"].value == 0.0
    assert learnt.bits == pytest.approx(bot.score(few.train[:12]).bits_per_character, abs=0.01) and search.bits is None
    assert learnt.astray is not None and learnt.refused is not None and learnt.astray > learnt.refused
    for row in table.rows:
        for figure in row.figures.values():
            assert figure.low <= figure.value + 1e-9 and figure.value <= figure.high + 1e-9
    assert "retrieval" in str(table) and json.loads(json.dumps(table.to_dict()))["questions"] == 12
    assert "pretok:python-mecab-ko-dic:" in table.signature and "version:" in table.signature
    with pytest.raises(InputError, match="argmax"):
        compare_bots(known, ["eliza"], decodings=["argmax"])


def test_bleu_uses_mecab_tokens() -> None:
    row = evaluate_answers(["저는 밥을 먹어요."], [DialoguePair("뭐 했어요?", "저는 밥을 먹어요.")], [], resamples=20)
    assert row["bleu"].value == pytest.approx(100) and row["chrf"].value == pytest.approx(100)
    assert mecab_surfaces("저는 밥을 먹어요.") == ["저", "는", "밥", "을", "먹", "어요", "."]
    row = evaluate_answers(["밥 밥 밥 밥"], [DialoguePair("뭐 했어요?", "저는 밥을 먹어요.")], [], resamples=20)
    assert row["distinct_1"].value == 0.25 and row["distinct_2"].value == pytest.approx(1 / 3)
    assert row["length"].value == 7 and row["copied"].value == 0.0


def test_commands_train_reply_and_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"question": f"오늘 {n}번 뭐 해요?", "answer": f"{n}번 쉬어요."} for n in range(60)]
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    pairs, folder = str(tmp_path / "pairs.jsonl"), str(tmp_path / "run")
    small = ["--tokenizer", "syllable", "--hidden", "16", "--embedding", "8", "--epochs", "2", "--batch", "8"]
    assert main(["train-chat", pairs, "--folder", folder, *small, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == f"{folder}/best"
    assert main(["chat", folder, "오늘 뭐 해요?", "--json", "--beams", "3", "-n", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["question"] == "오늘 뭐 해요?" and len(told["candidates"]) == 3
    assert np.array(told["attention"]).shape == (len(told["pieces"]), len(told["question_pieces"]))
    assert main(["chat", folder, "오늘 뭐 해요?", "--why"]) == 0
    assert re.search("놀라움|surprisal", capsys.readouterr().out)
    assert main(["chat", "intents", "배고파", "--why"]) == 0
    assert re.search(r"(알맞을 확률|is sensible) 9\d\.\d% \(.*\d\d%.*\d\d%", capsys.readouterr().out)
    assert main(["chat", "intents", "배고파", "--json"]) == 0
    confidence = json.loads(capsys.readouterr().out)["confidence"]
    assert confidence["min_probability"] < confidence["sure_probability"] < confidence["probability"] < 1
    assert "meaning" in confidence["components"]
    assert (
        main(["evaluate-chat", pairs, "--bots", f"{folder},retrieval", "--decodings", "greedy", "--resamples", "20"])
        == 0
    )
    assert "retrieval" in capsys.readouterr().out
    (tmp_path / "questions.txt").write_text("오늘 3번 뭐 해요?\n\n<b>1번</b>은요?\n", "utf-8")
    ask = ["evaluate-chat", pairs, "--bots", f"{folder},retrieval,eliza", "--ask", str(tmp_path / "questions.txt")]
    assert main([*ask, "--decodings", "greedy,beam", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["questions"] == ["오늘 3번 뭐 해요?", "<b>1번</b>은요?"]
    assert [(one["decoding"], len(one["texts"])) for one in page["answers"]] == [
        ("greedy", 2),
        ("beam", 2),
        ("", 2),
        ("", 2),
    ]
    assert main([*ask, "--decodings", "greedy"]) == 0
    assert f"- `{folder}` greedy: {page['answers'][0]['texts'][0]}" in capsys.readouterr().out
    assert main([*ask, "--decodings", "wild"]) == 2
    assert "wild" in capsys.readouterr().err
    assert main(["evaluate-chat", pairs, "--bots", " "]) == 2
    assert re.search("봇|bots", capsys.readouterr().err)
    assert (
        main(["train-chat", pairs, "--folder", folder, *small, "--form", "language-model", "--attention", "dot"]) == 2
    )
    assert "--attention" in capsys.readouterr().err
    assert main(["chat", "no-such-bot", "안녕"]) == 2
    assert "no-such-bot" in capsys.readouterr().err


def test_baseline_bots_work_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORLM_CORPORA", str(tmp_path))
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path))
    monkeypatch.setenv("KORLM_SONGYS_URL", "http://127.0.0.1:9/nobody.csv")
    assert main(["chat", "eliza", "비가 와서 우울해요."]) == 0
    said = capsys.readouterr()
    assert "우울" in said.out and not said.err
    assert main(["chat", "retrieval", "배고파요."]) == 0
    said = capsys.readouterr()
    assert said.out.strip() in {pair.answer for pair in load_pairs("dialogues").train}
    assert re.search("함께 싣는 대화|bundled", said.err)
    assert korlm.load_chat("retrieval").reply("배고파요.").text == said.out.strip()
    assert korlm.load_chat("eliza").reply("비가 와서 우울해요.").text == "우울하다고 느끼신 지 오래됐어요?"
