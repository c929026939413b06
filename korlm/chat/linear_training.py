"""Training of the linear models of the chat package: sparse features, and L-BFGS on a regularized loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def stack_sparse_rows(features: Sequence[tuple[np.ndarray, np.ndarray]], num_features: int) -> Tensor:
    """Return a sparse CSR matrix ``[N, F]``.

    Args:
        features: of each row the indices of the features that it has, and their values.
        num_features: ``F``.

    Example:
        >>> rows = [(np.array([2]), np.array([0.5])), (np.array([0, 1]), np.array([1.0, 2.0]))]
        >>> stack_sparse_rows(rows, 3).to_dense().tolist()
        [[0.0, 0.0, 0.5], [1.0, 2.0, 0.0]]
    """
    return torch.sparse_csr_tensor(
        torch.tensor(np.cumsum([0, *(len(columns) for columns, _ in features)])),
        torch.tensor(np.concatenate([columns for columns, _ in features])),
        torch.tensor(np.concatenate([values for _, values in features])),
        (len(features), num_features),
    )


def minimize_loss(parameters: list[Tensor], compute_loss: Callable[[], Tensor], *, max_iterations: int = 200) -> None:
    """Minimize a loss in place by L-BFGS with line search.

    >>> weight = torch.zeros(1, requires_grad=True)
    >>> minimize_loss([weight], lambda: (weight - 3).square().sum())
    >>> round(weight.item(), 3)
    3.0
    """
    optimizer = torch.optim.LBFGS(parameters, max_iter=max_iterations, line_search_fn="strong_wolfe")

    def compute_gradient() -> Tensor:
        optimizer.zero_grad()
        loss = compute_loss()
        loss.backward()
        return loss

    optimizer.step(compute_gradient)
