"""One of something per process: made when it is first used, after the fork, closed at exit.

In:  how to make and to close it. Out: this process's.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

_T = TypeVar("_T")

#: Those that are still in use: an app that a test made is not kept.
_all: WeakSet[PerProcess[Any]] = WeakSet()


class PerProcess(Generic[_T]):
    """Thread-safe. A forked process has none yet, and leaves its parent's alone.

    Args:
        make: Makes it.
        close: Closes it, at exit too.
    """

    def __init__(self, make: Callable[[], _T], close: Callable[[_T], object]) -> None:
        self._make, self._close = make, close
        self.begin()
        _all.add(self)

    def begin(self) -> None:
        """Have none, as a process does that was forked a moment ago."""
        self._lock = threading.Lock()
        self._made: _T | None = None

    def get(self) -> _T:
        """Return this process's; the first call makes it."""
        made = self._made
        if made is None:
            with self._lock:
                made = self._made = self._made or self._make()
        return made

    def close(self) -> None:
        """Close it; the next use makes another."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            self._close(made)


@atexit.register
def _close_all() -> None:
    for each in list(_all):
        each.close()


def _begin_all() -> None:
    for each in list(_all):
        each.begin()


os.register_at_fork(after_in_child=_begin_all)
