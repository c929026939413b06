"""The units that a question encoder reads: Kiwi's morphemes with restored forms, or the tokens of any tokenizer.

>>> units = MorphemeUnits([("덥", "VA-I"), ("어요", "EF")])
>>> units.encode_batch(["더워요", "더워요 뷁"])
[[2, 3], [2, 3, 1]]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from korlm.errors import ArtifactError
from korlm.morph.kiwi import KiwiAnalyzer
from korlm.nn.question_encoder import UNKNOWN_ID
from korlm.storage.artifacts import read_json, write_json
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer

MAX_UNITS = 32  # of a text that are read
_MAX_CHARACTERS = 200  # that are analyzed
_NUM_SPECIAL_IDS = 2  # padding and unknown
_VOCABULARY_FILE = "morphemes.json"
_REPEATED = re.compile(r"([^\w\s]|[ㄱ-ㅎㅏ-ㅣ])\1\1+")


class QuestionUnits(Protocol):
    """Maps texts to ids: 0 is padding, 1 unknown. At least one id for each text, at most `MAX_UNITS`."""

    name: str
    vocab_size: int

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text."""
        ...

    def write(self, folder: Path) -> None:
        """Write what `read_units` needs into an existing folder."""
        ...


class MorphemeUnits:
    """Morphemes of Kiwi: the restored form and the tag, so that 더워요 and 덥다 share 덥/VA-I.

    Args:
        morphemes: form and tag of each id from 2 on.
    """

    name = "kiwi"

    def __init__(self, morphemes: Sequence[tuple[str, str]]) -> None:
        self.morphemes = list(morphemes)
        self.vocab_size = len(self.morphemes) + _NUM_SPECIAL_IDS
        self._ids = {morpheme: row for row, morpheme in enumerate(self.morphemes, _NUM_SPECIAL_IDS)}

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """See `QuestionUnits`."""
        return self.encode_analyzed(analyze_morphemes(texts))

    def encode_analyzed(self, analyzed: Sequence[Sequence[tuple[str, str]]]) -> list[list[int]]:
        """Return the ids of texts from `analyze_morphemes`."""
        return [
            [self._ids.get(morpheme, UNKNOWN_ID) for morpheme in morphemes[:MAX_UNITS]] or [UNKNOWN_ID]
            for morphemes in analyzed
        ]

    def write(self, folder: Path) -> None:
        """See `QuestionUnits`."""
        write_json(folder / _VOCABULARY_FILE, {"morphemes": [f"{form}/{tag}" for form, tag in self.morphemes]})


class TokenizerUnits:
    """Tokens of a tokenizer, shifted by the two special ids."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.name = tokenizer.unit
        self.vocab_size = tokenizer.vocab_size + _NUM_SPECIAL_IDS

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """See `QuestionUnits`."""
        encodings = self.tokenizer.encode_batch([text[:_MAX_CHARACTERS] for text in texts])
        return [
            [token_id + _NUM_SPECIAL_IDS for token_id in encoding.ids[:MAX_UNITS]] or [UNKNOWN_ID]
            for encoding in encodings
        ]

    def write(self, folder: Path) -> None:
        """See `QuestionUnits`."""
        self.tokenizer.save(folder / "tokenizer")


def read_units(folder: Path) -> QuestionUnits:
    """Read the units of a question encoder's folder.

    Raises:
        ArtifactError: missing or damaged.
    """
    if (folder / "tokenizer").is_dir():
        return TokenizerUnits(load_tokenizer(folder / "tokenizer"))
    names = read_json(folder / _VOCABULARY_FILE).get("morphemes")
    if not isinstance(names, list) or not all(isinstance(name, str) and "/" in name for name in names):
        raise ArtifactError(
            f"{folder / _VOCABULARY_FILE}이(가) 손상되었습니다. 모델을 다시 받거나 다시 만드세요.",
            f"{folder / _VOCABULARY_FILE} is damaged. Fetch or make the model again.",
        )
    return MorphemeUnits([(form, tag) for form, _, tag in (name.rpartition("/") for name in names)])


def analyze_morphemes(texts: Iterable[str]) -> list[list[tuple[str, str]]]:
    """Return form and tag of each morpheme of each text; runs of ㅋ, ㅠ, punctuation and the like are shortened to two."""
    shortened = [_REPEATED.sub(r"\1\1", text[:_MAX_CHARACTERS]) for text in texts]
    return [
        [(morpheme.form, morpheme.tag) for morpheme in morphemes] for morphemes in KiwiAnalyzer().analyze(shortened)
    ]
