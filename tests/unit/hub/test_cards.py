"""Cards of models, chatbots and tokenizers, word for word."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import ROOT

from korlm.chat.model import ChatModel
from korlm.hub.cards import render_card
from korlm.models.language_model import LanguageModel

GOLDEN = Path(__file__).parent / "golden"


def copy_without(name: str, folder: Path, *keys: str) -> Path:
    """Copy a bundled model without some keys of its build information."""
    shutil.copytree(ROOT / "data/models" / name, folder / "copy")
    file = folder / "copy/build_info.json"
    info = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({key: value for key, value in info.items() if key not in keys}), "utf-8")
    return folder / "copy"


@pytest.fixture
def no_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixed samples and answers: generated text may differ between machines."""

    def generate(lm: LanguageModel, prompt: str, **options: Any) -> str:
        return f" ```{prompt}``` | seed {options['seed']}"

    monkeypatch.setattr(LanguageModel, "generate", generate)
    monkeypatch.setattr(ChatModel, "reply", lambda bot, question: SimpleNamespace(text=f"{question}?"))


@pytest.mark.parametrize(
    ("name", "removed"),
    [
        ("syllable", ()),
        ("reviews-syllable-lstm", ()),
        ("reviews-unigram-gru", ("test", "note")),
        ("reviews-kiwi-lstm", ("test", "history", "corpus", "command", "training", "progress", "versions", "machine", "made", "note")),
        ("chat-unigram-gru", ()),
        ("chat-unigram-lm", ("start", "made")),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("no_generation")
def test_card_text_is_unchanged(name: str, removed: tuple[str, ...], tmp_path: Path) -> None:
    source = copy_without(name, tmp_path, *removed) if removed else name
    text = render_card(source, repo_id="ann/repo")
    file = GOLDEN / f"{name}.md"
    if os.environ.get("KORLM_UPDATE_GOLDEN"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")
