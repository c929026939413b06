"""Model soups: averaging the weights of several runs, with calibrated logits.

Runs with the same initial weights end in one loss basin, and a point between them is often better than each (model soups,
Wortsman et al. 2022), at no cost in inference. The logits are then divided by the temperature that fits the validation lines
best (Guo et al. 2017): a model that saw its corpus many times is overconfident elsewhere.

>>> lm = load_model("reviews-unigram-gru")
>>> original = lm.score(["정말 재미있다"]).bits_per_character
>>> scale_logits(lm.net, 1.25)
>>> original != lm.score(["정말 재미있다"]).bits_per_character
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from korlm.corpora.registry import Corpus
from korlm.errors import CorpusError, InputError
from korlm.models.language_model import LanguageModel
from korlm.models.registry import load_model
from korlm.models.scoring import bits_per_character, token_nlls
from korlm.nn.config import DROPOUT_FIELDS
from korlm.nn.lm import RecurrentLM
from korlm.storage.artifacts import check_writable
from korlm.training.train import command_line, environment_info, initial_model_info, write_test_score

_INVERSE_GOLDEN_RATIO = 0.6180339887498949
_LOGIT_SCALE_RANGE = (0.5, 2.0)  # factor of the logits: 1 / temperature
_TOLERANCE = 0.02


@dataclass(frozen=True)
class SoupCandidate:
    """An evaluated candidate: a model and its weight (or the temperature), and its validation bits per character."""

    model: str
    value: float
    bits_per_character: float


def make_soup(
    models: Sequence[str | Path], corpus: Corpus, *, folder: str | Path, precision: str = "float32",
    valid_lines: int = 4000, report: Callable[[SoupCandidate], None] = lambda report: None,
) -> LanguageModel:  # fmt: skip
    """Average the weights of models greedily, calibrate the temperature, save the model and return it.

    The soup starts with the best model on the validation lines. The others are added from best to worst, each with the
    weight that is best on these lines, or left out where none improves them. A single model only gets a temperature.

    Args:
        models: names, folders or addresses as for `load_model`, with the same tokenizer and shape; dropout may differ.
        corpus: its validation lines decide; its test lines are scored at the end.
        folder: the folder of the new model; an existing one is replaced.
        precision: of the weights in the file: ``float32``, ``float16`` or ``int8``.
        valid_lines: maximum number of validation lines; 0 for all.
        report: called with every candidate.

    Raises:
        InputError: no models, incompatible models, or an adaptive softmax.
        CorpusError: no validation lines.
        ArtifactError: a model cannot be read, or the folder cannot be written.
    """
    models = list(dict.fromkeys(models))
    loaded = [load_model(name) for name in models]
    _check_compatible(loaded, [str(name) for name in models], corpus)
    check_writable(folder)
    lines = corpus.valid[: valid_lines or None]
    ids = loaded[0].tokenizer.encode_ids(lines)
    characters = sum(len(line) + 1 for line in lines)

    def validation_bits(model: RecurrentLM) -> float:
        return bits_per_character(sum(float(line.sum()) for line in token_nlls(model, ids)), characters)

    search = SoupSearch(validation_bits, report)
    bits = [search.evaluate(str(name), 1.0, lm.net) for name, lm in zip(models, loaded, strict=True)]
    order = sorted(range(len(loaded)), key=lambda index: bits[index])
    lm = loaded[order[0]]
    fractions = {str(models[order[0]]): 1.0}
    for index in order[1:]:
        added = mix_weights(lm.net, loaded[index].net, str(models[index]), search)
        fractions = {name: part * (1 - added) for name, part in fractions.items()} | {str(models[index]): added}
    temperature = set_temperature(lm.net, search)
    return _save_soup(lm, corpus, folder, precision, {
        "shares": {name: round(part, 4) for name, part in fractions.items()}, "temperature": round(temperature, 4),
        "valid_lines": len(lines), "valid_bpc": dict(zip(map(str, models), bits, strict=True)),
        "best_valid_bpc": search.best_bits,
    })  # fmt: skip


class SoupSearch:
    """Evaluates candidates by their validation bits per character, reports each, and keeps the lowest."""

    def __init__(
        self, validation_bits: Callable[[RecurrentLM], float], report: Callable[[SoupCandidate], None]
    ) -> None:
        self._validation_bits, self._report = validation_bits, report
        self.best_bits = float("inf")

    def evaluate(self, name: str, value: float, model: RecurrentLM) -> float:
        """Return a model's bits per character on the validation lines."""
        bits = self._validation_bits(model)
        self.best_bits = min(self.best_bits, bits)
        self._report(SoupCandidate(name, value, bits))
        return bits


def mix_weights(model: RecurrentLM, other: RecurrentLM, name: str, search: SoupSearch) -> float:
    """Interpolate a model's weights with those of another; return the best weight of the other, 0 if none is better."""
    weights = {key: weight.clone() for key, weight in model.weight_dict().items()}
    other_weights = other.weight_dict()

    def interpolate_weights(fraction: float) -> None:
        model.load_weights({key: torch.lerp(weight, other_weights[key], fraction) for key, weight in weights.items()})

    def bits_at(fraction: float) -> float:
        interpolate_weights(fraction)
        return search.evaluate(name, fraction, model)

    best_before = search.best_bits
    fraction, bits = golden_section_search(bits_at, 0.0, 1.0)
    fraction = fraction if bits < best_before else 0.0
    interpolate_weights(fraction)
    return fraction


def set_temperature(model: RecurrentLM, search: SoupSearch) -> float:
    """Divide a model's logits by the best temperature and return it; 1 if none is better.

    The code length is convex in the factor of the logits, so the search finds its minimum.
    """
    best_before, current_scale = search.best_bits, 1.0

    def bits_at(scale: float) -> float:
        nonlocal current_scale
        scale_logits(model, scale / current_scale)
        current_scale = scale
        return search.evaluate("temperature", 1 / scale, model)

    scale, bits = golden_section_search(bits_at, *_LOGIT_SCALE_RANGE, tolerance=_TOLERANCE / 4)
    scale = scale if bits < best_before else 1.0
    scale_logits(model, scale / current_scale)
    return 1 / scale


@torch.no_grad()
def scale_logits(model: RecurrentLM, factor: float) -> None:
    """Multiply the logits of a model by a factor, by scaling its weights.

    Tied weights scale the embedding too, which the first layer's input weights undo.

    Raises:
        InputError: the model has an adaptive softmax.
    """
    output = _require_full_softmax(model)
    output.weight.mul_(factor)
    output.bias.mul_(factor)
    if model.config.tied:
        model.layers[0].get_parameter("weight_ih_l0").div_(factor)
        if model.ngrams is not None:
            model.ngrams_in.weight.mul_(factor)


def _require_full_softmax(model: RecurrentLM) -> nn.Linear:
    if not isinstance(model.output, nn.Linear):
        raise InputError("adaptive softmax에는 온도를 매길 수 없습니다.", "An adaptive softmax takes no temperature.")
    return model.output


def golden_section_search(
    cost: Callable[[float], float], low: float, high: float, tolerance: float = _TOLERANCE
) -> tuple[float, float]:
    """Return the minimizer and minimum of a unimodal function, by golden-section search (Kiefer 1953).

    >>> minimizer, value = golden_section_search(lambda x: (x - 0.3) ** 2, 0.0, 1.0, tolerance=0.001)
    >>> round(minimizer, 2), round(value, 4)
    (0.3, 0.0)
    """
    inner, outer = high - _INVERSE_GOLDEN_RATIO * (high - low), low + _INVERSE_GOLDEN_RATIO * (high - low)
    at_inner, at_outer = cost(inner), cost(outer)
    while high - low > tolerance:
        if at_inner < at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - _INVERSE_GOLDEN_RATIO * (high - low)
            at_inner = cost(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + _INVERSE_GOLDEN_RATIO * (high - low)
            at_outer = cost(outer)
    return min((inner, at_inner), (outer, at_outer), key=lambda pair: pair[1])


def _check_compatible(models: Sequence[LanguageModel], names: Sequence[str], corpus: Corpus) -> None:
    if not models:
        raise InputError("섞을 모델을 하나 이상 넣으세요.", "Give at least one model to mix.")
    if not corpus.valid:
        raise CorpusError("검증 줄이 없는 말뭉치입니다.", "This corpus has no validation lines.")
    first = models[0]
    _require_full_softmax(first.net)
    dropout = {name: getattr(first.net.config, name) for name in DROPOUT_FIELDS}
    for name, lm in zip(names, models, strict=True):
        if lm.tokenizer.signature != first.tokenizer.signature:
            raise InputError(
                f"{names[0]}와(과) {name}의 토크나이저가 다릅니다. 같은 모델에서 시작한(--from) 것들을 섞으세요.",
                f"{names[0]} and {name} have different tokenizers. Mix runs that began with one model (--from).",
            )
        if replace(lm.net.config, **dropout) != first.net.config:
            raise InputError(
                f"{names[0]}와(과) {name}의 망이 다릅니다. 같은 모델에서 시작한(--from) 것들을 섞으세요.",
                f"{names[0]} and {name} are nets of different shapes. Mix runs that began with one model (--from).",
            )


def _save_soup(
    lm: LanguageModel, corpus: Corpus, folder: str | Path, precision: str, soup: dict[str, Any]
) -> LanguageModel:
    lm.info = {
        **{key: lm.info[key] for key in ("corpus", "model", "training") if key in lm.info},
        "command": command_line("korlm.make_soup"), "soup": soup, "start": initial_model_info(lm),
        "tokenizer": lm.tokenizer.signature, **environment_info(),
    }  # fmt: skip
    lm.save(folder, precision=precision)
    write_test_score(Path(folder), load_model, corpus.test)  # with the weights as rounded in the file
    return load_model(folder)
