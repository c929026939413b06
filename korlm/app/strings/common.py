"""Texts of the app, in Korean and English.

>>> translate("run", "ko"), translate("run", "en")
('나누어 보기', 'Split the text')
"""

from __future__ import annotations

from korlm.app.strings.chat import CHAT_TEXTS
from korlm.app.strings.compare import COMPARE_TEXTS
from korlm.app.strings.generate import GENERATE_TEXTS
from korlm.i18n import localize

_TEXTS: dict[str, tuple[str, str]] = {
    # the page
    "title": ("한국어를 자르는 여러 방법", "Many ways to cut Korean"),
    "purpose": (
        "같은 글을 토크나이저마다 어떻게 나누는지 나란히 보고, 그 조각으로 배운 언어 모델이 쓰는 글을 읽고, 챗봇과 이야기해 보세요.",
        "See side by side how each tokenizer cuts the same text, read what language models trained on those pieces "
        "write, and talk to chatbots.",
    ),
    "tab_compare": ("토크나이저 비교", "Compare"),
    "tab_generate": ("문장 생성", "Generate text"),
    # units
    "unit_word": ("어절", "eojeol"),
    "unit_morpheme": ("형태소", "morpheme"),
    "unit_subword": ("서브워드", "subword"),
    "unit_morpheme-subword": ("형태소+서브워드", "morpheme + subword"),
    "unit_syllable": ("음절", "syllable"),
    "unit_jamo": ("자모", "jamo"),
    "unit_byte": ("바이트", "byte"),
}


_TEXTS |= COMPARE_TEXTS | GENERATE_TEXTS | CHAT_TEXTS
_CUSTOM_LANES = {"kiwi*": "lane_mine", "kiwi**": "lane_tuned"}  # names of `korlm.app.lanes`


def translate(key: str, language: str, **values: object) -> str:
    """Return a text in ``"ko"`` or ``"en"``, with the values of its ``{fields}``."""
    ko, en = _TEXTS[key]
    text = localize(ko, en, language=language)
    return text.format(**values) if values else text


def lane_name(lane: str, language: str) -> str:
    """Return the display name of a lane: the tokenizer's, or a phrase for Kiwi as the visitor configured it.

    >>> lane_name("kiwi", "ko"), lane_name("kiwi*", "en")
    ('kiwi', 'kiwi + my words')
    """
    return translate(_CUSTOM_LANES[lane], language) if lane in _CUSTOM_LANES else lane


def unit_label(name: str, unit: str, language: str) -> str:
    """Return the name of a unit; empty where the tokenizer has the same name, and for no unit.

    >>> unit_label("kiwi", "morpheme", "ko"), unit_label("byte", "byte", "en")
    ('형태소', '')
    """
    label = translate("unit_" + unit, language) if unit else ""
    return "" if label == name else label


def tokenizer_display_name(tokenizer: str, unit: str, language: str) -> str:
    """Return a tokenizer's name with its unit, once where they are the same word.

    >>> tokenizer_display_name("kiwi", "morpheme", "ko"), tokenizer_display_name("byte", "byte", "en")
    ('kiwi · 형태소', 'byte')
    """
    label = unit_label(tokenizer, unit, language)
    return f"{tokenizer} · {label}" if label else tokenizer
