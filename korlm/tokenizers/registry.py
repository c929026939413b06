"""Tokenizers by name: what there is, what is ready to use, and how one is loaded or trained.

>>> load_tokenizer("syllable").encode("가나").pieces
['가', '나']
>>> [info.name for info in list_tokenizers()]
['word', 'kiwi', 'okt', 'unigram', 'bpe', 'syllable', 'byte']
"""

from __future__ import annotations

import functools
import importlib.util
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from korlm.artifacts import data_folder, read_config, read_json
from korlm.errors import ArtifactError, CorpusError, UnknownNameError
from korlm.morph.base import Analyzer
from korlm.morph.kiwi import KiwiAnalyzer
from korlm.morph.konlpy import KonlpyAnalyzer
from korlm.morph.konlpy import available as konlpy_missing
from korlm.text.spans import check_text
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.byte import ByteSegmenter, byte_tokenizer
from korlm.tokenizers.morpheme import MorphemeSegmenter
from korlm.tokenizers.pieces import PieceTokenizer, Segmenter
from korlm.tokenizers.subword import SubwordTokenizer, train_subword
from korlm.tokenizers.syllable import SyllableSegmenter
from korlm.tokenizers.vocabulary import Vocabulary, build_pieces
from korlm.tokenizers.word import WordSegmenter

UNITS = {
    "word": "word",
    "kiwi": "morpheme",
    "okt": "morpheme",
    "unigram": "subword",
    "bpe": "subword",
    "syllable": "syllable",
    "byte": "byte",
}
DEFAULT_SIZES = {"word": 16_000, "kiwi": 16_000, "okt": 16_000, "unigram": 8_000, "bpe": 8_000, "syllable": 3_000}


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


def list_tokenizers() -> list[TokenizerInfo]:
    """Return every tokenizer name with its unit, and what to install where it is not ready."""
    reasons = {name: _missing(name) for name in UNITS}
    return [TokenizerInfo(name, unit, not reasons[name], reasons[name]) for name, unit in UNITS.items()]


def load_tokenizer(name: str | Path) -> Tokenizer:
    """Load a tokenizer: a name (``kiwi``, with the bundled vocabulary) or a folder that `Tokenizer.save` wrote.

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is corrupt, foreign, or from a newer korlm.
        MissingDependencyError: what it needs is not installed.

    Example:
        >>> load_tokenizer("kiwi").unit
        'morpheme'
    """
    if name == "byte":
        return byte_tokenizer()
    bundled = data_folder() / "tokenizers" / str(name)
    if str(name) in UNITS and bundled.is_dir():
        return _load_folder(bundled)
    if Path(name).is_dir():
        return _load_folder(Path(name))
    raise UnknownNameError(
        f"'{name}'이라는 토크나이저도 폴더도 없습니다. 쓸 수 있는 이름: {', '.join(UNITS)}.",
        f"There is no tokenizer and no folder '{name}'. Names: {', '.join(UNITS)}.",
    )


def train_tokenizer(
    name: str,
    lines: Iterable[str],
    *,
    vocab_size: int | None = None,
    min_count: int = 2,
    coverage: float = 0.9995,
    workers: int = 2,
) -> Tokenizer:
    """Make a tokenizer's vocabulary from training lines.

    Args:
        name: one of `list_tokenizers`; ``byte`` needs no lines and takes no size.
        lines: training text only, never what the model is tested on.
        vocab_size: ids in all, 260 for special tokens and bytes included; by default 16,000 for word and morphemes,
            8,000 for subwords, 3,000 for syllables, or fewer where the text cannot fill that.
        min_count: pieces seen less often are left to the fallback (not for subwords).
        coverage: share of the characters covered by single characters in the vocabulary.
        workers: analyzer or training threads.

    Raises:
        UnknownNameError: no such tokenizer.
        CorpusError: no text, or too little for the vocabulary.
        InputError: a vocabulary too small for the special tokens and characters.

    Example:
        >>> train_tokenizer("word", ["나는 간다", "나는 온다"], vocab_size=300).encode("나는 논다").pieces
        ['나는', ' ', '<0xEB>', '<0x85>', '<0xBC>', '다']
    """
    if name not in UNITS:
        raise UnknownNameError(
            f"'{name}'이라는 토크나이저는 없습니다. 쓸 수 있는 이름: {', '.join(UNITS)}.",
            f"There is no tokenizer '{name}'. Names: {', '.join(UNITS)}.",
        )
    if name == "byte":
        return byte_tokenizer()
    usable = (check_text(line) for line in lines)
    first = next((line for line in usable if line.strip()), None)
    if first is None:
        raise CorpusError(
            "토크나이저를 만들 글이 없습니다. 빈 말뭉치가 아닌지 보세요.",
            "There is no text to make a tokenizer from. Is the corpus empty?",
        )
    texts = chain([first], usable)
    size = vocab_size or DEFAULT_SIZES[name]
    if UNITS[name] == "subword":
        return train_subword(name, texts, size, soft=vocab_size is None, coverage=coverage, threads=workers)
    segmenter = _segmenter(name)
    counts = _count(segmenter, texts, workers)
    pieces = build_pieces(counts, size, min_count=min_count, coverage=coverage)
    return PieceTokenizer(name, segmenter, Vocabulary(pieces))


@functools.cache
def analyzer(name: str) -> Analyzer:
    """Return the process's one analyzer of that name (they are large, and shared by threads)."""
    return KiwiAnalyzer() if name == "kiwi" else KonlpyAnalyzer(name)


def _segmenter(name: str) -> Segmenter:
    plain: dict[str, type[WordSegmenter | SyllableSegmenter]] = {
        "word": WordSegmenter,
        "syllable": SyllableSegmenter,
        "byte": ByteSegmenter,
    }
    return plain[name]() if name in plain else MorphemeSegmenter(analyzer(name))


def _load_folder(folder: Path) -> Tokenizer:
    config = read_config(folder, "tokenizer")
    name = config.get("name")
    if name not in UNITS:
        raise ArtifactError(
            f"{folder}의 토크나이저 '{name}'을(를) 이 korlm은 모릅니다. korlm을 새로 설치하세요.",
            f"This korlm does not know the tokenizer '{name}' of {folder}. Upgrade korlm.",
        )
    if UNITS[name] == "subword":
        model = folder / "sentencepiece.model"
        if not model.is_file():
            raise ArtifactError(
                f"{folder}에 sentencepiece.model이 없습니다. 폴더를 다시 받으세요.",
                f"{folder} has no sentencepiece.model. Fetch the folder again.",
            )
        return SubwordTokenizer(name, model.read_bytes())
    pieces = read_json(folder / "vocabulary.json")
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        raise ArtifactError(
            f"{folder}/vocabulary.json이 조각의 목록이 아닙니다. 폴더를 다시 받으세요.",
            f"{folder}/vocabulary.json is not a list of pieces. Fetch the folder again.",
        )
    return PieceTokenizer(name, _segmenter(name), Vocabulary(pieces))


def _count(segmenter: Segmenter, texts: Iterator[str], workers: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    while batch := list(islice(texts, 10_000)):
        for text, segments in zip(batch, segmenter.segment(batch, workers=workers), strict=True):
            counts.update([text[segment[0] : segment[1]] for segment in segments])
    return counts


def _missing(name: str) -> str:
    package = {"kiwi": "kiwipiepy", "unigram": "sentencepiece", "bpe": "sentencepiece"}.get(name)
    if package and not importlib.util.find_spec(package):
        return f"pip install {package}"
    return (konlpy_missing() or "") if name == "okt" else ""
