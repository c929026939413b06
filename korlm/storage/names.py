"""Names that users give: of tokenizers, models and corpora.

>>> check_name("kiwi", "korlm.list_tokenizers()")
'kiwi'
"""

from __future__ import annotations

from pathlib import Path

from korlm.errors import InputError


def check_name(name: str | Path, listing: str) -> str | Path:
    """Return a name or path unchanged if it is one.

    Args:
        name: what the user gave.
        listing: what lists the names, for the message: ``korlm.list_models()``.

    Raises:
        InputError: another type, or empty.

    Example:
        >>> check_name("", "korlm.list_models()")
        Traceback (most recent call last):
        korlm.errors.InputError: ...
    """
    if not isinstance(name, (str, Path)):
        kind = type(name).__name__
        raise InputError(
            f"이름이나 폴더(str, Path)가 필요한데 {kind}을(를) 받았습니다. 쓸 수 있는 이름: {listing}.",
            f"Expected a name or a folder (str or Path), got {kind}. For the names see {listing}.",
        )
    if not str(name).strip():
        raise InputError(
            f"이름이 비었습니다. 이름이나 폴더를 주세요. 쓸 수 있는 이름: {listing}.",
            f"The name is empty. Give a name or a folder. For the names see {listing}.",
        )
    return name
