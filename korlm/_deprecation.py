"""Deprecated names: each still works for one release, and warns.

>>> import warnings
>>> class Bot:
...     replies = DeprecatedAlias("stream_replies")
...     def stream_replies(self): return ["네."]
>>> with warnings.catch_warnings(record=True) as caught:
...     warnings.simplefilter("always")
...     Bot().replies()
['네.']
>>> str(caught[0].message)
'Bot.replies is deprecated; use Bot.stream_replies'
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def warn_deprecated(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warn that a name is deprecated; ``stacklevel`` 3 points at the caller of the function that calls this."""
    warnings.warn(f"{old} is deprecated; use {new}", DeprecationWarning, stacklevel=stacklevel)


class DeprecatedAlias:
    """An old name of an attribute or method, as a class attribute; ``new`` is the name that it stands for."""

    def __init__(self, new: str) -> None:
        self.new = new

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = name

    def __get__(self, instance: object, owner: type) -> Any:
        warn_deprecated(f"{owner.__name__}.{self.old}", f"{owner.__name__}.{self.new}")
        return getattr(owner if instance is None else instance, self.new)


def deprecated_keywords(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take its keyword arguments under their old names too: ``old="new"``."""

    def rename_keywords(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call_with_new_names(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in new_names.items():
                if old in kwargs:
                    warn_deprecated(f"{function.__qualname__}({old}=...)", f"{new}=...")
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call_with_new_names

    return rename_keywords


def deprecated_module_names(values: dict[str, Any], **new_names: str) -> Callable[[str], Any]:
    """Return a ``__getattr__`` that knows old names, ``old="new"``, of the module with the ``globals()`` ``values``."""

    def get_attribute(name: str) -> Any:
        module = values["__name__"]
        if name not in new_names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_deprecated(f"{module}.{name}", f"{module}.{new_names[name]}")
        return values[new_names[name]]

    return get_attribute
