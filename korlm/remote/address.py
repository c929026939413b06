"""What names a repository on the Hub, and what names something on this computer.

>>> match_address("user/my-model@v1")
Address(repo_id='user/my-model', revision='v1')
>>> match_address("kiwi") is None
True
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from korlm.errors import InputError

_ADDRESS = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(.+))?", re.ASCII | re.DOTALL)
_REVISION = re.compile(r"\w[\w./+-]*", re.ASCII)


class Address(NamedTuple):
    """A repository on the Hub and a branch, tag or commit of it (None: its main branch)."""

    repo_id: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


def match_address(name: str | Path, revision: str | None = None) -> Address | None:
    """Return the address that a name is, or None for a name that cannot be one.

    Args:
        name: ``user/repo`` or ``user/repo@revision``. A `Path` is a folder, never an address.
        revision: a branch, tag or commit, as after the ``@``.

    Raises:
        InputError: two revisions that differ, or one that no branch, tag or commit can be called.

    Example:
        >>> str(match_address("user/repo", revision="main"))
        'user/repo@main'
    """
    found = None if isinstance(name, Path) else _ADDRESS.fullmatch(name)
    if not found:
        return None
    named = found[2] or revision
    if named and (not _REVISION.fullmatch(named) or ".." in named or revision not in (None, named)):
        asked = " / ".join(filter(None, (found[2], revision)))
        raise InputError(
            f"'{found[1]}'의 판(revision)으로 쓸 수 없습니다: {asked}. 브랜치, 태그, 커밋 가운데 하나를 쓰세요.",
            f"That is no revision of '{found[1]}': {asked}. Name one branch, tag or commit.",
        )
    return Address(found[1], named)


def parse_address(name: str, revision: str | None = None) -> Address:
    """Return the address that a name is. See `match_address`.

    Raises:
        InputError: it has not the form of one.

    Example:
        >>> parse_address("user/repo").repo_id
        'user/repo'
    """
    where = match_address(name, revision)
    if where is None:
        raise InputError(
            f"'{name}'은(는) Hub 저장소의 이름이 아닙니다. '사용자/저장소'나 '사용자/저장소@판'이라고 쓰세요.",
            f"'{name}' is not the name of a Hub repository. Write 'user/repo' or 'user/repo@revision'.",
        )
    return where


def resolve_hub_address(name: str | Path, revision: str | None, *, is_bundled: bool) -> Address | None:
    """Return the address of what is on the Hub, or None where it is on this computer or nowhere.

    Args:
        name: what a user named; a file or folder of that name wins over the Hub.
        revision: the one asked for, if any.
        is_bundled: whether it is a name of korlm's own, which wins over all.

    Raises:
        InputError: a revision of what is not on the Hub.

    Example:
        >>> resolve_hub_address("user/repo", "v2", is_bundled=False)
        Address(repo_id='user/repo', revision='v2')
    """
    where = None if is_bundled or Path(name).exists() else match_address(name, revision)
    if revision and where is None:
        raise InputError(
            f"'{name}'은(는) Hub의 저장소가 아니라서 판(revision)이 없습니다. revision을 빼거나 '사용자/저장소'를 쓰세요.",
            f"'{name}' is no repository on the Hub and has no revisions. Leave revision out, or name 'user/repo'.",
        )
    return where
