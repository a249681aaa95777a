"""Rings that this process took from the broker and no thread has begun yet.

In:  rings taken and begun. Out: whether these are enough.
"""

from __future__ import annotations

import threading


class RingsAtHand:
    """Counts rings. Thread-safe."""

    #: So many are enough. More would only grow the process: the broker keeps them better.
    ENOUGH = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def add(self, n: int) -> None:
        """Count rings in, or out when negative."""
        with self._lock:
            self._count += n

    @property
    def is_enough(self) -> bool:
        """True when no more should be taken from the broker."""
        return self._count >= self.ENOUGH


#: Of this process.
rings_at_hand = RingsAtHand()
