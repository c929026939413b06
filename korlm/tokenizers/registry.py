"""Tokenizers by name or folder, with the options that decide their cuts.

>>> load_tokenizer("syllable").encode("가나").tokens
['가', '나']
>>> load_tokenizer("kiwi", split="jamo").encode("갔다").tokens
['가', 'ㅆ', '다']
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from korlm.errors import ArtifactError, InputError, MissingDependencyError
from korlm.morph.base import Analyzer
from korlm.morph.kiwi import KiwiAnalyzer, KiwiOptions
from korlm.morph.konlpy.client import KonlpyAnalyzer
from korlm.morph.mecab import MecabAnalyzer
from korlm.morph.user_words import read_user_words
from korlm.storage.artifacts import data_folder, read_artifact_config, read_json
from korlm.storage.hub import fetch_from_hub, resolve_hub_address
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.catalog import (
    SUBWORD_ALGORITHMS,
    TOKENIZER_UNITS,
    bundled_tokenizers,
    find_analyzer_name,
    install_hint,
    split_name,
    unknown_tokenizer_error,
)
from korlm.tokenizers.catalog import list_tokenizers as list_tokenizers  # its public home is here
from korlm.tokenizers.morpheme_subword import MorphemeSubwordTokenizer
from korlm.tokenizers.segmented import SegmentedTokenizer, byte_tokenizer
from korlm.tokenizers.segmenters.base import Segmenter
from korlm.tokenizers.segmenters.character import ByteSegmenter, JamoSegmenter, SyllableSegmenter
from korlm.tokenizers.segmenters.morpheme import MorphemeSegmenter
from korlm.tokenizers.segmenters.word import make_word_segmenter
from korlm.tokenizers.sentencepiece import MODEL_FILE, SentencePieceTokenizer, SubwordTokenizer
from korlm.tokenizers.vocabulary import Vocabulary

SENTENCEPIECE = "sentencepiece"
_CHARACTER_SEGMENTERS: dict[str, type[Segmenter]] = {
    "syllable": SyllableSegmenter,
    "jamo": JamoSegmenter,
    "byte": ByteSegmenter,
}


def load_tokenizer(
    name: str | Path, *, revision: str | None = None, token: str | None = None, **options: Any
) -> Tokenizer:
    """Load a tokenizer: a name, a folder that `Tokenizer.save` wrote, a ``.model`` file, or one from the Hugging Face Hub.

    Args:
        name: ``kiwi``, ``mecab+bpe``, ...; a folder; a SentencePiece model, which gives the very ids of SentencePiece; or
            ``user/repo`` or ``user/repo@revision`` on the Hub. The first that there is wins, in this order.
        revision: of a repository: a branch, tag or commit; its main branch by default.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.
        **options: for morpheme units ``split="jamo"`` (cut inside syllables where the letters allow); for Kiwi also
            ``user_words`` (a file, or pairs of a form and a Sejong tag), ``typos`` (``"basic"``, ...),
            ``normalize_coda``, ``split_compounds`` and ``workers``, see `korlm.morph.parse_kiwi_options.KiwiOptions`; for ``word``
            ``language="en"`` (spaCy's rules). They hold for this tokenizer alone.

    Raises:
        UnknownNameError: neither a name, a folder nor a repository (or a private one, without a token).
        InputError: an option that this tokenizer does not have, a bad user word, or a revision of what is not on the Hub.
        ArtifactError: corrupt, foreign, or from a newer korlm; or the Hub cannot be reached and the cache has it not.
        MissingDependencyError: what it needs is not installed.

    Example:
        >>> segments = load_tokenizer("kiwi", user_words=[("갓생러", "NNP")]).encode("갓생러가").segments
        >>> [(segment.start, segment.end, segment.tag) for segment in segments]
        [(0, 3, 'NNP'), (3, 4, 'JKS')]
    """
    if where := resolve_hub_address(name, revision, is_bundled=str(name) in bundled_tokenizers()):
        fetched = fetch_from_hub(where.repo_id, revision=where.revision, token=token, kind="tokenizer")
        return check_installed(_load_folder(fetched, options))
    if str(name) in bundled_tokenizers():
        if name == "byte":
            reject_options("byte", options)
            return byte_tokenizer()
        return _load_folder(data_folder() / "tokenizers" / str(name), options)
    path = Path(name)
    if path.is_dir():
        return _load_folder(path, options)
    if path.is_file() and path.suffix in (".model", ".spm"):
        reject_options(SENTENCEPIECE, options)
        return _load_sentencepiece_file(path)
    raise unknown_tokenizer_error(name, or_folder=True)


def check_installed(tokenizer: Tokenizer) -> Tokenizer:
    """Return a tokenizer whose analyzer is installed; analyzers are loaded late, and someone else chose this one.

    Raises:
        MissingDependencyError: it is not; the message names the command that installs it.

    Example:
        >>> check_installed(load_tokenizer("syllable")).name
        'syllable'
    """
    if command := install_hint(tokenizer.name):
        raise MissingDependencyError(
            f"이 토크나이저({tokenizer.name})의 형태소 분석기가 설치되어 있지 않습니다. 다음 명령으로 설치하세요: {command}",
            f"The analyzer of this tokenizer ({tokenizer.name}) is not installed. Install it with: {command}",
        )
    return tokenizer


def make_segmenter(name: str, options: Mapping[str, Any]) -> Segmenter:
    """Return what cuts for a tokenizer of that name.

    Args:
        name: a name of `korlm.tokenizers.catalog.UNITS` that is not a subword's.
        options: see `load_tokenizer`.

    Raises:
        InputError: an option that it does not have.
    """
    analyzer_name = find_analyzer_name(name)
    if analyzer_name is None:
        if name == "word":
            reject_options(name, {key: value for key, value in options.items() if key != "language"})
            return make_word_segmenter(options.get("language", ""))
        reject_options(name, options)
        return _CHARACTER_SEGMENTERS[name]()
    own = dict(options)
    split = own.pop("split", "")
    if split and TOKENIZER_UNITS[name] != "morpheme":
        raise InputError(
            f"{name}에는 split을 쓸 수 없습니다. 형태소 단위(kiwi, mecab, ...)에만 씁니다.",
            f"{name} takes no split; morpheme units (kiwi, mecab, ...) do.",
        )
    if analyzer_name != "kiwi":
        reject_options(name, own)
        return MorphemeSegmenter(_shared_analyzer(analyzer_name), split=split)
    chosen = parse_kiwi_options(own)
    kept = (
        {} if chosen == KiwiOptions() else {key: value for key, value in chosen.to_dict().items() if key != "workers"}
    )
    return MorphemeSegmenter(KiwiAnalyzer(chosen), split=split, analyzer_options=kept)


def parse_kiwi_options(options: Mapping[str, Any]) -> KiwiOptions:
    """Return Kiwi's options out of keywords; ``user_words`` may be a file or pairs.

    Raises:
        InputError: a keyword that Kiwi does not have, or a bad value.
    """
    known = [field.name for field in fields(KiwiOptions)]
    if strange := [key for key in options if key not in known]:
        raise InputError(
            f"'{strange[0]}'이라는 옵션은 없습니다. 쓸 수 있는 옵션: {', '.join(known)}.",
            f"There is no option '{strange[0]}'. Options: {', '.join(known)}.",
        )
    words = options.get("user_words", ())
    return KiwiOptions(**{**options, "user_words": read_user_words(words) if words else ()})


@functools.cache
def _shared_analyzer(name: str) -> Analyzer:
    """Return the process's one analyzer of that name (they are large, and shared by threads)."""
    return MecabAnalyzer() if name == "mecab" else KonlpyAnalyzer(name)


def reject_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise an `InputError` for an option given to a tokenizer that has none."""
    if options:
        raise InputError(
            f"{name}에는 '{next(iter(options))}' 옵션이 없습니다. 그 옵션을 빼세요.",
            f"{name} has no option '{next(iter(options))}'. Leave it out.",
        )


def _load_folder(folder: Path, options: Mapping[str, Any]) -> Tokenizer:
    config = read_artifact_config(folder, "tokenizer")
    name, specials = config.get("name"), config.get("specials", [])
    if name == SENTENCEPIECE or config.get("on_unknown") == SENTENCEPIECE:
        reject_options(str(name), options)
        return SentencePieceTokenizer(str(name), _read_model(folder))
    if name not in TOKENIZER_UNITS:
        raise ArtifactError(
            f"{folder}의 토크나이저 '{name}'을(를) 이 korlm은 모릅니다. korlm을 새로 설치하세요.",
            f"This korlm does not know the tokenizer '{name}' of {folder}. Upgrade korlm.",
        )
    last = split_name(name)[-1]
    if name in SUBWORD_ALGORITHMS:
        reject_options(name, options)
        return SubwordTokenizer(name, _read_model(folder), specials=specials)
    saved: dict[str, Any] = {key: config[key] for key in ("split", "language") if key in config}
    if "analyzer" in config:
        saved |= vars(KiwiOptions.from_dict(config["analyzer"]))
    segmenter = make_segmenter(name, {**saved, **options})
    if last in SUBWORD_ALGORITHMS:
        return MorphemeSubwordTokenizer(name, segmenter, SubwordTokenizer(last, _read_model(folder), specials=specials))
    pieces = read_json(folder / "vocabulary.json")
    if not isinstance(pieces, list) or not all(isinstance(piece, str) for piece in pieces):
        raise ArtifactError(
            f"{folder}/vocabulary.json이 조각의 목록이 아닙니다. 폴더를 다시 받으세요.",
            f"{folder}/vocabulary.json is not a list of pieces. Fetch the folder again.",
        )
    vocabulary = Vocabulary(
        pieces, on_unknown=config.get("on_unknown", "fallback"), specials=specials, required=segmenter.conjoining_jamo
    )
    return SegmentedTokenizer(name, segmenter, vocabulary)


def _load_sentencepiece_file(path: Path) -> Tokenizer:
    """Load a lone model as SentencePiece reads it."""
    try:
        model = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}을(를) 읽지 못했습니다 ({error.strerror}). 경로를 확인하세요.",
            f"Cannot read {path} ({error.strerror}). Check the path.",
        ) from error
    return SentencePieceTokenizer(SENTENCEPIECE, model)


def _read_model(folder: Path) -> bytes:
    model = folder / MODEL_FILE
    if not model.is_file():
        raise ArtifactError(
            f"{folder}에 {MODEL_FILE}이 없습니다. 폴더를 다시 받으세요.",
            f"{folder} has no {MODEL_FILE}. Fetch the folder again.",
        )
    return model.read_bytes()
