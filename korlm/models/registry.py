"""Models by name: bundled ones, folders, and repositories on the Hugging Face Hub.

>>> "reviews-unigram-lstm" in list_models()
True
"""

from __future__ import annotations

from pathlib import Path

from korlm.errors import UnknownNameError
from korlm.models.language_model import LanguageModel
from korlm.storage.artifacts import data_folder, read_json
from korlm.storage.hub import fetch_from_hub, resolve_hub_address
from korlm.tokenizers.registry import check_installed


def list_models() -> list[str]:
    """Return the names of the bundled language models."""
    return list_bundled_models(LanguageModel.kind)


def load_model(name: str | Path, *, revision: str | None = None, token: str | None = None) -> LanguageModel:
    """Load a model: a bundled name, a folder, a training run (its best checkpoint), or one from the Hugging Face Hub.

    Args:
        name: a bundled name; else a folder; else ``user/repo`` or ``user/repo@revision`` on the Hub. The first that
            there is wins, so a folder ``user/repo`` hides the repository of that name.
        revision: of a repository: a branch, tag or commit; its main branch by default.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.

    Raises:
        UnknownNameError: neither a name, a folder nor a repository (or a private one, without a token).
        ArtifactError: corrupt, foreign, or with a pickle in it; or the Hub cannot be reached and the cache has it not.
        MissingDependencyError: huggingface_hub, or the analyzer that a model from the Hub needs, is not installed.
        InputError: a revision of what is not on the Hub.

    Example:
        >>> load_model("reviews-syllable-lstm").tokenizer.unit
        'syllable'
        >>> load_model("user/my-model@v1")  # doctest: +SKIP
    """
    lm = LanguageModel.load(find_model_folder(name, LanguageModel.kind, revision=revision, token=token))
    check_installed(lm.tokenizer)
    return lm


def list_bundled_models(kind: str) -> list[str]:
    """Return the names of the bundled folders of a kind: ``model`` or ``chat``."""
    configs = (data_folder() / "models").glob("*/config.json")
    return sorted(path.parent.name for path in configs if read_json(path)["kind"] == kind)


def find_model_folder(name: str | Path, kind: str, *, revision: str | None = None, token: str | None = None) -> Path:
    """Return the folder of what has a name, fetched from the Hub if need be. See `load_model`.

    >>> find_model_folder("reviews-syllable-lstm", "model").name
    'reviews-syllable-lstm'
    """
    ours = data_folder() / "models" / str(name)
    known = ours.name == str(name) and ours.is_dir()  # of another kind too: loading it then says what it is
    if where := resolve_hub_address(name, revision, is_bundled=known):
        return fetch_from_hub(where.repo_id, revision=where.revision, token=token, kind=kind)
    folder = ours if known else Path(name)
    if folder.is_dir():
        return folder / "best" if (folder / "best").is_dir() else folder
    names = list_bundled_models(kind)
    raise UnknownNameError(
        f"'{name}'이라는 모델도 폴더도 없습니다. 쓸 수 있는 이름: {', '.join(names) or '없음'}. Hub의 것은 '사용자/저장소'.",
        f"There is no model and no folder '{name}'. Names: {', '.join(names) or 'none'}. On the Hub: 'user/repo'.",
    )
