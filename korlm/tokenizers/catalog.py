"""Names of tokenizers: their units, components and required packages.

>>> tokenizer_unit("kiwi"), tokenizer_unit("mecab+bpe"), tokenizer_unit("bpe+kiwi")
('morpheme', 'morpheme-subword', None)
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache

from korlm.errors import UnknownNameError
from korlm.morph.konlpy.client import konlpy_install_hint
from korlm.morph.mecab import mecab_install_hint
from korlm.storage.artifacts import data_folder
from korlm.text.josa import quote_with_josa

KONLPY_ANALYZERS = ("okt", "komoran", "hannanum", "kkma")
ANALYZERS = ("kiwi", "mecab", *KONLPY_ANALYZERS)
SUBWORD_ALGORITHMS = ("unigram", "bpe")
TOKENIZER_UNITS = {
    "word": "word",
    **dict.fromkeys(ANALYZERS, "morpheme"),
    **{f"{analyzer}+{subword}": "morpheme-subword" for analyzer in ANALYZERS for subword in SUBWORD_ALGORITHMS},
    **dict.fromkeys(SUBWORD_ALGORITHMS, "subword"),
    **{unit: unit for unit in ("syllable", "jamo", "byte")},
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
    """A tokenizer listed by `list_tokenizers`.

    Attributes:
        name: its name for `load_tokenizer`.
        unit: of its tokens.
        ready: whether everything it needs is installed.
        reason: the command that installs what is missing, or empty.
    """

    name: str
    unit: str
    ready: bool
    reason: str


def tokenizer_unit(name: str) -> str | None:
    """Return the unit of a tokenizer, or None for an unknown name."""
    return TOKENIZER_UNITS.get(name)


def split_name(name: str) -> list[str]:
    """Return the components of a tokenizer's name: ``["mecab", "bpe"]``, or the name itself."""
    return name.split("+")


def find_analyzer_name(name: str) -> str | None:
    """Return the morphological analyzer of a tokenizer, or None."""
    component = split_name(name)[0]
    return component if component in ANALYZERS else None


@cache
def bundled_tokenizers() -> tuple[str, ...]:
    """Return the names of bundled tokenizers, ordered by unit; byte needs no vocabulary."""
    folder = data_folder() / "tokenizers"
    return tuple(name for name in TOKENIZER_UNITS if name == "byte" or (folder / name).is_dir())


def list_tokenizers() -> list[TokenizerInfo]:
    """Return all bundled tokenizers, with their units and what to install for those that are not ready."""
    hints = {name: install_hint(name) for name in bundled_tokenizers()}
    return [TokenizerInfo(name, TOKENIZER_UNITS[name], not hint, hint) for name, hint in hints.items()]


def install_hint(name: str) -> str:
    """Return the command that installs what a tokenizer needs and is missing, or an empty string."""
    for component in split_name(name):
        package = _REQUIRED_PACKAGES.get(component)
        if package and not importlib.util.find_spec(package):
            return f"pip install {package}"
        if component == "mecab" and (command := mecab_install_hint()):
            return command
        if component in KONLPY_ANALYZERS and (command := konlpy_install_hint()):
            return command
    return ""


def unknown_tokenizer_error(name: object, *, or_folder: bool) -> UnknownNameError:
    """Return the error for an unknown name; ``or_folder``: a folder would have been accepted, too."""
    ko, en = (
        ("토크나이저도 폴더도 없습니다", "tokenizer and no folder")
        if or_folder
        else ("토크나이저는 없습니다", "tokenizer")
    )
    names = ", ".join(bundled_tokenizers())
    return UnknownNameError(
        f"{quote_with_josa(name, '이라는/라는')} {ko}. 쓸 수 있는 이름: {names}. 분석기+서브워드(예: okt+bpe)는 train_tokenizer로 만듭니다.",
        f"There is no {en} '{name}'. Names: {names}. Any analyzer+subword (okt+bpe) can be made by train_tokenizer.",
    )
