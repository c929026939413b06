"""Checkpoints: weights, optimisers, average, recurrent state and counters, as safetensors and JSON, without pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from korlm.errors import ArtifactError
from korlm.storage.artifacts import new_folder, read_json, write_json, write_tensors


@dataclass
class TrainerState:
    """Where a run stands.

    Attributes:
        data: digest of corpus and tokenizer, checked when a run is resumed.
        batch: streams or lines a step, over all processes; the same when a run is resumed.
        position: pieces read of each stream, or lines; see `korlm.training.batching`.
        step: steps taken.
        pieces: targets learnt from.
        clipped: steps whose gradients were cut.
        seconds: time spent training, validation left out.
        checks: validations done.
        best: best validation bits per character so far.
        rate: share of the learning rate left by ``sgd``'s annealing.
        history: one entry a validation.
    """

    data: str
    batch: int = 0
    position: int = 0
    step: int = 0
    pieces: int = 0
    clipped: int = 0
    seconds: float = 0.0
    checks: int = 0
    best: float = float("inf")
    rate: float = 1.0
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], state: TrainerState, write_model: Callable[[Path], None]
) -> None:
    """Write a checkpoint: a model folder by ``write_model`` with the training state beside the weights.

    Raises:
        ArtifactError: it cannot be written; the checkpoint before it stays.
    """
    with new_folder(folder) as temporary:
        write_model(temporary)
        write_tensors(temporary / "training.safetensors", tensors)
        write_json(temporary / "progress.json", asdict(state))


def load_checkpoint(folder: Path, data_digest: str, batch: int) -> tuple[dict[str, Tensor], TrainerState]:
    """Read a checkpoint of `save_checkpoint`.

    Raises:
        ArtifactError: missing or damaged, or made from another corpus, tokenizer or batch.
    """
    saved = read_json(folder / "progress.json")
    if saved.get("data") != data_digest:
        raise ArtifactError(
            f"{folder}은(는) 다른 말뭉치나 토크나이저로 배우던 것입니다. 같은 것을 주거나 새 폴더에서 시작하세요.",
            f"{folder} was trained on another corpus or tokenizer. Give the same ones, or start in a new folder.",
        )
    if saved.get("batch") != batch:
        raise ArtifactError(
            f"{folder}은(는) batch {saved.get('batch')}(으)로 배우던 것입니다. --batch를 그대로 주거나 새 폴더에서 시작하세요.",
            f"{folder} was trained with batch {saved.get('batch')}. Give the same --batch, or start in a new folder.",
        )
    try:
        return load_file(folder / "training.safetensors"), TrainerState(**saved)
    except (SafetensorError, OSError, TypeError) as error:
        raise checkpoint_mismatch_error(folder) from error


def checkpoint_mismatch_error(folder: Path) -> ArtifactError:
    """Return the error of a training state that does not fit the run."""
    return ArtifactError(
        f"{folder}의 학습 상태를 읽지 못했습니다. 설정이 같은지 보거나 새 폴더에서 시작하세요.",
        f"Cannot read the training state of {folder}. Are the settings the same? Else start in a new folder.",
    )


def optimizer_tensors(model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Return what the optimisers remember of each weight, as ``optimizer.WEIGHT.KEY``."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    found: dict[str, Tensor] = {}
    for optimizer in optimizers:
        for weight, values in optimizer.state.items():
            for key, value in values.items():
                if value is not None:
                    found[f"optimizer.{names[id(weight)]}.{key}"] = torch.as_tensor(value)
    return found


def restore_optimizers(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """Give the optimisers back what `optimizer_tensors` returned."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for weight in group["params"]:
                if values := _tensors_with_prefix(tensors, f"optimizer.{names[id(weight)]}.", weight.device):
                    optimizer.state[weight] = values


def _tensors_with_prefix(tensors: Mapping[str, Tensor], prefix: str, device: torch.device) -> dict[str, Any]:
    values = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    return {key: value if key == "step" else value.to(device) for key, value in values.items()}
