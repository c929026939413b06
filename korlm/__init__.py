"""Korean tokenizers, recurrent language models and chat bots, with tools to inspect and compare them.

    >>> import korlm
    >>> tokenizer = korlm.load_tokenizer("syllable")
    >>> tokenizer.decode(tokenizer.encode("뷁 ㅋㅋ").ids)
    '뷁 ㅋㅋ'

The import is quick: torch, sentencepiece, kiwipiepy and gradio are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from korlm._version import __version__ as __version__

_HOMES = {
    "KorlmError": "korlm.errors",
    "ChatModel": "korlm.chat.model",
    "ExperimentConfig": "korlm.experiments.config",
    "GenerationConfig": "korlm.generation.config",
    "Reply": "korlm.chat.reply",
    "Score": "korlm.models.results",
    "compare": "korlm.evaluation.compare",
    "Encoding": "korlm.tokenizers.encoding",
    "evaluate_tokenizers": "korlm.evaluation.evaluate",
    "export_tokenizer": "korlm.tokenizers.hf_export",
    "LanguageModel": "korlm.models.language_model",
    "Tokenizer": "korlm.tokenizers.base",
    "likely_segmentations": "korlm.models.marginal",
    "list_chats": "korlm.chat.registry",
    "list_models": "korlm.models.registry",
    "list_tokenizers": "korlm.tokenizers.catalog",
    "load_chat": "korlm.chat.registry",
    "load_corpus": "korlm.corpora.registry",
    "load_model": "korlm.models.registry",
    "load_pairs": "korlm.corpora.dialogues",
    "load_question_encoder": "korlm.chat.encoder.model",
    "load_tokenizer": "korlm.tokenizers.registry",
    "make_soup": "korlm.training.soup",
    "push_to_hub": "korlm.hub.push",
    "remove_stopwords": "korlm.tokenizers.stopwords",
    "run_experiment": "korlm.experiments.run",
    "score_marginal": "korlm.models.marginal",
    "score_mixture": "korlm.models.mixture",
    "train_chat": "korlm.chat.training",
    "train_model": "korlm.training.train",
    "train_tokenizer": "korlm.tokenizers.train",
}
__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from korlm.chat.encoder.model import load_question_encoder as load_question_encoder
    from korlm.chat.model import ChatModel as ChatModel
    from korlm.chat.registry import list_chats as list_chats
    from korlm.chat.registry import load_chat as load_chat
    from korlm.chat.reply import Reply as Reply
    from korlm.chat.training import train_chat as train_chat
    from korlm.corpora.dialogues import load_pairs as load_pairs
    from korlm.corpora.registry import load_corpus as load_corpus
    from korlm.errors import KorlmError as KorlmError
    from korlm.evaluation.compare import compare as compare
    from korlm.evaluation.evaluate import evaluate_tokenizers as evaluate_tokenizers
    from korlm.experiments.config import ExperimentConfig as ExperimentConfig
    from korlm.experiments.run import run_experiment as run_experiment
    from korlm.generation.config import GenerationConfig as GenerationConfig
    from korlm.hub.push import push_to_hub as push_to_hub
    from korlm.models.language_model import LanguageModel as LanguageModel
    from korlm.models.marginal import likely_segmentations as likely_segmentations
    from korlm.models.marginal import score_marginal as score_marginal
    from korlm.models.mixture import score_mixture as score_mixture
    from korlm.models.registry import list_models as list_models
    from korlm.models.registry import load_model as load_model
    from korlm.models.results import Score as Score
    from korlm.tokenizers.base import Tokenizer as Tokenizer
    from korlm.tokenizers.catalog import list_tokenizers as list_tokenizers
    from korlm.tokenizers.encoding import Encoding as Encoding
    from korlm.tokenizers.hf_export import export_tokenizer as export_tokenizer
    from korlm.tokenizers.registry import load_tokenizer as load_tokenizer
    from korlm.tokenizers.stopwords import remove_stopwords as remove_stopwords
    from korlm.tokenizers.train import train_tokenizer as train_tokenizer
    from korlm.training.soup import make_soup as make_soup
    from korlm.training.train import train_model as train_model


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'korlm' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
