"""The simulated gateway's request limit: a bucket that fills with time. Pure.

In:  the time of a request. Out: whether it is within the limit.
"""

from __future__ import annotations


class Bucket:
    """Up to `burst` requests at once, `rate_per_s` over time; a refused request costs nothing."""

    def __init__(self) -> None:
        self._tokens = 0.0
        self._filled_at_s: float | None = None

    def take(self, now_s: float, *, rate_per_s: float, burst: int) -> bool:
        """Take one request's place at `now_s` (monotonic)."""
        if rate_per_s <= 0:
            return True
        if self._filled_at_s is None:
            self._tokens = float(burst)
        else:
            self._tokens += (now_s - self._filled_at_s) * rate_per_s
        self._tokens = min(self._tokens, float(burst))
        self._filled_at_s = now_s
        # Sums of floats fall short of whole numbers by a hair.
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True
