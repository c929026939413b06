"""Fetching a model or tokenizer from the Hub into huggingface_hub's cache.

Only korlm's own files are fetched, by their exact names: no pickle can come, and no file outside the folder.

    folder = fetch("user/my-model", revision="v1")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from korlm.artifacts import read_json
from korlm.errors import ArtifactError
from korlm.remote.address import Address, parse_address
from korlm.remote.refusals import hub_library, translate_hub_errors

CARD_FILE = "README.md"
_TOKENIZER_FILES = ("config.json", "vocabulary.json", "sentencepiece.model")
_MODEL_FILES = (
    CARD_FILE,
    "config.json",
    "build_info.json",
    "model.safetensors",
    *(f"tokenizer/{x}" for x in _TOKENIZER_FILES),
)
ARTIFACT_FILES = {
    "model": _MODEL_FILES,
    "chat": (*_MODEL_FILES, "questions.json"),
    "tokenizer": (CARD_FILE, *_TOKENIZER_FILES),
}


def fetch_from_hub(repo_id: str, *, revision: str | None = None, token: str | None = None, kind: str = "model") -> Path:
    """Fetch a model or tokenizer from the Hub, or find it in the cache where there is no network.

    Args:
        repo_id: ``user/repo``, or ``user/repo@revision``.
        revision: a branch, a tag or a commit; what a commit holds can never change.
        token: for private repositories; by default ``HF_TOKEN`` or that of ``hf auth login``.
        kind: ``model``, ``chat`` or ``tokenizer``.

    Returns:
        The folder in the cache: to be read, not written to.

    Raises:
        UnknownNameError: no such repository or revision, or a private one without a token that may read it.
        ArtifactError: not korlm's (then its weights are not fetched), no network and not in the cache, or a refusal.
        InputError: not the form of an address.
        MissingDependencyError: huggingface_hub is not installed.

    Example:
        >>> sorted(path.name for path in fetch_from_hub("user/my-model", revision="v1").iterdir())  # doctest: +SKIP
        ['README.md', 'build_info.json', 'config.json', 'model.safetensors', 'tokenizer']
    """
    where = parse_address(repo_id, revision)
    hub = hub_library()
    with translate_hub_errors(where):  # the configuration first: what is not ours may have gigabytes of weights
        found = hub.snapshot_download(
            where.repo_id, revision=where.revision, token=token, library_name="korlm",
            allow_patterns=["config.json"], tqdm_class=_silent_progress_class(hub),
        )  # fmt: skip
    folder = Path(found)  # called by its commit, so that what follows is of the same one
    _check_kind(folder / "config.json", where, kind)
    with translate_hub_errors(where):
        hub.snapshot_download(
            where.repo_id,
            revision=folder.name,
            token=token,
            library_name="korlm",
            allow_patterns=list(ARTIFACT_FILES[kind]),
        )
    return folder


def _silent_progress_class(hub: Any) -> type:
    """Return a progress bar that shows nothing: the configuration is some bytes."""

    class SilentProgress(hub.utils.tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": True})

    return SilentProgress


def artifact_kind(config_path: Path) -> str:
    """Return what a ``config_path.json`` is of: ``model``, ``chat``, ``tokenizer``, what transformers calls its model, or nothing."""
    content = read_json(config_path) if config_path.is_file() else None
    if not isinstance(content, dict):
        return ""
    return str(content.get("kind") if content.get("kind") in ARTIFACT_FILES else content.get("model_type", ""))


def _check_kind(config_path: Path, address: Address, kind: str) -> None:
    found = artifact_kind(config_path)
    if found == kind:
        return
    if found in ARTIFACT_FILES:
        raise ArtifactError(
            f"'{address}'은(는) {kind}이 아니라 {found}입니다. korlm.load_{found}('{address}')로 여세요.",
            f"'{address}' is a {found}, not a {kind}. Open it with korlm.load_{found}('{address}').",
        )
    if found:
        raise ArtifactError(
            f"'{address}'은(는) korlm의 것이 아니라 transformers의 '{found}' 모델입니다. transformers로 여세요.",
            f"'{address}' is not korlm's but a '{found}' model of transformers. Open it with transformers.",
        )
    raise ArtifactError(
        f"'{address}'에는 korlm의 config.json이 없습니다. korlm push로 올린 저장소를 쓰세요.",
        f"'{address}' has no config.json of korlm. Use a repository made by korlm push.",
    )
