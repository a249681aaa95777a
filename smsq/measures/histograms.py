"""Histograms: how many of something took how long. Pure.

In:  counts for each bucket. Out: percentiles, sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Upper bounds of the buckets in milliseconds; one more holds what took longer. As TIMES_MS in
#: measure.lua.
BOUNDS_MS = (
    *(5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000),
    *(300_000, 900_000, 3_600_000, 14_400_000, 86_400_000, 259_200_000),
)

#: The field of a sum, beside those of buckets.
SUM = "s"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Times of one kind.

    Attributes:
        counts: Place of a bucket, from 1 → how many; only those above 0.
        sum_ms: Of all of them.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    sum_ms: int = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def percentile_s(self, share: float) -> float | None:
        """Estimate within which time a share of them was, in seconds; None where there are none.

        It lies within the bucket of the true one, as Prometheus' `histogram_quantile` has it. What
        is beyond the last bound is given as that.
        """
        rank, below = share * self.count, 0
        for place, count in sorted(self.counts.items()):
            if below + count >= rank:
                if place > len(BOUNDS_MS):
                    return BOUNDS_MS[-1] / 1000
                low_ms = BOUNDS_MS[place - 2] if place > 1 else 0
                within = (rank - below) / count
                return (low_ms + (BOUNDS_MS[place - 1] - low_ms) * within) / 1000
            below += count
        return None

    @classmethod
    def read(cls, fields: Mapping[str, int]) -> Histogram:
        """Read the fields of one kind: place or `s` → number."""
        counts = {int(place): n for place, n in fields.items() if place != SUM}
        return cls({place: n for place, n in counts.items() if n > 0}, fields.get(SUM, 0))

    def cumulate(self) -> list[tuple[str, int]]:
        """List the buckets as Prometheus has them: bound in seconds → so many at most as long."""
        rows, total = [], 0
        for place, bound_ms in enumerate(BOUNDS_MS, 1):
            total += self.counts.get(place, 0)
            rows.append((f"{bound_ms / 1000:g}", total))
        return [*rows, ("+Inf", self.count)]
