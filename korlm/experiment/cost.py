"""What a net costs: weights by part, floating-point operations a piece, and the width that a budget buys.

The formulas stand beside `korlm.nn`; a test holds the first against the nets themselves and the second against
`torch.utils.flop_counter`.

>>> count_parameters(NetConfig(8000, cell="gru", hidden=512)).total
3370048
>>> fit_hidden_width(4e6, 8000, cell="gru")
651
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from korlm.errors import InputError
from korlm.nn.config import ADAPTIVE_DIV_VALUE, CELLS, NetConfig


@dataclass(frozen=True)
class ParameterCounts:
    """Weights of a net.

    Attributes:
        embedding: input embeddings, ``V x E``, the tables of hashed n-grams included.
        recurrent: matrices and biases of the layers.
        output: what is left: projection, output weights (none where they are the embedding's) and biases.
        multiplied: those that a piece is multiplied by, tied ones included; embeddings are look-ups.
    """

    embedding: int
    recurrent: int
    output: int
    multiplied: int

    @property
    def total(self) -> int:
        """Weights in all; tied ones count once."""
        return self.embedding + self.recurrent + self.output


def count_parameters(config: NetConfig) -> ParameterCounts:
    """Return the weights of a net of this shape."""
    gates, hidden, width = CELLS[config.cell] * config.hidden, config.hidden, config.recurrent_width
    matrices, biases = 0, 0
    for layer in range(config.layers):
        matrices += gates * ((width if layer else config.embedding) + width) + config.projection * hidden
        # two biases a gate; normalised, two gains and two biases a gate, and for an LSTM's c one of each
        biases += 4 * gates + 2 * hidden * (config.cell == "lstm") if config.layer_norm else 2 * gates
    final = config.embedding if config.tied else width
    project = width * final if final != width else 0
    grams = (config.ngrams - 1) * config.buckets * config.ngram_width if config.ngrams else 0
    gram_matrices = config.ngram_width * (config.embedding + final) if config.ngrams else 0
    softmax = _count_adaptive_softmax(config, final) if config.softmax == "adaptive" else config.vocab_size * final
    bias = 0 if config.softmax == "adaptive" else config.vocab_size
    return ParameterCounts(
        embedding=config.vocab_size * config.embedding + grams,
        recurrent=matrices + biases,
        output=project + (final if project else 0) + gram_matrices + bias + (0 if config.tied else softmax),
        multiplied=matrices + project + gram_matrices + softmax,
    )


def training_flops_per_token(config: NetConfig) -> int:
    """Return the floating-point operations of training on one piece: 6 for each weight that it is multiplied by.

    Forward a multiplication and an addition a weight; backward twice that, for the gradients of inputs and of weights
    (Kaplan et al. 2020, "Scaling laws for neural language models"). Counted are the matrices of the layers, the
    projection and the whole output; not counted are look-ups of embeddings, biases, activations, the softmax itself and
    the optimiser (some per cent), nor what validation costs. Of an adaptive softmax every cluster is counted, so that
    it is an upper bound.

    >>> training_flops_per_token(NetConfig(8000, cell="gru", hidden=512)) / 6 == 3 * 512 * (256 + 512) + 512 * 256 + 8000 * 256
    True
    """
    return 6 * count_parameters(config).multiplied


def fit_hidden_width(parameters: float, vocab_size: int, **options: Any) -> int:
    """Return the hidden width whose net has the number of weights nearest to ``parameters``.

    Args:
        parameters: the budget.
        vocab_size: ``V``.
        **options: the other fields of `NetConfig`.

    Raises:
        InputError: the narrowest net has more weights than that.
    """

    def count_total(hidden: int) -> int:
        return count_parameters(NetConfig(vocab_size, **options, hidden=hidden)).total

    least = options.get("projection", 0) + 1
    if options.get("softmax") == "adaptive":
        least = max(least, ADAPTIVE_DIV_VALUE ** max(2, len(options.get("cutoffs", ()))))
    if (smallest := count_total(least)) > parameters:
        raise InputError(
            f"어휘 {vocab_size:,}개만으로 매개변수 {smallest:,}개가 들어 예산 {parameters:,.0f}개를 넘습니다. "
            "어휘나 --embedding을 줄이거나 --parameters를 늘리세요.",
            f"A vocabulary of {vocab_size:,} alone takes {smallest:,} weights, more than the {parameters:,.0f} of the "
            "budget. Use a smaller vocabulary or --embedding, or more --parameters.",
        )
    # at H = E a tied net needs no projection, so its weights dip there: the search steps over that width
    dip = options.get("embedding", NetConfig.embedding)

    def fits_budget(width: int) -> bool:
        return count_total(width + (width == dip)) <= parameters

    low, high = least, 2 * least
    while fits_budget(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits_budget(middle) else (low, middle)
    near = [width for width in (*range(low - 2, high + 3), dip) if width >= least]
    return min(near, key=lambda width: (abs(count_total(width) - parameters), width))


def _count_adaptive_softmax(config: NetConfig, width: int) -> int:
    """Return the weights of torch's adaptive softmax: a head, and two matrices a cluster."""
    cutoffs = [*config.cutoffs, config.vocab_size]
    weights = (cutoffs[0] + len(config.cutoffs)) * width
    for index, (first, end) in enumerate(pairwise(cutoffs)):
        narrow = width // ADAPTIVE_DIV_VALUE ** (index + 1)
        weights += narrow * (width + end - first)
    return weights
