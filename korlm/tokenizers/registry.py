"""Load tokenizers by name, from a folder or from the Hub, with the options of their segmenters.

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
from korlm.storage.names import check_name
from korlm.text.josa import quote_with_josa, with_josa
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
    """Load a tokenizer.

    Args:
        name: one of these, tried in this order: a bundled name (``kiwi``, ``mecab+bpe``, ...); a folder written by
            `Tokenizer.save`; a SentencePiece ``.model`` file, used as SentencePiece does; ``user/repo`` or
            ``user/repo@revision`` on the Hugging Face Hub.
        revision: of a repository: a branch, tag or commit; by default its main branch.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.
        **options: for morpheme units ``split="jamo"`` (split inside syllables if the jamo allow); for Kiwi also
            ``user_words`` (a file, or pairs of a form and a Sejong tag), ``typos`` (``"basic"``, ...),
            ``normalize_coda``, ``split_compounds`` and ``workers``, see `korlm.morph.kiwi.KiwiOptions`; for ``word``
            ``language="en"`` (spaCy's rules). They apply to this tokenizer only.

    Raises:
        UnknownNameError: neither a name, a folder nor a repository (or a private one, without a token).
        InputError: not a name, an unknown option, an invalid user word, or a revision of something that is not on the Hub.
        ArtifactError: corrupt, foreign, or from a newer korlm; or not cached, and the Hub cannot be reached.
        MissingDependencyError: a required package is not installed.

    Example:
        >>> segments = load_tokenizer("kiwi", user_words=[("갓생러", "NNP")]).encode("갓생러가").segments
        >>> [(segment.start, segment.end, segment.tag) for segment in segments]
        [(0, 3, 'NNP'), (3, 4, 'JKS')]
    """
    check_name(name, "korlm.list_tokenizers()")
    if address := resolve_hub_address(name, revision, is_bundled=str(name) in bundled_tokenizers()):
        fetched = fetch_from_hub(address.repo_id, revision=address.revision, token=token, kind="tokenizer")
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
        return SentencePieceTokenizer(SENTENCEPIECE, _read_model(path))
    raise unknown_tokenizer_error(name, or_folder=True)


def check_installed(tokenizer: Tokenizer) -> Tokenizer:
    """Return a tokenizer chosen by someone else if its analyzer is installed; analyzers are loaded on first use.

    Raises:
        MissingDependencyError: it is not installed; the message names the command that installs it.

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
    """Return the segmenter of a name of `TOKENIZER_UNITS`, but not of a subword unit; for options see `load_tokenizer`.

    Raises:
        InputError: an unknown option.
    """
    analyzer_name = find_analyzer_name(name)
    if analyzer_name is None:
        reject_options(name, {key: value for key, value in options.items() if (name, key) != ("word", "language")})
        return make_word_segmenter(**options) if name == "word" else _CHARACTER_SEGMENTERS[name]()
    analyzer_options = dict(options)
    split = analyzer_options.pop("split", "")
    if split and TOKENIZER_UNITS[name] != "morpheme":
        raise InputError(
            f"{name}에는 split을 쓸 수 없습니다. 형태소 단위(kiwi, mecab, ...)에만 씁니다.",
            f"{name} takes no split; morpheme units (kiwi, mecab, ...) do.",
        )
    if analyzer_name != "kiwi":
        reject_options(name, analyzer_options)
        return MorphemeSegmenter(_shared_analyzer(analyzer_name), split=split)
    kiwi_options = parse_kiwi_options(analyzer_options)
    saved = {} if kiwi_options == KiwiOptions() else kiwi_options.to_dict()
    saved.pop("workers", None)
    return MorphemeSegmenter(KiwiAnalyzer(kiwi_options), split=split, analyzer_options=saved)


def parse_kiwi_options(options: Mapping[str, Any]) -> KiwiOptions:
    """Return Kiwi's options from keyword arguments; ``user_words`` may be a file or pairs.

    Raises:
        InputError: an unknown keyword, or an invalid value.
    """
    known = [field.name for field in fields(KiwiOptions)]
    if unknown := [key for key in options if key not in known]:
        raise InputError(
            f"{quote_with_josa(unknown[0], '이라는/라는')} 옵션은 없습니다. 쓸 수 있는 옵션: {', '.join(known)}.",
            f"There is no option '{unknown[0]}'. Options: {', '.join(known)}.",
        )
    words = options.get("user_words", ())
    return KiwiOptions(**{**options, "user_words": read_user_words(words) if words else ()})


@functools.cache
def _shared_analyzer(name: str) -> Analyzer:
    """Return the process's only analyzer of that name: analyzers are large, and shared by threads."""
    return MecabAnalyzer() if name == "mecab" else KonlpyAnalyzer(name)


def reject_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise an `InputError` if there are any options, for a tokenizer that has none."""
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
        return SentencePieceTokenizer(str(name), _read_model(folder / MODEL_FILE))
    if name not in TOKENIZER_UNITS:
        raise ArtifactError(
            f"{folder}의 토크나이저 '{name}'을(를) 이 korlm은 모릅니다. korlm을 새로 설치하세요.",
            f"This korlm does not know the tokenizer '{name}' of {folder}. Upgrade korlm.",
        )
    algorithm = split_name(name)[-1]
    if name in SUBWORD_ALGORITHMS:
        reject_options(name, options)
        return SubwordTokenizer(name, _read_model(folder / MODEL_FILE), specials=specials)
    saved: dict[str, Any] = {key: config[key] for key in ("split", "language") if key in config}
    if "analyzer" in config:
        saved |= vars(KiwiOptions.from_dict(config["analyzer"]))
    segmenter = make_segmenter(name, {**saved, **options})
    if algorithm in SUBWORD_ALGORITHMS:
        subword_tokenizer = SubwordTokenizer(algorithm, _read_model(folder / MODEL_FILE), specials=specials)
        return MorphemeSubwordTokenizer(name, segmenter, subword_tokenizer)
    tokens = read_json(folder / "vocabulary.json")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ArtifactError(
            f"{folder}/vocabulary.json이 토큰의 목록이 아닙니다. 폴더를 다시 받으세요.",
            f"{folder}/vocabulary.json is not a list of tokens. Fetch the folder again.",
        )
    vocabulary = Vocabulary(
        tokens, on_unknown=config.get("on_unknown", "fallback"), specials=specials, required=segmenter.conjoining_jamo
    )
    return SegmentedTokenizer(name, segmenter, vocabulary)


def _read_model(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{path.parent}에 {with_josa(path.name, '이/가')} 없습니다. 폴더를 다시 받으세요.",
            f"{path.parent} has no {path.name}. Fetch the folder again.",
        ) from error
    except OSError as error:
        raise ArtifactError(
            f"{path}을(를) 읽지 못했습니다 ({error.strerror}). 경로를 확인하세요.",
            f"Cannot read {path} ({error.strerror}). Check the path.",
        ) from error
