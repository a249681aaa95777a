"""A breaker: whether something that failed a moment ago is worth another try.

In:  how tries went. Out: yes or no.

After a failure nobody tries for a moment; then one does, and the others go by how that went.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Thread-safe.

    Args:
        pause_s: How long nobody tries after a failure.
        clock: Seconds that only go forward; tests pass one of their own.

    Attributes:
        failures: So many so far; one more tells who waits that it need not go on.
    """

    def __init__(self, pause_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._next_try_s: float | None = None
        self.failures = 0

    def allows(self) -> bool:
        """Say whether to try; after a pause one caller is told so, and no other for as long."""
        with self._lock:
            if self._next_try_s is None:
                return True
            now_s = self._clock()
            if now_s < self._next_try_s:
                return False
            self._next_try_s = now_s + self._pause_s
            return True

    def fail(self) -> None:
        """Begin a pause."""
        with self._lock:
            self.failures += 1
            self._next_try_s = self._clock() + self._pause_s

    def succeed(self) -> None:
        """End it."""
        with self._lock:
            self._next_try_s = None
