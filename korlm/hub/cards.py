"""Model cards: the ``README.md`` of a model or tokenizer on the Hub, with machine-readable results.

print(render_card("reviews-unigram-lstm"))
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
    """Return the card of a model or tokenizer: metadata as YAML, then the body in Korean and in English.

    Args:
        name: a bundled name, a folder, or the folder of a training run (its best checkpoint).
        repo_id: ``user/repo`` of the future repository, for the examples.

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is not a complete model or tokenizer.
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
    artifact = find_artifact(name)
    file = artifact.folder / CARD_FILE
    write_file(file, render_artifact_card(artifact, repo_id).encode())
    return file


def render_artifact_card(artifact: Artifact, repo_id: str | None = None) -> str:
    """Return the card of an artifact. See `render_card`."""
    address = repo_id or (artifact.name if artifact.is_bundled else f"user/{artifact.name}")
    title = address.split("/")[-1]
    model = artifact.load()
    values: dict[str, Any]
    if isinstance(model, Tokenizer):
        body = render_tokenizer_card(model, title, address)
        license_id = _find_license(artifact, {})
        values = {"license": license_id, "tags": ["korlm", "korean", "tokenizer", model.name]}
    else:
        dataset = get_dataset_info(model.info)
        if isinstance(model, ChatModel):
            kind_tags, body = ["chatbot"], render_chat_card(model, title, address, dataset)
        else:
            kind_tags, body = [], render_model_card(model, title, address, dataset)
        tags = ["korlm", "korean", *kind_tags, model.net.config.cell, model.tokenizer.name]
        values = {"tags": tags, **_model_metadata(artifact, title, model.info, dataset)}
    library = hub_library()
    metadata = library.ModelCardData(language="ko", library_name="korlm", **values)
    return str(library.ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n{body}"))


def _model_metadata(artifact: Artifact, title: str, info: dict[str, Any], dataset: DatasetInfo) -> dict[str, Any]:
    test = info.get("test")
    results = [
        hub_library().EvalResult(
            task_type="text-generation",
            dataset_type=dataset.name,  # the Hub's data set of the same source has other splits
            dataset_name=dataset.en,
            dataset_split="test",
            metric_type="bits_per_character",
            metric_name="bits per character",
            metric_value=test["bits_per_character"],
            metric_args={key: value for key, value in test.items() if key != "bits_per_character"},
        )
    ] if test else None  # fmt: skip
    return {
        "license": _find_license(artifact, info),
        "pipeline_tag": "text-generation",
        "datasets": [dataset.dataset] if dataset.dataset else None,
        "model_name": title,
        "eval_results": results,
    }


def _find_license(artifact: Artifact, info: dict[str, Any]) -> str | None:
    return info.get("license") or (BUNDLED_LICENSE if artifact.is_bundled else None)
