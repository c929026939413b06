"""What a message owes to the conversation: discourse markers, wishes for another answer, and messages that need the one before.

>>> strip_discourse_markers("음 그래서 좀 덜 창피했어"), strip_discourse_markers("그래서?")
('좀 덜 창피했어', '그래서?')
>>> wants_another_answer("그거 말고 다른 건 없어?"), needs_context("그럼 어떻게 하면 좋을까?")
(True, True)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKERS = (
    "음+|흠+|아+|어+|오+|헐|근데|그런데|그래서|그럼|그러면|그러니까|그리고|그래도|하지만|아니|아니면|맞다|참|있잖아요?|사실|솔직히|암튼|아무튼|"
    "어쨌든|일단|뭐|그냥|막|네|응|ㅇㅇ|그치|글쎄요?|혹시|저기요?"
)
_LEADING_MARKERS = re.compile(rf"(?:(?:{_MARKERS})[\s,.!~…ㅋㅎㅠㅜ]+)+")
_MIN_LETTERS_LEFT = 5  # a shorter rest may be the idiom itself, as in 아 맞다 or 그냥 그래
_MIN_LETTERS_OF_QUESTION = 2  # 졸려
_SHORT_ANSWER = re.compile(
    r"(?:네|응|예|아니|아니요?|그래요?|그렇구나|그렇군요?|맞아요?|진짜요?|정말요?|고마워요?|감사합니다|알겠어요?|알았어요?|헐|오|와)[\s.,!?~ㅋㅎㅠㅜ]*"
)
_LETTERS = re.compile(r"[가-힣A-Za-z0-9]")
_OTHER_THING = (
    r"(?:다른|딴)\s*(?:거|건|것|게|방법|얘기|이야기|답|말)(?:은|을|는|를|도|으로)?"
    r"(?:요|\s*(?:없|있)(?:어|나|니|을까|나요|어요|을까요|지|냐)|\s*(?:말해|해|알려|추천해|골라)\s*(?:줘|주세요|줘요|줄래|봐))?"
)
_ANOTHER = re.compile(
    rf"(?:(?:그거|그건|그것|이거|이건|그런\s*거|그\s*얘기)\s*말고(?:는|요|는요)?(?:[\s,.]*{_OTHER_THING})?|{_OTHER_THING}|"
    r"또\s*(?:없|있)(?:어|나|니|냐)(?:요)?|또\s*뭐\s*있어(?:요)?|하나\s*더(?:요|\s*(?:알려|말해|해)\s*(?:줘|주세요|줘요))?)[\s.!?~ㅋㅎㅠㅜ]*"
)
_ELLIPTICAL = re.compile(
    r"(?:(?:이제|그럼|이럴\s*땐|그럴\s*땐|그때는?)\s*)?(?:어떻게|어떡)\s*(?:하면|해야|하지|해|할까|하죠|하는\s*게).{0,10}|"
    r"왜\s*(?:요|그런|그래|그렇|그게).{0,8}|예를\s*들(?:면|어|자면).{0,6}|(?:그건|그게|그거|그런\s*건)\s*(?:뭔데|뭐야|뭐예요|뭔가요|무슨|왜|어떻게).{0,8}|"
    r"(?:그게|그건|그렇게)\s*(?:돼|되나|될까|쉽|어렵|가능|좋|맞).{0,8}|(?:도움|효과)(?:이|가)?\s*(?:될까|있을까|있나|돼).{0,4}"
)
# Reactions whose answer depends on there being something before, and the answers
_REACTIONS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"(?:그치|그쵸|그죠|그렇지|그렇죠|맞지|맞죠|안\s?그래|그렇지\s?않아|안\s?그래요)[?요~ㅋㅎㅠㅜ.!]*"),
        ("네, 그렇게 느끼실 만해요.", "말씀을 들으니 그럴 만하네요.", "그럼요, 무슨 말씀인지 알 것 같아요."),
    ),
    (
        re.compile(r"(?:왜|왜요|왜\s?그럴까요?|왜\s?그런\s?거야|왜\s?그런\s?거예요|왜\s?그게\s?.{1,6})[?~.!]*"),
        (
            "까닭까지는 저도 잘 몰라요. 어느 부분이 궁금하셨어요?",
            "이유를 대기에는 제가 아는 게 적어요. 어떻게 생각하세요?",
            "제 말은 짐작이라 까닭을 다 대지는 못해요.",
        ),
    ),
)
_YES = re.compile("[ㅇ]{2,4}[.!~]*")  # typed initials of 응응
_FAREWELL = re.compile(
    r"(?:갈게|간다|가요|갑니다|가볼게|가야겠다|들어갈게|끌게)요?[\s,.!~]*(?:안녕|ㅂㅂ|ㅃ|바이|빠이|빠빠).*|.*\s(?:ㅂㅂ|ㅃㅃ|빠이|바이바이?)[\s.!~ㅋㅎ]*"
)
_QUESTION_END = re.compile(
    r"(?:\?|까|까요|(?<=[가-힣])나|나요|가요|는지|니|냐|냐고|어때|뭐야|뭐예요|뭐지|뭔데|뭐임|뭔가|왜|려나|던가|더라|[줘봐]|주세요|줄래|[으]?ㄹ래|려줘요|십시오)"
    r"[\s.!~^ㅋㅎㅠㅜ]*$"
)
_QUESTION_WORD = re.compile(
    r"(?:^|\s)(?:뭐|뭘|무엇|무슨|어떤|어디|언제|누구|누가|얼마|몇|왜|어떻게|어느)|[가-힣]\s?(?:알려|찾아|계산해|번역해|추천해|말해)\s?(?:줘|주|줄|봐)|얼마|며칠|몇\s"
)
# For messages that the bot does not understand; the first that the conversation does not have yet
QUESTION_FALLBACKS = (
    "제가 아직 배우지 못한 이야기 같아요. 조금 다르게 말씀해 주시겠어요?",
    "그 물음에 맞는 답을 못 찾았어요. 다른 말로 다시 물어봐 주실래요?",
    "음, 무슨 뜻인지 잘 못 알아들었어요. 쉬운 말로 한 번만 더 부탁드려요.",
    "어떻게 답해야 할지 잘 모르겠어요. 괜히 아는 척하지는 않을게요.",
    "이 물음은 저한테 좀 어렵네요. 앞뒤 사정을 조금만 더 들려주시겠어요?",
)
STATEMENT_FALLBACKS = (
    "그렇군요. 조금 더 들려주시겠어요?",
    "네, 듣고 있어요. 제가 딱 맞는 말을 찾지는 못했지만요.",
    "하고 싶은 말이 더 있으면 편하게 이어 주세요.",
    "그런 이야기였군요. 이어서 말씀해 주셔도 좋아요.",
    "제가 다 알아듣지는 못했지만, 이어서 들려주시면 따라가 볼게요.",
    "네, 알겠어요. 더 하고 싶은 말이 있으면 들을게요.",
    "제 짧은 말로는 답하기 어려운 이야기네요. 그래도 계속 들을게요.",
    "말씀해 주셔서 고마워요. 괜찮으시면 조금 더 자세히 알려 주세요.",
    "저한테는 낯선 이야기예요. 어떤 일인지 한두 마디만 덧붙여 주시겠어요?",
    "알아듣고 싶은데 제가 배운 게 모자라네요. 조금 쉽게 풀어서 말씀해 주실래요?",
)
NO_OTHER_ANSWER = "다른 답은 아직 배우지 못했어요. 질문을 조금 바꿔 주시면 다시 찾아볼게요."


def strip_discourse_markers(text: str) -> str:
    """Return a message without the words that only join it to the one before; unchanged if hardly anything else is left."""
    match = _LEADING_MARKERS.match(text)
    rest = text[match.end() :] if match else text
    return rest if len(_LETTERS.findall(rest)) >= _MIN_LETTERS_LEFT else text


def wants_another_answer(text: str) -> bool:
    """Return whether a message asks for another answer to the question before: 그거 말고, 다른 건 없어?"""
    return _ANOTHER.fullmatch(strip_discourse_markers(text).strip()) is not None


def needs_context(text: str) -> bool:
    """Return whether a message says nothing without the one before: 그럼 어떻게 해?, 예를 들면?"""
    return _ELLIPTICAL.match(strip_discourse_markers(text).strip()) is not None


def find_reaction(text: str, given: set[str]) -> str | None:
    """Return the answer to a reaction to what the bot or the user said before, such as 그치? or 왜요?; None for other messages.

    Args:
        text: the message, not the first of the conversation.
        given: the answers of the conversation.

    Example:
        >>> find_reaction("그쵸?", set())
        '네, 그렇게 느끼실 만해요.'
    """
    for pattern, answers in _REACTIONS:
        if pattern.fullmatch(strip_discourse_markers(text).strip()):
            return _choose_new(answers, given)
    return None


def rewrite_abbreviation(text: str) -> str:
    """Return what an abbreviated yes or a farewell with a reason stands for; other messages unchanged.

    >>> rewrite_abbreviation("ㅇㅇ"), rewrite_abbreviation("치킨 먹으러 간다 안녕~"), rewrite_abbreviation("안녕")
    ('응', '잘 있어', '안녕')
    """
    if _YES.fullmatch(text):
        return "응"
    return "잘 있어" if _FAREWELL.search(text) else text


def find_previous_question(history: Sequence[str]) -> str:
    """Return the last message of the user that says something by itself; empty if there is none.

    Args:
        history: the earlier turns, the user's first.
    """
    for text in reversed(history[::2]):
        depends = wants_another_answer(text) or needs_context(text) or _SHORT_ANSWER.fullmatch(text.strip())
        if not depends and len(_LETTERS.findall(text)) >= _MIN_LETTERS_OF_QUESTION:
            return text
    return ""


def is_question(text: str) -> bool:
    """Return whether a message looks like a question, by its end or a question word.

    >>> is_question("우산 챙겨야 되나"), is_question("비가 와서 우산 챙겼어")
    (True, False)
    """
    return _QUESTION_END.search(text) is not None or _QUESTION_WORD.search(text) is not None


def choose_fallback(text: str, given: set[str]) -> str:
    """Return a sentence for a message that is not understood, a question or a statement, that is not in ``given`` yet.

    >>> choose_fallback("우리 영감이 좋아하던 거야", set()) in STATEMENT_FALLBACKS
    True
    >>> choose_fallback("그 소문 들었니?", set()) in QUESTION_FALLBACKS
    True
    """
    return _choose_new(QUESTION_FALLBACKS if is_question(text) else STATEMENT_FALLBACKS, given)


def _choose_new(texts: Sequence[str], given: set[str]) -> str:
    """Return the first text that is not in ``given``; if all are, they take turns."""
    return next((text for text in texts if text not in given), texts[len(given) % len(texts)])
