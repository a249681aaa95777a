"""A breaker: whether something that failed a moment ago is worth another try.

In:  how tries went. Out: yes or no.

After some failures in a row nobody tries for a moment; then one does, and the others go by how that
went.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable


class Breaker:
    """Thread-safe.

    Args:
        pause_s: How long nobody tries after the last failure; and after this, too, a try that was
            let through and never told how it went is made by another.
        opens_after: So many failures in a row begin a pause; 1 or more.
        clock: Seconds that only go forward; tests pass one of their own.

    Attributes:
        failures: So many so far; one more tells who waits that it need not go on.
    """

    def __init__(
        self, pause_s: float, *, opens_after: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause_s = pause_s
        self._opens_after = opens_after
        self._clock = clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._next_try_s: float | None = None
        self.failures = 0

    def allows(self) -> bool:
        """Say whether to try; after a pause one caller is told so, and no other for as long."""
        if not self._in_a_row:  # all is well: nothing to lock for
            return True
        with self._lock:
            if self._next_try_s is None:
                return True
            now_s = self._clock()
            if now_s < self._next_try_s:
                return False
            self._next_try_s = now_s + self._pause_s
            return True

    def has_failed_since(self, failures: int) -> bool:
        """Say whether a try failed since there were so many failures, and none went well since."""
        return self.failures > failures and self._in_a_row > 0

    def fail(self) -> None:
        """Count a failure; begin a pause where it is one too many in a row."""
        with self._lock:
            self.failures += 1
            self._in_a_row += 1
            if self._in_a_row >= self._opens_after:
                self._next_try_s = self._clock() + self._pause_s

    def succeed(self) -> None:
        """End the pause."""
        if self._in_a_row:
            with self._lock:
                self._in_a_row = 0
                self._next_try_s = None


#: After so many unanswered calls in a row a web app's next ones fail at once, for so long.
_OPENS_AFTER, _PAUSE_S = 3, 1.0

_of_processes: dict[tuple[int, str], Breaker] = {}


def breaker_of(redis_url: str) -> Breaker:
    """The breaker that all queues of this process share which are on one Redis.

    By process: a fork may happen while another thread has the parent's lock.
    """
    name = os.getpid(), redis_url
    return _of_processes.get(name) or _of_processes.setdefault(
        name, Breaker(_PAUSE_S, opens_after=_OPENS_AFTER)
    )
