"""Chatbots by name, as `korlm.models.registry` for language models.

>>> bot = load_chat("chat-kiwi-gru")
>>> bot.reply("배고파요.").is_confident
True
>>> print(load_chat("eliza").reply("여행을 가고 싶어요."))
여행을 가고 싶은 까닭이 뭐예요?
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, overload

from korlm.chat.baselines.eliza import ElizaBot
from korlm.chat.baselines.retrieval import RetrievalBot
from korlm.chat.encoder.model import load_question_encoder
from korlm.chat.intent_bot import IntentBot
from korlm.chat.intent_weights import load_intent_weights
from korlm.chat.model import ChatModel
from korlm.chat.refine.bot import RefineBot
from korlm.chat.refine.model import RefineModel
from korlm.corpora.dialogues import DialoguePair, load_pairs
from korlm.corpora.intents import load_intents
from korlm.errors import CorpusError
from korlm.models.registry import find_model_folder, list_bundled_models
from korlm.tokenizers.registry import check_installed

DEFAULT_CHAT = "chat-gru"  # names the bundled network that answers best
_DEFAULT_CHAT_FOLDER = "chat-kiwi-gru"
ELIZA, RETRIEVAL, INTENTS = "eliza", "retrieval", "intents"
REFINE, REFINE_GENERATOR = "refine", "refine-generator"
_REFINE_FOLDER = "chat-refine"
_PAIRS_OF_BUNDLED_BOTS = "dialogues+songys_chatbot"


def list_chats() -> list[str]:
    """Return the names of the bundled chatbots; ``intents``, ``eliza`` and ``retrieval`` are not among them."""
    return list_bundled_models(ChatModel.kind)


@overload
def load_chat(name: Literal["intents"] = "intents") -> IntentBot: ...  # type: ignore[overload-overlap]
@overload
def load_chat(name: Literal["eliza"]) -> ElizaBot: ...  # type: ignore[overload-overlap]
@overload
def load_chat(name: Literal["refine", "refine-generator", "chat-refine"]) -> RefineBot: ...  # type: ignore[overload-overlap]
@overload
def load_chat(name: Literal["retrieval"]) -> RetrievalBot: ...  # type: ignore[overload-overlap]
@overload
def load_chat(name: str | Path, *, revision: str | None = None, token: str | None = None) -> ChatModel: ...
def load_chat(
    name: str | Path = INTENTS, *, revision: str | None = None, token: str | None = None
) -> ChatModel | ElizaBot | RetrievalBot | IntentBot | RefineBot:
    """Load a chatbot: a bundled name, a folder, a training run (its best checkpoint), or one from the Hugging Face Hub.

    Args:
        name: ``intents``, the default, retrieves from the bundled intents and answers best. ``refine`` ranks these answers and
            those that a network makes of them; ``refine-generator`` gives the network's own. ``chat-gru`` is the best bundled
            encoder-decoder without retrieval; other names are as for `korlm.load_model`. ``eliza`` and ``retrieval`` are the baselines;
            ``retrieval`` searches the pairs that the bundled networks were trained on, or the bundled ones alone where
            the others cannot be downloaded.
        revision: of a repository: a branch, tag or commit; its main branch by default.
        token: for a private repository; by default ``HF_TOKEN`` or that of ``hf auth login``.

    Raises:
        UnknownNameError, ArtifactError, MissingDependencyError, InputError: as for `korlm.load_model`.

    Example:
        >>> load_chat("chat-syllable-gru").tokenizer.unit
        'syllable'
    """
    if name == INTENTS:
        return _load_intent_bot()
    if name in (REFINE, REFINE_GENERATOR, _REFINE_FOLDER):
        return load_refine_bot(generates_only=name == REFINE_GENERATOR)
    if name in (ELIZA, RETRIEVAL):
        return load_baseline(str(name))
    folder = _DEFAULT_CHAT_FOLDER if name == DEFAULT_CHAT else name
    bot = ChatModel.load(find_model_folder(folder, ChatModel.kind, revision=revision, token=token))
    check_installed(bot.tokenizer)
    return bot


@functools.cache
def _load_intent_bot() -> IntentBot:
    intents, encoder = load_intents(), load_question_encoder()
    return IntentBot(intents, encoder=encoder, weights=load_intent_weights(encoder, intents))


def load_refine_bot(name: str | Path = _REFINE_FOLDER, *, generates_only: bool = False) -> RefineBot:
    """Load a network of `korlm.chat.refine.training` as a bot over the bundled intents.

    Args:
        name: a folder or a training run; by default the bundled network.
        generates_only: see `RefineBot`.

    Raises:
        UnknownNameError, ArtifactError: as for `load_chat`.
    """
    model = RefineModel.load(find_model_folder(name, RefineModel.kind))
    retriever = _load_intent_bot()
    return RefineBot(
        model, retriever.index.intents, weights=retriever.weights, index=retriever.index, generates_only=generates_only
    )


def load_baseline(
    name: str, pairs: Sequence[DialoguePair] | None = None,
    *, on_fallback: Callable[[CorpusError], None] = lambda error: None,
) -> ElizaBot | RetrievalBot:  # fmt: skip
    """Return the baseline ``eliza`` or ``retrieval``.

    Args:
        name: one of the two.
        pairs: the pairs that ``retrieval`` searches; by default see `load_chat`.
        on_fallback: called if only the bundled pairs are there, with the reason.
    """
    if name == ELIZA:
        return ElizaBot()
    if pairs is None:
        try:
            pairs = load_pairs(_PAIRS_OF_BUNDLED_BOTS).train
        except CorpusError as error:  # not downloaded yet, and no network
            on_fallback(error)
            pairs = load_pairs("dialogues").train
    return RetrievalBot(pairs)


def load_bot(
    name: str | Path, training_pairs: Sequence[DialoguePair]
) -> ChatModel | ElizaBot | RetrievalBot | IntentBot | RefineBot:
    """Load a bot to evaluate; ``retrieval`` searches the given pairs."""
    return load_baseline(RETRIEVAL, training_pairs) if name == RETRIEVAL else load_chat(name)
