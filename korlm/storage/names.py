"""Names that users give: of tokenizers, models and corpora.

>>> check_name("kiwi", "korlm.list_tokenizers()")
'kiwi'
"""

from __future__ import annotations

from pathlib import Path

from korlm.errors import InputError

_MAX_BYTES = 255  # of a part of a path, on all common file systems


def check_name(name: str | Path, listing: str) -> str | Path:
    """Return a name or path unchanged if it is one.

    Args:
        name: what the user gave.
        listing: what lists the names, for the message: ``korlm.list_models()``.

    Raises:
        InputError: another type, empty, or longer than the name of a file can be.

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
    if max(len(part.encode("utf-8", "surrogatepass")) for part in Path(name).parts) > _MAX_BYTES:
        raise InputError(
            f"이름이 너무 깁니다({len(str(name)):,}자). 쓸 수 있는 이름: {listing}.",
            f"The name is too long ({len(str(name)):,} characters). For the names see {listing}.",
        )
    return name
