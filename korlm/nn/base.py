"""`BaseTextModel`: the common base of the language model and the encoder-decoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.cells import State
from korlm.nn.dropout import apply_dropout
from korlm.nn.inference import PrepackedStepper
from korlm.nn.layers import run_layer


class BaseTextModel(nn.Module):
    """An embedding, recurrent layers and an output layer.

    While its weights are frozen (evaluation mode, no gradients) the model keeps a `PrepackedStepper` for stepwise inference.
    On CPU the stepper holds packed copies of the weights, renewed when they change.
    """

    embedding: nn.Embedding
    layers: nn.ModuleList
    output: nn.Module
    _stepper: PrepackedStepper | None = None

    def build_stepper(self, *, copy: bool) -> PrepackedStepper:
        """Return a stepper with the current weights."""
        raise NotImplementedError

    def get_stepper(self) -> PrepackedStepper:
        """Return a stepper, the cached one if it is still valid."""
        if not self.weights_are_frozen():
            return self.build_stepper(copy=False)
        if self._stepper is None or self._stepper.is_stale():
            self._stepper = self.build_stepper(copy=self.embedding.weight.device.type == "cpu")
        return self._stepper

    def weights_are_frozen(self) -> bool:
        """Return whether the model is in evaluation mode and gradients are disabled."""
        return not self.training and not torch.is_grad_enabled()

    def train(self, mode: bool = True) -> Self:
        """Set training mode on or off; on drops the cached stepper."""
        if mode:
            self._stepper = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stepper": None}  # a copy of the model builds its own

    def _run_layers(
        self, inputs: Tensor, state: State, *, dropout: float, variational: bool = False, weight_dropout: float = 0.0,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, State]:  # fmt: skip
        """Run the recurrent layers with dropout between them; return the last outputs and the new state."""
        states = []
        for index, layer in enumerate(self.layers):
            if index:
                inputs = apply_dropout(inputs, dropout, variational=variational)
            layer_state = tuple(part[index : index + 1] for part in state)
            inputs, new = run_layer(layer, inputs, layer_state, weight_dropout=weight_dropout, lengths=lengths)
            states.append(new)
        return inputs, states[0] if len(states) == 1 else tuple(map(torch.cat, zip(*states, strict=True)))

    def compute_logits(self, hidden: Tensor) -> Tensor:
        """Return logits, ``[..., V]``, of hidden outputs ``[..., E]``."""
        if self._stepper is not None and hidden.dtype == torch.float32 and self.weights_are_frozen():
            prepacked_logits = self.get_stepper().compute_logits
            if prepacked_logits is not None:
                return prepacked_logits(hidden)
        assert isinstance(self.output, nn.Linear)
        return F.linear(hidden, self.output.weight.to(hidden.dtype), self.output.bias.to(hidden.dtype))

    @torch.no_grad()
    def init_output_bias_from_counts(self, counts: Tensor) -> None:
        """Set the output bias to the log frequencies of the tokens, so that training need not learn them first.

        Saves some hundred steps: 4.35 instead of 4.53 bits per character after 500 (dev/LOG.md).

        Args:
            counts: ``[V]``. An adaptive softmax is left as it is.
        """
        if isinstance(self.output, nn.Linear):
            smoothed = counts.to(self.output.bias) + 0.5
            self.output.bias.copy_((smoothed / smoothed.sum()).log())

    def weight_dict(self) -> dict[str, Tensor]:
        """Return all weights by name, tied ones once; the input of `load_weights`."""
        return {name: parameter.detach() for name, parameter in self.named_parameters()}

    @torch.no_grad()
    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights of `weight_dict` in; names from before the layers were separate modules are accepted.

        Raises:
            KeyError: names are missing or unknown.
            RuntimeError: a tensor has another shape.
        """
        renamed = {_current_weight_name(name): tensor for name, tensor in weights.items()}
        parameters = dict(self.named_parameters())
        if wrong := sorted(set(renamed) ^ set(parameters)):
            raise KeyError(f"weights missing or unknown: {', '.join(wrong)}")
        for name, parameter in parameters.items():
            if renamed[name].shape != parameter.shape:
                raise RuntimeError(f"{name} is {tuple(renamed[name].shape)}, not {tuple(parameter.shape)}")
        for name, parameter in parameters.items():
            parameter.copy_(renamed[name])
        self._stepper = None


def _current_weight_name(name: str) -> str:
    """Return the current name of a weight.

    >>> _current_weight_name("rnn.weight_hh_l1")
    'layers.1.weight_hh_l0'
    """
    return re.sub(r"^rnn\.(\w+)_l(\d+)$", r"layers.\2.\1_l0", name)
