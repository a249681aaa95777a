"""How long messages took in the last hour, read once in a while for all viewers.

In:  what the scripts measured. Out: two percentiles for each class, to the request and to delivery.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smsq.measures.histograms import Histogram
from smsq.measures.readings import Readings
from smsq.names import PRIORITIES
from smsq.store.scripts import Scripts

#: Sixty minutes are unpacked each time.
EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Within which time half of them were, and nineteen of twenty; None where there are none."""

    p50_s: float | None
    p95_s: float | None

    @classmethod
    def of(cls, times: Histogram | None) -> Percentiles:
        """Estimate them from buckets."""
        found = times or Histogram()
        return cls(found.percentile_s(0.5), found.percentile_s(0.95))


@dataclass(frozen=True, slots=True)
class ClassSpeed:
    """How long messages of one class took.

    Attributes:
        jobs: Requested first in that hour.
        to_request: From enqueue, or the time asked for, to the first request.
        to_delivered: From enqueue until we learnt that a recipient has it.
    """

    priority: str
    jobs: int
    to_request: Percentiles
    to_delivered: Percentiles


class Speed:
    """Keeps the last reading. A failing Redis raises `redis.RedisError`. Thread-safe.

    Args:
        scripts: Of the ledger.
        clock: Seconds that only go forward.
    """

    def __init__(self, scripts: Scripts, clock: Callable[[], float] = time.monotonic) -> None:
        self._scripts, self._clock = scripts, clock
        self._lock = threading.Lock()
        self._read_at_s = float("-inf")
        self._found: Sequence[ClassSpeed] = ()

    def read(self) -> Sequence[ClassSpeed]:
        """Give a reading that is at most `EVERY_S` old, the most urgent class first."""
        with self._lock:
            if self._clock() - self._read_at_s >= EVERY_S:
                self._found = self._look()
                self._read_at_s = self._clock()
            return self._found

    def _look(self) -> Sequence[ClassSpeed]:
        hour = Readings(self._scripts).last_hour()
        requested, delivered = hour.enqueue_to_request, hour.enqueue_to_delivered
        return [
            ClassSpeed(
                str(priority),
                requested[priority].count if priority in requested else 0,
                Percentiles.of(requested.get(priority)),
                Percentiles.of(delivered.get(priority)),
            )
            for priority in PRIORITIES
        ]
