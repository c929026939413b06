"""Push a model or tokenizer to the Hugging Face Hub in one commit.

push_to_hub("reviews-unigram-lstm", "user/korlm-reviews", private=True)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from korlm._version import __version__
from korlm.errors import ArtifactError
from korlm.hub.artifact import Artifact, find_artifact
from korlm.hub.cards import render_artifact_card
from korlm.storage.hub import (
    ARTIFACT_FILES,
    CARD_FILE,
    LOGIN_HINT,
    Address,
    artifact_kind,
    hub_library,
    parse_address,
    translate_hub_errors,
)


def push_to_hub(
    name: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    message: str | None = None,
) -> str:
    """Push a model or tokenizer with its card to the Hub, in one commit.

    Creates the repository and the branch if necessary. The commit deletes korlm's files of an earlier push that this one
    lacks and leaves other files alone. A ``README.md`` in your own folder is the card; otherwise one is rendered.

    Args:
        name: a bundled name, a folder, or the folder of a training run (its best checkpoint).
        repo_id: ``user/repo``, or ``user/repo@branch``.
        private: create a private repository; an existing public one is an error.
        token: a token with write access; by default ``HF_TOKEN`` or that of ``hf auth login``.
        revision: the branch; ``main`` by default.
        message: the commit message.

    Returns:
        The URL of the commit; its last part is the revision to pin.

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is not a complete model or tokenizer, the repository contains something else, there
            is no token with write access, or the Hub cannot be reached.
        InputError: malformed address.
        MissingDependencyError: huggingface_hub, or the analyzer that the card's sample needs, is not installed.

    Example:
        >>> push_to_hub("reviews-unigram-lstm", "user/korlm-reviews", private=True)  # doctest: +SKIP
        'https://huggingface.co/user/korlm-reviews/commit/0123456789abcdef0123456789abcdef01234567'
    """
    address = parse_address(repo_id, revision)
    artifact = find_artifact(name)
    hub = hub_library()
    if not (token or hub.get_token()):
        raise ArtifactError(
            f"Hub에 올리려면 쓰기 권한이 있는 토큰이 있어야 합니다. {LOGIN_HINT[0]}.",
            f"Pushing to the Hub takes a token that may write: {LOGIN_HINT[1]}.",
        )
    files = _collect_files(artifact, address)
    api = hub.HfApi(token=token, library_name="korlm", library_version=__version__)
    commit_message = message or f"{artifact.name} (korlm {__version__})"
    with translate_hub_errors(address, pushing=True):
        stale = _prepare_repo(api, address, private) - set(files)
        add = [hub.CommitOperationAdd(path_in_repo=file, path_or_fileobj=source) for file, source in files.items()]
        delete = [hub.CommitOperationDelete(path_in_repo=file) for file in sorted(stale)]
        # not upload_folder: with hf_xet it may make several commits, and a reader could get half a model
        commit = api.create_commit(
            address.repo_id, [*delete, *add], commit_message=commit_message, revision=address.revision
        )
    return str(commit.commit_url)


def _collect_files(artifact: Artifact, address: Address) -> dict[str, Path | bytes]:
    """Return the files to push by their path in the repository; load the artifact first, so that none is broken."""
    files: dict[str, Path | bytes] = {file: artifact.folder / file for file in artifact.files}
    if CARD_FILE in files and not artifact.is_bundled:  # a bundled card names no repository
        artifact.load()
    else:
        files[CARD_FILE] = render_artifact_card(artifact, address.repo_id).encode()
    return files


def _prepare_repo(api: Any, address: Address, private: bool) -> set[str]:
    """Create the repository and the branch if necessary; return korlm's files in them."""
    api.create_repo(address.repo_id, private=private or None, exist_ok=True)
    if private and not api.model_info(address.repo_id).private:
        raise ArtifactError(
            f"'{address.repo_id}'은(는) 이미 공개된 저장소라 올리지 않았습니다. 설정에서 비공개로 바꾸거나 다른 이름을 쓰세요.",
            f"'{address.repo_id}' is public already, so nothing was pushed. Make it private in its settings, or choose "
            "another name.",
        )
    if address.revision:
        api.create_branch(address.repo_id, branch=address.revision, exist_ok=True)
    files = set(api.list_repo_files(address.repo_id, revision=address.revision))
    if "config.json" in files:  # do not overwrite another library's model
        config = Path(api.hf_hub_download(address.repo_id, "config.json", revision=address.revision))
        if (kind := artifact_kind(config)) not in ARTIFACT_FILES:
            raise ArtifactError(
                f"'{address}'에는 korlm의 것이 아닌 모델({kind or '?'})이 있어 덮어쓰지 않습니다. 다른 이름을 쓰세요.",
                f"'{address}' holds a model that is not korlm's ({kind or '?'}), so it is not overwritten. "
                "Choose another name.",
            )
    return files & {file for kind_files in ARTIFACT_FILES.values() for file in kind_files}
