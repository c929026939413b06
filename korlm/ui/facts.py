"""What can be told of the bundled models without loading them, out of their small files.

>>> from korlm.corpora.facts import corpus_facts
>>> [type(card).__name__ for card in read_cards(Path("nowhere"), {}, corpus_facts)]
[]
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from korlm.artifacts import read_json
from korlm.errors import KorlmError
from korlm.ui.plain import ModelCard

_log = logging.getLogger(__name__)
_OWN_LICENCE = "Apache-2.0"  # of the bundled weights: data/README.md


def read_cards(
    folder: Path, units: Mapping[str, str], facts: Callable[[Mapping[str, Any]], Any], *,
    runs: bool = False, kind: str = "model",
) -> list[ModelCard]:  # fmt: skip
    """Return a card for each model folder in ``folder``; one that cannot be read is left out and logged.

    Args:
        folder: where the models are.
        units: the unit of each tokenizer.
        facts: what is known of the corpus that a model's build information names: `korlm.corpora.facts.corpus_facts`.
        runs: the folders are training runs: their best checkpoints, called ``runs/NAME``.
        kind: ``model`` for language models, ``chat`` for chatbots.
    """
    cards: list[ModelCard] = []
    for config in sorted(folder.glob("*/best/config.json" if runs else "*/config.json")):
        name = f"{folder.name}/{config.parent.parent.name}" if runs else config.parent.name
        try:
            if read_json(config).get("kind", "model") == kind:
                cards.append(_card(config.parent, name, units, facts, licence="" if runs else _OWN_LICENCE))
        except (KorlmError, OSError, KeyError, ValueError, TypeError) as error:
            _log.warning("%s is no model that can be read: %r", name, error)
    return cards


def _card(
    folder: Path, name: str, units: Mapping[str, str], facts: Callable[[Mapping[str, Any]], Any], *, licence: str
) -> ModelCard:
    net = read_json(folder / "config.json")["net"]
    tokenizer = read_json(folder / "tokenizer" / "config.json")
    info = read_json(folder / "build_info.json")
    learnt = facts(info) if info.get("corpus", {}).get("name") else None
    return ModelCard(
        name=name,
        tokenizer=str(tokenizer["name"]),
        unit=units.get(tokenizer["name"], str(tokenizer.get("unit", ""))),
        cell=str(net["cell"]),
        parameters=_parameters(folder),
        bits=_bits(info),
        tested="test" in info,
        vocabulary=int(net["vocab_size"]),
        layers=int(net.get("layers", 1)),
        hidden=int(net.get("hidden", 0)),
        corpus=(learnt.ko, learnt.en) if learnt else ("", ""),
        failing=learnt.failing if learnt else ("", ""),
        lines=int(info.get("corpus", {}).get("train_lines", info.get("corpus", {}).get("train_pairs", 0))),
        licence=str(info.get("license") or licence),
        attention="attention" in net,
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
