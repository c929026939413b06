"""`QuestionEncoder`: texts to vectors whose cosine tells how likely they mean the same, and an index to search them.

>>> encoder = load_question_encoder()
>>> index = encoder.index(["날씨가 너무 더워요", "배가 고파요"])
>>> index.search("땀이 줄줄 나")[0].text
'날씨가 너무 더워요'
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from korlm.chat.encoder.units import QuestionUnits, read_units
from korlm.errors import ArtifactError, InputError
from korlm.models.registry import find_model_folder
from korlm.nn.quantization import dequantize, quantize
from korlm.nn.question_encoder import UNKNOWN_ID, QuestionEncoderConfig, QuestionEncoderNet
from korlm.storage.artifacts import (
    FORMAT_VERSION,
    new_folder,
    read_artifact_config,
    read_json,
    unreadable_weights_error,
    write_json,
    write_tensors,
)
from korlm.text.normalization import normalize_message
from korlm.text.spans import check_list
from korlm.training.dialogue_batches import pad_token_ids

DEFAULT_ENCODER = "question-encoder"
_BATCH_SIZE = 256


class QuestionMatch(NamedTuple):
    """A text of an index that is similar to a query.

    Attributes:
        text: the text.
        score: the cosine, -1 to 1.
        row: its position in the index.
    """

    text: str
    score: float
    row: int


class QuestionEncoder:
    """Units and a network.

    Args:
        units: what the network reads.
        net: the network; put into evaluation mode.
        info: the build information (``build_info.json``).

    Raises:
        ArtifactError: the sizes of the two vocabularies differ.
    """

    kind = "question-encoder"

    def __init__(self, units: QuestionUnits, net: QuestionEncoderNet, *, info: dict[str, Any] | None = None) -> None:
        if units.vocab_size != net.config.vocab_size:
            raise ArtifactError(
                f"모델의 어휘 {net.config.vocab_size}개와 단위의 어휘 {units.vocab_size}개가 다릅니다. 모델을 다시 받으세요.",
                f"The network has {net.config.vocab_size} ids, the units {units.vocab_size}. Fetch the model again.",
            )
        self.units, self.net, self.info = units, net.eval(), info or {}

    @property
    def width(self) -> int:
        """The width ``D`` of the vectors."""
        return self.net.config.output

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors, ``[n, D]`` float32.

        Texts are normalized as messages are (`korlm.text.normalization`); only the first 200 characters are read.

        Raises:
            InputError: a single string, or an item that is not one.

        Example:
            >>> vectors = load_question_encoder().encode(["배고파", "출출하네", "시험에 떨어졌어"])
            >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
            True
        """
        check_list(texts, "text")
        return self._encode_ids(self.units.encode_batch([normalize_message(text) for text in texts]))

    def knows_words(self, text: str) -> bool:
        """Return whether at least one unit of a text is in the vocabulary; the vector of any other text means nothing.

        >>> encoder = load_question_encoder()
        >>> encoder.knows_words("배고파"), encoder.knows_words("🦑🦑")
        (True, False)
        """
        return any(unit != UNKNOWN_ID for unit in self.units.encode_batch([normalize_message(text)])[0])

    def encode_answers(self, answers: Sequence[str]) -> np.ndarray:
        """Return unit vectors of answers, ``[n, D]``, near the vectors of the questions that they answer."""
        with torch.inference_mode():
            return self.net.project_answers(torch.from_numpy(self.encode(answers))).numpy()

    def index(self, texts: Sequence[str]) -> EncodedTexts:
        """Return an index of texts.

        Raises:
            InputError: no texts, a single string, or an item that is not one.
        """
        return EncodedTexts(self, list(texts), self.encode(texts))

    def _encode_ids(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        vectors = np.empty((len(ids), self.width), np.float32)
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))  # batches of similar length
        with torch.inference_mode():
            for start in range(0, len(ids), _BATCH_SIZE):
                rows = order[start : start + _BATCH_SIZE]
                vectors[rows] = self.net(*pad_token_ids([ids[row] for row in rows])).numpy()
        return vectors

    def save(self, folder: str | Path, *, precision: str = "int8") -> None:
        """Write the encoder to a folder, atomically; see `korlm.models.base.PretrainedModel.save`."""
        with new_folder(folder) as temporary:
            write_tensors(temporary / "model.safetensors", quantize(self.net.state_dict(), precision))
            config = {"kind": self.kind, "format": FORMAT_VERSION, "net": asdict(self.net.config)}
            write_json(temporary / "config.json", config)
            write_json(temporary / "build_info.json", self.info)
            self.units.write(temporary)

    @classmethod
    def load(cls, folder: str | Path) -> QuestionEncoder:
        """Load a folder written by `save`.

        Raises:
            ArtifactError: missing, damaged, of another kind or a newer format.
        """
        folder = Path(folder)
        config = read_artifact_config(folder, cls.kind)
        units = read_units(folder)
        try:
            net = QuestionEncoderNet(QuestionEncoderConfig(**config["net"]))
            net.load_state_dict(dequantize(load_file(folder / "model.safetensors")))
        except (SafetensorError, OSError, KeyError, TypeError, RuntimeError, InputError) as error:
            raise unreadable_weights_error(folder) from error
        return cls(units, net, info=read_json(folder / "build_info.json"))


class EncodedTexts:
    """An index of texts by their vectors, searched exhaustively.

    Args:
        encoder: the encoder of the queries.
        texts: at least one.
        vectors: their unit vectors, ``[n, D]``.

    Raises:
        InputError: no texts.
    """

    def __init__(self, encoder: QuestionEncoder, texts: list[str], vectors: np.ndarray) -> None:
        if not texts:
            raise InputError(
                "찾을 글이 하나도 없습니다. 글의 목록을 주세요.", "There are no texts to search. Give a list of texts."
            )
        self.encoder, self.texts, self.vectors = encoder, texts, vectors

    def __len__(self) -> int:
        return len(self.texts)

    def search(self, text: str, k: int = 1) -> list[QuestionMatch]:
        """Return the ``k`` most similar texts, the best first; of equal ones the first of the index.

        Raises:
            InputError: ``k`` is less than 1, or the text is not a string.
        """
        if k < 1:
            raise InputError(f"k는 1 이상이어야 합니다. 지금: {k}.", f"k must be at least 1, not {k}.")
        cosines = self.compute_cosines(text)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [QuestionMatch(self.texts[row], float(cosines[row]), int(row)) for row in best]

    def compute_cosines(self, text: str) -> np.ndarray:
        """Return the cosine of a text and each text of the index, ``[n]``."""
        cosines: np.ndarray = self.vectors @ self.encoder.encode([text])[0]
        return cosines


@functools.lru_cache(maxsize=2)
def _load_folder(folder: Path) -> QuestionEncoder:
    return QuestionEncoder.load(folder)


def load_question_encoder(
    name: str | Path | None = None, *, revision: str | None = None, token: str | None = None
) -> QuestionEncoder:
    """Load a question encoder; the same folder is loaded once.

    Args:
        name: a bundled name, a folder, or a repository on the Hugging Face Hub; None for the bundled one.
        revision: of a repository: a branch, tag or commit; its main branch by default.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.

    Raises:
        UnknownNameError, ArtifactError, MissingDependencyError, InputError: as for `korlm.load_model`.

    Example:
        >>> encoder = load_question_encoder()
        >>> encoder.encode(["안녕"]).shape == (1, encoder.width)
        True
    """
    return _load_folder(
        find_model_folder(name or DEFAULT_ENCODER, QuestionEncoder.kind, revision=revision, token=token)
    )
