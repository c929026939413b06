"""Several runs' weights as one model, and logits as sure of themselves as they should be.

Runs that began with the same weights lie in one valley, and a point between them is often better than each (model soups,
Wortsman et al. 2022), at no cost when the model is used. And one number divides the logits, the temperature that fits
validation lines best (Guo et al. 2017): a net that read its corpus many times is a little too sure of itself elsewhere.

>>> lm = load_model("reviews-unigram-gru")
>>> before = lm.score(["정말 재미있다"]).bits_per_character
>>> scale_logits(lm.net, 1.25)
>>> before != lm.score(["정말 재미있다"]).bits_per_character
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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
_LOGIT_SCALE_RANGE = (0.5, 2.0)  # what the logits are multiplied by: 1 / temperature
_TOLERANCE = 0.02


@dataclass(frozen=True)
class SoupCandidate:
    """What was tried: a model's share (or the temperature), and the bits per character on the validation lines."""

    model: str
    value: float
    bits_per_character: float


def make_soup(
    models: Sequence[str | Path],
    corpus: Corpus,
    *,
    folder: str | Path,
    precision: str = "float32",
    valid_lines: int = 4000,
    report: Callable[[SoupCandidate], None] = lambda report: None,
) -> LanguageModel:
    """Mix the weights of models greedily, find the temperature, save the model and return it.

    The best on the validation lines comes first; each other, the better ones first, is mixed in with the share that is best
    on these lines, or left out where none improves them. A single model is given its temperature alone.

    Args:
        models: what `load_model` takes: the same tokenizer and shape each; only dropouts may differ.
        corpus: its validation lines decide; its test lines are measured at the end.
        folder: where the model goes; one that stands there is replaced.
        precision: of the weights in the file: ``float32``, ``float16`` or ``int8``.
        valid_lines: at most so many validation lines; 0 for all.
        report: called with all that is tried.

    Raises:
        InputError: no models, models that do not go together, or an adaptive softmax.
        CorpusError: no validation lines.
        ArtifactError: a model cannot be read, or the folder not written.
    """
    models = list(dict.fromkeys(models))
    found = [load_model(name) for name in models]
    _check_compatible(found, [str(name) for name in models], corpus)
    check_writable(folder)
    lines = corpus.valid[: valid_lines or None]
    ids = found[0].tokenizer.encode_ids(lines)
    characters = sum(len(line) + 1 for line in lines)

    def validation_bits(net: RecurrentLM) -> float:
        return bits_per_character(sum(float(line.sum()) for line in token_nlls(net, ids)), characters)

    tries = SoupSearch(validation_bits, report)
    bits = [tries.evaluate(str(name), 1.0, lm.net) for name, lm in zip(models, found, strict=True)]
    order = sorted(range(len(found)), key=lambda index: bits[index])
    lm = found[order[0]]
    shares = {str(models[order[0]]): 1.0}
    for index in order[1:]:
        share = mix_weights(lm.net, found[index].net, str(models[index]), tries)
        shares = {name: part * (1 - share) for name, part in shares.items()} | {str(models[index]): share}
    temperature = set_temperature(lm.net, tries)
    return _save_soup(lm, corpus, folder, precision, {
        "shares": {name: round(share, 4) for name, share in shares.items()}, "temperature": round(temperature, 4),
        "valid_lines": len(lines), "valid_bpc": {str(name): one for name, one in zip(models, bits, strict=True)},
        "best_valid_bpc": tries.best_bits,
    })  # fmt: skip


class SoupSearch:
    """Measures nets, tells of each, and remembers the best.

    Args:
        measure: a net's bits per character on the validation lines.
        report: called with each.
    """

    def __init__(self, measure: Callable[[RecurrentLM], float], report: Callable[[SoupCandidate], None]) -> None:
        self._measure = measure
        self._report = report
        self.best_bits = float("inf")

    def evaluate(self, name: str, value: float, net: RecurrentLM) -> float:
        """Measure a net."""
        bits = self._measure(net)
        self.best_bits = min(self.best_bits, bits)
        self._report(SoupCandidate(name, value, bits))
        return bits


def mix_weights(model: RecurrentLM, other: RecurrentLM, name: str, search: SoupSearch) -> float:
    """Move a net's weights towards those of another as far as is best; return how far, 0 where nowhere is better."""
    own = {key: weight.clone() for key, weight in model.weight_dict().items()}
    theirs = other.weight_dict()

    def interpolate_weights(share: float) -> dict[str, Tensor]:
        return {key: torch.lerp(weight, theirs[key], share) for key, weight in own.items()}

    def bits_at(share: float) -> float:
        model.load_weights(interpolate_weights(share))
        return search.evaluate(name, share, model)

    before = search.best_bits
    share, found = golden_section_search(bits_at, 0.0, 1.0)
    share = share if found < before else 0.0
    model.load_weights(interpolate_weights(share))
    return share


def set_temperature(model: RecurrentLM, search: SoupSearch) -> float:
    """Divide a net's logits by the temperature that is best, and return it; 1 where none is better.

    The code length is convex in the logits' factor, so the search finds its lowest point.
    """
    before, factor = search.best_bits, 1.0

    def bits_at(wanted: float) -> float:
        nonlocal factor
        scale_logits(model, wanted / factor)
        factor = wanted
        return search.evaluate("temperature", 1 / wanted, model)

    best, found = golden_section_search(bits_at, *_LOGIT_SCALE_RANGE, tolerance=_TOLERANCE / 4)
    best = best if found < before else 1.0
    scale_logits(model, best / factor)
    return 1 / best


@torch.no_grad()
def scale_logits(model: RecurrentLM, factor: float) -> None:
    """Multiply the logits that a net gives by a number, by way of its weights; a row of them is only scaled.

    Tied weights take it in the embedding, and the first layer's input weights take it back.

    Raises:
        InputError: the net has an adaptive softmax.
    """
    output = _require_full_softmax(model)
    output.weight.mul_(factor)
    output.bias.mul_(factor)
    if model.config.tied:
        model.layers[0].get_parameter("weight_ih_l0").div_(factor)
        if model.ngrams is not None:
            model.ngrams_in.weight.mul_(factor)


def _require_full_softmax(net: RecurrentLM) -> nn.Linear:
    if not isinstance(net.output, nn.Linear):
        raise InputError("adaptive softmax에는 온도를 매길 수 없습니다.", "An adaptive softmax takes no temperature.")
    return net.output


def golden_section_search(
    cost: Callable[[float], float], low: float, high: float, tolerance: float = _TOLERANCE
) -> tuple[float, float]:
    """Return where a function with one valley is lowest, and its value there, by golden-section search (Kiefer 1953).

    >>> place, value = golden_section_search(lambda x: (x - 0.3) ** 2, 0.0, 1.0, tolerance=0.001)
    >>> round(place, 2), round(value, 4)
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


def _check_compatible(found: Sequence[LanguageModel], names: Sequence[str], corpus: Corpus) -> None:
    if not found:
        raise InputError("섞을 모델을 하나 이상 넣으세요.", "Give at least one model to mix.")
    if not corpus.valid:
        raise CorpusError("검증 줄이 없는 말뭉치입니다.", "This corpus has no validation lines.")
    first = found[0]
    _require_full_softmax(first.net)
    usual = {name: getattr(first.net.config, name) for name in DROPOUT_FIELDS}
    for name, lm in zip(names, found, strict=True):
        if lm.tokenizer.signature != first.tokenizer.signature:
            raise InputError(
                f"{names[0]}와(과) {name}의 토크나이저가 다릅니다. 같은 모델에서 시작한(--from) 것들을 섞으세요.",
                f"{names[0]} and {name} have different tokenizers. Mix runs that began with one model (--from).",
            )
        if replace(lm.net.config, **usual) != first.net.config:
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
    write_test_score(Path(folder), load_model, corpus.test)  # of the weights as they are in the file
    return load_model(folder)
