"""The names of tokenizers: what unit each is, what it is made of, and what must be installed for it.

>>> tokenizer_unit("kiwi"), tokenizer_unit("mecab+bpe"), tokenizer_unit("bpe+kiwi")
('morpheme', 'morpheme-subword', None)
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache

from korlm.errors import UnknownNameError
from korlm.morph.konlpy.client import konlpy_install_hint as konlpy_missing
from korlm.morph.mecab import mecab_install_hint as mecab_missing
from korlm.storage.artifacts import data_folder

ANALYZERS = ("kiwi", "mecab", "okt", "komoran", "hannanum", "kkma")
SUBWORD_ALGORITHMS = ("unigram", "bpe")
TOKENIZER_UNITS = {
    "word": "word",
    **dict.fromkeys(ANALYZERS, "morpheme"),
    **{f"{analyzer}+{subword}": "morpheme-subword" for analyzer in ANALYZERS for subword in SUBWORD_ALGORITHMS},
    **dict.fromkeys(SUBWORD_ALGORITHMS, "subword"),
    "syllable": "syllable",
    "jamo": "jamo",
    "byte": "byte",
}
DEFAULT_VOCAB_SIZES = {
    "word": 16_000,
    "morpheme": 16_000,
    "subword": 8_000,
    "morpheme-subword": 8_000,
    "syllable": 3_000,
    "jamo": 600,
}
_REQUIRED_PACKAGES = {"kiwi": "kiwipiepy", "unigram": "sentencepiece", "bpe": "sentencepiece"}


@dataclass(frozen=True)
class TokenizerInfo:
    """One line of `list_tokenizers`.

    Attributes:
        name: what `load_tokenizer` takes.
        unit: what a piece is.
        ready: whether it can be used now.
        reason: what to install where it cannot, else empty.
    """

    name: str
    unit: str
    ready: bool
    reason: str


def tokenizer_unit(name: str) -> str | None:
    """Return what a piece of the tokenizer is, or None for a name that is none."""
    return TOKENIZER_UNITS.get(name)


def split_name(name: str) -> list[str]:
    """Return what a tokenizer is composed of: ``["mecab", "bpe"]``, or its own name."""
    return name.split("+")


def find_analyzer_name(name: str) -> str | None:
    """Return the morphological analyzer that a tokenizer uses, if any."""
    first = split_name(name)[0]
    return first if first in ANALYZERS else None


@cache
def bundled_tokenizers() -> tuple[str, ...]:
    """Return the names that `load_tokenizer` takes as they are, in the order of units; byte needs no vocabulary."""
    folder = data_folder() / "tokenizers"
    return tuple(name for name in TOKENIZER_UNITS if name == "byte" or (folder / name).is_dir())


def list_tokenizers() -> list[TokenizerInfo]:
    """Return every tokenizer that comes with a vocabulary, its unit, and what to install where it is not ready."""
    reasons = {name: install_hint(name) for name in bundled_tokenizers()}
    return [
        TokenizerInfo(name, TOKENIZER_UNITS[name], not reasons[name], reasons[name]) for name in bundled_tokenizers()
    ]


def install_hint(name: str) -> str:
    """Return the command that installs what a tokenizer lacks, or nothing."""
    for part in split_name(name):
        package = _REQUIRED_PACKAGES.get(part)
        if package and not importlib.util.find_spec(package):
            return f"pip install {package}"
        if part == "mecab" and (command := mecab_missing()):
            return command
        if part in ("okt", "komoran", "hannanum", "kkma") and (command := konlpy_missing()):
            return command
    return ""


def unknown_tokenizer_error(name: object, *, or_folder: bool) -> UnknownNameError:
    """Return the error for a name that is none; ``or_folder``: whether a folder would have done as well."""
    ko, en = (
        ("이라는 토크나이저도 폴더도 없습니다", "tokenizer and no folder")
        if or_folder
        else ("이라는 토크나이저는 없습니다", "tokenizer")
    )
    names = ", ".join(bundled_tokenizers())
    return UnknownNameError(
        f"'{name}'{ko}. 쓸 수 있는 이름: {names}. 분석기+서브워드(예: okt+bpe)는 train_tokenizer로 만듭니다.",
        f"There is no {en} '{name}'. Names: {names}. Any analyzer+subword (okt+bpe) can be made by train_tokenizer.",
    )
