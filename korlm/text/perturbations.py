"""Perturbations that make a text harder to tokenize, as people write: no spaces, NFD, ㅋㅋ, typos, neologisms, hanja.

>>> remove_spaces("나랑 쇼핑하자."), append_laughter("나랑 쇼핑하자."), to_hanja("학교에 갔다")
('나랑쇼핑하자.', '나랑 쇼핑하자ㅋㅋ', '學校에 갔다')

All are pure and deterministic; a text to which one does not apply is returned unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from korlm.text.hangul import (
    COMPATIBILITY_LEADS,
    COMPATIBILITY_VOWELS,
    CONJOINING_LEADS,
    CONJOINING_VOWELS,
    compose_syllable,
    decompose_syllable,
    is_syllable,
)

NEOLOGISM = "갓생러"  # 갓(god) + 생(生) + -er: one who lives each day to the full; in no analyzer's dictionary
_PERSON_NOUNS = ("직장인", "회사원", "대학생", "학생", "사람", "친구")  # nouns that the neologism can replace
_PARTICLE_AFTER_VOWEL = {"": "", "은": "는", "이": "가", "을": "를", "과": "와"}
_CONFUSABLE_VOWELS = {"ㅐ": "ㅔ", "ㅔ": "ㅐ", "ㅚ": "ㅙ", "ㅙ": "ㅚ"}
_TENSE_CONSONANTS = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
_SENTENCE_END = re.compile(r"(?<=[가-힣])(\.+|…)?([!?~]*)(?=[)\"'’”]*(?:[^\S\n]*\n|[^\S\n]*\Z|(?<=[.…!?~])\s))")
_HANJA = {
    "대한민국": "大韓民國", "한국어": "韓國語", "한국": "韓國", "민주주의": "民主主義", "민주": "民主", "공화국": "共和國",
    "국민": "國民", "주권": "主權", "권력": "權力", "헌법": "憲法", "법률": "法律", "국가": "國家", "정부": "政府",
    "대통령": "大統領", "국회": "國會", "선거": "選擧", "자유": "自由", "평등": "平等", "사회": "社會", "문화": "文化",
    "경제": "經濟", "정치": "政治", "역사": "歷史", "세계": "世界", "평화": "平和", "인간": "人間", "생활": "生活",
    "학교": "學校", "대학": "大學", "학생": "學生", "선생": "先生", "교육": "敎育", "공부": "工夫", "문제": "問題",
    "시험": "試驗", "과학": "科學", "수학": "數學", "문학": "文學", "언어": "言語", "문장": "文章", "단어": "單語",
    "영화": "映畵", "음악": "音樂", "미술": "美術", "신문": "新聞", "전화": "電話", "자동차": "自動車", "기차": "汽車",
    "비행기": "飛行機", "도서관": "圖書館", "병원": "病院", "은행": "銀行", "회사": "會社", "시장": "市場", "식당": "食堂",
    "음식": "飮食", "배송": "配送", "주문": "注文", "가격": "價格", "만족": "滿足", "시간": "時間", "오전": "午前",
    "오후": "午後", "내일": "來日", "금일": "今日", "작년": "昨年", "내년": "來年", "가족": "家族", "부모": "父母",
    "형제": "兄弟", "친구": "親舊", "결혼": "結婚", "사랑방": "舍廊房", "방": "房", "문": "門", "산": "山", "강": "江",
}  # fmt: skip
# One syllable counts as a word where a particle or no Hangul follows.
_AFTER_SINGLE_SYLLABLE = "(?=이|가|을|를|은|는|에|도|의|로|만|과|와|[^가-힣]|$)"
_HANJA_WORD = re.compile(
    "|".join(
        word if len(word) > 1 else f"(?<![가-힣]){word}{_AFTER_SINGLE_SYLLABLE}"
        for word in sorted(_HANJA, key=len, reverse=True)
    )
)


def remove_spaces(text: str) -> str:
    """Remove the spaces, but not the line ends.

    >>> remove_spaces("아버지가 방에\\n들어가신다")
    '아버지가방에\\n들어가신다'
    """
    return re.sub(r"[^\S\n]+", "", text)


def to_nfd(text: str) -> str:
    """Decompose syllables into conjoining jamo, as file names on macOS are.

    >>> len("한글"), len(to_nfd("한글"))
    (2, 6)
    """
    return unicodedata.normalize("NFD", text)


def append_laughter(text: str) -> str:
    """Put ㅋㅋ at the end of each sentence, instead of the full stop.

    >>> append_laughter("그래? 나도 갔다.")
    '그래?ㅋㅋ 나도 갔다ㅋㅋ'
    """
    return _SENTENCE_END.sub(lambda match: (match[2] or "") + "ㅋㅋ", text)


def add_typos(text: str) -> str:
    """Misspell every second eojeol that allows it: ㅐ for ㅔ, ㅚ for ㅙ, or a tense consonant (Shift).

    >>> add_typos("내가 어제 왜 그랬지")
    '네가 어제 외 그랬지'
    >>> add_typos("방")
    '빵'
    """
    num_candidates = 0

    def misspell_alternate(eojeol: re.Match[str]) -> str:
        nonlocal num_candidates
        misspelled = _misspell_eojeol(eojeol.group())
        num_candidates += misspelled != eojeol.group()
        return misspelled if num_candidates % 2 else eojeol.group()

    return re.sub(r"\S+", misspell_alternate, text)


def _misspell_eojeol(eojeol: str) -> str:
    """Swap the first confusable vowel of an eojeol; if it has none, make its first plain consonant tense."""
    for table, jamo_index in ((_CONFUSABLE_VOWELS, 1), (_TENSE_CONSONANTS, 0)):
        for index, character in enumerate(eojeol):
            if is_syllable(character) and (swapped := _swap_jamo(character, table, jamo_index)):
                return eojeol[:index] + swapped + eojeol[index + 1 :]
    return eojeol


def _swap_jamo(syllable: str, table: dict[str, str], jamo_index: int) -> str:
    """Replace the lead (index 0) or vowel (1) of a syllable by the table; return ``""`` if it is not in the table."""
    jamo = list(decompose_syllable(syllable))
    conjoining, compatibility = (
        (CONJOINING_LEADS, COMPATIBILITY_LEADS), (CONJOINING_VOWELS, COMPATIBILITY_VOWELS),
    )[jamo_index]  # fmt: skip
    replacement = table.get(compatibility[conjoining.index(jamo[jamo_index])])
    if not replacement:
        return ""
    jamo[jamo_index] = conjoining[compatibility.index(replacement)]
    return compose_syllable(*jamo)


def insert_neologism(text: str) -> str:
    """Insert a word too new for dictionaries: instead of a noun for a person, else in front of the text.

    >>> insert_neologism("그 사람은 웃었다"), insert_neologism("밥을 먹었다"), insert_neologism("  ")
    ('그 갓생러는 웃었다', '갓생러 밥을 먹었다', '  ')
    """
    for word in _PERSON_NOUNS:
        if word in text:
            pattern = word + "(은|이|을|과)?"
            return re.sub(pattern, lambda match: NEOLOGISM + _PARTICLE_AFTER_VOWEL[match[1] or ""], text, count=1)
    return re.sub(r"(?=\S)", NEOLOGISM + " ", text, count=1)


def to_hanja(text: str) -> str:
    """Write well-known Sino-Korean words in hanja, from a small table, by spelling alone.

    >>> to_hanja("대한민국의 주권은 국민에게 있고"), to_hanja("사람이 간다")
    ('大韓民國의 主權은 國民에게 있고', '사람이 간다')
    """
    return _HANJA_WORD.sub(lambda match: _HANJA[match.group()], text)


PERTURBATIONS: dict[str, Callable[[str], str]] = {
    "spaces": remove_spaces,
    "nfd": to_nfd,
    "laugh": append_laughter,
    "typo": add_typos,
    "coined": insert_neologism,
    "hanja": to_hanja,
}
