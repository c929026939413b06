"""Experiments by name: ``course`` is the exercise of a first lecture on language models.

>>> EXPERIMENT_PRESETS["course"]["tokenizers"]
('word-unk', 'unigram:8000')
"""

from __future__ import annotations

from typing import Any

# PyTorch's examples/word_language_model as its README runs it (`--epochs 6`): LSTM of 2 x 200, SGD at 20, annealed by 4
# where an epoch brings nothing. Lines that are blank are left out here, as everywhere in korlm; there each is an <eos>.
_COURSE_OPTIONS = {
    "embedding": 200, "hidden": 200, "layers": 2, "dropout": 0.2, "tied": False, "initialisation": "uniform",
    "forget_bias": 0.0, "frequencies": False, "batch": 20, "bptt": 35, "epochs": 6.0, "optimizer": "sgd",
    "learning_rate": 20.0, "anneal": 4.0, "schedule": "constant", "warmup": 0.0, "weight_decay": 0.0, "clip": 0.25,
    "validations": 6, "valid_lines": 0,
}  # fmt: skip

EXPERIMENT_PRESETS: dict[str, dict[str, Any]] = {
    "course": {
        "corpus": "wikitext2",
        "tokenizers": ("word-unk", "unigram:8000"),
        "cells": ("lstm",),
        "options": _COURSE_OPTIONS,
    }
}
_LENGTH_BUDGETS = ("characters", "flops", "minutes")


def merge_preset(name: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return a preset's fields of `ExperimentConfig` under those that were asked for.

    >>> chosen = merge_preset("course", {"minutes": 5.0, "options": {"dropout": 0.5}})
    >>> chosen["options"]["dropout"], "epochs" in chosen["options"]
    (0.5, False)
    """
    preset = EXPERIMENT_PRESETS.get(name, {})
    options = {**preset.get("options", {}), **overrides.get("options", {})}
    given = overrides.get("options", {})
    if any(overrides.get(field) for field in _LENGTH_BUDGETS) and "epochs" not in given:
        options.pop("epochs", None)
    if overrides.get("parameters") and "hidden" not in given:
        options.pop("hidden", None)
    return {**preset, **overrides, "options": options, "preset": name}
