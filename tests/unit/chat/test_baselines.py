"""The baseline bots ELIZA and retrieval."""

from __future__ import annotations

import math
import re

import pytest

from korlm.chat.baselines.eliza import ElizaBot
from korlm.chat.baselines.retrieval import RetrievalBot
from korlm.corpora.dialogues import DialoguePair, load_pairs
from korlm.errors import CorpusError, InputError
from korlm.morph.base import Morpheme
from korlm.morph.kiwi import KiwiAnalyzer


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("안녕하세요!", "안녕하세요. 오늘은 어떤 이야기를 해 볼까요?"),
        ("요즘 너무 외로워요.", "외롭다고 느끼신 지 오래됐어요?"),
        ("일이 많아서 지쳤어요", "지친다고 느끼신 지 오래됐어요?"),
        ("우울한 하루였어요.", "우울하다고 느끼신 지 오래됐어요?"),
        ("새 집으로 이사하고 싶어요.", "새 집으로 이사하고 싶은 까닭이 뭐예요?"),
        ("시험 때문에 잠이 안 와요.", "시험 때문이기만 할까요?"),
        ("어제 엄마가 오셨어요.", "엄마 이야기를 더 들려주세요."),
        ("사람들은 늘 그래요.", "늘이라고 하셨는데, 그렇지 않은 때는 없었나요?"),
        ("저는 노래를 잘 못해요.", "무엇이 그걸 못 하게 막고 있을까요?"),
        ("그게 뭐예요?", "왜 그게 궁금하세요?"),
        ("아니요, 그건 달라요.", "왜 아니라고 생각하세요?"),
        ("어제 기차를 탔어요.", "기차 이야기를 더 해 주세요."),
        ("고마워요.", "천만에요. 더 하고 싶은 이야기가 있으세요?"),
        ("ㅋㅋㅋ", "조금 더 자세히 말씀해 주세요."),
        ("😀", "조금 더 자세히 말씀해 주세요."),
    ],
)
def test_eliza_repeats_a_part_of_the_message(said: str, expected: str) -> None:
    assert ElizaBot().reply(said).text == expected


def test_eliza_answers_take_turns_and_particles_agree() -> None:
    bot = ElizaBot()
    said = [bot.reply("어제 기차를 탔어요.").text for _ in range(4)]
    assert said[1] == "기차가 왜 중요해요?" and said[2] == "기차를 떠올리면 어떤 생각이 드세요?" and said[3] == said[0]
    assert bot.reply("서울 구경을 했어요.").text == "구경이 왜 중요해요?"
    assert ElizaBot().reply("어제 기차를 탔어요.").text == said[0], "another conversation begins afresh"


@pytest.mark.parametrize("text", ["가" * 10_000, "{0} {0:이/가} {x}", "<b>굵게</b>", "SELECT 1;", "왜" * 50 + "?"])
def test_eliza_answers_anything(text: str) -> None:
    answer = ElizaBot().reply(text).text
    assert re.search(r"(요|죠)[.?]$", answer)


def test_eliza_rejects_blank_messages() -> None:
    with pytest.raises(InputError):
        ElizaBot().reply("  ")


def test_retrieval_equals_brute_force_search() -> None:
    pairs = load_pairs("dialogues")
    known = pairs.train[:300]
    bot = RetrievalBot(known)
    terms = [[f"{m.form}/{m.sejong}" for m in some if m.sejong[0] != "S"] for some in analyses(known)]
    rarity = {t: math.log(301 / (1 + sum(t in other for other in terms))) for some in terms for t in some}

    def vector(some: list[str]) -> dict[str, float]:
        weights = {t: (1 + math.log(some.count(t))) * rarity.get(t, 0.0) for t in set(some)}
        length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {t: weight / length for t, weight in weights.items()}

    vectors = [vector(some) for some in terms]
    for pair, some in zip(pairs.test[:30], analyses(pairs.test[:30]), strict=True):
        own = vector([f"{m.form}/{m.sejong}" for m in some if m.sejong[0] != "S"])
        cosines = [sum(weight * other.get(t, 0.0) for t, weight in own.items()) for other in vectors]
        found = bot.find_nearest(pair.question)
        assert found.similarity == pytest.approx(max(cosines), abs=1e-9)
        assert found.answer in {
            one.answer for one, cosine in zip(known, cosines, strict=True) if cosine > max(cosines) - 1e-9
        }


def analyses(pairs: list[DialoguePair]) -> list[list[Morpheme]]:
    return KiwiAnalyzer().analyze([pair.question for pair in pairs])


def test_retrieval_finds_known_questions_and_answers_any_text() -> None:
    pairs = load_pairs("dialogues").train[:200]
    bot = RetrievalBot(pairs)
    for pair in pairs[:40]:
        found = bot.find_nearest(pair.question)
        assert found.similarity == pytest.approx(1.0) and (found.question == pair.question or pair.history)
    for text in ("가" * 10_000, "😀", "????", "Hello", "<b>"):
        found = bot.find_nearest(text)
        assert 0 <= found.similarity < 0.9 and found.answer
    with pytest.raises(InputError):
        bot.find_nearest(" ")
    with pytest.raises(CorpusError):
        RetrievalBot([])
