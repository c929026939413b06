"""A check of retrieved intents that similarity alone does not make: whether the message is of the intent's kind.

>>> intent = Intent("korean_language-1", "korean_language", "train", ("다음주 다음 주",), (), (), "'다음 주'는 띄어 써요.", True)
>>> [is_plausible(text, intent, "다음주 다음 주", 0.4) for text in ("다음 주에 발표해요", "'다음 주'는 띄어 써요?")]
[False, True]
"""

from __future__ import annotations

import re

from korlm.corpora.intents import Intent
from korlm.corpora.near_duplicates import normalize_for_matching

_LANGUAGE_CUE = re.compile(
    "맞춤법|띄어|붙여|차이|구별|구분|뜻|의미|표준어|발음|받침|자음|모음|음절|형태소|조사|어미|어간|높임|존댓말|반말|외래어|순우리말|한글|한국어|사투리|문법|"
    "단어|낱말|글자|말이야|맞아|맞나|맞는|맞음|맞죠|맞지|뭐가|언제\\s?써|써요\\?|쓰는|랑|이랑|중에|예요\\?|어원|유래|속담|관용|신조어|줄임말|토크나이저|뭐야|뭐예요|뭔가요|뭐임|\\?"
)
_FIRST_PERSON = re.compile(r"(?:^|\s)(?:나는|나도|난|나|저는|저도|전|저|내가|제가|우리|저희|내|제)\s")
_SECOND_PERSON = re.compile(
    r"너(?!무)|넌|네가|니가|네\s|니\s|당신|코름|korlm|봇|챗|자기|그쪽|인공지능|AI|ai|로봇|기계|[시세셨]|습니까|\?|나요|니$|냐$|래$|까$"
)
_ADDRESSES_BOT = re.compile(r"(?:^|\s)(?:너|넌|너는|너도|네가|니가|당신은?|코름\S*)(?=\s|$)")
_MAX_FILLER_LETTERS = 4
_MAX_LETTERS_AROUND = 4


def is_plausible(text: str, intent: Intent, question: str, lexical: float) -> bool:
    """Return whether an intent may answer a message at all.

    Args:
        text: the message.
        intent: the intent that was found.
        question: its most similar question.
        lexical: similarity of the two by characters, 0 to 1.
    """
    letters, known = len(normalize_for_matching(text)), len(normalize_for_matching(question))
    if known <= _MAX_FILLER_LETTERS and letters > known + _MAX_LETTERS_AROUND and intent.topic == "short_reactions":
        return False  # only the first word is alike
    if intent.topic == "korean_language" and lexical < 0.7 and not _LANGUAGE_CUE.search(text):
        return False
    if not intent.is_answerable and _ADDRESSES_BOT.search(text) and not _ADDRESSES_BOT.search(question):
        return False  # about the bot, not about somebody that it does not know
    is_about_user = _FIRST_PERSON.search(text) and not _SECOND_PERSON.search(text)
    return not (intent.topic == "about_the_bot" and lexical < 0.7 and is_about_user)
