"""Whether a queue of the broker's has room for more rings.

In:  how many rings lie in a queue. Out: yes or no.

Whoever takes a ring works off whatever waits in the ledger, so some thousand rings wake as many
workers as any number. Where polls lag behind all day, rings for jobs that are long done would fill
the broker's memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: A queue of so many has no room.
MOST_RINGS = 2000

#: A queue that had none is looked at again after this, by one ring.
_PAUSE_S = 0.5


class Backlog:
    """What one process knows of the queues. Thread-safe enough: a ring more or less does no harm.

    Args:
        clock: Seconds that only go forward; tests pass one of their own.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_until_s: dict[str, float] = {}

    def has_room(self, queue: str) -> bool:
        """Say whether to put a ring there."""
        return self._clock() >= self._full_until_s.get(queue, 0.0)

    def note(self, queue: str, length: int) -> None:
        """Note how many rings a queue has."""
        if length >= MOST_RINGS:
            self._full_until_s[queue] = self._clock() + _PAUSE_S
