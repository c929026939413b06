"""Descriptions of corpora for model cards: names, the dataset on the Hub, prompts and known faults.

>>> get_dataset_info({"corpus": {"name": "reviews"}}).dataset
'e9t/nsmc'
>>> get_dataset_info({"corpus": {"name": "mine.txt"}}).en
'mine.txt'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DatasetInfo:
    """Description of a corpus."""

    name: str  # for `korlm.load_corpus`
    ko: str
    en: str
    dataset: str = ""  # the Hub's dataset from the same source, whose splits differ from ours
    prompts: tuple[str, ...] = ("", "", "")  # of samples; an empty one means none
    failing: tuple[str, str] = ("", "")  # faults that a model learns from it, in Korean and English


_DATASETS = (
    DatasetInfo(
        "reviews", "네이버 영화평 (github.com/e9t/nsmc의 원자료, CC0)", "Naver film reviews (raw data of github.com/e9t/nsmc, CC0)",
        "e9t/nsmc",
        ("이 영화는", "배우들의 연기가", ""),
        (
            "영화평을 거르지 않고 배웠습니다. 거칠거나 무례하거나 차별하는 말을 쓸 수 있습니다.",
            "It learnt from unfiltered film reviews: what it writes can be coarse, rude or discriminating.",
        ),
    ),
    DatasetInfo("kolaw", "대한민국 헌법", "the constitution of the Republic of Korea", prompts=("모든 국민은", "국회는", "")),
    DatasetInfo(
        "dialogues+songys_chatbot",
        "korlm의 대화 1,370편과 songys의 Chatbot_data 11,823쌍 (github.com/songys/Chatbot_data, MIT)",
        "korlm's 1,370 dialogues and 11,823 pairs of songys' Chatbot_data (github.com/songys/Chatbot_data, MIT)",
        prompts=("안녕하세요?", "오늘 너무 힘들었어", "주말에 뭐 하면 좋을까요?", "이름이 뭐예요?", "형태소가 뭐예요?", "비트코인 시세 알려줘"),
        failing=(
            "배운 문답의 절반이 이별과 사랑의 고민에 한마디로 답한 것이라, 다른 물음에도 위로나 연애 이야기로 답하곤 합니다.",
            "Half of what it learnt are one-line answers to worries about parting and love, which it also gives to other questions.",
        ),
    ),
    DatasetInfo("dialogues", "korlm의 대화 1,370편", "korlm's 1,370 dialogues", prompts=("안녕하세요?", "배고파요.", "이름이 뭐예요?")),
    DatasetInfo("kobill", "국회 의안 10건", "ten bills of the National Assembly", prompts=("이 법은", "")),
)  # fmt: skip


def get_dataset_info(info: Mapping[str, Any]) -> DatasetInfo:
    """Return the description of the corpus that a model's build information names."""
    name = str(info.get("corpus", {}).get("name", "?"))
    return next((dataset for dataset in _DATASETS if dataset.name == name), DatasetInfo(name, name, name))
