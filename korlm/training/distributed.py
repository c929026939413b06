"""Distributed training under ``torchrun``.

Streams are split over the ranks, gradients are summed, and rank 0 writes. Without a launcher there is one rank, and nothing
here has an effect.

    torchrun --nproc-per-node 2 -m korlm train reviews

>>> group = ProcessGroup()
>>> group.world_size, group.is_main, group.broadcast_object(0.5)
(1, True, 0.5)
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

_TIMEOUT = timedelta(hours=12)  # the others wait while rank 0 trains a vocabulary or validates


class ProcessGroup:
    """The processes of a run, from ``RANK``, ``WORLD_SIZE`` and ``LOCAL_RANK`` as ``torchrun`` sets them."""

    def __init__(self) -> None:
        self.world_size = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0)) if self.world_size > 1 else 0
        self.is_main = self.rank == 0
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if self.world_size > 1 and not dist.is_initialized():
            if cuda:
                torch.cuda.set_device(self.device)
            dist.init_process_group("nccl" if cuda else "gloo", timeout=_TIMEOUT)
            atexit.register(dist.destroy_process_group)

    def all_reduce_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its sum over the ranks."""
        if self.world_size == 1:
            return
        gradients: list[Tensor] = []
        for weight in model.parameters():
            if weight.grad is not None and weight.grad.is_sparse:
                weight.grad = self._all_reduce_sparse(weight.grad)
            elif weight.grad is not None:
                gradients.append(weight.grad)
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def _all_reduce_sparse(self, gradient: Tensor) -> Tensor:
        """Return the sum over the ranks of a sparse gradient with the same number of entries, rows of a table, on each."""
        indices, values = gradient._indices(), gradient._values()
        all_indices = [torch.empty_like(indices) for _ in range(self.world_size)]
        all_values = [torch.empty_like(values) for _ in range(self.world_size)]
        dist.all_gather(all_indices, indices)
        dist.all_gather(all_values, values)
        return torch.sparse_coo_tensor(
            torch.cat(all_indices, 1), torch.cat(all_values), gradient.shape, check_invariants=False
        )

    def all_reduce(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over the ranks."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values

    def broadcast_object(self, value: Any) -> Any:
        """Return the value of rank 0, so that all ranks make the same decision."""
        if self.world_size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0, device=self.device)
        return values[0]

    def run_on_main(self, function: Callable[[], Any]) -> Any:
        """Call a function on rank 0 and return its result on every rank.

        Raises:
            Exception: the exception of rank 0, on every rank, so that none waits forever.
        """
        if self.world_size == 1:
            return function()
        outcome: Any = None
        if self.is_main:
            try:
                outcome = (True, function())
            except Exception as error:
                outcome = (False, error)
        succeeded, result = self.broadcast_object(outcome)
        if not succeeded:
            raise result
        return result

    def gather_state(self, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the states ``[L, B / world_size, *]`` of all ranks concatenated along the rows, on every rank."""
        if self.world_size == 1:
            return state
        joined = []
        for part in state:
            rows = [torch.empty_like(part) for _ in range(self.world_size)]
            dist.all_gather(rows, part.contiguous())
            joined.append(torch.cat(rows, 1))
        return tuple(joined)

    def local_shard(self, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return this rank's rows of a gathered state."""
        sizes = [part.shape[1] // self.world_size for part in state]
        return tuple(
            part[:, self.rank * size : (self.rank + 1) * size].contiguous()
            for part, size in zip(state, sizes, strict=True)
        )
