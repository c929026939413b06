"""What huggingface_hub raises, as korlm's errors: what went wrong at the Hub and what to do about it.

>>> with translate_hub_errors(Address("user/repo")):
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

INSTALL_HUB = 'pip install "korlm[hub]"'
TOKEN_SETTINGS_URL = "https://huggingface.co/settings/tokens"
LOGIN_HINT = (
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
            f"Hugging Face Hub과 주고받으려면 huggingface_hub이 있어야 합니다. 다음 명령으로 설치하세요: {INSTALL_HUB}",
            f"Talking to the Hugging Face Hub takes huggingface_hub. Install it with: {INSTALL_HUB}",
        ) from error
    return huggingface_hub


@contextmanager
def translate_hub_errors(address: Address, *, pushing: bool = False) -> Iterator[None]:
    """Turn what huggingface_hub raises inside the block into korlm's errors.

    Args:
        address: what is read or written.
        pushing: whether it is a push.

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
        raise _translate_error(error, address, pushing) from error


def _translate_error(error: BaseException, address: Address, pushing: bool) -> KorlmError:
    from huggingface_hub import constants, errors

    while isinstance(error, (errors.LocalEntryNotFoundError, RuntimeError)) and error.__cause__:
        error = error.__cause__  # "not in the cache, because": the reason is what helps
    if isinstance(error, errors.HfHubHTTPError):
        return _not_found_error(error, address) or _http_error(error, address, pushing)
    if isinstance(error, errors.OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        return _offline_error(address, pushing)
    if isinstance(error, (errors.HTTPError, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError)):
        return _unreachable_error(constants.ENDPOINT, address, pushing)
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return ArtifactError(
        f"'{address}'을(를) {'올리지' if pushing else '받지'} 못했습니다: {reason}. 고치고 다시 해 보세요.",
        f"Could not {'push' if pushing else 'fetch'} '{address}': {reason}. Mend that and try again.",
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
            f"Hub({endpoint})과 이어지지 않아 '{address}'에 올리지 못했습니다. 인터넷 연결을 보고 다시 하세요.",
            f"The Hub ({endpoint}) cannot be reached, so '{address}' was not pushed. Check the connection; try again.",
        )
    return ArtifactError(
        f"'{address}'은(는) 이 컴퓨터의 폴더도 아니고 받아 둔 것도 없는데 Hub({endpoint})에 닿지 못했습니다. "
        "인터넷 연결을 확인하세요. 한 번 받으면 인터넷 없이도 열립니다.",
        f"'{address}' is no folder here and not in the cache, and the Hub ({endpoint}) cannot be reached. "
        "Check the connection; once fetched, it opens without a network.",
    )


def _not_found_error(error: Any, address: Address) -> KorlmError | None:
    """Return what it means that the Hub shows nothing under that name, if that is what it says."""
    from huggingface_hub import constants, errors

    page = f"{constants.ENDPOINT}/{address.repo_id}"
    if isinstance(error, errors.GatedRepoError):
        return ArtifactError(
            f"'{address}'은(는) 조건에 동의해야 받을 수 있습니다. {page} 에서 동의한 뒤 {LOGIN_HINT[0]}.",
            f"'{address}' is gated. Accept its terms on {page}, then {LOGIN_HINT[1]}.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UnknownNameError(
            f"'{address.repo_id}'에 '{address.revision}' 판이 없습니다. {page}/commits 에서 브랜치, 태그, 커밋을 확인하세요.",
            f"'{address.repo_id}' has no revision '{address.revision}'. See its branches, tags, commits: {page}/commits.",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or error.response.status_code == 404:
        return UnknownNameError(
            f"'{address.repo_id}'이라는 폴더도 Hub 저장소도 없거나, 비공개 저장소입니다. 이름을 확인하세요. 비공개라면 {LOGIN_HINT[0]}.",
            f"'{address.repo_id}' is no folder and no repository on the Hub, or a private one. Check the name; "
            f"if it is private, {LOGIN_HINT[1]}.",
        )
    return None


def _http_error(error: Any, address: Address, pushing: bool) -> ArtifactError:
    """Return what any other answer that is no success means."""
    status = error.response.status_code
    if status == 401:
        return ArtifactError(
            f"Hub이 토큰을 받지 않았습니다(틀렸거나 만료됨). {TOKEN_SETTINGS_URL} 에서 새로 만든 뒤 {LOGIN_HINT[0]}.",
            f"The Hub does not take the token (wrong or expired). Make a new one at {TOKEN_SETTINGS_URL}, then {LOGIN_HINT[1]}.",
        )
    if status == 403:
        right = ("쓸", "write") if pushing else ("읽을", "read")
        return ArtifactError(
            f"이 토큰으로는 '{address.repo_id}'을(를) {right[0]} 수 없습니다. {TOKEN_SETTINGS_URL} 에서 {right[1]} 권한이 있는 토큰을 만들고, "
            "저장소 이름의 사용자가 맞는지 보세요.",
            f"This token may not {right[1]} '{address.repo_id}'. Make one with the right to {right[1]} at {TOKEN_SETTINGS_URL}, "
            "and check the user in the repository's name.",
        )
    said = error.server_message or f"HTTP {status}"
    if status == 429 or status >= 500:
        return ArtifactError(
            f"Hub이 지금 '{address}'의 일을 못 합니다: {said}. 잠시 뒤 다시 하세요.",
            f"The Hub cannot serve '{address}' now: {said}. Try again later.",
        )
    return ArtifactError(
        f"Hub이 '{address}'의 일을 받아들이지 않았습니다: {said}. 고치고 다시 하세요.",
        f"The Hub refused what was asked of '{address}': {said}. Mend that and try again.",
    )
