"""`push`: a model or tokenizer to the Hugging Face Hub, in one commit.

push("reviews-unigram-lstm", "user/korlm-reviews", private=True)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import korlm
from korlm.errors import ArtifactError
from korlm.hub.cards import make_card
from korlm.hub.subject import Subject, find
from korlm.remote.address import Address, required
from korlm.remote.fetch import CARD, FILES, kind_of
from korlm.remote.refusals import LOG_IN, hub_errors, hub_library


def push(
    name: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    revision: str | None = None,
    message: str | None = None,
) -> str:
    """Push a model or tokenizer to the Hub: korlm's own files and a card, in one commit, or nothing at all.

    The repository and the branch are made where they are not there. Files of an earlier push that this one does not
    have go in the same commit; others are left alone. A ``README.md`` in a folder of yours is the card; else one is made.

    Args:
        name: a bundled name, a folder, or the folder of a training run (its best checkpoint).
        repo_id: ``user/repo``, or ``user/repo@branch``.
        private: make a new repository private; one that is public already is refused.
        token: one that may write; by default ``HF_TOKEN`` or that of ``hf auth login``.
        revision: the branch; ``main`` by default.
        message: what the commit says.

    Returns:
        The address of the commit; its last part pins what was pushed.

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is no whole model or tokenizer, the repository holds something else, there is no
            token or it may not write, or the Hub cannot be reached.
        InputError: not the form of an address.
        MissingDependencyError: huggingface_hub, or the analyzer that the card's sample needs, is not installed.

    Example:
        >>> push("reviews-unigram-lstm", "user/korlm-reviews", private=True)  # doctest: +SKIP
        'https://huggingface.co/user/korlm-reviews/commit/0123456789abcdef0123456789abcdef01234567'
    """
    where = required(repo_id, revision)
    subject = find(name)
    hub = hub_library()
    if not (token or hub.get_token()):
        raise ArtifactError(
            f"Hub에 올리려면 쓰기 권한이 있는 토큰이 있어야 합니다. {LOG_IN[0]}.",
            f"Pushing to the Hub takes a token that may write: {LOG_IN[1]}.",
        )
    files = _contents(subject, where)
    api = hub.HfApi(token=token, library_name="korlm", library_version=korlm.__version__)
    said = message or f"{subject.name} (korlm {korlm.__version__})"
    with hub_errors(where, writing=True):
        stale = _prepared(api, where, private) - set(files)
        add = [hub.CommitOperationAdd(path_in_repo=file, path_or_fileobj=source) for file, source in files.items()]
        delete = [hub.CommitOperationDelete(path_in_repo=file) for file in sorted(stale)]
        # not upload_folder: with hf_xet it may make several commits, and a reader could see half a model
        done = api.create_commit(where.repo_id, [*delete, *add], commit_message=said, revision=where.revision)
    return str(done.commit_url)


def _contents(subject: Subject, where: Address) -> dict[str, Path | bytes]:
    """Return what is pushed, by its path in the repository; loaded first, so that what is broken stays here."""
    files: dict[str, Path | bytes] = {file: subject.folder / file for file in subject.files}
    if CARD in files and not subject.bundled:  # a bundled one's names no repository
        subject.open()
    else:
        files[CARD] = make_card(subject, where.repo_id).encode()
    return files


def _prepared(api: Any, where: Address, private: bool) -> set[str]:
    """Make the repository and the branch where they are not there; return korlm's files in them."""
    api.create_repo(where.repo_id, private=private or None, exist_ok=True)
    if private and not api.model_info(where.repo_id).private:
        raise ArtifactError(
            f"'{where.repo_id}'은(는) 이미 공개된 저장소라 올리지 않았습니다. 설정에서 비공개로 바꾸거나 다른 이름을 쓰세요.",
            f"'{where.repo_id}' is public already, so nothing was pushed. Make it private in its settings, or choose "
            "another name.",
        )
    if where.revision:
        api.create_branch(where.repo_id, branch=where.revision, exist_ok=True)
    there = set(api.list_repo_files(where.repo_id, revision=where.revision))
    if "config.json" in there:  # what someone keeps there is not overwritten
        config = Path(api.hf_hub_download(where.repo_id, "config.json", revision=where.revision))
        if (found := kind_of(config)) not in FILES:
            raise ArtifactError(
                f"'{where}'에는 korlm의 것이 아닌 모델({found or '?'})이 있어 덮어쓰지 않습니다. 다른 이름을 쓰세요.",
                f"'{where}' holds a model that is not korlm's ({found or '?'}), so it is not overwritten. "
                "Choose another name.",
            )
    return there & {file for files in FILES.values() for file in files}
