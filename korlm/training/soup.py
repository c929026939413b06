"""Model soups: average the weights of several runs, then calibrate the temperature of the logits.

Runs with the same initial weights end in one loss basin, and an average of their weights is often better than each run
(model soups, Wortsman et al. 2022). Inference costs no more than for a single model. The logits are then divided by the
temperature with the lowest validation loss (Guo et al. 2017), because a model that was trained for many epochs is
overconfident on new text.

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
_LOGIT_SCALE_RANGE = (0.5, 2.0)  # searched logit scales; the scale is 1 / temperature
_TOLERANCE = 0.02  # width of the interval at which the golden-section search stops


@dataclass(frozen=True)
class SoupCandidate:
    """One candidate that the search evaluated on the validation lines."""

    model: str  # name of the model that is mixed in, or ``temperature`` while the temperature is tuned
    value: float  # interpolation weight of that model (1 for the model alone), or the temperature
    bits_per_character: float  # validation loss of the candidate


def make_soup(
    models: Sequence[str | Path], corpus: Corpus, *, folder: str | Path, precision: str = "float32",
    valid_lines: int = 4000, report: Callable[[SoupCandidate], None] = lambda candidate: None,
) -> LanguageModel:  # fmt: skip
    """Average the weights of models greedily, calibrate the temperature, save the model and return it.

    The soup starts as the model with the lowest validation loss. The others are then interpolated into it one by one,
    from best to worst, each with the weight that gives the lowest validation loss; a model that does not lower the loss
    is left out. With a single model, only the temperature is calibrated.

    Args:
        models: names, folders or Hub addresses as for `load_model`. They need the same tokenizer and the same
            configuration, except for dropout.
        corpus: the search minimizes the loss on its validation lines; the finished soup is scored on its test lines.
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
    num_characters = sum(len(line) + 1 for line in lines)  # one line end per line

    def validation_loss(model: RecurrentLM) -> float:
        total_nll = sum(float(line_nlls.sum()) for line_nlls in token_nlls(model, ids))
        return bits_per_character(total_nll, num_characters)

    search = SoupSearch(validation_loss, report)
    losses = [search.evaluate(str(name), 1.0, lm.net) for name, lm in zip(models, loaded, strict=True)]
    best, *others = sorted(range(len(loaded)), key=lambda index: losses[index])
    soup = loaded[best]  # its weights are changed in place
    model_weights = {str(models[best]): 1.0}
    for index in others:
        added = mix_weights(soup.net, loaded[index].net, str(models[index]), search)
        model_weights = {name: weight * (1 - added) for name, weight in model_weights.items()}
        model_weights[str(models[index])] = added
    temperature = set_temperature(soup.net, search)
    return _save_soup(soup, corpus, folder, precision, {
        "shares": {name: round(weight, 4) for name, weight in model_weights.items()}, "temperature": round(temperature, 4),
        "valid_lines": len(lines), "valid_bpc": dict(zip(map(str, models), losses, strict=True)),
        "best_valid_bpc": search.best_loss,
    })  # fmt: skip


class SoupSearch:
    """Evaluates candidates by validation bits per character, reports each, and keeps the lowest in ``best_loss``."""

    def __init__(
        self, validation_loss: Callable[[RecurrentLM], float], report: Callable[[SoupCandidate], None]
    ) -> None:
        self._validation_loss, self._report = validation_loss, report
        self.best_loss = float("inf")

    def evaluate(self, name: str, value: float, model: RecurrentLM) -> float:
        """Return the validation loss of a model; ``name`` and ``value`` describe it in the `SoupCandidate`."""
        loss = self._validation_loss(model)
        self.best_loss = min(self.best_loss, loss)
        self._report(SoupCandidate(name, value, loss))
        return loss


def mix_weights(model: RecurrentLM, other: RecurrentLM, name: str, search: SoupSearch) -> float:
    """Interpolate the weights of ``model`` toward those of ``other``, in place.

    Returns:
        The interpolation weight of ``other`` with the lowest validation loss; 0 (``model`` is unchanged) if none is lower
        than the lowest loss so far.
    """
    original_weights = {key: weight.clone() for key, weight in model.weight_dict().items()}
    other_weights = other.weight_dict()

    def interpolate_weights(fraction: float) -> None:
        model.load_weights({
            key: torch.lerp(weight, other_weights[key], fraction) for key, weight in original_weights.items()
        })  # fmt: skip

    def loss_at(fraction: float) -> float:
        interpolate_weights(fraction)
        return search.evaluate(name, fraction, model)

    loss_before = search.best_loss
    fraction, loss = golden_section_search(loss_at, 0.0, 1.0)
    fraction = fraction if loss < loss_before else 0.0
    interpolate_weights(fraction)  # the last evaluated fraction need not be the best one
    return fraction


def set_temperature(model: RecurrentLM, search: SoupSearch) -> float:
    """Divide a model's logits by the temperature with the lowest validation loss, in place.

    The loss is convex in the logit scale (1 / temperature), so golden-section search finds its minimum.

    Returns:
        The temperature; 1 (the logits are unchanged) if none lowers the validation loss.
    """
    loss_before, current_scale = search.best_loss, 1.0

    def apply_scale(scale: float) -> None:
        nonlocal current_scale
        scale_logits(model, scale / current_scale)  # relative to the scale that the weights have now
        current_scale = scale

    def loss_at(scale: float) -> float:
        apply_scale(scale)
        return search.evaluate("temperature", 1 / scale, model)

    scale, loss = golden_section_search(loss_at, *_LOGIT_SCALE_RANGE, tolerance=_TOLERANCE / 4)
    scale = scale if loss < loss_before else 1.0
    apply_scale(scale)
    return 1 / scale


@torch.no_grad()
def scale_logits(model: RecurrentLM, factor: float) -> None:
    """Multiply the logits of a model by a factor, by scaling its output weights in place.

    With tied weights, this scales the input embedding as well. The input weights of the first layer are then divided by
    the factor, and the n-gram embedding, which is added to the input embedding, is multiplied by it, so that the hidden
    states do not change.

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
    """Return the output layer, or raise an `InputError` if it is an adaptive softmax."""
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
    # low < left < right < high
    left, right = high - _INVERSE_GOLDEN_RATIO * (high - low), low + _INVERSE_GOLDEN_RATIO * (high - low)
    left_cost, right_cost = cost(left), cost(right)
    while high - low > tolerance:
        if left_cost < right_cost:  # the minimum is between low and right
            high, right, right_cost = right, left, left_cost
            left = high - _INVERSE_GOLDEN_RATIO * (high - low)
            left_cost = cost(left)
        else:  # the minimum is between left and high
            low, left, left_cost = left, right, right_cost
            right = low + _INVERSE_GOLDEN_RATIO * (high - low)
            right_cost = cost(right)
    return min((left, left_cost), (right, right_cost), key=lambda pair: pair[1])


def _check_compatible(models: Sequence[LanguageModel], names: Sequence[str], corpus: Corpus) -> None:
    """Raise an error unless all models have one tokenizer and one configuration (dropout aside); see `make_soup`."""
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
    write_test_score(Path(folder), load_model, corpus.test)  # reloaded: its weights may be rounded in the file
    return load_model(folder)
