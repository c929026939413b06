"""Local models and tokenizers: bundled, in a folder, or the best checkpoint of a training run.

>>> find_artifact("reviews-unigram-lstm").kind, find_artifact("kiwi").kind
('model', 'tokenizer')
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from korlm.chat.model import ChatModel
from korlm.errors import UnknownNameError
from korlm.models.language_model import LanguageModel
from korlm.storage.artifacts import data_folder, read_artifact_config, read_json
from korlm.storage.hub import ARTIFACT_FILES
from korlm.text.josa import quote_with_josa
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer


@dataclass(frozen=True)
class Artifact:
    """The folder of a language model, chatbot or tokenizer."""

    name: str  # the bundled name, or the name of the folder
    folder: Path  # the folder with its files
    kind: str  # ``model``, ``chat`` or ``tokenizer``
    is_bundled: bool  # whether it comes with korlm

    @property
    def files(self) -> list[str]:
        """The files of korlm's format that exist, as paths inside the folder."""
        return [name for name in ARTIFACT_FILES[self.kind] if (self.folder / name).is_file()]

    def load(self) -> LanguageModel | ChatModel | Tokenizer:
        """Load the artifact; errors as of `korlm.load_model`, `korlm.load_chat` and `korlm.load_tokenizer`."""
        if self.kind == "tokenizer":
            return load_tokenizer(self.folder)
        return ChatModel.load(self.folder) if self.kind == "chat" else LanguageModel.load(self.folder)


def find_artifact(name: str | Path) -> Artifact:
    """Return the artifact of a bundled name, a folder, or a training run (its best checkpoint).

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is not korlm's, or contains a pickle.
    """
    for kind_folder in ("models", "tokenizers"):
        folder = data_folder() / kind_folder / str(name)
        if str(name) == folder.name and folder.is_dir():
            return Artifact(folder.name, folder, _read_kind(folder), is_bundled=True)
    folder = Path(name)
    if not folder.is_dir():
        raise UnknownNameError(
            f"{quote_with_josa(name, '이라는/라는')} 모델이나 토크나이저도, 그런 폴더도 없습니다. 이름이나 경로를 확인하세요.",
            f"There is no model, tokenizer or folder '{name}'. Check the name or path.",
        )
    best = folder / "best" if (folder / "best").is_dir() else folder
    kind = _read_kind(best)
    read_artifact_config(best, kind)
    return Artifact(folder.absolute().name, best, kind, is_bundled=False)


def _read_kind(folder: Path) -> str:
    """Return the kind in a folder's config; ``model`` where it gives no known kind."""
    config = read_json(folder / "config.json")
    kind = config.get("kind") if isinstance(config, dict) else None
    return kind if kind in ARTIFACT_FILES else "model"
