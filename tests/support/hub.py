"""A local server in place of the Hub, and small models to push to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

import korlm
from korlm.errors import KorlmError
from korlm.models.language_model import LanguageModel
from support.hub_server import HubServer

ANN, READER, BOB = "hf_ann", "hf_ann_reads", "hf_bob"
TOKENS = {ANN: ("ann", "write"), READER: ("ann", "read"), BOB: ("bob", "write")}
Make = Callable[..., Any]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A server that huggingface_hub takes for the Hub, with an empty cache and no saved token."""
    with HubServer(TOKENS) as server:
        home = tmp_path / "hf"
        settings = {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_TOKEN_PATH": str(home / "token"),
            "AGENT_HARNESSES_PATH": str(home / "agents.json"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_OFFLINE": False,
        }
        for name, value in settings.items():
            monkeypatch.setattr(constants, name, value)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture
def saved(tmp_path: Path, small_net: Make) -> Path:
    return save(tmp_path / "model", small_net)


def save(folder: Path, small_net: Make, *, tokenizer: str = "syllable", shift: float = 0.0, **info: Any) -> Path:
    loaded = korlm.load_tokenizer(tokenizer)
    net = small_net(loaded.vocab_size)
    with torch.no_grad():
        net.output.bias += shift * torch.arange(loaded.vocab_size)
    LanguageModel(loaded, net, info=info).save(folder)
    return folder


def logits(lm: LanguageModel) -> torch.Tensor:
    return lm.net.compute_logits(lm.net(torch.tensor([[2, 300, 301]]))[0])


def in_both(error: KorlmError, *parts: str) -> bool:
    """Whether the message has the parts in both languages and ends as a sentence or with a command."""
    assert error.ko.rstrip(".").endswith(("요", "다", '"')), error.ko
    return all(part in error.ko and part in error.en for part in parts)
