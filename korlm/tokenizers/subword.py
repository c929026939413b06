"""The subword unit: SentencePiece (unigram or BPE) made exact.

SentencePiece writes a space as U+2581 (▁) and so cannot tell a typed ▁ from a space. Here a typed ▁ goes to its three
bytes by hand, and the rest to SentencePiece with identity normalization, so that every string comes back.
Kudo and Richardson (2018), "SentencePiece: A simple and language independent subword tokenizer and detokenizer".
"""

from __future__ import annotations

import importlib.metadata
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.artifacts import write_file
from korlm.errors import ArtifactError, CorpusError, InputError, MissingDependencyError
from korlm.tokenizers.base import FIRST_BYTE_ID, FIRST_TOKEN_ID, SPECIAL_TOKENS, Tokenizer, vocabulary_layout
from korlm.tokenizers.encoding import Encoding, Segment, segment_indices, token_spans
from korlm.tokenizers.scores import round_scores
from korlm.tokenizers.vocabulary import TokenIdCache, assign_special_ids

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

MODEL_FILE = "sentencepiece.model"
META_SYMBOL = "\u2581"
_META_SYMBOL_IDS = [FIRST_BYTE_ID + byte for byte in META_SYMBOL.encode()]
_TRAINER_OPTIONS: dict[str, Any] = {
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "add_dummy_prefix": False,
    "byte_fallback": True,
    "pad_id": 0,
    "bos_id": 1,
    "eos_id": 2,
    "unk_id": 3,
    "pad_piece": "<pad>",
    "minloglevel": 2,
    "max_sentence_length": 1_000_000,
}


class SubwordTokenizer(Tokenizer):
    """A SentencePiece model as a lossless tokenizer.

    Args:
        name: ``unigram`` or ``bpe``.
        model: the bytes of a model that `train_subword` made.

    Raises:
        ArtifactError: the bytes are no SentencePiece model, or one that is not laid out as korlm's are.
        MissingDependencyError: sentencepiece is not installed.
    """

    unit = "subword"

    def __init__(self, name: str, model: bytes, *, specials: Sequence[str] = ()) -> None:
        self.name = name
        self.model = model
        self.processor = load_processor(model)
        self.token_bytes = _read_token_bytes(self.processor)
        self.specials = assign_special_ids(specials, len(self.token_bytes))
        self.token_bytes += [b""] * len(specials)
        self.cached_ids = TokenIdCache(lambda piece: tuple(self._encode_text(piece)))

    def _fingerprint_bytes(self) -> bytes:
        return self.model  # its scores as well as its pieces

    def dependency_versions(self) -> list[str]:
        return [f"sentencepiece:{importlib.metadata.version('sentencepiece')}"]

    def _iter_ids(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        threads = max(workers, 1)
        if not any(META_SYMBOL in text for text in texts):
            encoded: list[list[int]] = self.processor.encode(list(texts), num_threads=threads) if texts else []
            return encoded
        return [self._encode_text(text) for text in texts]

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text, ids in zip(texts, self._iter_ids(texts, workers), strict=True):
            spans = token_spans(self.surfaces, text, ids)
            segments = [Segment(*span) for span in dict.fromkeys(spans)]
            pieces = [self.token_text(number) for number in ids]
            yield Encoding(text, ids, pieces, spans, segments, segment_indices(spans, segments))

    def _encode_text(self, text: str) -> list[int]:
        return self._encode_around_meta(text) if META_SYMBOL in text else self.processor.encode(text)

    def __contains__(self, piece: str) -> bool:
        return self.byte_token_ids.isdisjoint(self.cached_ids[piece])

    def _encode_around_meta(self, text: str) -> list[int]:
        ids: list[int] = []
        for index, part in enumerate(text.split(META_SYMBOL)):
            ids += (_META_SYMBOL_IDS if index else []) + (self.processor.encode(part) if part else [])
        return ids

    def write_vocabulary(self, folder: Path) -> None:
        write_file(folder / MODEL_FILE, self.model)


def train_subword(
    name: str,
    lines: Iterable[str],
    vocab_size: int,
    *,
    soft: bool = False,
    coverage: float = 0.9995,
    threads: int = 2,
    specials: Sequence[str] = (),
    delimiter: str = "",
) -> SubwordTokenizer:
    """Train a unigram or BPE model on lines.

    Args:
        name: ``unigram`` (Kudo 2018) or ``bpe`` (Sennrich et al. 2016).
        lines: training lines; empty ones are skipped.
        vocab_size: ids in all, special tokens and the 256 bytes included.
        soft: take a smaller vocabulary where the text cannot fill that size.
        coverage: share of the characters that get a piece of their own; the rest goes to bytes.
        threads: training threads.
        specials: names of further special tokens.
        delimiter: a character that no piece may cross; it is not learnt itself.

    Raises:
        CorpusError: too little text for that vocabulary, or none at all.
        InputError: ``vocab_size`` is too small for the characters that must be covered.
    """
    further = {"pretokenization_delimiter": delimiter} if delimiter else {}
    size = vocab_size - len(specials)
    return SubwordTokenizer(
        name,
        train_sentencepiece_model(name, lines, size, soft=soft, coverage=coverage, threads=threads, **further),
        specials=specials,
    )


def train_sentencepiece_model(
    name: str,
    lines: Iterable[str],
    vocab_size: int,
    *,
    soft: bool,
    coverage: float,
    threads: int,
    **trainer_options: Any,
) -> bytes:
    """Return the bytes of a SentencePiece model; ``trainer_options`` are the trainer's own options. See `train_subword`."""
    # NUL ends a sentence for SentencePiece's trainer, and a typed U+2581 would be learnt as a space.
    usable = (line.replace("\0", "").replace(META_SYMBOL, "") for line in lines)
    output = io.BytesIO()
    try:
        _import_sentencepiece().SentencePieceTrainer.train(
            sentence_iterator=(line for line in usable if line),
            model_writer=output,
            model_type=name,
            vocab_size=vocab_size,
            hard_vocab_limit=not soft,
            character_coverage=coverage,
            num_threads=threads,
            **(_TRAINER_OPTIONS | trainer_options),
        )
    except (RuntimeError, OSError) as error:
        raise _training_error(str(error), vocab_size) from error
    return round_scores(output.getvalue()) if name == "unigram" else output.getvalue()


def _training_error(reason: str, vocab_size: int) -> CorpusError | InputError:
    if "smaller than required_chars" in reason:
        return InputError(
            f"어휘 크기 {vocab_size}이(가) 글자 수보다 작습니다. 어휘를 키우거나 coverage를 낮추세요.",
            f"Vocabulary size {vocab_size} is less than the characters to cover. Raise it, or lower the coverage.",
        )
    most = re.search(r"value <= (\d+)", reason)
    ko, en = (f" (최대 {most[1]})", f" (at most {most[1]})") if most else ("", "")
    return CorpusError(
        f"이 말뭉치로는 크기 {vocab_size}의 서브워드 어휘를 만들 수 없습니다. 글을 늘리거나 어휘를 줄이세요{ko}.",
        f"This corpus cannot give a subword vocabulary of {vocab_size}. Add text, or ask for a smaller vocabulary{en}.",
    )


def _read_token_bytes(processor: SentencePieceProcessor) -> list[bytes]:
    size = processor.get_piece_size()
    laid_out = size >= FIRST_TOKEN_ID and all(processor.is_byte(FIRST_BYTE_ID + byte) for byte in range(256))
    if not laid_out or [processor.id_to_piece(i) for i in range(FIRST_BYTE_ID)] != list(SPECIAL_TOKENS):
        raise ArtifactError(
            "korlm이 만든 SentencePiece 모델이 아닙니다. korlm.train_tokenizer로 만든 것을 쓰세요.",
            "This SentencePiece model was not made by korlm. Use one made by korlm.train_tokenizer.",
        )
    return vocabulary_layout(processor.id_to_piece(i).replace(META_SYMBOL, " ") for i in range(FIRST_TOKEN_ID, size))


def load_processor(model: bytes) -> SentencePieceProcessor:
    """Return SentencePiece's own object for the bytes of a model.

    Raises:
        ArtifactError: they are none.
        MissingDependencyError: sentencepiece is not installed.
    """
    library = _import_sentencepiece()
    try:
        return library.SentencePieceProcessor(model_proto=model or b"?")  # no bytes at all would be an empty model
    except (RuntimeError, OSError, ValueError) as error:
        raise ArtifactError(
            "SentencePiece 모델을 읽지 못했습니다. 파일이 온전한지 보고 다시 만드세요.",
            "Cannot read the SentencePiece model. Check that the file is whole, or make it again.",
        ) from error


def _import_sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingDependencyError(
            "SentencePiece가 설치되어 있지 않습니다. pip install sentencepiece 하세요.",
            "SentencePiece is not installed. Run: pip install sentencepiece",
        ) from error
    return sentencepiece
