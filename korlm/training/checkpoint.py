"""Checkpoints: weights, optimizers, average, recurrent state and counters, as safetensors and JSON, without pickle."""

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

_MUON_STATE_KEY = "momentum"  # of the Muon optimizer, which korlm no longer has


@dataclass
class TrainerState:
    """The progress of a run; the fields are the keys of ``progress.json``."""

    data: str  # digest of corpus and tokenizer, checked on resume
    batch: int = 0  # streams or lines per step, over all processes; must be the same on resume
    position: int = 0  # tokens read of each stream, or lines; see `korlm.training.batching`
    step: int = 0  # steps done
    pieces: int = 0  # target tokens trained on
    clipped: int = 0  # steps whose gradients were clipped
    seconds: float = 0.0  # time spent training, without validation
    checks: int = 0  # validations done
    best: float = float("inf")  # best validation bits per character so far
    rate: float = 1.0  # factor of the learning rate left by the annealing of ``sgd``
    history: list[dict[str, float]] = field(default_factory=list)  # one entry per validation


def save_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], state: TrainerState, write_model: Callable[[Path], None]
) -> None:
    """Write a checkpoint: the model folder of ``write_model`` with the training state beside the weights.

    Raises:
        ArtifactError: it cannot be written; the previous checkpoint stays.
    """
    with new_folder(folder) as temporary:
        write_model(temporary)
        write_tensors(temporary / "training.safetensors", tensors)
        write_json(temporary / "progress.json", asdict(state))


def load_checkpoint(folder: Path, data_digest: str, batch: int) -> tuple[dict[str, Tensor], TrainerState]:
    """Read a checkpoint of `save_checkpoint`.

    Raises:
        ArtifactError: missing or damaged, or made with another corpus, tokenizer or batch.
    """
    progress = read_json(folder / "progress.json")
    if progress.get("data") != data_digest:
        raise ArtifactError(
            f"{folder}은(는) 다른 말뭉치나 토크나이저로 배우던 것입니다. 같은 것을 주거나 새 폴더에서 시작하세요.",
            f"{folder} was trained on another corpus or tokenizer. Give the same ones, or start in a new folder.",
        )
    if progress.get("batch") != batch:
        raise ArtifactError(
            f"{folder}은(는) batch {progress.get('batch')}(으)로 배우던 것입니다. --batch를 그대로 주거나 새 폴더에서 시작하세요.",
            f"{folder} was trained with batch {progress.get('batch')}. Give the same --batch, or start in a new folder.",
        )
    try:
        return load_file(folder / "training.safetensors"), TrainerState(**progress)
    except (SafetensorError, OSError, TypeError) as error:
        raise checkpoint_mismatch_error(folder) from error


def checkpoint_mismatch_error(folder: Path) -> ArtifactError:
    """Return the error of a training state that does not fit the run."""
    return ArtifactError(
        f"{folder}의 학습 상태를 읽지 못했습니다. 설정이 같은지 보거나 새 폴더에서 시작하세요.",
        f"Cannot read the training state of {folder}. Are the settings the same? Else start in a new folder.",
    )


def optimizer_tensors(model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Return the state of the optimizers, as ``optimizer.WEIGHT.KEY``."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {
        f"optimizer.{names[id(weight)]}.{key}": torch.as_tensor(value)
        for optimizer in optimizers
        for weight, values in optimizer.state.items()
        for key, value in values.items()
        if value is not None
    }


def restore_optimizers(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], tensors: Mapping[str, Tensor]
) -> None:
    """Restore the state that `optimizer_tensors` returned.

    Raises:
        KeyError: the state is that of an optimizer that korlm no longer has.
    """
    names = {id(weight): name for name, weight in model.named_parameters()}
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for weight in group["params"]:
                if values := _tensors_with_prefix(tensors, f"optimizer.{names[id(weight)]}.", weight.device):
                    if _MUON_STATE_KEY in values:
                        raise KeyError(f"no optimizer has the state {_MUON_STATE_KEY!r}")
                    optimizer.state[weight] = values


def _tensors_with_prefix(tensors: Mapping[str, Tensor], prefix: str, device: torch.device) -> dict[str, Any]:
    values = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    return {key: value if key == "step" else value.to(device) for key, value in values.items()}
