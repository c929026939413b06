"""`CrisisNetwork`: the crisis classifier as a torch module, for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from korlm.chat.safety.classifier import (
    EMBEDDING_SIZE,
    FILTER_WIDTHS,
    HIDDEN_SIZE,
    LABELS,
    NUM_FILTERS,
    NUM_ROWS,
    expected_shapes,
)


class CrisisNetwork(nn.Module):
    """One of the networks that `korlm.chat.safety.classifier.CrisisClassifier` computes in numpy.

    Args:
        dropout: rate for what goes to the linear layer; half of it for the embeddings.
    """

    def __init__(self, dropout: float = 0.4) -> None:
        super().__init__()
        embeddings = [nn.Embedding(rows, EMBEDDING_SIZE) for rows in NUM_ROWS]
        for embedding in embeddings:
            nn.init.normal_(embedding.weight, std=0.15)
        self.embeddings = nn.ModuleList(embeddings)
        self.gru = nn.GRU(EMBEDDING_SIZE, HIDDEN_SIZE, batch_first=True, bidirectional=True)
        self.filters = nn.ModuleList(
            nn.Conv1d(EMBEDDING_SIZE, NUM_FILTERS, width, padding=width // 2) for width in FILTER_WIDTHS
        )
        self.output = nn.Linear(4 * HIDDEN_SIZE + len(FILTER_WIDTHS) * NUM_FILTERS, len(LABELS) + 1)
        self.dropout = dropout

    def forward(self, indices: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the logits ``[B, 7]``.

        Args:
            indices: rows of the embeddings, ``[B, T, 6]``.
            mask: 1 for letters, 0 for padding, ``[B, T]``.
        """
        embedded = torch.stack([layer(indices[..., column]) for column, layer in enumerate(self.embeddings)]).sum(0)
        embedded = functional.dropout(embedded, self.dropout / 2, self.training) * mask[..., None]
        packed = pack_padded_sequence(embedded, mask.sum(1).long(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        weight = mask[..., None]
        maximum = (states - 1e4 * (1 - weight)).amax(1)
        mean = (states * weight).sum(1) / weight.sum(1)
        channels = embedded.transpose(1, 2)
        activations = [torch.relu(layer(channels))[:, :, : mask.shape[1]] * mask[:, None] for layer in self.filters]
        pooled = torch.cat([maximum, mean, *(activation.amax(2) for activation in activations)], dim=1)
        logits: torch.Tensor = self.output(functional.dropout(pooled, self.dropout, self.training))
        return logits

    def export_tensors(self) -> dict[str, np.ndarray]:
        """Return the weights under the names and with the shapes of `expected_shapes`."""
        tensors: dict[str, Any] = {f"embedding_{index}": layer.weight for index, layer in enumerate(self.embeddings)}
        for name, kind in (("input", "ih"), ("recurrent", "hh")):
            for suffix, part in (("", "weight"), ("_bias", "bias")):
                directions = [getattr(self.gru, f"{part}_{kind}_l0{reverse}") for reverse in ("", "_reverse")]
                tensors[name + suffix] = torch.stack(directions)
        for width, layer in zip(FILTER_WIDTHS, self.filters, strict=True):
            tensors |= {f"filter_{width}": layer.weight, f"filter_{width}_bias": layer.bias}
        tensors |= {"output": self.output.weight, "output_bias": self.output.bias}
        return {name: tensors[name].detach().numpy() for name in expected_shapes()}


def collate_letters(rows: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows of the embeddings of some texts, padded, ``[B, T, 6]``, and the mask ``[B, T]``."""
    indices = torch.zeros(len(rows), max(map(len, rows)), len(NUM_ROWS), dtype=torch.long)
    mask = torch.zeros(indices.shape[:2])
    for number, row in enumerate(rows):
        indices[number, : len(row)] = torch.from_numpy(row)
        mask[number, : len(row)] = 1
    return indices, mask
