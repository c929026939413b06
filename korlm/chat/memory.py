"""Answers about the conversation itself: what the user or the bot said, and the user's name.

>>> history = ["나는 지우야. 비가 와서 우울해", "빗소리가 마음까지 적셨나 봐요."]
>>> answer_from_memory("아까 내가 뭐라고 했지?", history)
"아까 '나는 지우야. 비가 와서 우울해'라고 하셨어요."
>>> answer_from_memory("내 이름 기억해?", history), answer_from_memory("오늘 뭐 먹지?", history)
('지우 님이라고 하셨어요. 이 대화가 끝날 때까지 잊지 않을게요.', None)

The rules match whole messages, without spaces and punctuation: a message that says anything else is left to the bot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from korlm.chat.safety.cards import get_safety_card
from korlm.chat.safety.guard import detect_crisis
from korlm.chat.user_name import find_introduction, find_user_name
from korlm.text.display import abbreviate
from korlm.text.josa import final_sound, with_josa
from korlm.text.normalization import normalize_message

_MAX_QUOTED_CHARACTERS = 100
_MAX_LETTERS = 60  # longer messages ask something else
_REPEATED = "다시 말씀드릴게요. "  # begins a repeated answer; not repeated itself

# Parts of the patterns below
_FILLER = (
    "(?:아|어|음|엥|헉|헐|야|참|잠깐만?|잠시만요?|근데|그런데|그럼|그러면|그나저나|저기요?|혹시|미안(?:한데|해)?|죄송(?:한데|해요)|코름님?|"
    "아니|응|네|그러네|있잖아|뭐라고요?|뭐라구|(?:잘)?못(?:봤|들었|읽었|알아들었)(?:어|어요|네|다|는데)|못들음|못봄|까먹었(?:어|다|네|는데)|까먹음|"
    "잊어버렸(?:어|네|는데)|기억이?안나(?:는데|서)?|궁금한데)*"
)
_REMEMBER = "기억(?:이)?(?:나|해|하니|나니|나냐|하냐|하세요|나세요|하시나요|나시나요|하시죠|하시지요|하나요|나요|해요|하지|하죠|하고있어|하고있어요|돼)"
_TAIL = (
    f"(?:{_REMEMBER}|알아|알아요|알지|알죠|아니|아세요|(?:알려|말해|말씀해)(?:줘|줘요|주세요|줄래|줄래요|봐|봐요)|생각나|생각나요|궁금해|"
    "(?:잘)?못(?:봤|들었|읽었)(?:어|어요|네)|까먹었(?:어|어요|네)|까먹음|잊어버렸(?:어|어요|네)|기억이?안나|기억이?안나요|기억안남)?"
)
_EARLIER = "아까(?:전에)?|방금(?:전에)?|좀전에|조금전에|금방|바로전에|바로앞에서?|앞에서|위에서?|이전에|전에"
_FIRST = "(?:(?:제일|맨|가장)?(?:처음|첨)(?:에|에는|으로)?|첫번째로|(?:가장|제일)먼저)"
_LAST = "마지막(?:에|으로)"
_BEFORE_LAST = "그전에|그보다전에|그앞에|전전에"
_PAST = "어제|그저께|엊그제|지난번(?:에)?|저번(?:에)?|지난주(?:에)?|며칠전(?:에)?|예전에|옛날에"
_WHEN = f"(?:{_EARLIER}|{_LAST}|{_BEFORE_LAST}|{_PAST})?{_FIRST}?"
_ME, _MY = "(?:내가|제가|나는|저는|나|저|난|전)", "(?:내|제|나의|저의)"
_YOU, _YOUR = "(?:네가|니가|너가|너는|너|넌|코름(?:이|이가|은|님이)?|당신이?|그쪽이?)", "(?:네|니|너의|코름의?)"
_HERE = "(?:여기서?|너한테|너에게|나한테|저한테|코름한테|이대화에서)?"
_SAID = (
    "(?:뭐라(?:고|구)?(?:말|얘기|이야기)?(?:했|하셨|그랬|그러셨|물어봤|물었|말했)|뭐(?:랬|라셨|물어봤|물었|말했|얘기했)|"
    "(?:무슨|어떤)(?:말|얘기|이야기|소리|질문)(?:을|를)?(?:했|하셨))(?:었)?"
)
_RECALLING = "(?:지|지요|죠|더라|더라고|더라고요|나|나요|는지|는지도|게|게요)"  # also asked of oneself
_ASKING = "(?:어|어요|니|냐|냐고|음|습니까|던가요|다고|다고요|는데)"
_ENDING = f"(?:{_RECALLING}|{_ASKING})"
_WORDS = "(?:말|얘기|이야기|질문|메시지)"
_THINGS = f"(?:(?:한|했던|하신|보낸|물어본){_WORDS}|(?:말한|말했던|말씀하신|얘기한|얘기했던|물어본|물어봤던)(?:거|것|게|내용))"
_PLEASE = (
    "(?:줘|줘요|주세요|줄래|줄래요|주실래요|주라|봐|봐요|달라고|줄수있어|줄수있어요|주시겠어요|주실수있어요|주십시오)"
)
_AGAIN = f"(?:다시(?:한번만?|한번더)?|한번만?더|한번만?다시)(?P<verb>말|얘기|이야기|말씀)?해{_PLEASE}"
_WHAT_WAS_IT = (
    "(?:이|가|은|는)?(?:뭐|무엇|뭐라고)?(?:였지|였어|였더라|더라|야|예요|였어요|였죠|였지요|지|죠|게|였나|였나요)|"
    f"(?:도|은|을|이|가)?(?:뭔지|뭐였는지)?{_REMEMBER}"
)


def _time_group(number: int) -> str:
    return f"(?P<when_{number}>{_WHEN})"


_OF_USER = re.compile(
    f"{_FILLER}(?:{_time_group(1)}{_ME}{_HERE}{_time_group(2)}{_HERE}{_SAID}(?P<ending>{_ENDING}){_TAIL}"
    f"|{_time_group(3)}(?:내가|제가){_time_group(4)}{_THINGS}(?:{_WHAT_WAS_IT}|(?:을|를)?{_AGAIN})"
    f"|{_MY}(?P<when_word>첫|마지막)(?:마디|{_WORDS})(?:{_WHAT_WAS_IT}))"
)
_OF_BOT = re.compile(
    f"{_FILLER}(?:{_time_group(1)}{_YOU}{_HERE}{_time_group(2)}{_HERE}{_SAID}{_ENDING}{_TAIL}"
    f"|{_time_group(3)}{_YOU}{_time_group(4)}{_THINGS}(?:{_WHAT_WAS_IT})"
    f"|{_YOUR}(?P<when_word>첫|마지막)(?:마디|{_WORDS})(?:{_WHAT_WAS_IT})"
    "|(?P<when_now>방금)뭐라(?:고|구)요?)"
)
_OF_BOTH = re.compile(
    f"{_FILLER}{_time_group(1)}(?:우리|저희)(?:가|는)?{_time_group(2)}(?:무슨|어떤)(?:말|얘기|이야기)(?:를|을)?"
    f"(?:했|하고있었|하다말았|하던중이었|하는중이었|나눴){_ENDING}{_TAIL}"
)
_OF_EITHER = re.compile(f"{_FILLER}(?P<when>(?:{_EARLIER}|지금)?){_SAID}(?P<ending>{_ENDING}){_TAIL}")
_REPEAT = re.compile(
    f"{_FILLER}(?:(?:{_EARLIER}|{_YOU})*(?:하신|한|했던|그)(?:말|얘기)(?:을|를)?{_AGAIN}"
    f"|{_AGAIN.replace('(?P<verb>말|얘기|이야기|말씀)?', '(?:말|얘기|이야기|말씀)')}){_TAIL}"
)
_NAME_QUESTION = re.compile(
    f"{_FILLER}{_YOU}?(?:(?:{_EARLIER})?(?:내가)?{_MY}이름(?:이|은|을|도|좀|혹시)*(?:{_EARLIER})?"
    f"(?:뭐게|뭐게요|뭐야|뭐예요|뭐지|뭐죠|뭔데|뭔지|뭐였지|뭐였어|뭐였더라|뭐였죠|뭐더라|뭐라고요?|무엇이?게|{_SAID}{_ENDING}|"
    "알아|알아요|알지|알죠|아니|아세요|아시나요|(?:말해|맞혀|맞춰|대)(?:봐|봐요|보세요)|"
    f"까먹었어|까먹었지|까먹었죠|잊었어|잊었지|잊었죠|잊어버렸어|(?:잊은|잊어버린|까먹은)거(?:아니지|아니죠|야)|안잊었지|안까먹었지|{_REMEMBER}|"
    f"(?:알려|말해|불러)(?:줘|줘요|주세요|줄래|봐)){_TAIL}"
    f"|(?:{_EARLIER})?{_ME}(?:{_EARLIER})?(?:이름(?:이|을)?{_SAID}|누구(?:라고|라)(?:했|그랬|소개했|말했)(?:었)?){_ENDING}|{_ME}누구라고요)"
)
# In other words than those above; answered only if the name was told
_LOOSE_NAME_QUESTION = re.compile("(?:내|제|나의|저의)이름.{0,8}(?:기억|뭐라|뭐였|뭐더라|말했|알려드렸|안까먹)")
_MAX_LOOSE_LETTERS = 30
_NAME_TOPIC = re.compile(f"{_FILLER}{_MY}이름(?:은|은요)")  # 내 이름은?
_WHO_AM_I = re.compile(
    f"{_FILLER}{_YOU}?(?:내가|제가|나|저|난|전)누(?:구(?:야|예요|게|게요|지|죠|인지알아|인지아세요)|군지(?:알아|알지|아세요|{_REMEMBER}))"
)
_OTHERS = "강아지|고양이|개|멍멍이|냥이|햄스터|토끼|동생|오빠|언니|누나|형|친구|여자친구|남자친구|여친|남친|아내|남편|아들|딸|아이|아기|할머니|할아버지"
_NAME_OF_OTHER = re.compile(
    f"{_FILLER}(?:우리집?|저희집?|내|제)?(?P<other>{_OTHERS})이름(?:이|은|을|도)*(?:뭐라고요|{_SAID}{_ENDING}|뭐였지|뭐였더라|뭐였죠|{_REMEMBER})"
)
_UNITS = "살|시|층|명|개|번|월|원|호선?|학년|시간|분"
_COUNTED = re.compile(
    f"{_FILLER}(?:{_EARLIER})?{_ME}(?:{_EARLIER})?몇(?P<unit>{_UNITS})(?:이|에|짜리)?(?:라고|라구|라|라그|다고)?(?:했|그랬|랬|말했)(?:었)?{_ENDING}"
)
_NUMBER = "(?:[0-9]+|[한두세네]|다섯|여섯|일곱|여덟|아홉|열|열[한두세네]|스무|스물|서른|마흔|쉰|[일이삼사오육칠팔구십백천만]+)"
_ANY_TOPIC = re.compile(
    f"{_FILLER}(?:{_EARLIER}).{{0,8}}(?:내가|제가).{{0,8}}(?:뭐|뭘|몇|어디|누구|언제|무슨).{{0,12}}(?:다고|라고|댔|랬)(?:했|그랬)?(?:지|죠|더라)"
)
_MISSPELLED = (
    ("머라", "뭐라"),
    ("모라", "뭐라"),
    ("머랬", "뭐랬"),
    ("햇", "했"),
    ("랫", "랬"),
    ("엿", "였"),
    ("뭐에요", "뭐예요"),
    ("했찌", "했지"),
    ("랬찌", "랬지"),
)


_QUESTIONS = {
    "other_name": _NAME_OF_OTHER, "name": _NAME_QUESTION, "who": _WHO_AM_I, "repeat": _REPEAT, "number": _COUNTED,
    "user": _OF_USER, "bot": _OF_BOT, "both": _OF_BOTH, "either": _OF_EITHER,
}  # fmt: skip
_ALIASES = {
    "개": "개|강아지|멍멍이",
    "멍멍이": "개|강아지|멍멍이",
    "강아지": "개|강아지|멍멍이",
    "냥이": "고양이|냥이",
    "고양이": "고양이|냥이",
}


class _Turns(NamedTuple):
    """What both said, without blank turns, oldest first."""

    user: list[str]
    bot: list[str]


def answer_from_memory(text: str, history: Sequence[str]) -> str | None:
    """Answer a message that asks what was said in this conversation, or only tells the user's name; None for any other.

    Args:
        text: the user's message.
        history: the earlier turns, alternating, the user's first.

    Raises:
        InputError: a turn is not a string, or has an unpaired surrogate.

    Example:
        >>> answer_from_memory("방금 뭐랬어?", [])
        '아직 제가 한 말이 없어요. 이제 막 말문을 여는 참이에요.'
        >>> answer_from_memory("다시 말해 줘", ["배고파", "따뜻한 국수는 어때요?"])
        '다시 말씀드릴게요. 따뜻한 국수는 어때요?'
    """
    message = normalize_message(text)
    normalized = [normalize_message(turn) for turn in history]
    turns = _Turns(list(filter(None, normalized[::2])), list(filter(None, normalized[1::2])))
    match _match_question(message):
        case "name", _:
            return _tell_name(normalized, turns.bot) or "아직 이름을 말씀해 주신 적이 없어요. 뭐라고 불러 드릴까요?"
        case "who", _:
            return _tell_name(normalized, turns.bot)
        case "other_name", match:
            return _quote_mention(turns.user, match["other"])
        case "repeat", _:
            return _repeat_answer(turns.bot)
        case "number", match:
            return _quote_number(turns.user, match["unit"])
        case "user", match:
            return _quote_user(turns.user, _find_time(match))
        case "bot", match:
            return _quote_bot(turns.bot, _find_time(match))
        case "both", match if not re.search(_PAST, _find_time(match)):
            return _quote_both(turns)
        case "both", match:
            return _quote_bot(turns.bot, _find_time(match))
        case "either", match if re.fullmatch(_RECALLING, match["ending"]):
            return _quote_both(turns)
        case "either", match:
            return _quote_bot(turns.bot, match["when"])
    if name := find_introduction(message, normalized):
        return _greet_user(name, find_user_name(normalized))
    if _LOOSE_NAME_QUESTION.search(_extract_letters(message)) and len(message) <= _MAX_LOOSE_LETTERS:
        return _tell_name(normalized, turns.bot)
    if not turns.user and _ANY_TOPIC.fullmatch(_extract_letters(message)):
        return "이 대화에서는 그 말씀이 첫마디예요. 아직 들은 이야기가 없어요."
    return None


def _match_question(message: str) -> tuple[str, re.Match[str]] | None:
    """Return what a message asks for and its match; None if it does not ask what was said."""
    letters = _extract_letters(message)
    if len(letters) > _MAX_LETTERS:
        return None
    if message.endswith("?") and (topic := _NAME_TOPIC.fullmatch(letters)):
        return "name", topic
    for kind, pattern in _QUESTIONS.items():
        match = pattern.fullmatch(letters)
        if match and not (kind == "user" and _is_reproach(message, match)):
            return kind, match
    return None


def _extract_letters(message: str) -> str:
    letters = re.sub("[^0-9A-Za-z가-힣]", "", message)
    for misspelled, spelled in _MISSPELLED:
        letters = letters.replace(misspelled, spelled)
    return letters


def _find_time(match: re.Match[str]) -> str:
    """Return the words for when something was said, joined."""
    return "".join(value for name, value in match.groupdict().items() if name.startswith("when") and value)


def _is_reproach(message: str, match: re.Match[str]) -> bool:
    """Tell whether "내가 뭐랬어" means "I told you so": no question mark, no time, and not the ending of a question to oneself."""
    if message.rstrip("~. ").endswith("!") or match["ending"] in ("는데", "다고", "다고요"):
        return True
    is_open = match["ending"] is not None and re.fullmatch(_ASKING, match["ending"]) is not None
    return is_open and not _find_time(match) and not message.endswith("?")


def quote_turn(turn: str) -> str:
    """Return a quotation with the particle that introduces what was said."""
    mark = '"' if "'" in turn else "'"
    quotation = f"{mark}{abbreviate(turn, _MAX_QUOTED_CHARACTERS)}{mark}"
    return with_josa(quotation, "이라고/라고") if final_sound(quotation) is not None else f"{quotation} 하고"


def _quote_user(user_turns: Sequence[str], when: str) -> str:
    if re.search(_PAST, when):
        return "지난 대화는 제게 남아 있지 않아요. 지금 이 대화 안의 말만 기억해요."
    if not user_turns:
        return "이 대화에서는 그 말씀이 첫마디예요. 아직 들은 이야기가 없어요."
    told = [turn for turn in user_turns if not _match_question(turn)] or list(user_turns)
    if re.search(f"{_FIRST}|첫", when):
        return _tell_user_turn("처음에는", user_turns[0])
    if re.search(_BEFORE_LAST, when):
        if len(told) < 2:
            return f"그 앞에는 말씀이 없었어요. {_tell_user_turn('처음에', told[0])}"
        return _tell_user_turn("그 전에는", told[-2])
    return _tell_user_turn("방금" if "방금" in when else "마지막으로" if "마지막" in when else "아까", told[-1])


def _tell_user_turn(adverb: str, turn: str) -> str:
    if category := detect_crisis(turn):  # not quoted coldly: the help is offered again
        return f"{adverb} 마음이 무거운 말씀을 해 주셨어요. 그때 드린 말씀을 다시 적을게요. {get_safety_card(category).text}"
    return f"{adverb} {quote_turn(turn)} 하셨어요."


def _quote_bot(bot_turns: Sequence[str], when: str) -> str:
    if re.search(_PAST, when):
        return "지난 대화는 제게 남아 있지 않아요. 지금 이 대화 안의 말만 기억해요."
    if not bot_turns:
        return "아직 제가 한 말이 없어요. 이제 막 말문을 여는 참이에요."
    if re.search(f"{_FIRST}|첫", when):
        return f"처음에는 {quote_turn(bot_turns[0])} 말씀드렸어요."
    if re.search(_BEFORE_LAST, when) and len(bot_turns) > 1:
        return f"그 전에는 {quote_turn(bot_turns[-2])} 말씀드렸어요."
    return f"{'아까' if '아까' in when else '방금'} {quote_turn(bot_turns[-1])} 말씀드렸어요."


def _repeat_answer(bot_turns: Sequence[str]) -> str:
    if not bot_turns:
        return "다시 할 말이 아직 없어요. 이제 막 말문을 여는 참이에요."
    return _REPEATED + bot_turns[-1].removeprefix(_REPEATED)


def _quote_both(turns: _Turns) -> str:
    if not turns.bot or not turns.user:
        return "아직 나눈 이야기가 없어요. 이제 막 말문을 여는 참이에요."
    if detect_crisis(turns.user[-1]):
        return _tell_user_turn("방금", turns.user[-1])
    return f"{quote_turn(turns.user[-1])} 하셨고, 저는 {quote_turn(turns.bot[-1])} 말씀드렸어요."


def _greet_user(name: str, known_name: str | None) -> str:
    if known_name is None:
        return f"반가워요, {name} 님. 이 대화 안에서는 이름을 꼭 기억할게요."
    if known_name == name:
        return f"네, {name} 님. 잘 기억하고 있어요."
    return f"{name} 님이군요. 지금부터는 {name} 님으로 기억할게요."


def _tell_name(history: Sequence[str], bot_turns: Sequence[str]) -> str | None:
    name = find_user_name(history)
    if name is None:
        return None
    answers = (
        f"{name} 님이라고 하셨어요. 이 대화가 끝날 때까지 잊지 않을게요.",
        f"{name} 님이잖아요. 아직 잘 기억하고 있어요.",
    )
    return next((answer for answer in answers if answer not in bot_turns), answers[0])


def _quote_mention(user_turns: Sequence[str], other: str) -> str | None:
    """Quote the last message that tells somebody's name."""
    other = f"(?:{_ALIASES.get(other, other)})"
    told = re.compile(
        rf"{other}[^.!?]{{0,8}}이름(?:은|이)? |이름(?:은|이)? [^.!?]{{0,10}}{other}|(?:^|\s){other}(?:은|는) \S+?(?:이야|야|예요|이에요|입니다)"
    )
    mentions = [turn for turn in user_turns if told.search(turn) and not turn.endswith("?")]
    return f"{quote_turn(mentions[-1])} 하셨어요." if mentions else None


def _quote_number(user_turns: Sequence[str], unit: str) -> str | None:
    """Quote the last message with a number of a unit; say that there was none only if no message had a number."""
    mentions = [turn for turn in user_turns if re.search(rf"{_NUMBER} ?{unit}", turn)]
    if mentions:
        return f"{quote_turn(mentions[-1])} 하셨어요."
    if any(re.search("[0-9]", turn) for turn in user_turns):
        return None
    return f"몇 {unit}인지는 아직 말씀해 주신 적이 없어요."
