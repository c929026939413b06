"""What a model's card says of the corpus: its name for people, its home on the Hub, what a model learns from it.

>>> corpus_facts({"corpus": {"name": "reviews"}}).dataset
'e9t/nsmc'
>>> corpus_facts({"corpus": {"name": "mine.txt"}}).en
'mine.txt'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CorpusFacts:
    """A corpus in words.

    Attributes:
        name: what `korlm.load_corpus` takes.
        ko: what it is, in Korean.
        en: what it is, in English.
        dataset: the Hub's data set from the same source, or nothing. Its splits are not ours.
        prompts: how the samples begin; an empty one begins nowhere.
        failing: what a model learns from it that it should not, in Korean and English, or nothing.
    """

    name: str
    ko: str
    en: str
    dataset: str = ""
    prompts: tuple[str, ...] = ("", "", "")
    failing: tuple[str, str] = ("", "")


_KNOWN = (
    CorpusFacts(
        "reviews", "네이버 영화평 (github.com/e9t/nsmc의 원자료, CC0)", "Naver film reviews (raw data of github.com/e9t/nsmc, CC0)",
        "e9t/nsmc",
        ("이 영화는", "배우들의 연기가", ""),
        (
            "영화평을 거르지 않고 배웠습니다. 거칠거나 무례하거나 차별하는 말을 쓸 수 있습니다.",
            "It learnt from unfiltered film reviews: what it writes can be coarse, rude or discriminating.",
        ),
    ),
    CorpusFacts("kolaw", "대한민국 헌법", "the constitution of the Republic of Korea", prompts=("모든 국민은", "국회는", "")),
    CorpusFacts("kobill", "국회 의안 10건", "ten bills of the National Assembly", prompts=("이 법은", "")),
)  # fmt: skip


def corpus_facts(info: Mapping[str, Any]) -> CorpusFacts:
    """Return what is known of the corpus that a model's build information names."""
    name = str(info.get("corpus", {}).get("name", "?"))
    return next((facts for facts in _KNOWN if facts.name == name), CorpusFacts(name, name, name))
