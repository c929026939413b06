"""Where loaded things stand: `LazyCache` keeps each for good, `SingleSlotCache` keeps the last one alone. Both are for threads.

>>> shelf = LazyCache(str.upper)
>>> shelf.get("a"), "a" in shelf, "b" in shelf
('A', True, False)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class LazyCache:
    """Things loaded once, on first use; two that differ may load at the same time."""

    def __init__(self, load: Callable[[str], Any], loaded: Mapping[str, Any] | None = None) -> None:
        self._load = load
        self._values = dict(loaded or {})
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        """Return the thing of that name, loading it first where it must be."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._values:
                self._values[name] = self._load(name)
            return self._values[name]


class SingleSlotCache:
    """Room for one large thing: a new key frees the old one before the new one is made."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._value: Any = None
        self._lock = threading.Lock()

    def has_key(self, key: Hashable) -> bool:
        """Return whether the thing of that key is here now."""
        return self._value is not None and self._key == key

    @contextmanager
    def locked_value(self, key: Hashable, make: Callable[[], Any]) -> Iterator[Any]:
        """Yield the thing of that key, made first where another one was here; nobody else uses it meanwhile."""
        with self._lock:
            if not self.has_key(key):
                self._value = None
                self._value = make()
                self._key = key
            yield self._value
