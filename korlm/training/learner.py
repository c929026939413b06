"""`Learner`: what a step changes: weights, optimisers, their average, and the recurrent state."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from korlm.errors import InputError
from korlm.nn.halves import halves
from korlm.nn.recurrent import RecurrentLM, State
from korlm.nn.sampled import drawing_chances
from korlm.nn.seq2seq import Seq2Seq
from korlm.tokenizers.base import EOS_ID
from korlm.training.averaging import Average
from korlm.training.batching import Batch
from korlm.training.checkpoint import Progress, not_fitting, optimizer_tensors, restore_optimizers
from korlm.training.config import TrainConfig
from korlm.training.distributed import Ranks
from korlm.training.loss import batch_loss
from korlm.training.optimizers import clip, make_optimizers
from korlm.training.schedule import forcing, rate

Net = RecurrentLM | Seq2Seq
Loss = Callable[..., tuple[Tensor, Tensor, State]]  # as `korlm.training.loss.batch_loss`


class Learner:
    """A net and all that moves it.

    Args:
        net: on its device.
        config: how it learns.
        batch: rows over all processes.
        ranks: the processes.
        counts: ``[V]``, how frequent each id is in the training text; ``config.sampled`` needs it.
        loss: of a batch; by default a language model's.

    Raises:
        InputError: ``config.sampled`` with an adaptive softmax.
    """

    def __init__(
        self,
        net: Net,
        config: TrainConfig,
        batch: int,
        ranks: Ranks,
        *,
        counts: Tensor | None = None,
        loss: Loss = batch_loss,
    ) -> None:
        self.net, self.config, self.ranks = net, config, ranks
        self.loss: Loss = loss
        self.device = net.embedding.weight.device
        self.optimizers = make_optimizers(net, config)
        self.average = Average(net, config.average)
        self.state = ranks.own(net.zero_state(batch))
        self.bf16 = config.bf16 and fast_bf16(self.device)
        self.chances = self._chances(counts)

    def step(self, batch: Batch, share: float, progress: Progress) -> tuple[float, int]:
        """Learn from a batch.

        Args:
            batch: this process's rows.
            share: of the run that is done.
            progress: of the run; not changed.

        Returns:
            The nats of its targets over all processes (nan or inf: nothing was changed), and 1 where gradients were
            cut, else 0.
        """
        torch.manual_seed((self.config.seed * 1_000_003 + progress.step) * 1_000_003 + self.ranks.rank)
        batch = batch.to(self.device)
        state = self._before(batch)
        true = forcing(share, self.config)
        loss, nats, new_state = self.loss(
            self.net, batch, state, self.config, bf16=self.bf16, chances=self.chances, forcing=true
        )
        self.net.zero_grad(set_to_none=True)
        loss.backward()
        self.ranks.sum_gradients(self.net)
        norm, cut = clip(self.net, self.config)
        total, size, was_cut = torch.stack([self.ranks.sum(nats).float(), norm.float(), cut.float()]).tolist()
        if not math.isfinite(total) or not math.isfinite(size):
            return math.nan, 0
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate(share, self.config) * progress.rate * batch.scale
            optimizer.step()
        if self.config.average and not self.average.count:
            self.average.begin()
        self.average.update()
        self.state = tuple(part.detach() for part in new_state)
        return total, int(was_cut)

    def tensors(self) -> dict[str, Tensor]:
        """Return all that `restore` needs; every process must call it."""
        state = self.ranks.gather(self.state)
        found = {f"state.{index}": part for index, part in enumerate(state)}
        found |= {f"weight.{name}": weight for name, weight in self.net.named_parameters()}
        found |= {f"average.{name}": weight for name, weight in self.average.kept.items()}
        found["average"] = torch.tensor(self.average.count)
        return found | optimizer_tensors(self.net, self.optimizers)

    def restore(self, tensors: dict[str, Tensor], folder: Path) -> None:
        """Take over what `tensors` returned.

        Raises:
            ArtifactError: it does not fit the net.
        """
        try:
            with torch.no_grad():
                for name, weight in self.net.named_parameters():
                    weight.copy_(tensors[f"weight.{name}"])
            restore_optimizers(self.net, self.optimizers, tensors)
            state = tuple(tensors[f"state.{index}"].to(self.device) for index in range(len(self.state)))
            self.average.count = int(tensors["average"])
            if self.average.count:
                names = self.average.weights
                self.average.kept = {name: tensors[f"average.{name}"].to(self.device) for name in names}
        except (KeyError, RuntimeError) as error:
            raise not_fitting(folder) from error
        self.state = self.ranks.own(state)

    def _chances(self, counts: Tensor | None) -> Tensor | None:
        if not self.config.sampled or counts is None:
            return None
        if isinstance(self.net, RecurrentLM) and self.net.config.softmax == "adaptive":
            raise InputError(
                "sampled는 softmax full과만 쓸 수 있습니다. 둘 가운데 하나를 빼세요.",
                "sampled goes with the full softmax only. Leave out one of the two.",
            )
        return drawing_chances(counts, self.config.sampled).to(self.device)

    def _before(self, batch: Batch) -> State:
        if batch.fresh:
            return self.net.zero_state(len(batch.inputs))
        return _restart(self.state, batch.inputs[:, 0])


def fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 products are fast on this processor."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and halves()


def _restart(state: State, first: Tensor) -> State:
    """Zero the state of rows whose window opens a line (its first input is ``</s>``).

    Lines are scored and generated from the zero state after ``</s>``; without this the net would hardly ever have
    seen that pair.
    """
    keep = (first != EOS_ID)[None, :, None]
    return tuple(part * keep.to(part.dtype) for part in state)
