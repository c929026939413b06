"""Checkpoints: weights, optimiser, recurrent state and counters, as safetensors and JSON, atomic and without pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from korlm.artifacts import new_folder, read_json, write_json
from korlm.errors import ArtifactError
from korlm.nn.recurrent import RecurrentLM, State


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: windows learnt from.
        seconds: time spent training, validation left out.
        best: best validation bits per character so far.
        history: one entry a validation: step, seconds, train and valid bits.
        data: digest of corpus and tokenizer, checked when a run is resumed.
    """

    data: str
    step: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)


def save_state(
    folder: Path,
    net: RecurrentLM,
    optimizer: torch.optim.Optimizer,
    state: State,
    progress: Progress,
    write_model: Callable[[Path], None],
) -> None:
    """Write a checkpoint: a model folder by ``write_model`` with the training state beside the weights.

    Raises:
        ArtifactError: it cannot be written; the checkpoint before it stays.
    """
    tensors: dict[str, Tensor] = {f"state.{index}": part for index, part in enumerate(state)}
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    for parameter, values in optimizer.state.items():
        tensors |= {f"optimizer.{names[id(parameter)]}.{key}": value for key, value in values.items()}
    tensors |= {f"weight.{name}": value for name, value in net.named_parameters()}
    tensors["rng"] = torch.get_rng_state()
    with new_folder(folder) as temporary:
        write_model(temporary)
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            temporary / "training.safetensors",
        )
        write_json(temporary / "progress.json", asdict(progress))


def load_state(folder: Path, net: RecurrentLM, optimizer: torch.optim.Optimizer, data: str) -> tuple[State, Progress]:
    """Read a checkpoint of `save_state` into a net and its optimiser.

    Raises:
        ArtifactError: missing or damaged, of another shape, or made from another corpus or tokenizer.
    """
    saved = read_json(folder / "progress.json")
    if saved.get("data") != data:
        raise ArtifactError(
            f"{folder}은(는) 다른 말뭉치나 토크나이저로 배우던 것입니다. 같은 것을 주거나 새 폴더에서 시작하세요.",
            f"{folder} was trained on another corpus or tokenizer. Give the same ones, or start in a new folder.",
        )
    try:
        tensors = load_file(folder / "training.safetensors")
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.copy_(tensors[f"weight.{name}"])
                optimizer.state[parameter] = _optimizer_values(tensors, name, parameter.device)
        torch.set_rng_state(tensors["rng"])
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise ArtifactError(
            f"{folder}의 학습 상태를 읽지 못했습니다. 설정이 같은지 보거나 새 폴더에서 시작하세요.",
            f"Cannot read the training state of {folder}. Are the settings the same? Else start in a new folder.",
        ) from error
    device = net.embedding.weight.device
    state = tuple(tensors[f"state.{index}"].to(device) for index in range(len(net.zero_state(1))))
    return state, Progress(**saved)


def _optimizer_values(tensors: dict[str, Tensor], name: str, device: torch.device) -> dict[str, Any]:
    prefix = f"optimizer.{name}."
    values = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    return {key: value if key == "step" else value.to(device) for key, value in values.items()}
