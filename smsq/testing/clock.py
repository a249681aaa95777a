"""The time, as the queue and the gateway of a test have it.

In:  how much time is to pass. Out: this machine's time, and so much more.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """This machine's clock, put ahead by a test; thread-safe. It never goes back."""

    def __init__(self) -> None:
        self._ahead_s = 0.0

    def advance(self, seconds: float = 0.0, **more: float) -> None:
        """Let time pass at once.

        Args:
            seconds: Above 0.
            **more: `minutes`, `hours` and `days`, as `timedelta` has them.

        Raises:
            ValueError: Time would go back.
        """
        passed_s = timedelta(seconds=seconds, **more).total_seconds()
        if passed_s < 0:
            raise ValueError("time does not go back: write seconds above 0")
        self._ahead_s += passed_s

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.fromtimestamp(self.time_s(), UTC)

    def time_s(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead_s
