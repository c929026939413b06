"""The optimisers of a run: AdamW, Muon with AdamW, SGD, and SGD for NT-ASGD, as a list of torch optimisers.

>>> from korlm.nn.lm import NetConfig, RecurrentLM
>>> [type(each).__name__ for each in make_optimizers(RecurrentLM(NetConfig(300)), TrainConfig(optimizer="muon"))]
['Muon', 'AdamW']
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from korlm.training.config import TrainConfig

_SPARSE_PREFIX = "ngrams.table"  # weights with sparse gradients
_MUON_RATE = 2.5  # Muon's learning rate over that of AdamW beside it: 0.02 and 0.008 (docs/LOG.md)


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal by five Newton-Schulz steps (Jordan et al. 2024), gate by gate.

    ``torch.optim.Muon`` takes the four gates of an LSTM for one matrix, and computes in bf16, which processors without
    it are slow at.

    Args:
        parameters: matrices ``[G * H, X]`` of ``G`` gates, or of one.
        rate: learning rate; an update has the spectral norm ``rate * sqrt(max(1, H / X))``.
        gates: ``G`` of each matrix.
        momentum: Nesterov's.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, gates: list[int], momentum: float = 0.95):
        super().__init__(list(parameters), {"lr": rate, "momentum": momentum})
        self.gates = gates

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move the weights by their gradients."""
        for group in self.param_groups:
            for weight, gates in zip(group["params"], self.gates, strict=True):
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(state["momentum"], group["momentum"]).view(gates, -1, weight.shape[1])
                scale = max(1.0, ahead.shape[1] / ahead.shape[2]) ** 0.5
                weight.add_(newton_schulz(ahead).view_as(weight), alpha=-group["lr"] * scale)


def newton_schulz(matrices: Tensor) -> Tensor:
    """Return about the nearest orthogonal matrices to ``[G, M, N]``: singular values between 0.7 and 1.2.

    >>> torch.linalg.svdvals(newton_schulz(torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(1)))).min() > 0.6
    tensor(True)
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


def make_optimizers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Return the optimisers; each group's ``peak`` is its learning rate at the top of the schedule.

    Args:
        model: what they move.
        config: ``optimizer``, ``learning_rate`` and ``weight_decay`` of it.
    """
    peak = config.peak_learning_rate
    named = [(name, weight) for name, weight in model.named_parameters() if not name.startswith(_SPARSE_PREFIX)]
    tables = [weight for name, weight in model.named_parameters() if name.startswith(_SPARSE_PREFIX)]
    made: list[torch.optim.Optimizer]
    if config.optimizer in ("sgd", "asgd"):
        made = [torch.optim.SGD([weight for _, weight in named], lr=peak, weight_decay=config.weight_decay)]
    else:
        matrices = [weight for name, weight in named if config.optimizer == "muon" and _is_inner_matrix(name, weight)]
        chosen = {id(weight) for weight in matrices}
        rest = [weight for _, weight in named if id(weight) not in chosen]
        # one pass over the weights in place of a dozen: 7 ms against 40 for 12 M of them, one Zen 3 core. On a GPU torch's
        # own choice is as good, and the fused one would want the step's number there.
        fused = True if rest[0].device.type == "cpu" else None
        made = [torch.optim.AdamW(rest, lr=peak, weight_decay=config.weight_decay, betas=(0.9, 0.99), fused=fused)]
        if matrices:
            gates = [max(1, round(len(weight) / _hidden_size(model))) for weight in matrices]
            made.insert(0, Muon(matrices, peak * _MUON_RATE, gates))
    if tables:
        lazy = torch.optim.SparseAdam if config.optimizer in ("adamw", "muon") else torch.optim.SGD
        made.append(lazy(tables, lr=peak))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


def clip_gradients(model: nn.Module, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Cut gradients by value, then by norm (Pascanu et al. 2013); sparse ones, whose optimiser scales them, are left.

    Returns:
        The norm before the cut, and whether anything was cut, as tensors of no dimension.
    """
    weights = [weight for weight in model.parameters() if weight.grad is not None and not weight.grad.is_sparse]
    cut = torch.zeros((), dtype=torch.bool, device=weights[0].device)
    if config.clip_value:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        cut |= torch.stack(torch._foreach_norm(gradients, math.inf)).max() > config.clip_value
        nn.utils.clip_grad_value_(weights, config.clip_value)
    norm = nn.utils.clip_grad_norm_(weights, config.clip or math.inf)
    return norm, cut | (norm > (config.clip or math.inf))


def _is_inner_matrix(name: str, weight: Tensor) -> bool:
    return weight.dim() == 2 and not name.startswith(("embedding", "output"))


def _hidden_size(net: nn.Module) -> int:
    return int(net.config.hidden)  # type: ignore[union-attr, arg-type]
