"""Questions about the conversation: what was said, and the user's name."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strings import NASTY

from korlm.chat.intent_bot import IntentBot
from korlm.chat.memory import answer_from_memory
from korlm.chat.registry import load_chat
from korlm.chat.user_name import find_user_name
from korlm.corpora.intents import load_intents
from korlm.errors import InputError
from korlm.storage.artifacts import data_folder

FIRST, RAIN, PUDDLE = "안녕, 나는 지우야", "오늘 비가 와서 우울해", "빗소리가 마음까지 적셨나 봐요."
HISTORY = [FIRST, "반가워요, 지우 님.", RAIN, PUDDLE]

ABOUT_USER = {
    "아까 내가 뭐라고 했지?": RAIN,
    "내가 아까 뭐라고 했더라": RAIN,
    "내가 방금 뭐랬어?": RAIN,
    "제가 뭐라고 했죠?": RAIN,
    "제가 조금 전에 뭐라고 말했나요?": RAIN,
    "아까내가머라햇지": RAIN,
    "ㅋㅋ 근데 내가 아까 무슨 말 했지?": RAIN,
    "나 방금 무슨 얘기 했어?": RAIN,
    "내가 한 말 기억해?": RAIN,
    "방금 제가 한 질문이 뭐였죠?": RAIN,
    "내가 아까 뭐라 그랬는지 기억나?": RAIN,
    "저 뭐라고 했나요": RAIN,
    "내가 너한테 뭐라고 했지?": RAIN,
    "내가 마지막으로 뭐라고 했어?": RAIN,
    "내가 방금 한 말 다시 말해 봐": RAIN,
    "아까 내가 말한 거 기억나?": RAIN,
    "내가 방금 물어본 거 뭐였지": RAIN,
    "내가 방금 뭐라 했음?": RAIN,
    "내가 처음에 뭐라고 했어?": FIRST,
    "맨 처음에 내가 뭐라고 했는지 알아?": FIRST,
    "내 첫마디가 뭐였지?": FIRST,
    "제 첫 질문이 뭐였나요?": FIRST,
    "그 전에 내가 뭐라고 했지?": FIRST,
}
ABOUT_BOT = {
    "방금 뭐랬어?": PUDDLE,
    "방금 뭐랬어? 못 봤어": PUDDLE,
    "뭐라고? 방금 뭐랬어": PUDDLE,
    "네가 아까 뭐라고 했지?": PUDDLE,
    "니가 방금 뭐라고 했더라": PUDDLE,
    "너 방금 뭐라고 했어?": PUDDLE,
    "코름아 방금 뭐라고 했어?": PUDDLE,
    "뭐라고 했어?": PUDDLE,
    "지금 뭐라고 했어요?": PUDDLE,
    "뭐라고 하셨어요?": PUDDLE,
    "네가 한 말 뭐였지": PUDDLE,
    "다시 말해 줘": PUDDLE,
    "다시 한 번 말해 줄래?": PUDDLE,
    "한 번만 더 말해 주세요": PUDDLE,
    "못 들었어 다시 말해 줘": PUDDLE,
    "방금 한 말 다시 해 줘": PUDDLE,
    "미안한데 다시 말해 줄 수 있어?": PUDDLE,
    "방금 뭐라고?": PUDDLE,
    "다시 얘기해 봐": PUDDLE,
    "우리 무슨 얘기 하고 있었지?": PUDDLE,
    "우리 아까 무슨 얘기 했더라": PUDDLE,
    "네가 처음에 뭐라고 했지?": HISTORY[1],
    "네 첫마디 뭐였지?": HISTORY[1],
    "아까 뭐라고 했지?": PUDDLE,
}
ABOUT_NAME = [
    "내 이름 기억해?", "내이름 기억해?", "내 이름이 뭐게", "내 이름이 뭐라고?", "제 이름이 뭐라고요?", "내 이름 뭐야", "제 이름 기억하세요?",
    "내 이름 알아?", "내 이름 기억하지?", "내 이름 까먹었어?", "아까 내 이름 뭐라고 했지?", "근데 내 이름이 뭐였지?", "내 이름 불러 줘", "내 이름 맞혀 봐",
    "내가 누구라고 했지?", "나 누구게", "내가 누군지 알아?", "너 내 이름 알아?", "넌 내 이름 기억하지?", "내 이름은?", "제 이름 혹시 기억하시나요?", "내가 이름 뭐라고 했지?", "내 이름 잊어버린 거 아니지?", "저 누구라고요?",
]  # fmt: skip
OTHER_MESSAGES = [
    "뭐라고?", "뭐?", "내 이름은", "우리 무슨 얘기 할까?", "우리 무슨 얘기 하지", "내가 말한 거 맞지?", "네 첫인상이 뭐였지", "왜?", "응", "네", "ㅋㅋㅋ", "안녕", "다시", "다시 해 줘", "다시 갈래", "또 놀자", "아니 다시 말해", "처음부터 다시 말해 줘",
    "전체를 다시 말해 줘요", "더 쉽게 다시 말해 줘", "다시 설명해 줘", "그럼 처음부터 다시 말해 볼게", "이름이 뭐야?", "네 이름이 뭐야?", "이름이 뭐라고요?", "너 이름 뭐랬지",
    "내 이름 어때?", "내 이름 예쁘지", "내 이름으로 삼행시 지어 줘", "내 이름 지어 줘", "내 이름이 싫어", "아내 이름 기억나?", "이름 까먹었어",
    "내가 뭐랬어!", "거봐 내가 뭐랬어", "내가 뭐랬어", "내가 뭐라고 했는데", "내가 뭐라고", "내가 뭐 했지?", "내가 뭐 먹었지?", "내가 왜 그랬지", "아까 내가 왜 그랬을까",
    "나는 뭐지", "나는 누구인가", "나 누구랑 놀지", "엄마가 뭐라고 했어", "아까 엄마가 뭐라고 했어", "팀장님이 방금 뭐라고 했는지 알아?", "친구한테 뭐라고 하지?", "가서 뭐라고 해요?",
    "뭐라고 보내지", "뭐라고 써요?", "집에 뭐라고 말하죠?", "사랑이 뭐라고 생각해?", "너는 뭐라고 생각해?", "내가 뭐라고 해야 할까", "뭐라고 대답해?", "아까 말한 거 취소",
    "아까 그 영화", "아까 추천해 준 거 말고 다른 거", "아까 떡볶이 먹고 나서", "아까 말한 그 애 있잖아", "아까 한 말 요약해 봐", "아까 나 게으르다며", "너 아까부터 왜 자꾸 물어봐",
    "방금 영화 보고 나왔어요", "방금 소리 났어", "방금 답 마음에 안 들어", "기억 안 나", "기억해 둬", "나 기억해?", "안녕하세요 저 기억하세요?", "어제 뭐 했어?", "어제 뭐 먹었지",
    "처음 왔어", "처음이라 떨려", "맨 처음 뭐라고 했지?", "먼저 말해 봐", "한 번 더", "말해 줘", "무슨 말이야?", "그게 무슨 소리야", "무슨 말을 해야 할지 모르겠어", "몇 시야?", "내가 몇 살로 보여?",
]  # fmt: skip


def words(answer: str) -> str:
    return re.sub(r"\W", "", answer)


@pytest.mark.parametrize(("question", "turn"), ABOUT_USER.items())
def test_the_message_of_the_user_is_quoted(question: str, turn: str) -> None:
    answer = answer_from_memory(question, HISTORY)
    assert answer is not None and f"'{turn}'" in answer and answer.endswith("하셨어요.")
    nothing = answer_from_memory(question, [])
    assert nothing is not None and "첫마디" in nothing


@pytest.mark.parametrize(("question", "turn"), ABOUT_BOT.items())
def test_the_answer_of_the_bot_is_quoted_or_repeated(question: str, turn: str) -> None:
    answer = answer_from_memory(question, HISTORY)
    assert answer is not None and words(turn) in words(answer)
    nothing = answer_from_memory(question, [])
    assert nothing is not None and "아직" in nothing


@pytest.mark.parametrize("question", ABOUT_NAME)
def test_the_name_of_the_user_is_remembered(question: str) -> None:
    answer = answer_from_memory(question, HISTORY)
    assert answer is not None and answer.startswith("지우 님") and words(HISTORY[1]) not in words(answer)
    again = answer_from_memory(question, [*HISTORY, question, answer])
    assert again is not None and again.startswith("지우 님") and again != answer
    unknown = answer_from_memory(question, ["나는 학생이야", "그렇군요."])
    assert unknown is None or "아직 이름을 말씀해 주신 적이 없어요" in unknown


@pytest.mark.parametrize("message", OTHER_MESSAGES)
def test_other_messages_are_left_to_the_bot(message: str) -> None:
    assert answer_from_memory(message, HISTORY) is None
    assert answer_from_memory(message, []) is None


def test_questions_about_earlier_conversations_are_answered_honestly() -> None:
    for question in (
        "제가 어제 여기서 뭐라고 했어요?",
        "지난번에 내가 한 말 기억나?",
        "네가 저번에 뭐라고 했지?",
        "지난번에 우리 무슨 얘기 했지?",
    ):
        answer = answer_from_memory(question, HISTORY)
        assert answer is not None and "지난 대화" in answer and RAIN not in answer


def test_earlier_questions_about_the_conversation_are_not_what_was_said() -> None:
    history = [*HISTORY, "내 이름이 뭐게", "지우 님이라고 하셨어요.", "내가 아까 뭐라고 했지?", "아까 …라고 하셨어요."]
    assert answer_from_memory("아까 내가 뭐라고 했지?", history) == f"아까 '{RAIN}'라고 하셨어요."
    only = ["방금 뭐라고 했어?", "아직 제가 한 말이 없어요."]
    assert answer_from_memory("내가 뭐라고 했지?", only) == "아까 '방금 뭐라고 했어?'라고 하셨어요."


def test_a_repeated_answer_is_repeated_without_its_beginning() -> None:
    first = answer_from_memory("다시 말해 줘", HISTORY)
    assert first == f"다시 말씀드릴게요. {PUDDLE}"
    assert answer_from_memory("다시 말해 줘", [*HISTORY, "다시 말해 줘", first]) == first


def test_names_and_numbers_that_the_user_told_are_quoted() -> None:
    history = [
        "저희 강아지 이름은 보리예요",
        "구수한 이름이네요.",
        "저는 서른두 살이에요",
        "한창이시네요.",
        "세 시네",
        "오후군요.",
    ]
    assert answer_from_memory("우리 개 이름이 뭐라고 했죠?", history) == "'저희 강아지 이름은 보리예요'라고 하셨어요."
    assert answer_from_memory("아까 내가 몇 살이라고 했지?", history) == "'저는 서른두 살이에요'라고 하셨어요."
    assert answer_from_memory("방금내가 몇시라그랬지?", history) == "'세 시네'라고 하셨어요."
    assert answer_from_memory("고양이 이름이 뭐라고요?", history) is None
    assert answer_from_memory("아까 내가 몇 명이라고 했지?", history) == "몇 명인지는 아직 말씀해 주신 적이 없어요."
    assert (
        answer_from_memory("아까 내가 몇 명이라고 했지?", ["3명이서 5시에 봐", "네."])
        == "'3명이서 5시에 봐'라고 하셨어요."
    )
    assert answer_from_memory("아까 내가 몇 명이라고 했지?", ["5시에 셋이 봐", "네."]) is None


@pytest.mark.parametrize(
    ("turn", "quotation"),
    [
        ("밥 먹었어?", "'밥 먹었어?'라고"),
        ("졸림", "'졸림'이라고"),
        ("ㅋㅋㅋ", "'ㅋㅋㅋ'이라고"),
        ("😀", "'😀' 하고"),
        ("hello", "'hello' 하고"),
        ("친구가 '싫어'래", "\"친구가 '싫어'래\"라고"),
        ("<b>안녕</b>", "'<b>안녕</b>' 하고"),
        ("가" * 9_999, "가…'라고"),
        (unicodedata.normalize("NFD", "졸\u200b림"), "'졸림'이라고"),
    ],
)
def test_any_message_is_quoted_with_its_particle(turn: str, quotation: str) -> None:
    answer = answer_from_memory("아까 내가 뭐라고 했지?", [turn, "네."])
    assert answer is not None and f"{quotation} 하셨어요." in answer and len(answer) < 130


def test_a_crisis_message_is_answered_with_help_again() -> None:
    for question in ("아까 내가 뭐라고 했지?", "내가 처음에 뭐라고 했어?", "아까 뭐라고 했지?"):
        answer = answer_from_memory(question, ["죽고 싶어요", "109로 전화해 주세요."])
        assert answer is not None and "109" in answer and "죽고 싶어요" not in answer


def test_unanswered_and_blank_turns_are_allowed() -> None:
    assert answer_from_memory("아까 내가 뭐라고 했지?", ["배고파"]) == "아까 '배고파'라고 하셨어요."
    assert (
        answer_from_memory("방금 뭐랬어?", ["배고파", " "]) == "아직 제가 한 말이 없어요. 이제 막 말문을 여는 참이에요."
    )
    with pytest.raises(InputError):
        answer_from_memory("방금 뭐랬어?", ["배고파", None])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "text", [*NASTY, "아" * 10_000, "아참" * 5_000, "뭐라고 " * 3_000, "내 이름은 " * 2_000, "네 " * 5_000]
)
def test_any_text_is_read_to_its_end(text: str) -> None:  # patterns of exponential time would hang
    assert answer_from_memory(text, [text, text, text, text]) is None
    find_user_name([text, "뭐라고 불러 드릴까요?", text])
    answer = answer_from_memory("내 이름 기억해?", [text, "네."])
    assert answer is not None and "아직 이름을" in answer


@given(
    st.lists(
        st.sampled_from(
            [
                "아참",
                "뭐라고",
                "못들었어",
                "방금",
                "내가",
                "했지",
                "네",
                "코름아",
                "다시",
                "말해",
                "줘",
                "이름",
                "나는",
                "안녕",
                "은",
                "지우",
                "야",
            ]
        ),
        max_size=14,
    )
)
def test_any_words_give_an_answer_in_polite_style_or_none(parts: list[str]) -> None:
    answer = answer_from_memory("".join(parts), HISTORY)
    assert answer is None or re.search(r"(요|죠)[.?]$", answer)


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        (["나는 지우야"], "지우"), (["안녕 난 지호야"], "지호"), (["저는 김민지라고 해요"], "김민지"), (["전 서연이라고 합니다"], "서연"), (["제 이름은 민식이에요"], "민식"),
        (["내 이름은 다솜이고 간호사야. 오늘 나이트 끝"], "다솜"), (["내 이름은 지호고 재수생이야"], "지호"), (["이름은 한결이고 내일 이사해요."], "한결"), (["안녕하세요 민석입니다"], "민석"),
        (["제 이름은 은서고 고양이 이름은 은비예요"], "은서"), (["지우라고 불러 줘"], "지우"), (["그냥 편하게 토리라고 불러"], "토리"), (["내 이름은 엘리자베스야"], "엘리자베스"), (["내 이름은 Tom이야"], "Tom"),
        (["제 이름은 남궁민수예요"], "남궁민수"), (["제 이름은 김 지우예요"], "김지우"), (["내 이름은 현이야"], "현이"), (["내이름은지우야"], "지우"), (["나는 지우야, 너는 이름이 뭐야?"], "지우"),
        (["안녕하세요. 저는 이유진이에요!"], "이유진"), (["내 이름 지우야"], "지우"), (["나는 지우야", "나는 배고파"], "지우"), (["나는 지우야", "아니 지우 말고 지호야"], "지호"),
        (["나는 지우야", "지우가 아니라 지오예요"], "지오"), (["안녕하세요 민석입니다", "아 오타요 민식이에요"], "민식"), (["나는 지우야", "이제부터 초코라고 불러 줘"], "초코"),
        (["나는 지우야", "나는 민서야"], "민서"), (["저 김하늘이라고 해요"], "김하늘"),
    ],
)  # fmt: skip
def test_a_name_is_found(messages: list[str], name: str) -> None:
    history = [turn for message in messages for turn in (message, "네.")]
    assert find_user_name(history) == name
    assert find_user_name([unicodedata.normalize("NFD", turn) for turn in history]) == name


@pytest.mark.parametrize(
    "message",
    [
        "나는 학생이야", "나는 배고파야", "나 배고파", "나는 바보야", "저는 회사원입니다", "나는 고양이야", "나는 서울이야", "나는 한국인이에요", "난 반대야", "나는 괜찮아요", "나는 누구야?", "나는 지우야?",
        "안녕 지우야", "지우야 안녕", "나는 지우가 좋아", "저는 지우 엄마예요", "친구 이름은 지우야", "아내 이름은 지우야", "우리 강아지 이름은 보리예요", "네 이름은 코름이야", "너는 코름이야",
        "내 이름은 비밀이야", "내 이름은 뭐야?", "내 이름은 말했지", "내 이름은 세 글자야", "내 이름은 네글자야", "내 이름은 예뻐", "내 이름은 왜 물어", "내 이름은 최고야", "내 이름은 몰라요",
        "누나라고 불러 줘", "뭐라고 불러 줘", "나 집이라고 해", "난 아니라고 해", "그는 철수라고 해", "나는 가을이야 너는?", "저는 바다입니다", "나는 지금 회사야", "나 이제 자유야", "저는 처음이에요",
        "나는 이 사람이야", "나는 너야", "제 취미는 수영이에요", "제 고향은 진주예요", "나도 지우야 하고 불렀어", "영화 이름은 하나예요",
    ],
)  # fmt: skip
def test_what_is_not_an_introduction_is_no_name(message: str) -> None:
    assert find_user_name([message, "그렇군요."]) is None


def test_a_name_alone_is_one_where_the_bot_asked_the_user_for_it() -> None:
    asked = answer_from_memory("내 이름 뭐게", [])
    assert asked is not None
    for answer in ("채영", "채영이야", "채영이에요!", "저는 채영이요", "응 채영"):
        assert find_user_name(["내 이름 뭐게", asked, answer, "네."]) == "채영"
        assert find_user_name(["안녕", "이름이 뭐예요, 그 강아지는?", answer.removeprefix("저는 "), "네."]) is None
    for answer in ("비밀", "몰라", "싫어", "왜?", "아무거나", "네가 정해 줘", "안 알려 줘"):
        assert find_user_name(["내 이름 뭐게", asked, answer, "네."]) is None


@pytest.mark.parametrize(
    ("message", "known", "part"),
    [
        ("안녕 나는 지우야", "", "반가워요, 지우 님"), ("안녕하세요, 저는 김민지라고 해요. 잘 부탁해요!", "", "반가워요, 김민지 님"), ("그냥 편하게 토리라고 불러", "", "반가워요, 토리 님"),
        ("내 이름은 Tom이야", "", "반가워요, Tom 님"), ("나는 지우야!", "나는 지우야", "네, 지우 님"), ("아니 지우 말고 지호야", "나는 지우야", "지호 님이군요"),
        ("아 오타요 민식이에요", "안녕하세요 민석입니다", "민식 님이군요"), ("아니 지호라고 불러 줘", "나는 지우야", "지호 님이군요"),
    ],
)  # fmt: skip
def test_an_introduction_is_answered_with_the_name(message: str, known: str, part: str) -> None:
    answer = answer_from_memory(message, [known, "네."] if known else [])
    assert answer is not None and answer.startswith(part)


@pytest.mark.parametrize(
    "message",
    [
        "나는 지우야 배고파",
        "나는 지우야 너는?",
        "내 이름은 지호고 재수생이야",
        "이름은 한결이고 내일 이사해요.",
        "저는 학생이에요",
        "나는 지우야?",
        "제 이름으로 이행시 해 주세요",
        "지우 말고 지호가 좋아",
    ],
)
def test_a_message_that_says_more_than_a_name_is_left_to_the_bot(message: str) -> None:
    assert answer_from_memory(message, []) is None
    assert answer_from_memory("지우예요", [message, "이름을 알려 주시면 해 볼게요."]) is None


RECALLED = {  # dialogue and turn: a part of the answer
    (1, 0): "지우 님", (2, 0): "민석 님", (2, 2): "민식 님", (28, 4): "현우 님", (1246, 0): "민서 님", (1247, 0): "한결 님",
    (1, 2): "지우", (2, 4): "민식", (43, 4): "세 시", (47, 0): "아직", (59, 4): "보리", (106, 0): "첫마디", (409, 0): "아직", (426, 2): "김치부터", (429, 0): "아직",
    (511, 2): "은비", (570, 4): "지호", (680, 6): "곳간", (720, 0): "지난 대화", (889, 8): "한결", (933, 0): "아직", (1026, 2): "첫째", (1137, 4): "지우",
    (1246, 6): "민서", (1248, 0): "아직", (1248, 2): "한 말이 없어요", (1250, 0): "아직", (1250, 4): "버틴", (1260, 0): "첫마디",
}  # fmt: skip


def test_in_the_training_dialogues_only_questions_about_the_conversation_are_recalled() -> None:
    lines = (data_folder() / "dialogues" / "multi_turn" / "dialogues.jsonl").read_text("utf-8").splitlines()
    dialogues = [dialogue for dialogue in map(json.loads, lines) if dialogue["split"] == "train"]
    answers = {}
    for dialogue in dialogues:
        number, turns = int(dialogue["id"].removeprefix("multi-")), dialogue["turns"]
        for index in range(0, len(turns), 2):
            answer = answer_from_memory(turns[index], turns[:index])
            if answer is not None:
                answers[number, index] = answer
    assert answers.keys() == RECALLED.keys()
    for place, part in RECALLED.items():
        assert part in answers[place]


def test_of_the_questions_of_training_intents_few_ask_what_was_said() -> None:
    topics = {
        intent.id
        for intent in load_intents()
        if intent.split == "train" and any(answer_from_memory(question, []) for question in intent.questions)
    }
    assert topics == {
        "about_the_bot-0058",
        "greetings-0194",
        "about_the_bot-0059",
        "about_the_bot-0220",
        "facts_it_cannot_answer-0174",
        "facts_it_cannot_answer-0177",
    }


def test_the_intent_bot_remembers_the_conversation() -> None:
    bot = load_chat()
    assert isinstance(bot, IntentBot)
    reply = bot.reply("내 이름 기억해?", history=["나는 지우야", "반가워요."])
    assert reply.text.startswith("지우 님") and reply.rule == "memory" and reply.is_confident and reply.nearest is None
    [streamed] = bot.stream_replies("아까 내가 뭐라고 했지?", history=["졸려", "눈 좀 붙이세요."])
    assert streamed.text == "아까 '졸려'라고 하셨어요."
