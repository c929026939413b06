"""Find the earlier message that answers a question about what the user told: 아까 내가 몇 년 다녔다고 했지?

>>> history = ["회사를 다닌 지 칠 년쯤 됐습니다", "그러셨군요.", "요즘 의욕이 없네요", "물 한 컵부터요."]
>>> recall_fact("제가 아까 회사 몇 년 다녔다고 했죠?", history)
"'회사를 다닌 지 칠 년쯤 됐습니다'라고 하셨어요."
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from korlm.chat.encoder.units import analyze_morphemes
from korlm.chat.follow_ups import is_question
from korlm.chat.memory import quote_turn
from korlm.chat.safety.guard import detect_crisis

_TELLER = r"(?:내가|제가|나|저|난|전|우리|저희)"
_QUESTION = re.compile(
    rf"(?:^|\s)(?:(?:아까|방금|좀\s?전에|처음에)\s.*|{_TELLER}\s.*)(?:다고|라고|댔|랬|다\s?그랬)\s*(?:했|하셨|말했|그랬|말씀드렸|얘기했)?(?:었)?"
    r"(?:지|지요|죠|더라|더라고|나요?|습니까|는지\s*(?:기억|알).{0,6}|던가요?)[\s?.~ㅋㅎ]*$"
    rf"|(?:^|\s){_TELLER}\s.*(?:다고|라고)\s*(?:했는지|한\s*거|한\s*것)\s*(?:기억|알).{{0,6}}[\s?.~]*$"
)
_LIGHT_FORMS = frozenset(
    "하 되 있 없 것 거 수 때 말 말씀 일 아까 방금 나 저 내 제 우리 뭐 몇 무엇 누구 어디 언제 기억 얘기 이야기 그러 다고 보 주".split()  # noqa: SIM905
)
_NUMBER = re.compile(
    r"[0-9]|하나|둘|셋|넷|다섯|여섯|(?:^|\s)(?:한|두|세|네|일|이|삼|사|오|육|칠|팔|구|십|스무|서른|마흔|쉰)\s?[가-힣]"
)
_MIN_CHARACTERS = 6  # of a message that is quoted


def recall_fact(text: str, history: Sequence[str]) -> str | None:
    """Quote the user's earlier message that shares most content words with a question about it.

    Args:
        text: the message.
        history: the earlier turns, the user's first.

    Returns:
        The answer; None if the message does not ask what the user told. If no earlier message fits, an answer that says so.
    """
    if not history or not _QUESTION.search(text):
        return None
    turns = [turn for turn in history[::2] if not is_question(turn) and len(turn) >= _MIN_CHARACTERS]
    wanted, *told = map(_extract_content, [text, *turns])
    asks_number = "몇" in text
    overlaps = [
        len(wanted & words) / (len(words) + 3) * (2 if asks_number and _NUMBER.search(turn) else 1)
        for turn, words in zip(turns, told, strict=True)
    ]
    if not overlaps or max(overlaps) == 0:
        return "그 말씀은 제가 놓쳤나 봐요. 한 번만 다시 말씀해 주시겠어요?"
    turn = turns[max(range(len(turns)), key=lambda row: (overlaps[row], row))]
    if detect_crisis(turn):
        return None
    return f"{quote_turn(turn)} 하셨어요."


def _extract_content(text: str) -> set[str]:
    [morphemes] = analyze_morphemes([text])
    return {form for form, tag in morphemes if tag[:2] in ("NN", "VV", "VA", "XR", "NR") and form not in _LIGHT_FORMS}
