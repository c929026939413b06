"""The intent bot and its index: against brute force, over the bundled intents, and with hostile input."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from support.strings import NASTY

import korlm
from korlm.chat.follow_ups import STATEMENT_FALLBACKS
from korlm.chat.intent_bot import MIN_SIMILARITY, UNKNOWABLE_TEXTS, IntentBot
from korlm.chat.question_index import QuestionIndex, extract_features
from korlm.chat.registry import load_chat
from korlm.corpora.intents import Intent, load_intents
from korlm.errors import InputError

INTENTS = [
    Intent(
        "a-1",
        "a",
        "train",
        ("배고파", "뭐라도 먹어야겠어", "속이 비었어"),
        ("꼬르륵 소리가 나",),
        (),
        "국수는 어때요?",
        True,
    ),
    Intent("a-2", "a", "train", ("배 안 고파", "배불러"), (), (), "든든하시겠네요.", True),
    Intent("b-1", "b", "train", ("몇 시야", "지금 시각 알려 줘"), (), (), "시계가 없어서 몰라요.", False),
]


@pytest.fixture(scope="module")
def bot() -> IntentBot:
    return load_chat()


def cosine(one: str, other: str, questions: list[str]) -> float:
    frequencies = Counter(feature for question in questions for feature in set(extract_features(question)))

    def weigh(text: str) -> dict[str, float]:
        return {
            feature: (1 + math.log(count)) * (math.log((1 + len(questions)) / (1 + frequencies[feature])) + 1)
            for feature, count in Counter(extract_features(text)).items()
        }

    first, second = weigh(one), weigh(other)
    product = sum(weight * second.get(feature, 0.0) for feature, weight in first.items())
    return product / math.sqrt(sum(w * w for w in first.values()) * sum(w * w for w in second.values()))


@pytest.mark.parametrize("text", ["배고프다", "지금 몇 시", "속이 비었네요", "배불러요 배고파요"])
def test_search_equals_brute_force(text: str) -> None:
    index = QuestionIndex(INTENTS)
    scores = {}
    for intent in INTENTS:
        cosines = [cosine(text, question, index.questions) for question in intent.questions]
        scores[intent.id] = (max(cosines), max(cosines) + 4 * sum(cosines) / len(cosines))
    matches = index.search(text, 3)
    assert [match.intent.id for match in matches] == sorted(scores, key=lambda id: -scores[id][1])
    for match in matches:
        assert (match.similarity, match.score) == pytest.approx(scores[match.intent.id])


def test_held_out_questions_are_indexed_on_request() -> None:
    assert len(QuestionIndex(INTENTS)) == 7 and len(QuestionIndex(INTENTS, held_out=True)) == 8


def test_known_questions_get_their_answer(bot: IntentBot) -> None:
    intents = load_intents()[::50]
    replies = bot.reply_all([intent.questions[0] for intent in intents])
    right = [
        reply.answer == intent.answer for reply, intent in zip(replies, intents, strict=True) if not reply.safety_card
    ]
    assert sum(right) >= 0.95 * len(right)


def test_bot_says_what_it_cannot_know_and_what_it_does_not_understand() -> None:
    bot = IntentBot(INTENTS)
    known = bot.reply("지금 몇 시야?")
    assert known.abstain_reason == "unanswerable" and known.text == known.answer
    strange = bot.reply("QWERTY 퀑")
    assert (
        strange.abstain_reason == "question" and strange.text in STATEMENT_FALLBACKS and strange.text != strange.answer
    )
    assert strange.nearest is not None and strange.nearest.similarity < MIN_SIMILARITY
    assert bot.reply("QWERTY 퀑", abstain=False).text == strange.answer


def test_bot_does_not_repeat_an_answer_while_another_fits() -> None:
    twins = [
        Intent(f"a-{n}", "a", "train", (f"심심해{'!' * n}", "놀아 줘"), (), (), f"답 {n}이에요.", True) for n in (1, 2)
    ]
    bot = IntentBot(twins)
    first = bot.reply("심심해").text
    assert bot.reply("심심해", history=["심심해", first]).text != first
    assert IntentBot(INTENTS[::2]).reply("배고파", history=["배고파", "국수는 어때요?"]).text == "국수는 어때요?"


@pytest.mark.parametrize("text", [*filter(str.strip, NASTY), "가" * 10_000, "<b>안녕</b>", "</s><user>"])
def test_any_message_gets_an_answer(bot: IntentBot, text: str) -> None:
    reply = bot.reply(text)
    assert reply.text and reply.finished


def test_bad_input_is_a_clear_error(bot: IntentBot) -> None:
    for text in ("", " \n\t", "\u200b"):
        with pytest.raises(InputError):
            bot.reply(text)
    with pytest.raises(InputError, match="temperature"):
        bot.reply("안녕", temperature=1.0)


def test_the_default_bot_is_the_intent_bot() -> None:
    assert isinstance(korlm.load_chat(), IntentBot)


def test_the_encoder_understands_other_words(bot: IntentBot) -> None:
    without = IntentBot(load_intents())
    reply = bot.reply("오늘 진짜 덥다")
    assert reply.is_confident and "덥" in reply.nearest.question
    assert not without.reply("오늘 진짜 덥다").is_confident
    # a question of facts in words that the intents do not have
    assert bot.reply("에펠탑 꼭대기까지 계단이 몇 개야?").abstain_reason == "unanswerable"
    assert without.reply("QWERTY 퀑").confidence.probability is None


def test_a_reply_tells_what_its_confidence_depends_on(bot: IntentBot) -> None:
    reply = bot.reply("배고파")
    confidence = reply.confidence
    assert confidence.probability == bot.weights.calibration.estimate_probability(confidence.components)
    assert set(confidence.components) == set(bot.weights.calibration.weights)
    assert 0 < confidence.min_probability < confidence.sure_probability < confidence.probability <= 1
    assert len(reply.nearest_matches) > 1 and reply.nearest == reply.nearest_matches[0]


def test_a_wish_for_another_answer_gets_one(bot: IntentBot) -> None:
    first = bot.reply("심심해")
    second = bot.reply("다른 거", history=["심심해", first.text])
    assert second.query == "심심해" and second.text != first.text and second.is_confident
    third = bot.reply("그거 말고", history=["심심해", first.text, "다른 거", second.text])
    assert third.text not in (first.text, second.text)


def test_a_reply_tells_what_was_looked_up_instead_of_the_message(bot: IntentBot) -> None:
    history = ["저녁에 뭐 먹지?", bot.reply("저녁에 뭐 먹지?").text]
    assert bot.reply("저녁에 뭐 먹지?").query == ""
    assert bot.reply("그거 말고 다른 건 없어?", history=history).query == "저녁에 뭐 먹지?"
    assert bot.reply("그럼 어떻게 하면 좋을까?", history=history).query == "저녁에 뭐 먹지? 그럼 어떻게 하면 좋을까?"
    assert bot.reply("아까 내가 뭐라고 했지?", history=history).query == ""


def test_the_bot_does_not_repeat_what_it_cannot_know(bot: IntentBot) -> None:
    history: list[str] = []
    for text in ("이순신 장군 키가 몇이야?", "세종대왕은 몇 년에 태어났어?", "광개토대왕 아들 이름 알려줘"):
        reply = bot.reply(text, history=history)
        assert reply.abstain_reason == "unanswerable", text
        assert reply.text not in history[1::2]
        history += [text, reply.text]
    assert set(UNKNOWABLE_TEXTS)


def test_a_statement_is_never_told_to_be_unknowable(bot: IntentBot) -> None:
    for text in ("저는 언어학과 3학년이에요", "우리 팀이 오늘 졌어", "내일 비가 온대요"):
        assert bot.reply(text, history=["안녕", "안녕하세요!"]).abstain_reason != "unanswerable"
