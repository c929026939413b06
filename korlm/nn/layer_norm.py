"""`LayerNormRecurrentLayer`: one layer of a layer-normalized RNN, GRU or LSTM (Ba et al. 2016, "Layer normalization").

>>> layer = LayerNormRecurrentLayer("lstm", 8, 16)
>>> outputs, (h, c) = layer(torch.zeros(2, 5, 8), (torch.zeros(1, 2, 16), torch.zeros(1, 2, 16)))
>>> outputs.shape
torch.Size([2, 5, 16])
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.cells import State, cell_step
from korlm.nn.config import CELLS


class LayerNormRecurrentLayer(nn.Module):
    """A recurrent layer that normalizes its two products: ``LN(W x) + LN(U h)`` replaces ``W x + U h + b``.

    ``LN(a) = gain * (a - mean(a)) / sqrt(var(a) + 1e-5) + bias`` over all gates at once, as in the paper's LSTM and
    GRU; an LSTM's c is normalized too, before its tanh. The Elman cells follow the same rule (the paper normalizes
    their sum). The biases of the layer are those of the norms.

    The input product and its norm are computed for all time steps at once; only the recurrent product is in the loop.

    Args:
        cell: ``rnn``, ``relu``, ``gru`` or ``lstm``.
        input_size: width of the input.
        hidden: ``H``.
        projection: ``P`` of a projected LSTM, or 0.
    """

    def __init__(self, cell: str, input_size: int, hidden: int, projection: int = 0) -> None:
        super().__init__()
        self.cell = cell
        rows = CELLS[cell] * hidden
        self.weight_ih_l0 = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(rows, projection or hidden))
        self.weight_hr_l0 = nn.Parameter(torch.empty(projection, hidden)) if projection else None
        self.norm_ih = nn.LayerNorm(rows)
        self.norm_hh = nn.LayerNorm(rows)
        self.norm_c = nn.LayerNorm(hidden) if cell == "lstm" else None
        for weight in (weight for weight in self.parameters() if weight.dim() > 1):
            nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)

    def forward(
        self, inputs: Tensor, state: State, *, weight_hh: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run the layer over a window.

        Args:
            inputs: ``[B, T, I]``.
            state: ``(h,)`` or ``(h, c)``, each ``[1, B, ...]``.
            weight_hh: replaces the layer's own recurrent weights.
            lengths: ``[B]`` where rows end before ``T``: from there outputs are 0, and the state does not change.

        Returns:
            Outputs ``[B, T, H]`` (``P`` wide with a projection) and the new state.
        """
        weight_hh = self.weight_hh_l0 if weight_hh is None else weight_hh
        projected = self.norm_ih(F.linear(inputs, self.weight_ih_l0))
        projection = None if self.weight_hr_l0 is None else partial(F.linear, weight=self.weight_hr_l0)
        state = tuple(part[0] for part in state)
        outputs = []
        for time, product in enumerate(projected.unbind(1)):
            recurrent = self.norm_hh(F.linear(state[0], weight_hh))
            new = cell_step(self.cell, product, recurrent, state, norm=self.norm_c, projection=projection)
            if lengths is None:
                state = new
                outputs.append(state[0])
            else:
                is_token = (time < lengths.to(product.device)).unsqueeze(1)
                state = tuple(torch.where(is_token, after, before) for after, before in zip(new, state, strict=True))
                outputs.append(state[0] * is_token)
        return torch.stack(outputs, 1), tuple(part.unsqueeze(0) for part in state)
