"""Chatbots by name, as `korlm.models.registry` for language models.

>>> bot = load_chat("chat-kiwi-gru")
>>> bot.reply("배고파요.").is_confident
True
"""

from __future__ import annotations

from pathlib import Path

from korlm.chat.model import ChatModel
from korlm.models.registry import find_model_folder, list_bundled_models
from korlm.tokenizers.registry import check_installed

DEFAULT_CHAT = "chat-gru"  # by this name the one that answers best
_DEFAULT_CHAT_FOLDER = "chat-kiwi-gru"


def list_chats() -> list[str]:
    """Return the names of the bundled chatbots."""
    return list_bundled_models(ChatModel.kind)


def load_chat(name: str | Path, *, revision: str | None = None, token: str | None = None) -> ChatModel:
    """Load a chatbot: a bundled name, a folder, a training run (its best checkpoint), or one from the Hugging Face Hub.

    Args:
        name: as for `korlm.load_model`; ``chat-gru`` is the bundled one that answers best.
        revision: of a repository: a branch, tag or commit; its main branch by default.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.

    Raises:
        UnknownNameError, ArtifactError, MissingDependencyError, InputError: as for `korlm.load_model`.

    Example:
        >>> load_chat("chat-syllable-gru").tokenizer.unit
        'syllable'
    """
    bot = ChatModel.load(
        find_model_folder(
            _DEFAULT_CHAT_FOLDER if name == DEFAULT_CHAT else name, ChatModel.kind, revision=revision, token=token
        )
    )
    check_installed(bot.tokenizer)
    return bot
