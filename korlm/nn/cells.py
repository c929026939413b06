"""One time step of each recurrent cell, given the products of input and hidden state with the weights.

>>> gates = torch.zeros(2, 4 * 3)
>>> h, c = cell_step("lstm", gates, gates, (torch.zeros(2, 3), torch.ones(2, 3)))
>>> c[0]
tensor([0.5000, 0.5000, 0.5000])
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

State = tuple[Tensor, ...]  # (h,), or (h, c) for LSTM


def cell_step(
    cell: str, input_gates: Tensor, recurrent_gates: Tensor, state: State, *,
    norm: Callable[[Tensor], Tensor] | None = None, projection: Callable[[Tensor], Tensor] | None = None,
) -> State:  # fmt: skip
    """Return the state after one time step. Gates are in torch's order.

    - ``rnn``, ``relu``: ``h' = f(x + r)``
    - ``gru`` (r, z, n): ``h' = (1 - z) n + z h`` with ``n = tanh(x_n + r * r_n)``
    - ``lstm`` (i, f, g, o): ``c' = f c + i g``, ``h' = o tanh(c')``

    Args:
        cell: name of the cell.
        input_gates: ``[B, gates * H]``, the input's product, including the bias.
        recurrent_gates: ``[B, gates * H]``, the hidden state's product, including the bias.
        state: ``(h,)`` or ``(h, c)``, each ``[B, H]``; an LSTM's h is not used.
        norm: normalizes an LSTM's c' before its tanh.
        projection: projects an LSTM's hidden state from ``H`` to ``P``: ``h' = projection(o tanh(c'))``.
    """
    if cell == "lstm":
        gates = input_gates + recurrent_gates
        i, f, g, o = gates.chunk(4, -1)
        c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(norm(c) if norm else c)
        return (h if projection is None else projection(h)), c
    if cell == "gru":
        input_rz, input_n = input_gates.tensor_split([2 * state[0].shape[-1]], -1)
        recurrent_rz, recurrent_n = recurrent_gates.tensor_split([2 * state[0].shape[-1]], -1)
        r, z = torch.sigmoid(input_rz + recurrent_rz).chunk(2, -1)
        n = torch.tanh(input_n + r * recurrent_n)
        return (torch.lerp(n, state[0], z),)
    total = input_gates + recurrent_gates
    return (torch.tanh(total) if cell == "rnn" else torch.relu(total),)
