"""An LSTM over a window in bf16 on CPU, with gates and cell state in float32.

oneDNN's LSTM, which torch runs under autocast, keeps the cell state in bf16 too, whose 8 bits lose the terms of a long sum:
after 500 steps the loss was 6 % above that in float32, and with only the recurrence in float32 it was not (dev/LOG.md). The
method is that of `korlm.nn.bf16.gru`; it takes about as long as oneDNN's.

>>> layer = torch.nn.LSTM(8, 16, batch_first=True)
>>> inputs, state = torch.randn(2, 5, 8), (torch.zeros(1, 2, 16), torch.zeros(1, 2, 16))
>>> outputs, (h, c) = run_lstm(inputs, state, [weight for _, weight in layer.named_parameters()])
>>> torch.allclose(outputs.float(), layer(inputs, state)[0], atol=0.03), outputs.dtype, c.dtype
(True, torch.bfloat16, torch.float32)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from korlm.nn.bf16.ops import BF16, input_projection, packed_linear, prepack_weight, sigmoid_backward, tanh_backward
from korlm.nn.cells import State


def run_lstm(inputs: Tensor, state: State, weights: Sequence[Tensor]) -> tuple[Tensor, State]:
    """Run an LSTM layer over a window.

    Args:
        inputs: ``[B, T, I]``.
        state: ``(h, c)``, each ``[1, B, H]``.
        weights: in torch's order: ``weight_ih [4 * H, I]``, ``weight_hh [4 * H, H]``, ``bias_ih`` and ``bias_hh``
            ``[4 * H]``.

    Returns:
        Outputs ``[B, T, H]`` in bf16, and the state in float32.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    with torch.autocast("cpu", enabled=False):
        product = input_projection(inputs, weight_ih, bias_ih + bias_hh)
        outputs, h, c = _LstmFunction.apply(product, state[0][0].float(), state[1][0].float(), weight_hh.to(BF16))
    return outputs.transpose(0, 1), (h.unsqueeze(0), c.unsqueeze(0))


class _LstmFunction(torch.autograd.Function):
    """``c' = f c + i g``, ``h' = o tanh(c')``, given the input product with the bias; gates in torch's order i, f, g, o.

    In the backward pass ``dc += dh o (1 - tanh(c')^2)``; the gradient of every gate is dc (dh for o) times a factor of the
    forward pass.
    """

    @staticmethod
    def forward(ctx: Any, product: Tensor, h: Tensor, c: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (length, batch, _), width = product.shape, c.shape[-1]
        needs_grad = any(ctx.needs_input_grad)
        packed = prepack_weight(weight, batch)
        hidden = product.new_empty(length + 1, batch, width)
        factors = product.new_empty(length if needs_grad else 0, batch, 6 * width)  # of i, f, g, o; dh into dc; dc back
        hidden[0], c, new = h, c.clone(), torch.empty_like(c)
        gates, step_factors = c.new_empty(batch, 4 * width), c.new_empty(batch, 6 * width)
        i, f, g, o = gates.split(width, 1)
        to_i, to_f, to_g, to_o, to_c, back = step_factors.split(width, 1)
        for time in range(length):
            gates.copy_(packed_linear(hidden[time], packed)).add_(product[time])
            torch.tanh(g, out=new)
            gates.sigmoid_()
            g.copy_(new)
            torch.mul(i, g, out=new).addcmul_(f, c)
            squashed = torch.tanh(new)
            torch.mul(o, squashed, out=to_i)
            hidden[time + 1] = to_i
            if needs_grad:
                sigmoid_backward(g, i, grad_input=to_i)
                sigmoid_backward(c, f, grad_input=to_f)
                tanh_backward(i, g, grad_input=to_g)
                sigmoid_backward(squashed, o, grad_input=to_o)
                tanh_backward(o, squashed, grad_input=to_c)
                back.copy_(f)
                factors[time] = step_factors
            c, new = new, c
        ctx.save_for_backward(hidden, factors, weight)
        return hidden[1:], hidden[-1].float(), c

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, dh: Tensor, dc: Tensor) -> tuple[Tensor, ...]:
        hidden, factors, weight = ctx.saved_tensors
        length, batch, width = d_outputs.shape
        packed = prepack_weight(weight.t(), batch)
        d_product = factors.new_empty(length, batch, 4 * width)
        step_factors, gates, dc = dc.new_empty(batch, 6 * width), dc.new_empty(batch, 4 * width), dc.clone()
        ifg_factors = step_factors[:, : 3 * width].unflatten(1, (3, width))
        d_ifg = gates[:, : 3 * width].unflatten(1, (3, width))
        _, _, _, to_o, to_c, back = step_factors.split(width, 1)
        for time in range(length - 1, -1, -1):
            step_factors.copy_(factors[time])
            dh = dh + d_outputs[time]
            dc.addcmul_(dh, to_c)
            torch.mul(ifg_factors, dc.unsqueeze(1), out=d_ifg)
            torch.mul(to_o, dh, out=gates[:, 3 * width :])
            dc.mul_(back)
            d_product[time] = gates
            dh = packed_linear(d_product[time], packed).float()
        return d_product, dh, dc, d_product.flatten(0, 1).t() @ hidden[:-1].flatten(0, 1)
