"""Model cards: the ``README.md`` of a model or tokenizer on the Hub, with its figures where machines read them.

print(card("reviews-unigram-lstm"))
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from korlm.artifacts import write_file
from korlm.chat.model import ChatModel
from korlm.corpora.facts import CorpusFacts, corpus_facts
from korlm.hub.chat_page import chat_page
from korlm.hub.model_page import model_page
from korlm.hub.subject import Subject, find
from korlm.hub.tokenizer_page import tokenizer_page
from korlm.remote.fetch import CARD
from korlm.remote.refusals import hub_library
from korlm.tokenizers.base import Tokenizer

OWN_LICENCE = "apache-2.0"  # of the bundled weights and vocabularies: data/README.md


def card(name: str | Path, *, repo_id: str | None = None) -> str:
    """Return the card of a model or tokenizer: metadata as YAML, then Korean, then English.

    Args:
        name: a bundled name, a folder, or the folder of a training run (its best checkpoint).
        repo_id: ``user/repo``, where it will be; named in the examples.

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is no whole model or tokenizer.
        MissingDependencyError: huggingface_hub, or the analyzer that the sample needs, is not installed.

    Example:
        >>> print(card("syllable").split("---")[1].strip())  # doctest: +SKIP
        language: ko
        license: apache-2.0
        library_name: korlm
        tags:
        - korlm
        - korean
        - tokenizer
        - syllable
    """
    return make_card(find(name), repo_id)


def write_card(name: str | Path, *, repo_id: str | None = None) -> Path:
    """Write the card of a model or tokenizer as ``README.md`` into its folder; return the file.

    Raises:
        UnknownNameError, ArtifactError, MissingDependencyError: see `card`.

    Example:
        >>> write_card("runs/law", repo_id="user/law").name  # doctest: +SKIP
        'README.md'
    """
    subject = find(name)
    target = subject.folder / CARD
    write_file(target, make_card(subject, repo_id).encode())
    return target


def make_card(subject: Subject, repo_id: str | None = None) -> str:
    """Return the card of what `find` found. See `card`."""
    library = hub_library()
    where = repo_id or (subject.name if subject.bundled else f"user/{subject.name}")
    title = where.split("/")[-1]
    found = subject.open()
    if isinstance(found, Tokenizer):
        tags = ["korlm", "korean", "tokenizer", found.name]
        body = tokenizer_page(found, title, where)
        data = library.ModelCardData(language="ko", license=_licence(subject, {}), library_name="korlm", tags=tags)
    else:
        facts = corpus_facts(found.info)
        chats = isinstance(found, ChatModel)
        body = (
            chat_page(found, title, where, facts)
            if isinstance(found, ChatModel)
            else model_page(found, title, where, facts)
        )
        tags = ["korlm", "korean", *(["chatbot"] if chats else []), found.net.config.cell, found.tokenizer.name]
        data = _metadata(subject, title, found.info, facts, tags)
    return str(library.ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}"))


def _metadata(subject: Subject, title: str, info: dict[str, Any], facts: CorpusFacts, tags: list[str]) -> Any:
    library = hub_library()
    test = info.get("test")
    results = [
        library.EvalResult(
            task_type="text-generation",
            dataset_type=facts.name,  # the Hub's data set of the same source is split otherwise
            dataset_name=facts.en,
            dataset_split="test",
            metric_type="bits_per_character",
            metric_name="bits per character",
            metric_value=test["bits_per_character"],
            metric_args={key: value for key, value in test.items() if key != "bits_per_character"},
        )
    ] if test else None  # fmt: skip
    return library.ModelCardData(
        language="ko",
        license=_licence(subject, info),
        library_name="korlm",
        pipeline_tag="text-generation",
        tags=tags,
        datasets=[facts.dataset] if facts.dataset else None,
        model_name=title,
        eval_results=results,
    )


def _licence(subject: Subject, info: dict[str, Any]) -> str | None:
    return info.get("license") or (OWN_LICENCE if subject.bundled else None)
