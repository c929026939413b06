"""Where loaded things stand: `Shelf` keeps each for good, `Slot` keeps the last one alone. Both are for threads.

>>> shelf = Shelf(str.upper)
>>> shelf.get("a"), "a" in shelf, "b" in shelf
('A', True, False)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any


class Shelf:
    """Things loaded once, on first use; two that differ may load at the same time."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        self._load = load
        self._things: dict[str, Any] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._things

    def get(self, name: str) -> Any:
        """Return the thing of that name, loading it first where it must be."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._things:
                self._things[name] = self._load(name)
            return self._things[name]


class Slot:
    """Room for one large thing: a new key frees the old one before the new one is made."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._thing: Any = None
        self._lock = threading.Lock()

    def holds(self, key: Hashable) -> bool:
        """Return whether the thing of that key is here now."""
        return self._thing is not None and self._key == key

    @contextmanager
    def use(self, key: Hashable, make: Callable[[], Any]) -> Iterator[Any]:
        """Yield the thing of that key, made first where another one was here; nobody else uses it meanwhile."""
        with self._lock:
            if not self.holds(key):
                self._thing = None
                self._thing = make()
                self._key = key
            yield self._thing
