"""Model cards, read from the small files of the models without loading torch.

>>> read_model_cards(Path("nowhere"))
[]
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from korlm.corpora.dataset_info import get_dataset_info
from korlm.errors import KorlmError
from korlm.storage.artifacts import read_json
from korlm.tokenizers.catalog import TOKENIZER_UNITS

_log = logging.getLogger(__name__)
_BUNDLED_LICENSE = "Apache-2.0"  # of the bundled weights: data/README.md


@dataclass(frozen=True)
class ModelCard:
    """What the small files of a model say about it."""

    name: str  # the name of its folder
    tokenizer: str  # name of its tokenizer
    unit: str  # unit of its tokenizer
    cell: str  # ``gru``, ``lstm`` and so on
    num_parameters: int  # number of parameters
    bits_per_character: float | None  # on test text, else the best on validation text; None if neither was measured
    has_test_bits: bool = True  # whether `bits_per_character` was measured on test text
    vocab_size: int = 0  # size of the vocabulary
    layers: int = 1  # number of recurrent layers
    hidden: int = 0  # size of a hidden layer
    corpus: tuple[str, str] = ("", "")  # description of the training corpus, in Korean and English, or empty
    known_issues: tuple[str, str] = ("", "")  # known issues of the corpus, in Korean and English, or empty
    lines: int = 0  # number of training lines
    license: str = ""  # license of the weights, or empty
    is_encoder_decoder: bool = False  # whether it is an encoder-decoder


def read_model_cards(folder: Path, *, runs: bool = False, kind: str = "model") -> list[ModelCard]:
    """Return the card of each model folder in ``folder``; folders that cannot be read are logged and left out.

    Of training runs (``runs``) the best checkpoints are read and named ``runs/NAME``. ``kind`` is ``model`` or
    ``chat``.
    """
    cards: list[ModelCard] = []
    for config in sorted(folder.glob("*/best/config.json" if runs else "*/config.json")):
        name = f"{folder.name}/{config.parent.parent.name}" if runs else config.parent.name
        try:
            if read_json(config).get("kind", "model") == kind:
                cards.append(_read_card(config.parent, name, "" if runs else _BUNDLED_LICENSE))
        except (KorlmError, OSError, KeyError, ValueError, TypeError) as error:
            _log.warning("cannot read the model %s: %r", name, error)
    return cards


def abbreviate_count(count: int) -> str:
    """Return a count in thousands or millions.

    >>> abbreviate_count(4_021_288), abbreviate_count(52_000)
    ('4.0M', '52K')
    """
    return f"{count / 1e6:.1f}M" if count >= 1_000_000 else f"{count / 1e3:.0f}K"


def _read_card(folder: Path, name: str, default_license: str) -> ModelCard:
    net = read_json(folder / "config.json")["net"]
    tokenizer = read_json(folder / "tokenizer" / "config.json")
    info = read_json(folder / "build_info.json")
    corpus = info.get("corpus", {})
    dataset = get_dataset_info(info) if corpus.get("name") else None
    return ModelCard(
        name=name,
        tokenizer=str(tokenizer["name"]),
        unit=TOKENIZER_UNITS.get(tokenizer["name"], str(tokenizer.get("unit", ""))),
        cell=str(net["cell"]),
        num_parameters=_count_parameters(folder),
        bits_per_character=_bits_per_character(info),
        has_test_bits="test" in info,
        vocab_size=int(net["vocab_size"]),
        layers=int(net.get("layers", 1)),
        hidden=int(net.get("hidden", 0)),
        corpus=(dataset.ko, dataset.en) if dataset else ("", ""),
        known_issues=dataset.failing if dataset else ("", ""),
        lines=int(corpus.get("train_lines", corpus.get("train_pairs", 0))),
        license=str(info.get("license") or default_license),
        is_encoder_decoder="attention" in net,
    )


def _count_parameters(folder: Path) -> int:
    """Count the parameters in the header of the weights file."""
    with open(folder / "model.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def _bits_per_character(info: dict[str, Any]) -> float | None:
    """Return the value on test text if it was measured, else the best one on validation text."""
    if "test" in info:
        return float(info["test"]["bits_per_character"])
    history = [entry["valid_bpc"] for entry in info.get("history", []) if "valid_bpc" in entry]
    return min(history) if history else None
