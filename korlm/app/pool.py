"""Thread-safe caches of loaded models: `LazyCache` keeps all of them, `SingleSlotCache` the last one.

>>> cache = LazyCache(str.upper)
>>> cache.get("a"), "a" in cache, "b" in cache
('A', True, False)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)
_Value = TypeVar("_Value")


class LazyCache(Generic[_Value]):
    """Values by name, each ``loaded`` before or by ``load`` on first use. Different ones may load at the same time."""

    def __init__(self, load: Callable[[str], _Value], loaded: Mapping[str, _Value] | None = None) -> None:
        self._load = load
        self._values = dict(loaded or {})
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> _Value:
        """Return the value of a name, and load it if needed."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._values:
                self._values[name] = self._load(name)
            return self._values[name]

    def load_in_background(self, *names: str, after: threading.Thread | None = None) -> threading.Thread | None:
        """Load values in a thread, once another thread has ended; return the thread, or None if all are loaded.

        An error is only logged: `get` raises it again for a visitor who asks for the value.
        """

        def load_missing() -> None:
            if after:
                after.join()
            for name in names:
                try:
                    self.get(name)
                except Exception as error:
                    _log.warning("%s is not ready: %s", name, error)

        if all(name in self for name in names):
            return None
        thread = threading.Thread(target=load_missing, name="korlm-load", daemon=True)
        thread.start()
        return thread


class SingleSlotCache(Generic[_Value]):
    """Cache of one large value: a new key frees the old value before the new one is made."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._value: _Value | None = None
        self._lock = threading.Lock()

    def has_key(self, key: Hashable) -> bool:
        """Return whether the cache holds the value of this key."""
        return self._value is not None and self._key == key

    @contextmanager
    def locked_value(self, key: Hashable, make: Callable[[], _Value]) -> Iterator[_Value]:
        """Yield the value of a key, made if needed; no other thread uses it meanwhile."""
        with self._lock:
            if self._value is None or self._key != key:
                self._value = None
                self._value = make()
                self._key = key
            yield self._value
