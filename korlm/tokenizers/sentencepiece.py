"""SentencePiece tokenizers: lossless ones trained by korlm, and wrappers of third-party models.

`SubwordTokenizer` is lossless. SentencePiece replaces a space by U+2581 (▁, its meta symbol), so it cannot tell a ▁ in the
input from a space. Here a ▁ in the input is encoded as its three bytes, and the text around it by SentencePiece with
identity normalization, so that decoding restores every string. Kudo and Richardson (2018), "SentencePiece: A simple and
language independent subword tokenizer and detokenizer".

`SentencePieceTokenizer` wraps any model. It returns the ids of SentencePiece, whose normalization may be lossy.

`round_scores` rounds the scores of a unigram model. SentencePiece adds scores in float32, Hugging Face tokenizers in
float64. Two segmentations with the same tokens in another order (``,,,`` and ``,`` or ``,`` and ``,,,``) have equal scores,
and rounding errors decided between them: 16 of 20,000 reviews were encoded differently. Multiples of 2**-8 are added
without rounding errors in both, so that all implementations see the same ties.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> model = load_tokenizer("unigram").model
>>> SentencePieceTokenizer("sentencepiece", model).encode_ids(["나랑 쇼핑"]) == load_tokenizer("unigram").encode_ids(["나랑 쇼핑"])
True
>>> round_scores(bytes([0x0A, 8, 0x0A, 1, 97]) + bytes([0x15]) + struct.pack("<f", -1.001))[-4:] == struct.pack("<f", -1.0)
True
"""

from __future__ import annotations

import importlib.metadata
import io
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.errors import ArtifactError, CorpusError, InputError, MissingDependencyError
from korlm.storage.artifacts import write_file
from korlm.text.incremental import is_leading_byte
from korlm.text.spans import Span
from korlm.tokenizers.base import FIRST_BYTE_ID, FIRST_TOKEN_ID, SPECIAL_TOKENS, Tokenizer, vocabulary_layout
from korlm.tokenizers.catalog import SUBWORD_ALGORITHMS
from korlm.tokenizers.encoding import Encoding, Segment, segment_indices, token_spans
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
_SCORE_STEPS = 256  # scores are rounded to multiples of 1 / _SCORE_STEPS

# protobuf wire format of sentencepiece_model.proto; a tag is (field number << 3) | wire type
_PIECES_TAG = 0x0A  # ModelProto.pieces: field 1, length-delimited
_SCORE_TAG = 0x15  # SentencePiece.score: field 2, 32-bit
_VARINT, _LENGTH_DELIMITED, _FIXED32 = 0, 2, 5  # wire types


class _SentencePieceModel(Tokenizer):
    """Base class of tokenizers whose vocabulary is a SentencePiece model.

    Raises:
        ArtifactError: not a SentencePiece model; for `SubwordTokenizer`, also a model not trained by korlm.
        MissingDependencyError: sentencepiece is not installed.
    """

    unit = "subword"

    def __init__(self, name: str, model: bytes) -> None:
        self.name = name
        self.model = model
        self.processor = load_processor(model)

    def _fingerprint_bytes(self) -> bytes:
        return self.model  # unlike the tokens, it includes the scores and the normalization rules

    def dependency_versions(self) -> list[str]:
        return [f"sentencepiece:{importlib.metadata.version('sentencepiece')}"]

    def _iter_ids(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        ids: list[list[int]] = self.processor.encode(list(texts), num_threads=max(workers, 1)) if texts else []
        return ids

    def write_vocabulary(self, folder: Path) -> None:
        write_file(folder / MODEL_FILE, self.model)


class SubwordTokenizer(_SentencePieceModel):
    """A lossless tokenizer with a SentencePiece model that korlm trained.

    Args:
        name: ``unigram`` or ``bpe``.
        model: the bytes of a model trained by `train_subword`.
        specials: names of additional special tokens; they get the last ids.
    """

    hf_exportable = True

    def __init__(self, name: str, model: bytes, *, specials: Sequence[str] = ()) -> None:
        super().__init__(name, model)
        self.token_bytes = _read_token_bytes(self.processor)
        self.specials = assign_special_ids(specials, len(self.token_bytes))
        self.token_bytes += [b""] * len(specials)
        self.cached_ids = TokenIdCache(lambda string: tuple(self._encode_text(string)))

    def __contains__(self, string: str) -> bool:
        """Return whether a string is encoded without byte fallback."""
        return self.byte_token_ids.isdisjoint(self.cached_ids[string])

    def _iter_ids(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        if any(META_SYMBOL in text for text in texts):
            return [self._encode_text(text) for text in texts]
        return super()._iter_ids(texts, workers)

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text, ids in zip(texts, self._iter_ids(texts, workers), strict=True):
            spans = token_spans(self.surfaces, text, ids)
            segments = [Segment(*span) for span in dict.fromkeys(spans)]  # the bytes of a character share its span
            tokens = [self.token_text(token_id) for token_id in ids]
            yield Encoding(text, ids, tokens, spans, segments, segment_indices(spans, segments))

    def _encode_text(self, text: str) -> list[int]:
        """Return the ids of one text, with each ▁ in it encoded as bytes."""
        first, *rest = text.split(META_SYMBOL)
        ids: list[int] = self.processor.encode(first) if first else []
        for part in rest:
            ids += _META_SYMBOL_IDS + (self.processor.encode(part) if part else [])
        return ids


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
        vocab_size: number of ids, including special tokens and the 256 bytes.
        soft: allow a smaller vocabulary if there is too little text for ``vocab_size`` (no ``hard_vocab_limit``).
        coverage: fraction of the characters of the text that get a token (``character_coverage``); rarer characters are
            encoded as bytes.
        threads: number of training threads.
        specials: names of additional special tokens.
        delimiter: a character that marks boundaries in the lines: no token crosses or contains it
            (``pretokenization_delimiter``).

    Raises:
        CorpusError: no text, or too little for that vocabulary size.
        InputError: ``vocab_size`` is smaller than the number of characters to cover.
    """
    options = {"pretokenization_delimiter": delimiter} if delimiter else {}
    size = vocab_size - len(specials)
    model = train_sentencepiece_model(name, lines, size, soft=soft, coverage=coverage, threads=threads, **options)
    return SubwordTokenizer(name, model, specials=specials)


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
    """Train a SentencePiece model and return its bytes.

    ``trainer_options`` are further options of ``SentencePieceTrainer``; see `train_subword` for the others and the errors.
    """
    # SentencePiece's trainer ends a sentence at NUL, and would learn a U+2581 in the text as a space
    cleaned_lines = (line.replace("\0", "").replace(META_SYMBOL, "") for line in lines)
    output = io.BytesIO()
    try:
        _import_sentencepiece().SentencePieceTrainer.train(
            sentence_iterator=(line for line in cleaned_lines if line),
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
    """Convert the message of an exception of SentencePiece's trainer to an error of korlm."""
    if "smaller than required_chars" in reason:
        return InputError(
            f"어휘 크기 {vocab_size}이(가) 글자 수보다 작습니다. 어휘를 키우거나 coverage를 낮추세요.",
            f"Vocabulary size {vocab_size} is less than the characters to cover. Raise it, or lower the coverage.",
        )
    limit = re.search(r"value <= (\d+)", reason)
    ko, en = (f" (최대 {limit[1]})", f" (at most {limit[1]})") if limit else ("", "")
    return CorpusError(
        f"이 말뭉치로는 크기 {vocab_size}의 서브워드 어휘를 만들 수 없습니다. 글을 늘리거나 어휘를 줄이세요{ko}.",
        f"This corpus cannot give a subword vocabulary of {vocab_size}. Add text, or ask for a smaller vocabulary{en}.",
    )


def _read_token_bytes(processor: SentencePieceProcessor) -> list[bytes]:
    """Return the bytes of each id; raise an `ArtifactError` if the ids are not in korlm's order.

    The order is: special tokens, the 256 bytes, tokens.
    """
    size = processor.get_piece_size()
    has_bytes = size >= FIRST_TOKEN_ID and all(processor.is_byte(FIRST_BYTE_ID + byte) for byte in range(256))
    if not has_bytes or [processor.id_to_piece(i) for i in range(FIRST_BYTE_ID)] != list(SPECIAL_TOKENS):
        raise ArtifactError(
            "korlm이 만든 SentencePiece 모델이 아닙니다. korlm.train_tokenizer로 만든 것을 쓰세요.",
            "This SentencePiece model was not made by korlm. Use one made by korlm.train_tokenizer.",
        )
    return vocabulary_layout(processor.id_to_piece(i).replace(META_SYMBOL, " ") for i in range(FIRST_TOKEN_ID, size))


def load_processor(model: bytes) -> SentencePieceProcessor:
    """Return the SentencePiece processor of a model.

    Raises:
        ArtifactError: not a SentencePiece model.
        MissingDependencyError: sentencepiece is not installed.
    """
    library = _import_sentencepiece()
    try:
        return library.SentencePieceProcessor(model_proto=model or b"?")  # b"" would be accepted as a model
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


class SentencePieceTokenizer(_SentencePieceModel):
    """A wrapper of any SentencePiece model, with the model's normalization, ``<unk>`` and decoding; it is not `lossless`.

    Spans are offsets into the caller's string. A token without text there, such as the ▁ that SentencePiece adds as a dummy
    prefix, has an empty span. Segments partition the string; a segment without an id was removed by the normalization.

    Args:
        name: ``sentencepiece``, or ``unigram`` or ``bpe`` for a model that korlm trained without byte fallback.
        model: the bytes of the ``.model`` file.
    """

    lossless = False

    def __init__(self, name: str, model: bytes) -> None:
        super().__init__(name, model)
        processor, self.hf_exportable = self.processor, name in SUBWORD_ALGORITHMS
        ids = range(processor.get_piece_size())
        self.byte_ids = {int(processor.id_to_piece(i)[3:5], 16): i for i in ids if processor.is_byte(i)}  # <0xEA>
        self.specials = {processor.id_to_piece(i): i for i in ids if processor.is_control(i) or processor.is_unknown(i)}
        self.token_bytes = [processor.id_to_piece(i).replace(META_SYMBOL, " ").encode() for i in ids]
        for special_id in self.specials.values():
            self.token_bytes[special_id] = b""
        for byte, byte_id in self.byte_ids.items():
            self.token_bytes[byte_id] = bytes([byte])

    @property
    def on_unknown(self) -> str:
        """``bytes`` if the model has byte tokens, else ``unk``."""
        return "bytes" if self.byte_ids else "unk"

    @property
    def unk_id(self) -> int:
        """The model's own id of ``<unk>``."""
        return self.processor.unk_id()

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text in texts:
            result = self.processor.encode(text, return_type="offset_mapping")
            ids = result["ids"]
            spans = self._extend_byte_spans([tuple(span) for span in result["offsets"]], ids)
            segments = _partition_by_spans(text, spans)
            tokens = [self.token_text(token_id) for token_id in ids]
            yield Encoding(text, ids, tokens, spans, segments, segment_indices(spans, segments))

    def _extend_byte_spans(self, spans: list[Span], ids: Sequence[int]) -> list[Span]:
        """Set the spans of all byte tokens of a character to the character's span, in place, and return the spans.

        SentencePiece gives the character's span to its last byte only, and empty spans to the others.
        """
        first = 0  # index of the token of the character's leading byte
        for index, token_id in enumerate(ids):
            if token_id not in self.byte_token_ids or is_leading_byte(self.token_bytes[token_id][0]):
                first = index
            elif spans[index] != spans[first]:
                character_span = (spans[first][0], spans[index][1])
                spans[first : index + 1] = [character_span] * (index + 1 - first)
        return spans

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the UTF-8 of the text that the model's own decoder gives."""
        text: str = self.processor.decode(self.check_ids(ids))
        return text.encode()

    def _config_fields(self) -> dict[str, Any]:
        return {"on_unknown": "sentencepiece"}  # tells load_tokenizer to use this class; all else is in the model


def _partition_by_spans(text: str, spans: Sequence[Span]) -> list[Segment]:
    """Return a partition of the text: a segment for each span with text of its own, and for each gap between spans."""
    segments: list[Segment] = []
    position = 0
    for start, end in spans:
        if start > position:
            segments.append(Segment(position, start))
            position = start
        if end > position:
            segments.append(Segment(position, end))
            position = end
    if position < len(text):
        segments.append(Segment(position, len(text)))
    return segments


def round_scores(model: bytes) -> bytes:
    """Return a SentencePiece model with all scores rounded to multiples of 1/256."""
    rounded = bytearray(model)
    position = 0
    while position < len(model):
        tag = model[position]
        piece_start, position = _field_value_span(model, position)
        if tag == _PIECES_TAG:
            piece_position = piece_start
            while piece_position < position:
                piece_tag = model[piece_position]
                value_start, piece_position = _field_value_span(model, piece_position)
                if piece_tag == _SCORE_TAG:
                    score = struct.unpack_from("<f", model, value_start)[0]
                    struct.pack_into("<f", rounded, value_start, round(score * _SCORE_STEPS) / _SCORE_STEPS)
    return bytes(rounded)


def _field_value_span(data: bytes, position: int) -> tuple[int, int]:
    """Return the start and end offsets of the value of the protobuf field whose tag is at ``position``."""
    tag, position = _read_varint(data, position)
    wire_type = tag & 7
    if wire_type == _LENGTH_DELIMITED:
        size, position = _read_varint(data, position)
        return position, position + size
    if wire_type == _VARINT:
        return position, _read_varint(data, position)[1]
    return position, position + (4 if wire_type == _FIXED32 else 8)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the protobuf varint at ``position`` and the offset after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
