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
from korlm.storage.names import check_name
from korlm.text.josa import quote_with_josa
from korlm.tokenizers.registry import check_installed

# By kind of model folder.
_LISTINGS = {
    "model": "list_models",
    "chat": "list_chats",
    "refine": "list_chats",
    "question-encoder": "load_question_encoder",
}
_LOADERS = {
    "model": "load_model",
    "chat": "load_chat",
    "refine": "load_chat",
    "question-encoder": "load_question_encoder",
}
_KIND_NAMES = {
    "model": ("언어 모델", "a language model"),
    "chat": ("챗봇", "a chatbot"),
    "refine": ("챗봇", "a chatbot"),
    "question-encoder": ("물음 인코더", "a question encoder"),
}
_COMMANDS = {"model": "korlm generate", "chat": "korlm chat", "refine": "korlm chat"}
# Names of `korlm.chat.registry` that are no folders.
_CHAT_NAMES = ("chat-gru", "eliza", "retrieval", "refine", "refine-generator")


def list_models() -> list[str]:
    """Return the names of the bundled language models."""
    return list_bundled_models(LanguageModel.kind)


def load_model(name: str | Path, *, revision: str | None = None, token: str | None = None) -> LanguageModel:
    """Load a model: bundled, from a folder, a training run (its best checkpoint), or from the Hugging Face Hub.

    Args:
        name: a bundled name; else a folder; else ``user/repo`` or ``user/repo@revision`` on the Hub. The first that
            exists is loaded, so a folder ``user/repo`` hides the repository of that name.
        revision: branch, tag or commit of a repository; its main branch by default.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.

    Raises:
        UnknownNameError: no such name, folder or repository (or a private one, without a token), or a chatbot's name.
        ArtifactError: corrupt, of another kind, or containing a pickle; or the Hub is unreachable and it is not cached.
        MissingDependencyError: huggingface_hub, or the analyzer that a model from the Hub needs, is not installed.
        InputError: a revision of a model that is not on the Hub.

    Example:
        >>> load_model("reviews-syllable-lstm").tokenizer.unit
        'syllable'
        >>> load_model("user/my-model@v1")  # doctest: +SKIP
    """
    lm = LanguageModel.load(find_model_folder(name, LanguageModel.kind, revision=revision, token=token))
    check_installed(lm.tokenizer)
    return lm


def list_bundled_models(kind: str) -> list[str]:
    """Return the names of the bundled models of a kind: ``model`` or ``chat``."""
    configs = (data_folder() / "models").glob("*/config.json")
    return sorted(path.parent.name for path in configs if read_json(path)["kind"] == kind)


def find_model_folder(name: str | Path, kind: str, *, revision: str | None = None, token: str | None = None) -> Path:
    """Return the folder of a model, fetched from the Hub if necessary. See `load_model`.

    >>> find_model_folder("reviews-syllable-lstm", "model").name
    'reviews-syllable-lstm'
    """
    check_name(name, f"korlm.{_LISTINGS[kind]}()")
    bundled = data_folder() / "models" / str(name)
    is_bundled = bundled.name == str(name) and bundled.is_dir()
    if is_bundled and (bundled_kind := read_json(bundled / "config.json")["kind"]) != kind:
        raise wrong_loader_error(name, bundled_kind)
    if address := resolve_hub_address(name, revision, is_bundled=is_bundled):
        return fetch_from_hub(address.repo_id, revision=address.revision, token=token, kind=kind)
    folder = bundled if is_bundled else Path(name)
    if folder.is_dir():
        return folder / "best" if (folder / "best").is_dir() else folder
    names = list_bundled_models(kind)
    if kind == LanguageModel.kind and name in _CHAT_NAMES:
        raise wrong_loader_error(name, "chat")
    raise UnknownNameError(
        f"{quote_with_josa(name, '이라는/라는')} 모델도 폴더도 없습니다. 쓸 수 있는 이름: {', '.join(names) or '없음'}. Hub의 것은 '사용자/저장소'.",
        f"There is no model and no folder '{name}'. Names: {', '.join(names) or 'none'}. On the Hub: 'user/repo'.",
    )


def wrong_loader_error(name: object, kind: str) -> UnknownNameError:
    """Return the error for the name of a model of another kind, which names the function that loads it.

    >>> wrong_loader_error("chat-gru", "chat").message("en")
    "'chat-gru' is a chatbot. Load it with korlm.load_chat('chat-gru') or korlm chat."
    """
    ko, en = _KIND_NAMES.get(kind, ("챗봇의 한 부분", "a part of a chatbot"))
    loader = f"korlm.{_LOADERS.get(kind, 'load_chat')}({repr(str(name)) if kind in _LOADERS else ''})"
    command = _COMMANDS.get(kind, "")
    return UnknownNameError(
        f"'{name}'은(는) {ko}입니다. 이렇게 여세요: {loader}{f' 또는 {command}' if command else ''}.",
        f"'{name}' is {en}. Load it with {loader}{f' or {command}' if command else ''}.",
    )
