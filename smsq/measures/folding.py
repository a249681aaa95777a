"""Folding: add minutes that are over to the totals, and keep them packed.

In:  recover's tick. Out: totals that hold each minute once; packed minutes for 72 hours.
"""

from __future__ import annotations

import time
from typing import cast

from redis import Redis

from smsq.measures.keys import MeasureKeys
from smsq.measures.readings import KEEP_MINUTES, RATE, pack
from smsq.store.scripts import Scripts

#: Minutes folded in one tick; what is left is the next one's.
MOST_AT_ONCE = 20

#: A process looks again after so long.
EVERY_S = 30.0


class Folding:
    """Folds minutes. A failing Redis raises `redis.RedisError`; a later tick goes on."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._rested_at_s: float | None = None

    def is_due(self) -> bool:
        """Say whether the last look that found nothing left was long enough ago."""
        rested_at_s = self._rested_at_s
        return rested_at_s is None or time.monotonic() - rested_at_s > EVERY_S

    def fold(self, world_s: float, rate_per_s: float) -> int:
        """Fold minutes that are over.

        Args:
            world_s: Seconds since 1970, by Redis' clock.
            rate_per_s: In force now: it is kept with the newest of them.

        Returns:
            How many were folded.
        """
        over = self._find(world_s)
        for minute in over:
            fields = cast("dict[str, str]", self._redis.hgetall(self._keys.minute(int(minute))))
            numbers = {name: int(n) for name, n in fields.items()}
            if minute == over[-1]:
                numbers[RATE] = round(rate_per_s * 1000)
            self._scripts.run("fold", KEEP_MINUTES * 60_000, minute, pack(numbers))
        if len(over) < MOST_AT_ONCE:
            self._rested_at_s = time.monotonic()
        return len(over)

    def _find(self, world_s: float) -> list[str]:
        # One that is over for less may still be added to by a call that began in it.
        until = int(world_s // 60) - 1
        found = self._redis.zrangebyscore(
            self._keys.minutes, "-inf", f"({until}", start=0, num=MOST_AT_ONCE
        )
        return cast("list[str]", found)

    @property
    def _redis(self) -> Redis:
        return self._scripts.redis

    @property
    def _keys(self) -> MeasureKeys:
        return MeasureKeys(self._scripts.keys.namespace)
