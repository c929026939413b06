"""SentencePiece tokenizers: lossless ones trained by korlm, and models made elsewhere, as they are.

`SubwordTokenizer`: SentencePiece writes a space as U+2581 (▁), so it cannot tell a typed ▁ from a space. Here a typed ▁ is
encoded as its three bytes, and the rest by SentencePiece with identity normalization, so that every string is restored.
Kudo and Richardson (2018), "SentencePiece: A simple and language independent subword tokenizer and detokenizer".

`SentencePieceTokenizer`: any model, with the ids that SentencePiece gives, normalized and lossy as it is.

`round_scores`: SentencePiece adds scores in float32, Hugging Face's library in float64. If two segmentations have the same
tokens in another order (``,,,`` and ``,`` or ``,`` and ``,,,``), rounding errors decide: 16 of 20,000 reviews differed.
Multiples of 2**-8 add up without rounding in both, so that ties are ties in every implementation.

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
_STEPS_PER_UNIT = 256  # of a score
_PIECE = 0x0A  # sentencepiece_model.proto: field 1 of ModelProto, a message, and its field 2, a float
_SCORE = 0x15
_MESSAGE, _VARINT, _FIXED32 = 2, 0, 5


class _SentencePieceModel(Tokenizer):
    """A tokenizer that is saved as a SentencePiece model.

    Raises:
        ArtifactError: not a SentencePiece model, or (for `SubwordTokenizer`) not with korlm's order of ids.
        MissingDependencyError: sentencepiece is not installed.
    """

    unit = "subword"

    def __init__(self, name: str, model: bytes) -> None:
        self.name = name
        self.model = model
        self.processor = load_processor(model)

    def _fingerprint_bytes(self) -> bytes:
        return self.model  # with the scores and the normalization

    def dependency_versions(self) -> list[str]:
        return [f"sentencepiece:{importlib.metadata.version('sentencepiece')}"]

    def _iter_ids(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        ids: list[list[int]] = self.processor.encode(list(texts), num_threads=max(workers, 1)) if texts else []
        return ids

    def write_vocabulary(self, folder: Path) -> None:
        write_file(folder / MODEL_FILE, self.model)


class SubwordTokenizer(_SentencePieceModel):
    """A SentencePiece model as a lossless tokenizer.

    Args:
        name: ``unigram`` or ``bpe``.
        model: the bytes of a model trained by `train_subword`.
        specials: names of further special tokens; they get the last ids.
    """

    hf_exportable = True

    def __init__(self, name: str, model: bytes, *, specials: Sequence[str] = ()) -> None:
        super().__init__(name, model)
        self.token_bytes = _read_token_bytes(self.processor)
        self.specials = assign_special_ids(specials, len(self.token_bytes))
        self.token_bytes += [b""] * len(specials)
        self.cached_ids = TokenIdCache(lambda string: tuple(self._encode_text(string)))

    def __contains__(self, string: str) -> bool:
        return self.byte_token_ids.isdisjoint(self.cached_ids[string])

    def _iter_ids(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        if any(META_SYMBOL in text for text in texts):
            return [self._encode_text(text) for text in texts]
        return super()._iter_ids(texts, workers)

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text, ids in zip(texts, self._iter_ids(texts, workers), strict=True):
            spans = token_spans(self.surfaces, text, ids)
            segments = [Segment(*span) for span in dict.fromkeys(spans)]
            tokens = [self.token_text(token_id) for token_id in ids]
            yield Encoding(text, ids, tokens, spans, segments, segment_indices(spans, segments))

    def _encode_text(self, text: str) -> list[int]:
        ids: list[int] = []
        for index, part in enumerate(text.split(META_SYMBOL)):
            ids += (_META_SYMBOL_IDS if index else []) + (self.processor.encode(part) if part else [])
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
        vocab_size: number of ids, special tokens and the 256 bytes included.
        soft: allow a smaller vocabulary if there is too little text for that size.
        coverage: fraction of the characters that become tokens; the others are encoded as bytes.
        threads: training threads.
        specials: names of further special tokens.
        delimiter: a character that no token may cross, and that is not learned itself.

    Raises:
        CorpusError: no text, or too little for that vocabulary.
        InputError: ``vocab_size`` is too small for the characters to cover.
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
    """Train a SentencePiece model and return its bytes; ``trainer_options`` are SentencePiece's. See `train_subword`."""
    # NUL ends a sentence for SentencePiece's trainer, and a typed U+2581 would be learned as a space
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
    limit = re.search(r"value <= (\d+)", reason)
    ko, en = (f" (최대 {limit[1]})", f" (at most {limit[1]})") if limit else ("", "")
    return CorpusError(
        f"이 말뭉치로는 크기 {vocab_size}의 서브워드 어휘를 만들 수 없습니다. 글을 늘리거나 어휘를 줄이세요{ko}.",
        f"This corpus cannot give a subword vocabulary of {vocab_size}. Add text, or ask for a smaller vocabulary{en}.",
    )


def _read_token_bytes(processor: SentencePieceProcessor) -> list[bytes]:
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
        return library.SentencePieceProcessor(model_proto=model or b"?")  # without bytes it would be an empty model
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
    """A SentencePiece model as it is, with its own normalization, ``<unk>`` and decoding; it is not `lossless`.

    Spans point into the caller's string; they are empty for a token without text in it, such as the ▁ added before the
    text. Segments partition the string; those without an id were dropped by the normalization.

    Args:
        name: ``sentencepiece``, or ``unigram`` or ``bpe`` for a model trained by korlm without bytes.
        model: the bytes of the ``.model`` file.
    """

    lossless = False

    def __init__(self, name: str, model: bytes) -> None:
        super().__init__(name, model)
        processor, self.hf_exportable = self.processor, name in SUBWORD_ALGORITHMS
        ids = range(processor.get_piece_size())
        self.byte_ids = {int(processor.id_to_piece(i)[3:5], 16): i for i in ids if processor.is_byte(i)}
        self.specials = {processor.id_to_piece(i): i for i in ids if processor.is_control(i) or processor.is_unknown(i)}
        self.token_bytes = [processor.id_to_piece(i).replace(META_SYMBOL, " ").encode() for i in ids]
        for special_id in self.specials.values():
            self.token_bytes[special_id] = b""
        for byte, byte_id in self.byte_ids.items():
            self.token_bytes[byte_id] = bytes([byte])

    @property
    def on_unknown(self) -> str:
        return "bytes" if self.byte_ids else "unk"

    @property
    def unk_id(self) -> int:
        return self.processor.unk_id()

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text in texts:
            result = self.processor.encode(text, return_type="offset_mapping")
            ids = result["ids"]
            spans = self._share_character_spans([tuple(span) for span in result["offsets"]], ids)
            segments = _partition_by_spans(text, spans)
            tokens = [self.token_text(token_id) for token_id in ids]
            yield Encoding(text, ids, tokens, spans, segments, segment_indices(spans, segments))

    def _share_character_spans(self, spans: list[Span], ids: Sequence[int]) -> list[Span]:
        """Give all bytes of a character its span, which SentencePiece gives to the last one only."""
        first = 0  # index of the character's first byte
        for index, token_id in enumerate(ids):
            if token_id not in self.byte_token_ids or is_leading_byte(self.token_bytes[token_id][0]):
                first = index
            elif spans[index] != spans[first]:
                shared = (spans[first][0], spans[index][1])
                spans[first : index + 1] = [shared] * (index + 1 - first)
        return spans

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        ids = list(ids)
        self.check_ids(ids)
        text: str = self.processor.decode(ids)
        return text.encode()

    def _config_fields(self) -> dict[str, Any]:
        return {"on_unknown": "sentencepiece"}  # the rest is in the model


def _partition_by_spans(text: str, spans: Sequence[Span]) -> list[Segment]:
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
        begin, position = _skip_field(model, position)
        if tag == _PIECE:
            inner = begin
            while inner < position:
                key = model[inner]
                value, inner = _skip_field(model, inner)
                if key == _SCORE:
                    score = struct.unpack_from("<f", model, value)[0]
                    struct.pack_into("<f", rounded, value, round(score * _STEPS_PER_UNIT) / _STEPS_PER_UNIT)
    return bytes(rounded)


def _skip_field(data: bytes, position: int) -> tuple[int, int]:
    """Return the offset of the value of the field at ``position``, and the end of the field."""
    tag, position = _read_varint(data, position)
    kind = tag & 7
    if kind == _MESSAGE:
        size, position = _read_varint(data, position)
        return position, position + size
    if kind == _VARINT:
        return position, _read_varint(data, position)[1]
    return position, position + (4 if kind == _FIXED32 else 8)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
