"""Fields of configuration dataclasses: help in both languages and a range, from which options and checks are made.

>>> @dataclasses.dataclass
... class Example:
...     dropout: float = setting(0.2, "드롭아웃", "dropout rate", ge=0, lt=1)
...     def __post_init__(self): validate(self)
>>> Example(dropout=0.5).dropout
0.5
>>> try: Example(dropout=1)
... except InputError as error: print(error.message("en"))
dropout cannot be 1. It must be at least 0 and under 1. (dropout rate)
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Collection, Mapping
from typing import Any

from korlm.errors import InputError

_BOUNDS = {
    "ge": (operator.ge, "이상", "at least"),
    "gt": (operator.gt, "초과", "more than"),
    "le": (operator.le, "이하", "at most"),
    "lt": (operator.lt, "미만", "under"),
}


def setting(
    default: Any,
    ko: str,
    en: str,
    *,
    kind: type | None = None,
    choices: Collection[str] = (),
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Any:
    """Return a dataclass field with bilingual help and a range; the command line makes an option of it.

    Args:
        default: the default value; ``dataclasses.MISSING`` for a required field, None for an optional one.
        ko: the help in Korean.
        en: the help in English.
        kind: the type to parse a command-line argument with; by default that of ``default``.
        choices: the allowed values.
        ge: inclusive lower bound; ``gt`` is exclusive.
        le: inclusive upper bound; ``lt`` is exclusive.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {"ko": ko, "en": en, "kind": kind or type(default), "choices": tuple(choices)}
    metadata["bounds"] = {name: bound for name, bound in bounds.items() if bound is not None}
    return dataclasses.field(default=default, metadata=metadata)


def validate(instance: Any) -> None:
    """Check the fields of a dataclass instance against the choices and bounds of their `setting`; None passes.

    Raises:
        InputError: the first value that is not allowed; it names the option and what it allows.
    """
    for field in dataclasses.fields(instance):
        choices, bounds = field.metadata.get("choices"), field.metadata.get("bounds", {})
        value = getattr(instance, field.name)
        if value is None:
            continue
        if choices and value not in choices:
            names = ", ".join(choice or "''" for choice in choices)
            raise InputError(
                f"{field.name}에 '{value}'은(는) 없습니다. {names} 가운데 고르세요.",
                f"There is no {field.name} '{value}'. Choose from {names}.",
            )
        if not _is_within(value, bounds):
            ko = " ".join(f"{bound:,} {_BOUNDS[name][1]}" for name, bound in bounds.items())
            en = " and ".join(f"{_BOUNDS[name][2]} {bound:,}" for name, bound in bounds.items())
            raise InputError(
                f"{field.name}에 쓸 수 없는 값입니다: {value}. {ko}인 값을 쓰세요. ({field.metadata['ko']})",
                f"{field.name} cannot be {value}. It must be {en}. ({field.metadata['en']})",
            )


def _is_within(value: Any, bounds: Mapping[str, float]) -> bool:
    """Return whether a value is within bounds; a value that is not a number is not."""
    try:
        return all(_BOUNDS[name][0](value, bound) for name, bound in bounds.items())
    except TypeError:
        return False
