"""A Korean ELIZA: turn the user's message into a question by patterns over morphemes.

Weizenbaum (1966), "ELIZA: a computer program for the study of natural language communication between man and machine":
ranked keywords with a pattern each, and answer templates that repeat a part of the message and take turns. Here the patterns
match Kiwi's morphemes, which find a verb with any ending, and particles agree with the repeated word.

>>> bot = ElizaBot()
>>> print(bot.reply("요즘 회사 가기가 너무 힘들어요."))
힘들다고 느끼신 지 오래됐어요?
>>> print(bot.reply("여행을 가고 싶어요."))
여행을 가고 싶은 까닭이 뭐예요?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from korlm.chat.bot import ChatBot, reject_generation_options
from korlm.chat.reply import Reply
from korlm.corpora.dialogues import check_question
from korlm.morph.base import Morpheme
from korlm.morph.kiwi import KiwiAnalyzer
from korlm.text.josa import with_josa

_FAMILY_WORDS = (
    "엄마 아빠 어머니 아버지 부모 부모님 언니 오빠 누나 형 동생 남편 아내 딸 아들 할머니 할아버지 가족 아이 친구"
)
_FEELING_STEMS = (
    "힘들 슬프 외롭 무섭 괴롭 아프 우울하 답답하 불안하 심심하 피곤하 속상하 억울하 그립 부럽 두렵 지치 화나 "
    "짜증나 행복하 기쁘 즐겁 설레 걱정되 부끄럽 서럽 서운하 허전하 쓸쓸하"
)
_FAMILY, _FEELINGS = frozenset(_FAMILY_WORDS.split()), frozenset(_FEELING_STEMS.split())
# verbs: 지친다고
_QUOTED_STEMS = {"지치": "지친", "설레": "설렌", "화나": "화난", "짜증나": "짜증난", "걱정되": "걱정된"}
_GREETINGS, _GOODBYES = ("안녕하세요", "안녕", "반가워", "반갑"), ("잘 가", "안녕히", "그만할", "다음에 봐")
_THANKS, _APOLOGIES = ("고마워", "고맙", "감사"), ("미안", "죄송")
_ABSOLUTE_WORDS = frozenset(["늘", "항상", "언제나", "맨날", "매일", "아무도", "절대", "모두", "다들"])

_ANSWER_TEMPLATES: dict[str, tuple[str, ...]] = {
    "greeting": ("안녕하세요. 오늘은 어떤 이야기를 해 볼까요?", "반가워요. 요즘 마음에 걸리는 일이 있으세요?"),
    "parting": ("이야기해 주셔서 고마워요. 또 오세요.", "오늘은 여기까지 할까요? 편히 쉬세요."),
    "thanks": ("천만에요. 더 하고 싶은 이야기가 있으세요?", "별말씀을요. 지금 기분은 어떠세요?"),
    "sorry": ("미안해하지 않으셔도 돼요. 무엇이 마음에 걸리세요?", "사과하지 않으셔도 괜찮아요. 계속 말씀해 주세요."),
    "want": ("{0} 싶은 까닭이 뭐예요?", "{0} 싶다는 생각은 언제부터 하셨어요?", "만약 그렇게 되면 무엇이 달라질까요?"),
    "because": ("{0} 때문이기만 할까요?", "{0} 말고 다른 까닭은 없을까요?"),
    "feeling": ("{0}다고 느끼신 지 오래됐어요?", "언제 가장 {0}다고 느끼세요?", "무엇이 그런 마음이 들게 하나요?"),
    "family": ("{0} 이야기를 더 들려주세요.", "{0:과/와} 지내는 건 어떠세요?", "{0:은/는} 어떤 사람이에요?"),
    "always": ("{0:이라고/라고} 하셨는데, 그렇지 않은 때는 없었나요?", "정말 {0} 그런가요? 한 가지만 떠올려 보세요."),
    "cannot": ("무엇이 그걸 못 하게 막고 있을까요?", "할 수 있게 되려면 무엇이 필요할까요?"),
    "question": ("왜 그게 궁금하세요?", "스스로는 어떻게 생각하세요?", "그 답을 알게 되면 무엇이 달라질까요?"),
    "yes": ("그렇군요. 조금 더 말씀해 주세요.", "그렇게 생각하시는 까닭이 있을까요?"),
    "no": ("왜 아니라고 생각하세요?", "아니라고 하시니 더 궁금해요. 어떤 점이 다른가요?"),
    "noun": ("{0} 이야기를 더 해 주세요.", "{0:이/가} 왜 중요해요?", "{0:을/를} 떠올리면 어떤 생각이 드세요?"),
    "other": (
        "조금 더 자세히 말씀해 주세요.",
        "계속 말씀해 주세요. 듣고 있어요.",
        "그 말을 하실 때 어떤 마음이 드세요?",
    ),
}


class _JosaText(str):
    """A text with a particle as its format: ``f"{_JosaText('친구'):은/는}"`` is 친구는."""

    def __format__(self, josa: str) -> str:
        return with_josa(str(self), josa) if josa else str(self)


class _Utterance(NamedTuple):
    text: str
    morphemes: Sequence[Morpheme]

    def last_words_until(self, index: int) -> str:
        """Return at most three words, up to the end of a morpheme."""
        return " ".join(self.text[: self.morphemes[index].end].split()[-3:])


class ElizaBot(ChatBot):
    """A conversation. It remembers only how often each pattern matched, so that the answers take turns."""

    def __init__(self) -> None:
        self.rule_counts: Counter[str] = Counter()
        self._analyzer = KiwiAnalyzer()

    def answer_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]] = (), abstain: bool = True, **options: Any
    ) -> list[Reply]:
        """Answer messages in their order, without the safety guard.

        Raises:
            InputError: generation options, a blank text or an unpaired surrogate.
            MissingDependencyError: Kiwi is not installed.
        """
        reject_generation_options("eliza", options)
        return list(map(self._answer_message, texts))

    def _answer_message(self, text: str) -> Reply:
        check_question(text)
        utterance = _Utterance(text, self._analyzer.analyze([text])[0])
        for name, match in _PATTERNS:
            repeated_part = match(utterance)
            if repeated_part is not None:
                templates = _ANSWER_TEMPLATES[name]
                template = templates[self.rule_counts[name] % len(templates)]
                self.rule_counts[name] += 1
                answer = template.format(_JosaText(repeated_part))
                return Reply(answer, answer, rule=name)
        raise AssertionError("the last pattern always matches")


def _phrase_matcher(phrases: Sequence[str]) -> Callable[[_Utterance], str | None]:
    return lambda utterance: "" if any(phrase in utterance.text for phrase in phrases) else None


def _word_matcher(words: frozenset[str]) -> Callable[[_Utterance], str | None]:
    return lambda utterance: next((morpheme.form for morpheme in utterance.morphemes if morpheme.form in words), None)


def _match_want(utterance: _Utterance) -> str | None:
    for index, (previous, morpheme) in enumerate(pairwise(utterance.morphemes)):
        if morpheme.form == "싶" and previous.form == "고":
            return utterance.last_words_until(index)
    return None


def _match_because(utterance: _Utterance) -> str | None:
    for previous, morpheme in pairwise(utterance.morphemes):
        if morpheme.form == "때문" and previous.sejong.startswith("NN"):
            return previous.form
    return None


def _match_feeling(utterance: _Utterance) -> str | None:
    """Return the stem of a feeling, also if Kiwi segments it into a noun and a suffix (우울 + 하)."""
    for morpheme, following in zip(utterance.morphemes, [*utterance.morphemes[1:], None], strict=True):
        for stem in (morpheme.form, morpheme.form + following.form if following else ""):
            if stem in _FEELINGS:
                return _QUOTED_STEMS.get(stem, stem)
    return None


def _match_cannot(utterance: _Utterance) -> str | None:
    forms = [morpheme.form for morpheme in utterance.morphemes]
    return "" if "못" in forms or "못하" in forms or ("수" in forms and "없" in forms) else None


def _match_question(utterance: _Utterance) -> str | None:
    return "" if utterance.text.rstrip().endswith("?") else None


def _match_noun(utterance: _Utterance) -> str | None:
    nouns = [
        morpheme.form
        for morpheme in utterance.morphemes
        if morpheme.sejong in ("NNG", "NNP") and len(morpheme.form) > 1
    ]
    return nouns[-1] if nouns else None


_PATTERNS: tuple[tuple[str, Callable[[_Utterance], str | None]], ...] = (
    ("parting", _phrase_matcher(_GOODBYES)),
    ("greeting", _phrase_matcher(_GREETINGS)),
    ("thanks", _phrase_matcher(_THANKS)),
    ("sorry", _phrase_matcher(_APOLOGIES)),
    ("want", _match_want),
    ("because", _match_because),
    ("feeling", _match_feeling),
    ("cannot", _match_cannot),
    ("family", _word_matcher(_FAMILY)),
    ("always", _word_matcher(_ABSOLUTE_WORDS)),
    ("question", _match_question),
    ("no", lambda utterance: "" if utterance.text.strip().startswith(("아니", "아뇨")) else None),
    ("yes", lambda utterance: "" if utterance.text.strip().startswith(("네", "예", "응", "맞아")) else None),
    ("noun", _match_noun),
    ("other", lambda utterance: ""),
)
