"""Model cards: the ``README.md`` of a model or tokenizer on the Hub, with its figures where machines read them.

print(card("reviews-unigram-lstm"))
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from korlm.chat.model import ChatModel
from korlm.corpora.dataset_info import DatasetInfo, get_dataset_info
from korlm.hub.artifact import Artifact, find_artifact
from korlm.hub.chat_card import render_chat_card
from korlm.hub.model_card import render_model_card
from korlm.hub.tokenizer_card import render_tokenizer_card
from korlm.storage.artifacts import write_file
from korlm.storage.hub import CARD_FILE, hub_library
from korlm.tokenizers.base import Tokenizer

BUNDLED_LICENSE = "apache-2.0"  # of the bundled weights and vocabularies: data/README.md


def render_card(name: str | Path, *, repo_id: str | None = None) -> str:
    """Return the card of a model or tokenizer: metadata as YAML, then Korean, then English.

    Args:
        name: a bundled name, a folder, or the folder of a training run (its best checkpoint).
        repo_id: ``user/repo``, where it will be; named in the examples.

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is no whole model or tokenizer.
        MissingDependencyError: huggingface_hub, or the analyzer that the sample needs, is not installed.

    Example:
        >>> print(render_card("syllable").split("---")[1].strip())  # doctest: +SKIP
        language: ko
        license: apache-2.0
        library_name: korlm
        tags:
        - korlm
        - korean
        - tokenizer
        - syllable
    """
    return render_artifact_card(find_artifact(name), repo_id)


def write_card(name: str | Path, *, repo_id: str | None = None) -> Path:
    """Write the card of a model or tokenizer as ``README.md`` into its folder; return the file.

    Raises:
        UnknownNameError, ArtifactError, MissingDependencyError: see `render_card`.

    Example:
        >>> write_card("runs/law", repo_id="user/law").name  # doctest: +SKIP
        'README.md'
    """
    subject = find_artifact(name)
    target = subject.folder / CARD_FILE
    write_file(target, render_artifact_card(subject, repo_id).encode())
    return target


def render_artifact_card(artifact: Artifact, repo_id: str | None = None) -> str:
    """Return the card of what `find_artifact` found. See `render_card`."""
    library = hub_library()
    where = repo_id or (artifact.name if artifact.is_bundled else f"user/{artifact.name}")
    title = where.split("/")[-1]
    found = artifact.load()
    if isinstance(found, Tokenizer):
        tags = ["korlm", "korean", "tokenizer", found.name]
        body = render_tokenizer_card(found, title, where)
        data = library.ModelCardData(
            language="ko", license=_find_license(artifact, {}), library_name="korlm", tags=tags
        )
    else:
        facts = get_dataset_info(found.info)
        chats = isinstance(found, ChatModel)
        body = (
            render_chat_card(found, title, where, facts)
            if isinstance(found, ChatModel)
            else render_model_card(found, title, where, facts)
        )
        tags = ["korlm", "korean", *(["chatbot"] if chats else []), found.net.config.cell, found.tokenizer.name]
        data = _build_metadata(artifact, title, found.info, facts, tags)
    return str(library.ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}"))


def _build_metadata(artifact: Artifact, title: str, info: dict[str, Any], facts: DatasetInfo, tags: list[str]) -> Any:
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
        license=_find_license(artifact, info),
        library_name="korlm",
        pipeline_tag="text-generation",
        tags=tags,
        datasets=[facts.dataset] if facts.dataset else None,
        model_name=title,
        eval_results=results,
    )


def _find_license(artifact: Artifact, info: dict[str, Any]) -> str | None:
    return info.get("license") or (BUNDLED_LICENSE if artifact.is_bundled else None)
