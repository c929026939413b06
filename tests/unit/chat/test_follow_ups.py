"""What a message owes to the conversation, the facts that the user told, and which intents may answer at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.chat.fact_recall import recall_fact
from korlm.chat.follow_ups import (
    QUESTION_FALLBACKS,
    STATEMENT_FALLBACKS,
    choose_fallback,
    find_previous_question,
    is_question,
    needs_context,
    strip_discourse_markers,
    wants_another_answer,
)
from korlm.chat.match_checks import is_plausible
from korlm.corpora.intents import Intent


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("음 그래서 좀 덜 창피했어", "좀 덜 창피했어"),
        ("근데 오늘 짜증나는 일이 있었어", "오늘 짜증나는 일이 있었어"),
        ("아 맞다, 내 이름 뭐라고 했지?", "내 이름 뭐라고 했지?"),
        ("그래서?", "그래서?"),
        ("음 그런가", "음 그런가"),
        ("그냥 그래", "그냥 그래"),
        ("아니요", "아니요"),
        ("네덜란드에 가고 싶어", "네덜란드에 가고 싶어"),
    ],
)
def test_discourse_markers_are_left_out_if_enough_remains(text: str, rest: str) -> None:
    assert strip_discourse_markers(text) == rest


@given(st.text(max_size=60))
def test_stripping_returns_an_end_of_the_message(text: str) -> None:
    assert text.endswith(strip_discourse_markers(text))


@pytest.mark.parametrize(
    "text",
    ["그거 말고", "그거 말고 다른 방법은 없을까요?", "다른 거", "또 없어?", "하나 더 알려줘", "음, 다른 건 없어?"],
)
def test_wishes_for_another_answer(text: str) -> None:
    assert wants_another_answer(text)


@pytest.mark.parametrize(
    "text", ["그거 말고 라면은 어때", "다른 사람 만나고 싶어", "하나 더 먹었어", "말고기 먹어 봤어?", "또 졌어"]
)
def test_other_messages_do_not_ask_for_another_answer(text: str) -> None:
    assert not wants_another_answer(text)


@pytest.mark.parametrize("text", ["그럼 어떻게 하면 좋을까요?", "예를 들면요?", "그건 뭔데요?", "왜 그런데?"])
def test_messages_that_need_the_one_before(text: str) -> None:
    assert needs_context(text)


@pytest.mark.parametrize("text", ["어떻게 지내?", "왜?", "라면 어떻게 끓여?", "그건 좀 웃기다"])
def test_messages_that_say_something_by_themselves(text: str) -> None:
    assert not needs_context(text)


def test_the_previous_question_is_the_last_one_that_says_something() -> None:
    history = ["떡볶이 만들었는데 너무 달아", "고춧가루를 더해 보세요.", "그거 말고", "간장도 있어요.", "ㅇㅇ", "네."]
    assert find_previous_question(history) == "떡볶이 만들었는데 너무 달아"
    assert find_previous_question(["졸려", "눈을 붙여 보세요.", "고마워요!", "네."]) == "졸려"
    assert find_previous_question([]) == ""


@pytest.mark.parametrize(
    "text", ["몇 시야", "우산 챙겨야 되나", "이거 번역해 줘", "누가 그랬어", "왜 그래?", "얼마예요"]
)
def test_questions(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize(
    "text", ["비가 와서 우산 챙겼어", "나는 할머니예요", "오늘 5연패함", "시험이 끝났습니다", "기분이 좋네요"]
)
def test_statements(text: str) -> None:
    assert not is_question(text)


def test_fallbacks_are_not_repeated() -> None:
    given: set[str] = set()
    for _ in STATEMENT_FALLBACKS:
        fallback = choose_fallback("영감이 좋아하던 거야", given)
        assert fallback in STATEMENT_FALLBACKS and fallback not in given
        given.add(fallback)
    assert choose_fallback("영감이 좋아하던 거야", given) in STATEMENT_FALLBACKS
    assert choose_fallback("그게 뭔데?", given) in QUESTION_FALLBACKS


HISTORY = [
    "회사를 다닌 지 칠 년쯤 됐습니다",
    "그러셨군요.",
    "저는 애가 둘이에요",
    "북적북적하겠네요.",
    "어제 호박죽을 쑤어 먹었어요",
    "속이 편하셨겠어요.",
]


@pytest.mark.parametrize(
    ("question", "turn"),
    [
        ("제가 아까 회사 몇 년 다녔다고 했죠?", 0),
        ("참 제가 애가 몇이라고 했죠?", 2),
        ("내가 아까 뭘 먹었다고 했더라", 4),
    ],
)
def test_facts_are_quoted_from_the_message_that_told_them(question: str, turn: int) -> None:
    answer = recall_fact(question, HISTORY)
    assert answer is not None and HISTORY[turn] in answer


def test_what_was_not_told_is_not_made_up() -> None:
    answer = recall_fact("내가 고향이 어디라고 했지?", HISTORY)
    assert answer is not None and not any(turn in answer for turn in HISTORY)


@pytest.mark.parametrize(
    "text",
    ["내가 간다고 했잖아", "우리 팀이 이겼다고 했어", "친구가 결혼한다고 했어요", "배고파", "나 오늘 쉰다고 말했어"],
)
def test_other_messages_recall_nothing(text: str) -> None:
    assert recall_fact(text, HISTORY) is None


def test_crisis_messages_are_not_quoted() -> None:
    assert recall_fact("내가 아까 뭐가 싫다고 했지?", ["죽고 싶어요 살기 싫어요", "109에 전화해 주세요."]) is None


def make_intent(topic: str, question: str) -> Intent:
    return Intent(f"{topic}-1", topic, "train", (question,), (), (), "답이에요.", True)


@pytest.mark.parametrize(
    ("text", "topic", "question", "plausible"),
    [
        ("그래서 하루 종일 기운이 없어", "short_reactions", "그래서", False),
        ("그래서?", "short_reactions", "그래서", True),
        ("다음 주에 발표회도 한답니다", "korean_language", "다음주 다음 주", False),
        ("다음 주는 띄어 쓰나요?", "korean_language", "다음주 다음 주", True),
        ("나 너무 쉬운가 ㅋㅋㅋ", "about_the_bot", "나 보여?", False),
        ("너 나 보여?", "about_the_bot", "나 보여?", True),
    ],
)
def test_intents_of_another_kind_are_not_plausible(text: str, topic: str, question: str, plausible: bool) -> None:
    assert is_plausible(text, make_intent(topic, question), question, 0.4) == plausible


def test_questions_about_the_bot_are_not_about_somebody_unknown() -> None:
    unknown = replace(make_intent("facts_it_cannot_answer", "갈릴레이가 누구야?"), is_answerable=False)
    assert not is_plausible("넌 누구야?", unknown, unknown.questions[0], 0.5)
    assert is_plausible("뉴턴이 누구야?", unknown, unknown.questions[0], 0.5)
