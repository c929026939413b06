"""Weight initialization. ``n_in`` and ``n_out`` are the columns and rows of a matrix, ``H`` the hidden width.

| name | matrices | embedding ``[V, E]`` |
|---|---|---|
| ``init_orthogonal`` | recurrent ones orthogonal per gate, the others Xavier | N(0, 1 / E) |
| ``init_xavier`` | U(-a, a), a = sqrt(6 / (n_in + n_out)) per gate | N(0, 1 / E) |
| ``init_he`` | N(0, 2 / n_in) | N(0, 1 / E) |
| ``init_uniform`` | U(-a, a), a = 1 / sqrt(H) | the same |

Biases are 0, except an LSTM's forget gate; gains of layer norms are 1.

>>> weight = torch.empty(6, 6)
>>> init_orthogonal(weight, 6)
>>> torch.allclose(weight @ weight.t(), torch.eye(6), atol=1e-5)
True
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from korlm.nn.config import NetConfig


@torch.no_grad()
def initialize_weights(module: nn.Module, config: NetConfig, generator: torch.Generator | None = None) -> None:
    """Initialize the weights of a network with the scheme of its configuration.

    Args:
        module: parameters are told apart by ``embedding``, ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``norm`` in
            their names.
        config: uses ``initialisation`` and ``forget_bias``. The latter goes to one of the LSTM's two biases (the input
            one), second of the gates i, f, g, o: the gate starts open and the state persists (Gers et al. 2000,
            "Learning to forget"; Jozefowicz et al. 2015, "An empirical exploration of recurrent network
            architectures").
    """
    hidden = config.hidden
    for name, weight in module.named_parameters():
        if weight.dim() == 1:
            _init_bias(name, weight, config)
        elif config.initialisation == "uniform":
            init_uniform(weight, hidden, generator)
        elif name.startswith("embedding"):
            nn.init.normal_(weight, std=1 / math.sqrt(config.embedding), generator=generator)
        elif config.initialisation == "he":
            init_he(weight, generator)
        elif config.initialisation == "orthogonal" and "weight_hh" in name:
            init_orthogonal(weight, hidden, generator)
        else:
            gated = config.initialisation == "xavier" and ("weight_ih" in name or "weight_hh" in name)
            init_xavier(weight, hidden if gated else len(weight), generator)


def init_orthogonal(weight: Tensor, block_rows: int, generator: torch.Generator | None = None) -> None:
    """Fill each block of ``block_rows`` rows with orthonormal rows or columns: ``W W^T = I``, so norms are preserved.

    Saxe et al. (2014), "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks". An
    entry's variance is ``1 / max(n_in, rows)``. With this scheme the other matrices are Xavier-uniform, an input matrix
    as one block of all its gates.
    """
    for block in weight.split(block_rows):
        nn.init.orthogonal_(block, generator=generator)


def init_xavier(weight: Tensor, block_rows: int, generator: torch.Generator | None = None) -> None:
    """Fill each block of ``block_rows`` rows from ``U(-a, a)``, ``a = sqrt(6 / (n_in + rows))``: variance ``2 / (n_in + rows)``.

    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks". With this
    scheme each gate is a separate block, as each gate is a separate map onto ``H``.
    """
    for block in weight.split(block_rows):
        nn.init.xavier_uniform_(block, generator=generator)


def init_he(weight: Tensor, generator: torch.Generator | None = None) -> None:
    """Fill from ``N(0, 2 / n_in)``, the scale that rectifiers preserve; use it for the ``relu`` cell.

    He et al. (2015), "Delving deep into rectifiers".
    """
    nn.init.normal_(weight, std=math.sqrt(2 / weight.shape[1]), generator=generator)


def init_uniform(weight: Tensor, hidden_size: int, generator: torch.Generator | None = None) -> None:
    """Fill from ``U(-a, a)``, ``a = 1 / sqrt(H)``: variance ``1 / (3 H)``, the scale of LeCun et al. (1998), "Efficient
    backprop", and torch's own for recurrent layers; Zaremba et al. (2014) use 0.05 for ``H`` 650."""
    bound = 1 / math.sqrt(hidden_size)
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def _init_bias(name: str, weight: Tensor, config: NetConfig) -> None:
    nn.init.constant_(weight, 1.0 if "norm" in name and name.endswith("weight") else 0.0)
    if config.cell == "lstm" and ("bias_ih" in name or name.endswith("norm_ih.bias")):
        weight[config.hidden : 2 * config.hidden] = config.forget_bias
