"""The Hugging Face Hub: repository addresses, downloads into huggingface_hub's cache, and conversion of its exceptions.

Only the files of korlm's formats are downloaded, by their exact names: no pickle and no file outside the folder. Uploads
are in `korlm.hub`.

>>> match_address("user/my-model@v1")
Address(repo_id='user/my-model', revision='v1')
>>> match_address("kiwi") is None
True
>>> with translate_hub_errors(Address("user/repo")):
...     raise ConnectionError("down")
Traceback (most recent call last):
korlm.errors.ArtifactError: ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from korlm.errors import ArtifactError, InputError, KorlmError, MissingDependencyError, UnknownNameError
from korlm.storage.artifacts import read_json
from korlm.text.josa import quote_with_josa

INSTALL_HUB = 'pip install "korlm[hub]"'
TOKEN_SETTINGS_URL = "https://huggingface.co/settings/tokens"
LOGIN_HINT = (
    "`hf auth login`을 하거나 HF_TOKEN이나 token=으로 토큰을 주세요",
    "run `hf auth login`, or give HF_TOKEN or token=",
)
CARD_FILE = "README.md"
_TOKENIZER_FILES = ("config.json", "vocabulary.json", "sentencepiece.model")
_MODEL_FILES = (
    CARD_FILE, "config.json", "build_info.json", "model.safetensors", *(f"tokenizer/{name}" for name in _TOKENIZER_FILES),
)  # fmt: skip
ARTIFACT_FILES = {
    "model": _MODEL_FILES,
    "chat": (*_MODEL_FILES, "questions.json"),
    "tokenizer": (CARD_FILE, *_TOKENIZER_FILES),
}
_ADDRESS = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(.+))?", re.ASCII | re.DOTALL)
_REVISION = re.compile(r"\w[\w./+-]*", re.ASCII)


class Address(NamedTuple):
    """A repository on the Hub and its revision: a branch, tag or commit (None for the main branch)."""

    repo_id: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


def match_address(name: str | Path, revision: str | None = None) -> Address | None:
    """Parse a name as a Hub address; return None if it does not have the form of one.

    Args:
        name: ``user/repo`` or ``user/repo@revision``. A `Path` is a folder, never an address.
        revision: a branch, tag or commit, as an alternative to ``@revision``.

    Raises:
        InputError: ``name`` and ``revision`` give different revisions, or the revision is not a valid name.

    Example:
        >>> str(match_address("user/repo", revision="main"))
        'user/repo@main'
    """
    match = None if isinstance(name, Path) else _ADDRESS.fullmatch(name)
    if not match:
        return None
    repo_id, revision_in_name = match[1], match[2]
    resolved = revision_in_name or revision
    if resolved and (not _REVISION.fullmatch(resolved) or ".." in resolved or revision not in (None, resolved)):
        given = " / ".join(filter(None, (revision_in_name, revision)))
        raise InputError(
            f"'{repo_id}'의 리비전(revision)으로 쓸 수 없습니다: {given}. 브랜치, 태그, 커밋 가운데 하나를 쓰세요.",
            f"Not a revision of '{repo_id}': {given}. Name one branch, tag or commit.",
        )
    return Address(repo_id, resolved)


def parse_address(name: str, revision: str | None = None) -> Address:
    """Parse a name as a Hub address, which it must be; see `match_address`.

    Raises:
        InputError: the name does not have the form of an address.

    Example:
        >>> parse_address("user/repo").repo_id
        'user/repo'
    """
    address = match_address(name, revision)
    if address is None:
        raise InputError(
            f"'{name}'은(는) Hub 저장소의 이름이 아닙니다. '사용자/저장소'나 '사용자/저장소@리비전'이라고 쓰세요.",
            f"'{name}' is not the name of a Hub repository. Write 'user/repo' or 'user/repo@revision'.",
        )
    return address


def resolve_hub_address(name: str | Path, revision: str | None, *, is_bundled: bool) -> Address | None:
    """Return the Hub address of an artifact, or None if it is not on the Hub.

    Args:
        name: the artifact's name as given by the user; a local file or folder of that name has priority over the Hub.
        revision: the requested revision, if any.
        is_bundled: whether an artifact of that name is bundled with korlm; it has priority over files and the Hub.

    Raises:
        InputError: a revision was requested, but the artifact is not on the Hub.

    Example:
        >>> resolve_hub_address("user/repo", "v2", is_bundled=False)
        Address(repo_id='user/repo', revision='v2')
    """
    address = None if is_bundled or Path(name).exists() else match_address(name, revision)
    if revision and address is None:
        raise InputError(
            f"'{name}'은(는) Hub의 저장소가 아니라서 리비전(revision)이 없습니다. revision을 빼거나 '사용자/저장소'를 쓰세요.",
            f"'{name}' is not a repository on the Hub and has no revisions. Leave revision out, or name 'user/repo'.",
        )
    return address


def fetch_from_hub(repo_id: str, *, revision: str | None = None, token: str | None = None, kind: str = "model") -> Path:
    """Download a model or tokenizer from the Hub into the cache; without a network, use the cached copy.

    Args:
        repo_id: ``user/repo``, or ``user/repo@revision``.
        revision: a branch, a tag or a commit; only a commit always gives the same files.
        token: access token for private repositories; by default ``HF_TOKEN`` or the token of ``hf auth login``.
        kind: ``model``, ``chat`` or ``tokenizer``.

    Returns:
        The folder in the cache; do not write to it.

    Raises:
        UnknownNameError: no such repository or revision, or a private one that the token may not read.
        ArtifactError: the repository holds no korlm artifact of that kind (only its ``config.json`` is downloaded then);
            or there is neither a network nor a cached copy; or the Hub refuses the request.
        InputError: ``repo_id`` does not have the form of an address.
        MissingDependencyError: huggingface_hub is not installed.

    Example:
        >>> sorted(path.name for path in fetch_from_hub("user/my-model", revision="v1").iterdir())  # doctest: +SKIP
        ['README.md', 'build_info.json', 'config.json', 'model.safetensors', 'tokenizer']
    """
    address = parse_address(repo_id, revision)
    hub = hub_library()
    with translate_hub_errors(address):  # config.json first: another library's model may have gigabytes of weights
        folder = Path(
            hub.snapshot_download(
                address.repo_id, revision=address.revision, token=token, library_name="korlm",
                allow_patterns=["config.json"], tqdm_class=_silent_progress_class(hub),
            )
        )  # fmt: skip
    _check_kind(folder / "config.json", address, kind)
    with translate_hub_errors(address):
        hub.snapshot_download(
            address.repo_id, revision=folder.name, token=token, library_name="korlm",  # the folder is named by its commit
            allow_patterns=list(ARTIFACT_FILES[kind]),
        )  # fmt: skip
    return folder


def _silent_progress_class(hub: Any) -> type:
    """Return a progress bar class that shows nothing, for the few bytes of the configuration."""

    class SilentProgress(hub.utils.tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

    return SilentProgress


def artifact_kind(config_path: Path) -> str:
    """Return the kind of the artifact that a ``config.json`` describes.

    Returns:
        ``model``, ``chat`` or ``tokenizer``; or the ``model_type`` of a transformers model; or ``""`` if it is neither.
    """
    config = read_json(config_path) if config_path.is_file() else None
    if not isinstance(config, dict):
        return ""
    return str(config.get("kind") if config.get("kind") in ARTIFACT_FILES else config.get("model_type", ""))


def _check_kind(config_path: Path, address: Address, kind: str) -> None:
    """Raise an `ArtifactError` unless ``config.json`` describes a korlm artifact of this kind."""
    actual = artifact_kind(config_path)
    if actual == kind:
        return
    if actual in ARTIFACT_FILES:
        raise ArtifactError(
            f"'{address}'은(는) {kind}이(가) 아니라 {actual}입니다. korlm.load_{actual}('{address}')(으)로 여세요.",
            f"'{address}' is a {actual}, not a {kind}. Open it with korlm.load_{actual}('{address}').",
        )
    if actual:
        raise ArtifactError(
            f"'{address}'은(는) korlm의 것이 아니라 transformers의 '{actual}' 모델입니다. transformers로 여세요.",
            f"'{address}' is not korlm's but a '{actual}' model of transformers. Open it with transformers.",
        )
    raise ArtifactError(
        f"'{address}'에는 korlm의 config.json이 없습니다. korlm push로 올린 저장소를 쓰세요.",
        f"'{address}' has no config.json of korlm. Use a repository made by korlm push.",
    )


def hub_library() -> ModuleType:
    """Return `huggingface_hub`, imported on first use.

    Raises:
        MissingDependencyError: huggingface_hub is not installed.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingDependencyError(
            f"Hugging Face Hub과 주고받으려면 huggingface_hub이 있어야 합니다. 다음 명령으로 설치하세요: {INSTALL_HUB}",
            f"Talking to the Hugging Face Hub takes huggingface_hub. Install it with: {INSTALL_HUB}",
        ) from error
    return huggingface_hub


@contextmanager
def translate_hub_errors(address: Address, *, pushing: bool = False) -> Iterator[None]:
    """Convert exceptions of huggingface_hub inside the block, a download or a push, to korlm's errors.

    Raises:
        UnknownNameError: no such repository or revision, or a private one that the token may not read.
        ArtifactError: any other error response of the Hub, no network, or a full disk.
    """
    from huggingface_hub import errors

    try:
        yield
    except KorlmError:
        raise
    except (errors.HTTPError, OSError, ValueError, RuntimeError) as error:
        raise _translate_error(error, address, pushing) from error


def _translate_error(error: BaseException, address: Address, pushing: bool) -> KorlmError:
    from huggingface_hub import constants, errors

    # huggingface_hub only says "not in the cache"; the cause tells why it could not download
    while isinstance(error, (errors.LocalEntryNotFoundError, RuntimeError)) and error.__cause__:
        error = error.__cause__
    if isinstance(error, errors.HfHubHTTPError):
        return _not_found_error(error, address) or _http_error(error, address, pushing)
    if isinstance(error, errors.OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        return _offline_error(address, pushing)
    if isinstance(error, (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError)):
        return _unreachable_error(constants.ENDPOINT, address, pushing)
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return ArtifactError(
        f"'{address}'을(를) {'올리지' if pushing else '받지'} 못했습니다: {reason}. 고치고 다시 해 보세요.",
        f"Could not {'push' if pushing else 'fetch'} '{address}': {reason}. Correct that and try again.",
    )


def _offline_error(address: Address, pushing: bool) -> ArtifactError:
    if pushing:
        return ArtifactError(
            "HF_HUB_OFFLINE이 켜져 있어 올릴 수 없습니다. 끄고 다시 하세요.",
            "HF_HUB_OFFLINE is set, so nothing can be pushed. Unset it and try again.",
        )
    return ArtifactError(
        f"HF_HUB_OFFLINE이 켜져 있고 '{address}'은(는) 받아 둔 것이 없습니다. 끄거나, 인터넷이 될 때 한 번 받아 두세요.",
        f"HF_HUB_OFFLINE is set and '{address}' is not in the cache. Unset it, or fetch it once while online.",
    )


def _unreachable_error(endpoint: str, address: Address, pushing: bool) -> ArtifactError:
    if pushing:
        return ArtifactError(
            f"Hub({endpoint})에 연결하지 못해 '{address}'에 올리지 못했습니다. 인터넷 연결을 보고 다시 하세요.",
            f"The Hub ({endpoint}) cannot be reached, so '{address}' was not pushed. Check the connection; try again.",
        )
    return ArtifactError(
        f"'{address}'은(는) 이 컴퓨터의 폴더도 아니고 받아 둔 것도 없는데 Hub({endpoint})에 닿지 못했습니다. "
        "인터넷 연결을 확인하세요. 한 번 받으면 인터넷 없이도 열립니다.",
        f"'{address}' is neither a folder nor in the cache, and the Hub ({endpoint}) cannot be reached. "
        "Check the connection; once fetched, it opens without a network.",
    )


def _not_found_error(error: Any, address: Address) -> KorlmError | None:
    """Return the error for a gated repository or a missing (or private) repository or revision; None for others."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{address.repo_id}"
    if isinstance(error, errors.GatedRepoError):
        return ArtifactError(
            f"'{address}'은(는) 조건에 동의해야 받을 수 있습니다. {page} 에서 동의한 뒤 {LOGIN_HINT[0]}.",
            f"'{address}' is gated. Accept its terms on {page}, then {LOGIN_HINT[1]}.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UnknownNameError(
            f"'{address.repo_id}'에 '{address.revision}' 리비전이 없습니다. {page}/commits 에서 브랜치, 태그, 커밋을 확인하세요.",
            f"'{address.repo_id}' has no revision '{address.revision}'. See its branches, tags, commits: {page}/commits.",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or error.response.status_code == 404:
        return UnknownNameError(
            f"{quote_with_josa(address.repo_id, '이라는/라는')} 폴더도 Hub 저장소도 없거나, 비공개 저장소입니다. 이름을 확인하세요. 비공개라면 {LOGIN_HINT[0]}.",
            f"'{address.repo_id}' is neither a folder nor a repository on the Hub, or the repository is private. Check the name; "
            f"if it is private, {LOGIN_HINT[1]}.",
        )
    return None


def _http_error(error: Any, address: Address, pushing: bool) -> ArtifactError:
    """Return the error for the HTTP status codes that `_not_found_error` does not handle."""
    status = error.response.status_code
    if status == 401:
        return ArtifactError(
            f"Hub이 토큰을 받지 않았습니다(틀렸거나 만료됨). {TOKEN_SETTINGS_URL} 에서 새로 만든 뒤 {LOGIN_HINT[0]}.",
            f"The Hub does not take the token (wrong or expired). Make a new one at {TOKEN_SETTINGS_URL}, then {LOGIN_HINT[1]}.",
        )
    if status == 403:
        ko, en = ("쓸", "write") if pushing else ("읽을", "read")
        return ArtifactError(
            f"이 토큰으로는 '{address.repo_id}'을(를) {ko} 수 없습니다. {TOKEN_SETTINGS_URL} 에서 {en} 권한이 있는 토큰을 만들고, "
            "저장소 이름의 사용자가 맞는지 보세요.",
            f"This token may not {en} '{address.repo_id}'. Make one with the right to {en} at {TOKEN_SETTINGS_URL}, "
            "and check the user in the repository's name.",
        )
    reason = error.server_message or f"HTTP {status}"
    if status == 429 or status >= 500:
        return ArtifactError(
            f"Hub이 지금 '{address}'의 일을 못 합니다: {reason}. 잠시 뒤 다시 하세요.",
            f"The Hub cannot serve '{address}' now: {reason}. Try again later.",
        )
    return ArtifactError(
        f"Hub이 '{address}'의 일을 받아들이지 않았습니다: {reason}. 고치고 다시 하세요.",
        f"The Hub refused what was asked of '{address}': {reason}. Correct that and try again.",
    )
