"""`BaseTextModel`: what a language model and an encoder-decoder share: steps, weights by name, first biases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from korlm.nn.inference import PrepackedStepper

if TYPE_CHECKING:
    from typing import Self


class BaseTextModel(nn.Module):
    """An embedding, recurrent layers and an output.

    It keeps a `PrepackedStepper` while its weights stand still, for step after step reads that: in evaluation mode on CPU, without
    gradients, weights are laid out once, and anew where they have changed.
    """

    embedding: nn.Embedding
    output: nn.Module
    _stepper: PrepackedStepper | None = None

    def build_stepper(self, *, copy: bool) -> PrepackedStepper:
        """Return a stepper of the net as it is."""
        raise NotImplementedError

    def get_stepper(self) -> PrepackedStepper:
        """Return a stepper, kept from before where it is still good."""
        if not self.weights_are_frozen():
            return self.build_stepper(copy=False)
        if self._stepper is None or self._stepper.is_stale():
            self._stepper = self.build_stepper(copy=self.embedding.weight.device.type == "cpu")
        return self._stepper

    def weights_are_frozen(self) -> bool:
        """Return whether weights stand still: in evaluation mode, without gradients."""
        return not self.training and not torch.is_grad_enabled()

    def train(self, mode: bool = True) -> Self:
        """Turn training mode on or off; on, what was laid out for steps is let go."""
        if mode:
            self._stepper = None
        return super().train(mode)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stepper": None}  # a copy or a pickle of the net makes its own

    def _prepacked_logits(self, hidden: Tensor) -> Tensor | None:
        """Return the kept stepper's logits, where there is one that has them."""
        if self._stepper is None or hidden.dtype != torch.float32 or not self.weights_are_frozen():
            return None
        kept = self.get_stepper().compute_logits
        return None if kept is None else kept(hidden)

    @torch.no_grad()
    def init_output_bias_from_counts(self, counts: Tensor) -> None:
        """Have the output biases say how frequent each id is, so that training need not begin by learning that.

        Saves some hundred steps: 4.53 to 4.35 bits per character after 500 (docs/LOG.md).

        Args:
            counts: ``[V]``. Nothing is done for an adaptive softmax.
        """
        if isinstance(self.output, nn.Linear):
            smooth = counts.to(self.output.bias) + 0.5
            self.output.bias.copy_((smooth / smooth.sum()).log())

    def weight_dict(self) -> dict[str, Tensor]:
        """Return all weights by name, tied ones once; what `read_weights` takes."""
        return {name: parameter.detach() for name, parameter in self.named_parameters()}

    @torch.no_grad()
    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Copy weights in, of `weights` or of a folder from before the layers had modules of their own.

        Raises:
            KeyError: names are missing or unknown.
            RuntimeError: a tensor has another shape.
        """
        renamed = {_current_weight_name(name): tensor for name, tensor in weights.items()}
        own = dict(self.named_parameters())
        if wrong := sorted(set(renamed) ^ set(own)):
            raise KeyError(f"weights missing or unknown: {', '.join(wrong)}")
        for name, parameter in own.items():
            if renamed[name].shape != parameter.shape:
                raise RuntimeError(f"{name} is {tuple(renamed[name].shape)}, not {tuple(parameter.shape)}")
        for name, parameter in own.items():
            parameter.copy_(renamed[name])
        self._stepper = None


def _current_weight_name(name: str) -> str:
    """Return a weight's name as it is now.

    >>> _current_weight_name("rnn.weight_hh_l1")
    'layers.1.weight_hh_l0'
    """
    return re.sub(r"^rnn\.(\w+)_l(\d+)$", r"layers.\2.\1_l0", name)
