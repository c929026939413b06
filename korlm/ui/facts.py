"""What can be told of the bundled models without loading them, out of their small files.

>>> [type(card).__name__ for card in read_cards(Path("nowhere"), {})]
[]
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from korlm.artifacts import read_json
from korlm.errors import KorlmError
from korlm.ui.plain import ModelCard

_log = logging.getLogger(__name__)


def read_cards(folder: Path, units: Mapping[str, str]) -> list[ModelCard]:
    """Return a card for each model folder in ``folder``; one that cannot be read is left out and logged.

    Args:
        folder: where the models are.
        units: the unit of each tokenizer.
    """
    cards: list[ModelCard] = []
    for config in sorted(folder.glob("*/config.json")):
        try:
            cards.append(_card(config.parent, units))
        except (KorlmError, OSError, KeyError, ValueError, TypeError):
            _log.exception("a model folder that cannot be read: %s", config.parent.name)
    return cards


def _card(folder: Path, units: Mapping[str, str]) -> ModelCard:
    net = read_json(folder / "config.json")["net"]
    tokenizer = read_json(folder / "tokenizer" / "config.json")["name"]
    info = read_json(folder / "build_info.json")
    return ModelCard(
        folder.name, tokenizer, units.get(tokenizer, ""), str(net["cell"]), _parameters(folder), _bits(info)
    )


def _parameters(folder: Path) -> int:
    """Count the weights from the file's header, so that no torch is needed to show a card."""
    total = 0
    with open(folder / "model.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    for name, entry in header.items():
        if name != "__metadata__":
            size = 1
            for length in entry["shape"]:
                size *= length
            total += size
    return total


def _bits(info: dict[str, Any]) -> float | None:
    """Return the test figure where one was noted, else the best on validation lines."""
    if "test" in info:
        return float(info["test"]["bits_per_character"])
    history = [entry["valid_bpc"] for entry in info.get("history", []) if "valid_bpc" in entry]
    return min(history) if history else None
