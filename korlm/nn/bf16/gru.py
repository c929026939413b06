"""A GRU over a window in bf16 on CPU: the computation of `torch.gru`, faster.

oneDNN fuses an LSTM's window for torch, but not a GRU's, which torch runs as a loop of small operations traced by autograd.
Here the input product is computed for all time steps at once, the recurrent weights are packed once per window, gates are
float32, and the gradient is explicit: the forward pass stores the factors that it needs. The backward pass then costs one
product and a few operations per step, and one product per window for the weights (the method of Appleyard et al. 2016,
"Optimizing performance of recurrent neural networks on GPUs"). dev/LOG.md has the times.

>>> layer = torch.nn.GRU(8, 16, batch_first=True)
>>> inputs, state = torch.randn(2, 5, 8), torch.zeros(1, 2, 16)
>>> outputs, (last,) = run_gru(inputs, (state,), [weight for _, weight in layer.named_parameters()])
>>> torch.allclose(outputs.float(), layer(inputs, state)[0], atol=0.03), outputs.dtype
(True, torch.bfloat16)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from korlm.nn.bf16.ops import BF16, input_projection, packed_linear, prepack_weight, sigmoid_backward, tanh_backward
from korlm.nn.cells import State


def run_gru(inputs: Tensor, state: State, weights: Sequence[Tensor]) -> tuple[Tensor, State]:
    """Run a GRU layer over a window.

    Args:
        inputs: ``[B, T, I]``.
        state: ``(h,)``, ``[1, B, H]``.
        weights: in torch's order: ``weight_ih [3 * H, I]``, ``weight_hh [3 * H, H]``, ``bias_ih`` and ``bias_hh``
            ``[3 * H]``.

    Returns:
        Outputs ``[B, T, H]`` in bf16, and the state in float32.
    """
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    rz = 2 * weight_hh.shape[1]  # r and z add both biases; n multiplies its recurrent one by r
    with torch.autocast("cpu", enabled=False):
        product = input_projection(inputs, weight_ih, torch.cat([bias_ih[:rz] + bias_hh[:rz], bias_ih[rz:]]))
        outputs, h = _GruFunction.apply(product, state[0][0].float(), weight_hh.to(BF16), bias_hh[rz:].float())
    return outputs.transpose(0, 1), (h.unsqueeze(0),)


class _GruFunction(torch.autograd.Function):
    """``h' = n + z (h - n)`` with ``n = tanh(x_n + r q)``, ``q = U_n h + b_n``; gates in torch's order r, z, n.

    In the backward pass the gradient of every gate is dh times a factor of the forward pass, and
    ``dh = z dh + d(r, z, q) U``.
    """

    @staticmethod
    def forward(ctx: Any, product: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        (length, batch, _), width = product.shape, h.shape[-1]
        needs_grad = any(ctx.needs_input_grad)
        packed = prepack_weight(weight, batch)
        hidden = product.new_empty(length + 1, batch, width)
        # of r, z, q, n; of dh into the previous dh
        factors = product.new_empty(length if needs_grad else 0, batch, 5 * width)
        hidden[0], h = h, h.clone()
        x, inner, step_factors = (h.new_empty(batch, count * width) for count in (3, 3, 5))
        rz, x_n, q = inner[:, : 2 * width], x[:, 2 * width :], inner[:, 2 * width :]
        r, z = rz.split(width, 1)
        to_r, to_z, to_q, to_n, back = step_factors.split(width, 1)
        for time in range(length):
            inner.copy_(packed_linear(hidden[time], packed))
            x.copy_(product[time])
            rz.add_(x[:, : 2 * width]).sigmoid_()
            q.add_(bias)
            n = torch.addcmul(x_n, r, q).tanh_()
            h.sub_(n)  # h - n
            if needs_grad:
                sigmoid_backward(h, z, grad_input=to_z)
                torch.sub(1, z, out=back)
                tanh_backward(back, n, grad_input=to_n)
                sigmoid_backward(q, r, grad_input=to_r)
                to_r.mul_(to_n)
                torch.mul(to_n, r, out=to_q)
                back.copy_(z)
                factors[time] = step_factors
            h = torch.addcmul(n, z, h)
            hidden[time + 1] = h
        ctx.save_for_backward(hidden, factors, weight)
        return hidden[1:], h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, dh: Tensor) -> tuple[Tensor, ...]:
        hidden, factors, weight = ctx.saved_tensors
        length, batch, width = d_outputs.shape
        packed = prepack_weight(weight.t(), batch)
        d_product, d_inner = (factors.new_empty(length, batch, 3 * width) for _ in range(2))
        step_factors, gates = dh.new_empty(batch, 5 * width), dh.new_empty(batch, 4, width)
        gate_factors, back = step_factors[:, : 4 * width].unflatten(1, (4, width)), step_factors[:, 4 * width :]
        d_n = gates[:, 3]
        for time in range(length - 1, -1, -1):
            step_factors.copy_(factors[time])
            dh = dh + d_outputs[time]
            torch.mul(gate_factors, dh.unsqueeze(1), out=gates)
            flat = gates.flatten(1)
            d_inner[time] = flat[:, : 3 * width]
            d_product[time, :, : 2 * width] = flat[:, : 2 * width]
            d_product[time, :, 2 * width :] = d_n
            dh = torch.addcmul(packed_linear(d_inner[time], packed).float(), dh, back)
        flat = d_inner.flatten(0, 1)
        return d_product, dh, flat.t() @ hidden[:-1].flatten(0, 1), flat[:, 2 * width :].sum(0, dtype=dh.dtype)
