"""What huggingface_hub raises, as korlm's errors: what went wrong at the Hub and what to do about it.

>>> with hub_errors(Address("user/repo")):
...     raise ConnectionError("down")
Traceback (most recent call last):
korlm.errors.ArtifactError: ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from korlm.errors import ArtifactError, KorlmError, MissingDependencyError, UnknownNameError
from korlm.remote.address import Address

INSTALL = 'pip install "korlm[hub]"'
TOKENS = "https://huggingface.co/settings/tokens"
LOG_IN = (
    "`hf auth login`을 하거나 HF_TOKEN이나 token=으로 토큰을 주세요",
    "run `hf auth login`, or give HF_TOKEN or token=",
)


def hub_library() -> ModuleType:
    """Return `huggingface_hub`, imported on first use.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingDependencyError(
            f"Hugging Face Hub과 주고받으려면 huggingface_hub이 있어야 합니다. 다음 명령으로 설치하세요: {INSTALL}",
            f"Talking to the Hugging Face Hub takes huggingface_hub. Install it with: {INSTALL}",
        ) from error
    return huggingface_hub


@contextmanager
def hub_errors(where: Address, *, writing: bool = False) -> Iterator[None]:
    """Turn what huggingface_hub raises inside the block into korlm's errors.

    Args:
        where: what is read or written.
        writing: whether it is a push.

    Raises:
        UnknownNameError: no such repository or revision, or a private one that the token may not see.
        ArtifactError: any other refusal, no network, a full disk.
    """
    from huggingface_hub import errors

    try:
        yield
    except KorlmError:
        raise
    except (errors.HTTPError, OSError, ValueError, RuntimeError) as error:
        raise _explained(error, where, writing) from error


def _explained(error: BaseException, where: Address, writing: bool) -> KorlmError:
    from huggingface_hub import constants, errors

    while isinstance(error, (errors.LocalEntryNotFoundError, RuntimeError)) and error.__cause__:
        error = error.__cause__  # "not in the cache, because": the reason is what helps
    if isinstance(error, errors.HfHubHTTPError):
        return _unseen(error, where) or _refused(error, where, writing)
    if isinstance(error, errors.OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        return _offline(where, writing)
    if isinstance(error, (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError)):
        return _unreachable(constants.ENDPOINT, where, writing)
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return ArtifactError(
        f"'{where}'을(를) {'올리지' if writing else '받지'} 못했습니다: {reason}. 고치고 다시 해 보세요.",
        f"Could not {'push' if writing else 'fetch'} '{where}': {reason}. Mend that and try again.",
    )


def _offline(where: Address, writing: bool) -> ArtifactError:
    if writing:
        return ArtifactError(
            "HF_HUB_OFFLINE이 켜져 있어 올릴 수 없습니다. 끄고 다시 하세요.",
            "HF_HUB_OFFLINE is set, so nothing can be pushed. Unset it and try again.",
        )
    return ArtifactError(
        f"HF_HUB_OFFLINE이 켜져 있고 '{where}'은(는) 받아 둔 것이 없습니다. 끄거나, 인터넷이 될 때 한 번 받아 두세요.",
        f"HF_HUB_OFFLINE is set and '{where}' is not in the cache. Unset it, or fetch it once while online.",
    )


def _unreachable(endpoint: str, where: Address, writing: bool) -> ArtifactError:
    if writing:
        return ArtifactError(
            f"Hub({endpoint})과 이어지지 않아 '{where}'에 올리지 못했습니다. 인터넷 연결을 보고 다시 하세요.",
            f"The Hub ({endpoint}) cannot be reached, so '{where}' was not pushed. Check the connection; try again.",
        )
    return ArtifactError(
        f"'{where}'은(는) 이 컴퓨터의 폴더도 아니고 받아 둔 것도 없는데 Hub({endpoint})에 닿지 못했습니다. "
        "인터넷 연결을 확인하세요. 한 번 받으면 인터넷 없이도 열립니다.",
        f"'{where}' is no folder here and not in the cache, and the Hub ({endpoint}) cannot be reached. "
        "Check the connection; once fetched, it opens without a network.",
    )


def _unseen(error: Any, where: Address) -> KorlmError | None:
    """Return what it means that the Hub shows nothing under that name, if that is what it says."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{where.repo_id}"
    if isinstance(error, errors.GatedRepoError):
        return ArtifactError(
            f"'{where}'은(는) 조건에 동의해야 받을 수 있습니다. {page} 에서 동의한 뒤 {LOG_IN[0]}.",
            f"'{where}' is gated. Accept its terms on {page}, then {LOG_IN[1]}.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UnknownNameError(
            f"'{where.repo_id}'에 '{where.revision}' 판이 없습니다. {page}/commits 에서 브랜치, 태그, 커밋을 확인하세요.",
            f"'{where.repo_id}' has no revision '{where.revision}'. See its branches, tags, commits: {page}/commits.",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or error.response.status_code == 404:
        return UnknownNameError(
            f"'{where.repo_id}'이라는 폴더도 Hub 저장소도 없거나, 비공개 저장소입니다. 이름을 확인하세요. 비공개라면 {LOG_IN[0]}.",
            f"'{where.repo_id}' is no folder and no repository on the Hub, or a private one. Check the name; "
            f"if it is private, {LOG_IN[1]}.",
        )
    return None


def _refused(error: Any, where: Address, writing: bool) -> ArtifactError:
    """Return what any other answer that is no success means."""
    status = error.response.status_code
    if status == 401:
        return ArtifactError(
            f"Hub이 토큰을 받지 않았습니다(틀렸거나 만료됨). {TOKENS} 에서 새로 만든 뒤 {LOG_IN[0]}.",
            f"The Hub does not take the token (wrong or expired). Make a new one at {TOKENS}, then {LOG_IN[1]}.",
        )
    if status == 403:
        right = ("쓸", "write") if writing else ("읽을", "read")
        return ArtifactError(
            f"이 토큰으로는 '{where.repo_id}'을(를) {right[0]} 수 없습니다. {TOKENS} 에서 {right[1]} 권한이 있는 토큰을 만들고, "
            "저장소 이름의 사용자가 맞는지 보세요.",
            f"This token may not {right[1]} '{where.repo_id}'. Make one with the right to {right[1]} at {TOKENS}, "
            "and check the user in the repository's name.",
        )
    said = error.server_message or f"HTTP {status}"
    if status == 429 or status >= 500:
        return ArtifactError(
            f"Hub이 지금 '{where}'의 일을 못 합니다: {said}. 잠시 뒤 다시 하세요.",
            f"The Hub cannot serve '{where}' now: {said}. Try again later.",
        )
    return ArtifactError(
        f"Hub이 '{where}'의 일을 받아들이지 않았습니다: {said}. 고치고 다시 하세요.",
        f"The Hub refused what was asked of '{where}': {said}. Mend that and try again.",
    )
