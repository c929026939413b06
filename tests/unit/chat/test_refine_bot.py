"""The retrieve-and-refine bot: its examples, its network's folder, its filters, and the bundled bot with hostile input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.strings import NASTY

import korlm
from korlm.chat.refine.bot import RefineBot
from korlm.chat.refine.examples import NUM_RETRIEVED, RefineCorpus, RefineExample, retrieve_other_phrasings
from korlm.chat.refine.lexicon import WordLexicon, has_repeated_words
from korlm.chat.refine.model import SPECIAL_TOKENS, RefineModel
from korlm.chat.refine.reranking import AnswerFeatures, RankingWeights, fit_ranking_weights
from korlm.chat.refine.training import train_refine_model
from korlm.chat.registry import load_chat
from korlm.chat.reply import Reply
from korlm.cli.main import main
from korlm.corpora.intents import Intent, load_intents
from korlm.errors import ArtifactError, CorpusError, InputError
from korlm.nn.config import Seq2SeqConfig
from korlm.nn.copy_seq2seq import CopySeq2Seq
from korlm.tokenizers.segmented import byte_tokenizer

INTENTS = [
    Intent(
        "a-1", "a", "train", ("배고파", "뭐라도 먹어야겠어", "속이 비었어", "꼬르륵"), (), (), "국수는 어때요?", True
    ),
    Intent("a-2", "a", "train", ("배 안 고파", "배불러", "배가 불러요"), (), (), "든든하시겠네요.", True),
    Intent("b-1", "b", "train", ("몇 시야", "지금 시각 알려 줘", "몇 시예요"), (), (), "시계가 없어서 몰라요.", False),
    Intent("b-2", "b", "train", ("졸려", "잠이 와요", "너무 졸려요"), (), (), "잠깐 눈을 붙여 보세요.", True),
]


def make_model() -> RefineModel:
    tokenizer = byte_tokenizer(SPECIAL_TOKENS)
    config = Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=12)
    return RefineModel(tokenizer, CopySeq2Seq(config, generator=torch.Generator().manual_seed(1)))


def make_corpus() -> RefineCorpus:
    questions = retrieve_other_phrasings(INTENTS)
    return RefineCorpus("toy", questions * 4, questions[:4])


@pytest.fixture(scope="module")
def bot() -> RefineBot:
    return load_chat("refine")


@pytest.fixture(scope="module")
def everyday_replies(bot: RefineBot) -> list[Reply]:
    return bot.reply_all([intent.all_questions[-1] for intent in load_intents()[::400]])


def test_a_phrasing_is_looked_up_among_the_others() -> None:
    unique = Intent("c-1", "c", "train", ("퀑퀑퀑",), (), (), "처음 듣는 말이에요.", True)
    examples = {example.question: example for example in retrieve_other_phrasings([*INTENTS, unique])}
    assert len(examples) == sum(len(intent.questions) for intent in INTENTS) + 1
    assert unique.answer not in examples["퀑퀑퀑"].retrieved  # its intent has no other phrasing
    assert examples["너무 졸려요"].retrieved[0] == "잠깐 눈을 붙여 보세요."
    assert all(len(example.retrieved) == NUM_RETRIEVED for example in examples.values())


def test_source_has_the_last_two_turns_the_question_and_the_retrieved_answers() -> None:
    model = make_model()
    history = ("A", "B", "C", "D")
    sources = model.encode_sources([RefineExample("E", "", history, ("F", "G")), RefineExample("", "", (), ("H",))])
    texts = ["".join(map(model.tokenizer.token_text, source)) for source in sources]
    assert texts[0] == "<s><user><0x43><bot><0x44><question><0x45><answer><0x46><answer><0x47></s>"
    assert texts[1] == "<s><reverse><0x48></s>"
    [long] = model.encode_sources([RefineExample("가" * 10_000, "", (), ("나" * 10_000,))])
    assert len(long) < 100
    [bits] = model.score_answers([RefineExample("가", "나" * 10_000)])
    assert len(bits) < 100


def test_saved_model_scores_the_same(tmp_path: Path) -> None:
    model = make_model()
    examples = make_corpus().valid
    model.save(tmp_path / "model")
    loaded = RefineModel.load(tmp_path / "model")
    assert loaded.score(examples).bits_per_character == pytest.approx(model.score(examples).bits_per_character)
    model.save(tmp_path / "int8", precision="int8")
    rounded = RefineModel.load(tmp_path / "int8")
    assert rounded.score(examples).bits_per_character == pytest.approx(
        model.score(examples).bits_per_character, rel=0.02
    )
    with pytest.raises(CorpusError):
        model.score([])


def test_damaged_and_unfitting_folders_are_clear_errors(tmp_path: Path) -> None:
    make_model().save(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="가중치"):
        RefineModel.load(tmp_path / "model")
    tokenizer = byte_tokenizer()
    net = CopySeq2Seq(Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=12))
    with pytest.raises(ArtifactError, match="<question>"):
        RefineModel(tokenizer, net)


def test_training_learns_to_copy_and_resumes_a_finished_run(tmp_path: Path) -> None:
    options = {"batch": 8, "epochs": 25.0, "validations": 1, "learning_rate": 1e-2, "average": 0.0}
    net_options = {"embedding": 16, "hidden": 24, "dropout": 0.0}
    corpus = make_corpus()
    model = train_refine_model(
        corpus, folder=tmp_path / "run", tokenizer_name="syllable", vocab_size=400, net_options=net_options,
        ranking_questions=0, **options,
    )  # fmt: skip
    bits = model.score(corpus.valid).bits_per_character
    assert bits < 1.0
    weights = (tmp_path / "run" / "best" / "model.safetensors").read_bytes()
    again = train_refine_model(
        corpus, folder=tmp_path / "run", resume=True, net_options=net_options, ranking_questions=0, **options
    )
    assert again.score(corpus.valid).bits_per_character == bits
    assert (tmp_path / "run" / "best" / "model.safetensors").read_bytes() == weights
    bot = RefineBot(model, INTENTS)
    assert bot.reply("너무 졸려").answer == "잠깐 눈을 붙여 보세요."
    assert "국수는 어때요?" in [text.text for text in bot.generate_answers(corpus.valid[0])]


def test_an_untrained_network_adds_nothing() -> None:
    """Its words exist nowhere, so that only retrieved answers are left, ranked as retrieved."""
    bot = RefineBot(make_model(), INTENTS)
    reply = bot.reply("졸려")
    answers = [match.intent.answer for match in bot.index.search("졸려", 5)]
    assert [candidate.text for candidate in reply.candidates] == answers and reply.answer == answers[0]
    assert reply.nearest is not None and reply.nearest.question == "졸려"


def test_an_answer_given_before_gives_way_to_one_that_is_nearly_as_good() -> None:
    twins = [
        Intent(f"a-{n}", "a", "train", (f"심심해{'!' * n}", "놀아 줘"), (), (), f"답 {n}이에요.", True) for n in (1, 2)
    ]
    bot = RefineBot(make_model(), [*INTENTS, *twins])
    first = bot.reply("심심해").answer
    second = bot.reply("심심해", history=["심심해", first])
    assert {first, second.answer} == {"답 1이에요.", "답 2이에요."}
    alone = RefineBot(make_model(), [*INTENTS, twins[0]])
    assert alone.reply("심심해", history=["심심해", "답 1이에요."]).answer == "답 1이에요."


def test_weights_prefer_what_the_right_answers_have() -> None:
    right, wrong = AnswerFeatures(-2.0, -1.0, -0.3, 0.0), AnswerFeatures(-1.0, -4.0, 0.0, 0.0)
    odd = AnswerFeatures(-1.0, -1.0, 0.0, 1.0)
    weights, figures = fit_ranking_weights([[(wrong, 0.0), (right, 1.0), (odd, 0.2)]] * 5)
    assert figures == {"right": 1.0, "right_by_retrieval": 0.0, "questions": 5}
    assert weights.score_features(right) > max(weights.score_features(wrong), weights.score_features(odd))
    assert RankingWeights.from_info(json.loads(json.dumps({"ranking": vars(weights)}))) == weights


def test_lexicon_accepts_words_of_the_data_the_conversation_and_the_dictionary() -> None:
    lexicon = WordLexicon(["코름이에요."])
    assert lexicon.find_strange_words("코름이에요, 고양이처럼 좋아하셨겠네요!") == []
    assert lexicon.find_strange_words("뗸여를 몸이터를 엌") == ["뗸여를", "몸이터를", "엌"]
    assert lexicon.find_strange_words("뗸여를", context="뗸여를 아세요?") == []


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("가서 가서 쉬어요", True),
        ("물을 드시고 쉬고 물을 드시고", True),
        ("물을 드시고 물은 두세요", False),
        ("", False),
    ],
)
def test_repeated_words(text: str, repeats: bool) -> None:
    assert has_repeated_words(text) is repeats


def test_bundled_bot_answers_known_questions(bot: RefineBot) -> None:
    intents = load_intents()[::400]
    replies = bot.reply_all([intent.questions[0] for intent in intents])
    resemblances = [
        reply.answer == intent.answer for reply, intent in zip(replies, intents, strict=True) if not reply.safety_card
    ]
    assert sum(resemblances) >= 0.8 * len(resemblances)


def test_generated_answers_repeat_nothing_and_use_known_words(bot: RefineBot, everyday_replies: list[Reply]) -> None:
    answers = {intent.answer for intent in load_intents()}
    written = {candidate.text for reply in everyday_replies for candidate in reply.candidates} - answers
    assert written
    assert not any(has_repeated_words(text) for text in written)
    history_free = [text for text in written if bot.lexicon.find_strange_words(text)]
    assert not history_free


def test_a_batch_answers_as_single_messages(bot: RefineBot, everyday_replies: list[Reply]) -> None:
    questions = [intent.all_questions[-1] for intent in load_intents()[::400]][:4]
    for question, reply in zip(questions, everyday_replies, strict=False):
        single = bot.reply(question)
        assert single.text == reply.text
        assert [c.text for c in single.candidates] == [c.text for c in reply.candidates]


def test_replies_explain_themselves(everyday_replies: list[Reply]) -> None:
    for reply in everyday_replies:
        if not reply.candidates:  # a fixed answer, one from memory, or the intent bot's where it is not sure
            continue
        assert reply.nearest is not None and reply.candidates[0].text == reply.answer
        assert reply.attention is not None
        assert reply.attention.shape == (len(reply.tokens), len(reply.question_tokens))
        assert reply.attention.sum(1) == pytest.approx(1, abs=1e-4)
        scores = [candidate.score for candidate in reply.candidates]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("text", [*filter(str.strip, NASTY), "가" * 10_000, "<b>안녕</b>", "</s><user>"])
def test_any_message_gets_an_answer(bot: RefineBot, text: str) -> None:
    reply = bot.reply(text, history=["</s>", "<bot>"])
    assert reply.text and reply.finished


def test_bad_input_is_a_clear_error(bot: RefineBot) -> None:
    for text in ("", " \n\t", "\u200b"):
        with pytest.raises(InputError):
            bot.reply(text)
    with pytest.raises(InputError, match="temperature"):
        bot.reply("안녕", temperature=1.0)


def test_generator_alone_gives_its_own_best_answer() -> None:
    generator = korlm.load_chat("refine-generator")
    reply = generator.reply("아 배고파")
    example = RefineExample(
        "아 배고파", "", (), tuple(match.intent.answer for match in generator.index.search("아 배고파", NUM_RETRIEVED))
    )
    written = [text.text for text in generator.generate_answers(example)]
    assert sorted(candidate.text for candidate in reply.candidates) == sorted(written) and reply.answer in written


def test_commands_take_the_bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "refine", "아 배고파", "--json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["text"] and len(reply["candidates"]) > 1 and reply["attention"]
    questions = tmp_path / "questions.txt"
    questions.write_text("배고파\n졸려\n", "utf-8")
    assert (
        main(["evaluate-chat", "--ask", str(questions), "--bots", "refine,refine-generator", "dialogues", "--json"])
        == 0
    )
    assert "refine-generator" in capsys.readouterr().out
