"""`TrainStep`: one training step and what it changes: weights, optimizers, weight average and recurrent state."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from korlm.errors import InputError
from korlm.nn.bf16.ops import cpu_supports_bf16
from korlm.nn.lm import RecurrentLM, State
from korlm.nn.losses import inclusion_probabilities
from korlm.nn.seq2seq import TextModel
from korlm.tokenizers.base import EOS_ID
from korlm.training.averaging import WeightAverage
from korlm.training.batching import TrainingBatch
from korlm.training.checkpoint import TrainerState, checkpoint_mismatch_error, optimizer_tensors, restore_optimizers
from korlm.training.config import TrainConfig
from korlm.training.distributed import ProcessGroup
from korlm.training.loss import LMLoss, lm_loss
from korlm.training.optimizers import clip_gradients, make_optimizers
from korlm.training.schedule import lr_factor, teacher_forcing_ratio

LossFunction = Callable[..., LMLoss]  # as `korlm.training.loss.lm_loss`


class TrainStep:
    """A model, on its device, and everything that updates it.

    Args:
        batch_size: rows over all processes.
        counts: ``[V]``, the frequency of each id in the training text; needed by ``config.sampled``.
        loss_function: the loss of a batch; by default that of a language model.

    Raises:
        InputError: ``config.sampled`` with an adaptive softmax.
    """

    def __init__(
        self, model: TextModel, config: TrainConfig, batch_size: int, process_group: ProcessGroup, *,
        counts: Tensor | None = None, loss_function: LossFunction = lm_loss,
    ) -> None:  # fmt: skip
        self.model, self.config, self.process_group = model, config, process_group
        self.loss_function: LossFunction = loss_function
        self.device = model.embedding.weight.device
        self.optimizers = make_optimizers(model, config)
        self.average = WeightAverage(model, config.average)
        self.recurrent_state = process_group.local_shard(model.zero_state(batch_size))
        self.autocast = config.bf16 and supports_fast_bf16(self.device)
        self.inclusion_probs = self._inclusion_probs_from_counts(counts)

    def step(self, batch: TrainingBatch, fraction_done: float, trainer_state: TrainerState) -> tuple[float, int]:
        """Train on the rows of this process; `trainer_state` is not changed.

        Returns:
            The negative log-likelihood of the targets over all processes, in nats (nan: not finite, and nothing was
            changed); and 1 where gradients were clipped, else 0.
        """
        torch.manual_seed((self.config.seed * 1_000_003 + trainer_state.step) * 1_000_003 + self.process_group.rank)
        batch = batch.to(self.device)
        loss, nll, new_state = self.loss_function(
            self.model, batch, self._initial_state(batch), self.config, autocast=self.autocast,
            inclusion_probs=self.inclusion_probs, teacher_forcing=teacher_forcing_ratio(fraction_done, self.config),
        )  # fmt: skip
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        self.process_group.all_reduce_gradients(self.model)
        norm, clipped = clip_gradients(self.model, self.config)
        total_nll, gradient_norm, was_clipped = torch.stack(
            [self.process_group.all_reduce(nll).float(), norm.float(), clipped.float()]
        ).tolist()
        if not math.isfinite(total_nll) or not math.isfinite(gradient_norm):
            return math.nan, 0
        factor = lr_factor(fraction_done, self.config)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor * trainer_state.rate * batch.lr_scale
            optimizer.step()
        if self.config.average and not self.average.num_averaged:
            self.average.start()
        self.average.update()
        self.recurrent_state = tuple(part.detach() for part in new_state)
        return total_nll, int(was_clipped)

    def checkpoint_tensors(self) -> dict[str, Tensor]:
        """Return everything that `restore_tensors` needs; every process must call it."""
        state = self.process_group.gather_state(self.recurrent_state)
        tensors = {f"state.{index}": part for index, part in enumerate(state)}
        tensors |= {f"weight.{name}": weight for name, weight in self.model.named_parameters()}
        tensors |= {f"average.{name}": weight for name, weight in self.average.averaged_weights.items()}
        tensors["average"] = torch.tensor(self.average.num_averaged)
        return tensors | optimizer_tensors(self.model, self.optimizers)

    def restore_tensors(self, tensors: dict[str, Tensor], folder: Path) -> None:
        """Restore what `checkpoint_tensors` returned.

        Raises:
            ArtifactError: it does not fit the model or the optimizer.
        """
        try:
            with torch.no_grad():
                for name, weight in self.model.named_parameters():
                    weight.copy_(tensors[f"weight.{name}"])
            restore_optimizers(self.model, self.optimizers, tensors)
            state = tuple(tensors[f"state.{index}"].to(self.device) for index in range(len(self.recurrent_state)))
            self.average.num_averaged = int(tensors["average"])
            if self.average.num_averaged:
                names = self.average.weights
                self.average.averaged_weights = {name: tensors[f"average.{name}"].to(self.device) for name in names}
        except (KeyError, RuntimeError) as error:
            raise checkpoint_mismatch_error(folder) from error
        self.recurrent_state = self.process_group.local_shard(state)

    def _inclusion_probs_from_counts(self, counts: Tensor | None) -> Tensor | None:
        if not self.config.sampled or counts is None:
            return None
        if isinstance(self.model, RecurrentLM) and self.model.config.softmax == "adaptive":
            raise InputError(
                "sampled는 softmax full과만 쓸 수 있습니다. 둘 가운데 하나를 빼세요.",
                "sampled goes with the full softmax only. Leave out one of the two.",
            )
        return inclusion_probabilities(counts, self.config.sampled).to(self.device)

    def _initial_state(self, batch: TrainingBatch) -> State:
        """Return the carried state, zero in rows whose window starts a line (its first input is ``</s>``).

        Lines are scored and generated from the zero state after ``</s>``, which training would otherwise hardly see.
        """
        if batch.resets_state:
            return self.model.zero_state(len(batch.inputs))
        keep = (batch.inputs[:, 0] != EOS_ID)[None, :, None]
        return tuple(part * keep.to(part.dtype) for part in self.recurrent_state)


def supports_fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 products are fast on a device."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and cpu_supports_bf16()
