"""Quantization of weights for a file: float32, float16, or int8 with one scale per row.

>>> weights = {"w": torch.tensor([[1.0, -0.5], [0.25, 0.1]])}
>>> packed = quantize(weights, "int8")
>>> packed["w"].tolist(), sorted(packed)
([[127, -64], [127, 51]], ['w', 'w:scale'])
>>> torch.allclose(dequantize(packed)["w"], weights["w"], atol=0.005)
True
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from korlm.errors import InputError

PRECISIONS = ("float32", "float16", "int8")
_SCALE_SUFFIX = ":scale"
_ROUNDING_TOLERANCE = 1e-4  # int8 steps: float32 rounds a whole number of steps by less


def quantize(weights: Mapping[str, Tensor], precision: str) -> dict[str, Tensor]:
    """Return weights as stored in a file.

    ``int8``: each row of a matrix is ``round(w / s)`` with ``s = max |w| / 127``, stored as float32 beside it (symmetric
    per-channel quantization, Jacob et al. 2018); vectors stay float32. A quarter of the size; docs/results/language-models.md has the
    loss.

    Raises:
        InputError: an unknown precision.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"precision에 '{precision}'은(는) 없습니다. {', '.join(PRECISIONS)} 가운데 고르세요.",
            f"There is no precision '{precision}'. Choose from {', '.join(PRECISIONS)}.",
        )
    on_cpu = {name: weight.detach().cpu().float().contiguous() for name, weight in weights.items()}
    if precision == "float32":
        return on_cpu
    if precision == "float16":
        return {name: weight.half() for name, weight in on_cpu.items()}
    quantized: dict[str, Tensor] = {}
    for name, weight in on_cpu.items():
        quantized[name] = weight
        if weight.dim() > 1:
            scale = _row_scales(weight)
            quantized[name] = (weight / scale).round().to(torch.int8)
            quantized[name + _SCALE_SUFFIX] = scale.flatten()
    return quantized


def dequantize(quantized: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the float32 weights of a file written by `quantize`.

    Raises:
        KeyError: int8 weights without a scale.
    """
    weights = {}
    for name, tensor in quantized.items():
        if name.endswith(_SCALE_SUFFIX):
            continue
        weight = tensor.float()
        if tensor.dtype == torch.int8:
            weight *= quantized[name + _SCALE_SUFFIX].view(-1, *[1] * (weight.dim() - 1))
        weights[name] = weight
    return weights


def fits_int8(weight: Tensor) -> bool:
    """Return whether int8 with a scale per row represents a matrix exactly, as it does the output of `dequantize`.

    >>> fits_int8(torch.tensor([[0.5, -0.25, 0.1]])), fits_int8(torch.tensor([[127.0, -1.0, 2.0]]))
    (False, True)
    """
    steps = weight / _row_scales(weight)
    return bool(steps.sub_(steps.round()).abs_().max() < _ROUNDING_TOLERANCE)


def _row_scales(weight: Tensor) -> Tensor:
    """Return the size of an int8 step in each row, broadcastable to the weight."""
    return weight.abs().amax(tuple(range(1, weight.dim())), keepdim=True).clamp(min=1e-12) / 127
