"""The name by which a user introduces themselves within a conversation.

Precise rather than complete: a name is taken from ``내 이름은 …``, ``…라고 해요``, ``…라고 불러 줘`` and answers to the bot's
question for it, and from ``나는 …야`` only if it is a common given name, with or without a family name.

>>> find_user_name(["안녕, 나는 지우야", "반가워요."]), find_user_name(["나는 학생이야", "그렇군요."])
('지우', None)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from korlm.text.hangul import final_consonant, is_syllable
from korlm.text.normalization import normalize_message

_FAMILY_NAMES = (
    "김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 유 전 홍 고 문 양 손 배 백 허 남 심 노 하 곽 성 차 주 우 구 민 나 진 지 엄 채 원 천 방 "
    "공 현 함 변 염 여 추 도 소 석 선 설 마 길 연 위 표 명 기 반 왕 금 옥 육 인 맹 제 모 탁 국 은 편 용 남궁 황보 선우 제갈 독고 사공 서문"
)
# Common given names of several generations. Left out are those that are at least as common as nouns after 나는: 가을, 하늘, 하나, 보라.
_GIVEN_NAMES = (
    "지우 지호 지후 지훈 지원 지민 지유 지안 지아 지은 지연 지영 지현 지혜 지수 지윤 지환 지율 지섭 지석 지성 지용 지태 지온 지한 "
    "서준 서연 서윤 서현 서진 서영 서아 서우 서율 서은 서희 서정 서하 서린 서후 서인 서빈 서원 민준 민서 민지 민수 민재 민호 민우 민규 민경 민영 민정 "
    "민아 민혁 민성 민석 민식 민찬 민기 민철 민주 민희 민선 민진 민상 민채 도윤 도현 도훈 도영 도연 도하 도경 도진 도원 도희 도겸 도준 "
    "예준 예진 예은 예린 예지 예원 예서 예나 예슬 예림 예빈 예찬 예성 예솔 예인 시우 시윤 시현 시온 시아 시은 시연 시원 시영 시후 하준 하윤 하은 "
    "하린 하율 하영 하연 하진 하람 하늬 하솜 하경 하빈 하원 주원 주희 주연 주영 주현 주은 주아 주호 주혁 주형 주하 주환 준우 준서 준호 준영 준혁 "
    "준희 준수 준형 준석 준기 준성 준식 준하 준상 현우 현준 현서 현수 현지 현진 현아 현정 현주 현영 현호 현석 현성 현민 현승 현숙 현경 현식 현철 현희 "
    "건우 건희 건호 우진 우빈 우석 우성 우영 우현 우재 우혁 유진 유나 유빈 유준 유찬 유미 유정 유민 유경 유리 유림 윤서 윤아 윤호 윤재 윤지 윤정 윤우 "
    "윤희 윤주 윤미 윤성 윤석 윤경 윤진 윤영 은우 은서 은지 은주 은정 은영 은비 은채 은솔 은호 은경 은희 은미 은혜 은진 은찬 은성 은숙 은아 은하 "
    "수진 수빈 수현 수민 수아 수연 수정 수지 수경 수호 수인 수혁 수미 수희 수철 수안 소연 소영 소희 소미 소윤 소율 소은 소정 소진 소현 소민 "
    "승우 승현 승민 승호 승준 승훈 승아 승희 승연 승재 승환 승진 승주 승윤 승기 승철 시훈 연우 연주 연지 연수 연희 연아 연서 연호 연경 연재 영희 영수 "
    "영미 영호 영민 영진 영숙 영자 영철 영식 영훈 영준 영은 영선 영주 영아 영재 영현 영란 영순 재민 재현 재원 재윤 재훈 재호 재영 재희 재우 재석 재혁 "
    "재인 재은 재준 재성 재형 재범 재경 재하 정우 정민 정훈 정호 정현 정은 정희 정아 정연 정윤 정수 정환 정욱 정석 정미 정숙 정혜 정식 정빈 정란 "
    "종현 종민 종호 종석 종훈 종수 종혁 종원 종찬 진우 진호 진영 진아 진희 진서 진수 진혁 진경 진규 진석 진욱 진솔 진숙 찬우 찬호 찬영 찬희 찬혁 "
    "채원 채은 채영 채린 채윤 채연 채아 채빈 채민 채희 태현 태윤 태민 태우 태호 태희 태영 태준 태연 태훈 태경 태형 태수 태식 한결 한별 한솔 한나 "
    "한빛 해인 해린 해솔 해수 해진 해원 해영 해나 혜진 혜원 혜린 혜인 혜수 혜영 혜정 혜지 혜미 혜선 혜연 혜경 혜리 혜림 혜주 호준 호진 호연 호영 홍석 "
    "효진 효주 효정 효린 효민 효선 효빈 효은 희진 희수 희연 희정 희재 희주 희영 희원 희선 희경 나연 나은 나영 나윤 나현 나래 나리 나경 나린 다은 다현 다인 "
    "다영 다솜 다연 다빈 다희 다미 다윤 다혜 다온 다정 가은 가영 가현 가온 가연 가희 가람 경민 경수 경호 경희 경아 경은 경진 경훈 경숙 경자 경미 경태 경철 "
    "광수 광호 규리 규민 규현 규진 규호 기현 기훈 기태 기영 기범 남준 대현 대호 대영 동현 동훈 동욱 동민 동우 동준 동희 동건 동호 동진 동윤 라희 라온 로아 "
    "리나 리아 리안 명수 명희 명호 미나 미영 미경 미진 미란 미선 미정 미주 미현 미연 미숙 미희 범수 범준 병철 병호 병헌 보경 보미 보영 보람 보민 "
    "상민 상우 상현 상호 상훈 상욱 상철 상희 상진 상준 새롬 새봄 석진 석호 석현 선아 선영 선우 선호 선미 선희 선주 선경 성민 성호 성훈 성준 성현 성우 성은 "
    "성진 성재 성희 성욱 성수 성경 세린 세영 세진 세은 세훈 세현 세연 세아 세민 세윤 세희 세준 송이 송희 슬기 슬아 아름 아린 아영 아인 아현 아윤 안나 애리 "
    "원빈 원준 원석 원영 원희 원호 이슬 이안 이준 인수 인영 인호 인성 인혜 인선 인아 인서 일우 자영 차은 창민 창호 창욱 창현 철수 철민 철호 초롱 초아 초희 "
    "순자 순희 말순 영길 옥순 춘자 복순 향미 향숙 형준 형석 형우 형민 화영 화정 환희 민솔 아라 루나 루리 슬비 소라 나나"
)  # fmt: skip
_WORDS_NOT_NAMES = (
    "비밀 뭐 무엇 누구 몰라 별로 그냥 그대로 본명 가명 실명 영어 한글 한자 외자 외국어 우리말 순우리말 따로 이거 그거 저거 이것 그것 저것 아직 진짜 가짜 "
    "여기 거기 저기 아무거나 아무나 나 너 저 우리 당신 사람 학생 네 내 응 예 아니 아뇨 글쎄 없음 있음 모름 싫음 안녕 안녕하세요 반가워 오빠 형 누나 언니 자기 여보 아빠 엄마 "
    "이름 별명 익명 무명 그게 이게 저게 어떻게 왜 언제 어디 몇 얼마 정말 농담 장난 거짓말 사실 오타 다음 나중 특이 흔한 예쁜 이쁜 바보 그 이 별거 생각 중 "
    "코름 봇 챗봇 남자 여자 사랑 친구 뭔 무슨 뭐라 어때 좋아 싫어 최고 예명 필명 닉네임 아이디 문제 꿈 집 하나 둘 있어 없어"
)
_FAMILY, _GIVEN = frozenset(_FAMILY_NAMES.split()), frozenset(_GIVEN_NAMES.split())
_NOT_NAMES = frozenset(_WORDS_NOT_NAMES.split())
_WORD = "(?:[가-힣]{1,6}?|[A-Za-z]{2,15}?)"
_FULL_WORD = f"(?:(?:{'|'.join(sorted(_FAMILY))}) )?{_WORD}"
# The copula after a noun; then endings that follow verbs too, for which the noun must be a common name
_COPULA = "이야|이에요|이예요|이라고 ?(?:해|해요|합니다|불러 ?줘|불러 ?줘요|불러 ?주세요|부르세요)|입니다|임|이고|이다|이거든|이지|이죠|이요|이라고"
_COPULA += "|야|예요|에요|라고 ?(?:해|해요|합니다|불러 ?줘|불러 ?줘요|불러 ?주세요|부르세요)|라고"
_WEAK_ENDING = "고|다|지|죠|요|거든|거든요|이거든요|인데|인데요"
_END = r"(?=[\s,.!~…]|$)"  # no question mark: 나는 지우야? asks
_GREETING = (
    r"(?:안녕(?:하세요|하십니까)?|하이|헬로|반가워요?|반갑습니다|처음 뵙겠습니다|저기요?|네|응|아|음|ㅎㅇ)[\s,.!~]*"
)
_ME = "나는|난|나|저는|전|저"

_EXPLICIT = re.compile(
    rf"(?:(?<![가-힣])(?:내|제|나의|저의) ?|^(?:{_GREETING})*)이름(?P<topic>은|이)? ?(?P<name>{_FULL_WORD})(?:(?:{_COPULA})|(?P<weak>{_WEAK_ENDING}|)){_END}"
)
_CALLED = re.compile(
    rf"^(?:{_GREETING})*(?:(?:{_ME}|나를|날|저를|절|그냥|편하게|앞으로|이제|이제부터) ?)*(?P<name>{_FULL_WORD})이?라고 ?(?:불러|불러요|불러 ?줘|불러 ?줘요|불러 ?주세요|부르세요|불러 ?주시면 돼요|부르면 돼요?|불러도 (?:돼|돼요|됩니다)){_END}"
)
_INTRODUCED = re.compile(
    rf"^(?:{_GREETING})*(?:(?:{_ME}) ?|(?<=[\s,.!~]))(?P<name>{_FULL_WORD})이?라고 ?(?:해요|합니다|하는데요|(?P<casual>해|하는데)){_END}"
)
_COPULAR = re.compile(
    rf"^(?:{_GREETING})*(?:(?P<me>{_ME}) |(?P<topic>나는|난|저는|전)|(?<=[\s,.!~]))(?P<name>{_FULL_WORD})(?P<copula>{_COPULA}|{_WEAK_ENDING}){_END}"
)
_ANSWERED = re.compile(rf"^(?:{_GREETING})*(?:(?:{_ME}) )?(?P<name>{_FULL_WORD})(?:{_COPULA}|요|죠)?[.!~]*$")
_CORRECTED = re.compile(
    rf"(?:^|\s)(?P<old>{_WORD})(?:이|가)? ?(?:말고|아니라|아니고|아니야|아니에요|아녜요|아님)[\s,.!]+(?:제 이름은 |내 이름은 )?"
    rf"(?P<name>{_FULL_WORD})(?:{_COPULA}|요)?[.!~]*$"
)
_RETYPED = re.compile(
    rf"^(?:아|앗|어|헉|아니|아이고)?[\s,.!]*(?:아니(?:요|에요|야)?|오타(?:요|예요|야|네|네요|났어|났네요|임)?|잘못 ?(?:썼어|썼어요|쳤어|쳤어요|말했어요?))[\s,.!]+"
    rf"(?P<name>{_FULL_WORD})(?:{_COPULA}|요)?[.!~]*$"
)
# The bot may also ask for the name of a pet or a friend.
_NAME_ASKED = re.compile("불러 드릴까요|부르면 (?:될까요|좋을까요)|(?<![가-힣] )이름을 알려 주")
# What is left of an introduction without the names
_AROUND_NAMES = re.compile(
    rf"(?:{_GREETING}|{_ME}|나를|날|저를|절|내|제|나의|저의|이름[은이]?|{_COPULA}|불러요?(?: ?(?:줘|줘요|주세요))?|(?:잘 )?부탁(?:해요?|드려요|드립니다|합니다)|그냥|편하게|앞으로|이제|이제부터|아니[라고야요]?|말고|오타[요야네]?|예요|[이가]|[\s,.!~^ㅎㅋ])*"
)


def find_user_name(history: Sequence[str]) -> str | None:
    """Return the last name by which the user introduced themselves, or corrected it; None if there is none.

    Args:
        history: the turns, the user's first.

    Example:
        >>> find_user_name(["안녕하세요 민석입니다", "어서 오세요.", "아 오타요 민식이에요", "민식 님이군요."])
        '민식'
    """
    name: str | None = None
    for index in range(0, len(history), 2):
        previous_answer = history[index - 1] if index else ""
        name = _find_name(normalize_message(history[index]), previous_answer, name) or name
    return name


def find_introduction(text: str, history: Sequence[str]) -> str | None:
    """Return the name of the user if a message does nothing but introduce them; None for all other messages.

    >>> find_introduction("안녕하세요, 저는 김민지예요.", []), find_introduction("저는 김민지고 간호사예요.", [])
    ('김민지', None)
    """
    known = find_user_name(history)
    previous_answer = history[-1] if history and len(history) % 2 == 0 else ""
    name = _find_name(text, previous_answer, known)
    if name is None or "이름을 알려 주" in previous_answer:  # the bot wanted it for something
        return None
    rest = text.replace(name, "", 1).replace(known or name, "")
    return name if _AROUND_NAMES.fullmatch(rest) else None


def _find_name(text: str, previous_answer: str, known: str | None) -> str | None:
    if match := _EXPLICIT.search(text):
        return _check_name(match, only_common=match["weak"] is not None or match["topic"] != "은")
    if match := _CALLED.search(text):
        return _check_name(match)
    if match := _INTRODUCED.search(text):
        return _check_name(match, only_common=match["casual"] is not None)
    if known and (match := _CORRECTED.search(text)) and _strip_diminutive(match["old"]) in (known, known[1:]):
        return _check_name(match)
    if known and (match := _RETYPED.search(text)):
        name = _check_name(match)
        return name if name and (_is_common_name(name) or _is_similar_name(name, known)) else None
    if match := _COPULAR.search(text):
        if not (match["me"] or match["topic"]) and match["copula"] == "야":  # 안녕 지우야 calls somebody
            return None
        return _check_name(match, only_common=True)
    if _NAME_ASKED.search(previous_answer) and (match := _ANSWERED.search(text)):
        return _check_name(match, only_common="이름" in previous_answer)
    return None


def _check_name(match: re.Match[str], *, only_common: bool = False) -> str | None:
    name, rest = match["name"], match.string[match.end("name") :]
    family, _, given = name.rpartition(" ")
    if rest.startswith("이") and len(given) == 1 and not family:
        name = given = given + "이"  # 현이야: names of one syllable are rare
    given = _strip_diminutive(given)
    name = family + given
    if given in _NOT_NAMES or name in _NOT_NAMES or given.endswith(("글자", "이름", "님", "씨")) or len(name) < 2:
        return None
    return name if not only_common or _is_common_name(name) else None


def _strip_diminutive(name: str) -> str:
    """Return 민식 for 민식이."""
    has_suffix = len(name) > 2 and name[-1] == "이" and is_syllable(name[-2]) and final_consonant(name[-2])
    return name[:-1] if has_suffix else name


def _is_common_name(name: str) -> bool:
    return name in _GIVEN or any(name[:size] in _FAMILY and name[size:] in _GIVEN for size in (1, 2))


def _is_similar_name(name: str, other: str) -> bool:
    return len(name) == len(other) and sum(a == b for a, b in zip(name, other, strict=True)) * 2 >= len(name)
