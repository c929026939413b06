"""Any SentencePiece model, also one made elsewhere: the very ids that SentencePiece gives, normalised and lossy as it is.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> model = load_tokenizer("unigram").model
>>> SentencePieceTokenizer("sentencepiece", model).encode_ids(["나랑 쇼핑"]) == load_tokenizer("unigram").encode_ids(["나랑 쇼핑"])
True
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from korlm.artifacts import write_file
from korlm.text.spans import Span
from korlm.text.utf8 import is_leading_byte
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding, Segment, segment_indices
from korlm.tokenizers.subword import META_SYMBOL, MODEL_FILE, load_processor


class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece model as it is: its own normalisation, ``<unk>`` and decoding.

    Spans point into the caller's string (empty for a piece that stands for nothing in it, such as the ▁ put before the
    text); segments partition it, those without an id being what the normalisation dropped. `lossless` is False.

    Args:
        name: ``sentencepiece``, or ``unigram`` or ``bpe`` for a model trained here without bytes.
        model: the bytes of the ``.model`` file.

    Raises:
        ArtifactError: they are no SentencePiece model.
        MissingDependencyError: sentencepiece is not installed.
    """

    unit = "subword"
    lossless = False

    def __init__(self, name: str, model: bytes) -> None:
        self.name = name
        self.model = model
        self.processor = processor = load_processor(model)
        numbers = range(processor.get_piece_size())
        self.byte_ids = {int(processor.id_to_piece(i)[3:5], 16): i for i in numbers if processor.is_byte(i)}
        strange = [i for i in numbers if processor.is_control(i) or processor.is_unknown(i)]
        self.specials = {processor.id_to_piece(i): i for i in strange}
        bytes_of = {number: bytes([byte]) for byte, number in self.byte_ids.items()} | dict.fromkeys(strange, b"")
        self.token_bytes = [
            bytes_of[i] if i in bytes_of else processor.id_to_piece(i).replace(META_SYMBOL, " ").encode()
            for i in numbers
        ]

    def _fingerprint_bytes(self) -> bytes:
        return self.model  # its normalisation as well

    def dependency_versions(self) -> list[str]:
        return [f"sentencepiece:{importlib.metadata.version('sentencepiece')}"]

    @property
    def on_unknown(self) -> str:
        return "bytes" if self.byte_ids else "unk"

    @property
    def unk_id(self) -> int:
        return self.processor.unk_id()

    def _iter_ids(self, texts: Sequence[str], workers: int) -> list[list[int]]:
        ids: list[list[int]] = self.processor.encode(list(texts), num_threads=max(workers, 1)) if texts else []
        return ids

    def _iter_encodings(self, texts: Sequence[str], workers: int) -> Iterator[Encoding]:
        for text in texts:
            found = self.processor.encode(text, return_type="offset_mapping")
            spans = self._share_character_spans([tuple(span) for span in found["offsets"]], found["ids"])
            segments = _partition_by_spans(text, spans)
            yield Encoding(
                text,
                found["ids"],
                [self.token_text(i) for i in found["ids"]],
                spans,
                segments,
                segment_indices(spans, segments),
            )

    def _share_character_spans(self, spans: list[Span], ids: Sequence[int]) -> list[Span]:
        """Give all bytes of a character its span, which SentencePiece gives to the last of them alone."""
        begun = 0
        for index, number in enumerate(ids):
            if number not in self.byte_token_ids or is_leading_byte(self.token_bytes[number][0]):
                begun = index
            elif spans[index] != spans[begun]:
                shared = (spans[begun][0], spans[index][1])
                spans[begun : index + 1] = [shared] * (index + 1 - begun)
        return spans

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        ids = list(ids)
        self.check_ids(ids)
        text: str = self.processor.decode(ids)
        return text.encode()

    def _config_fields(self) -> dict[str, Any]:
        return {"on_unknown": "sentencepiece"}  # all else is in the model

    def write_vocabulary(self, folder: Path) -> None:
        write_file(folder / MODEL_FILE, self.model)


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
