"""Folding: add minutes that are over to the totals, and keep them packed.

In:  recover's tick. Out: totals that hold each minute once; packed minutes for 72 hours.

Their size is bounded, whatever happens: after an hour and a half, large minutes go together, a
quarter of an hour at a time. Ordinary ones stay as they are.
"""

from __future__ import annotations

import json
import time
from typing import cast

from redis import Redis

from smsq.measures.keys import MeasureKeys
from smsq.measures.names import admit, bound, read_known
from smsq.measures.packing import MINUTES, RATE, add_fields, join, pack, unpack
from smsq.measures.readings import KEEP_MINUTES
from smsq.store.scripts import Scripts

#: Minutes folded in one tick; what is left is the next one's.
MOST_AT_ONCE = 20

#: A process looks again after so long.
EVERY_S = 30.0

#: Minutes that go together where they are large; so old are the newest of them; so many bytes of
#: them stay apart. Times 288 that is below 5 MB, with what their keys take.
QUARTER, AFTER_MINUTES, MOST_APART = 15, 90, 9_000

#: Quarters looked at in one tick.
MOST_QUARTERS = 8

#: The field of the totals that says up to which minute that was done.
THINNED = "thinned"


class Folding:
    """Folds minutes. A failing Redis raises `redis.RedisError`; a later tick goes on."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._redis: Redis = scripts.redis
        self._keys = MeasureKeys(scripts.keys.namespace)
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
            rate = {RATE: round(rate_per_s * 1000)} if minute == over[-1] else {}
            self._fold(int(minute), rate)
        if over:
            self._thin(int(over[0]), int(world_s // 60))
        if len(over) < MOST_AT_ONCE:
            self._rested_at_s = time.monotonic()
        return len(over)

    def _fold(self, minute: int, rate: dict[str, int]) -> None:
        keys = self._keys
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(keys.minute(minute))
        pipeline.get(keys.history(minute))
        pipeline.hkeys(keys.totals)
        fields, packed, names = pipeline.execute()
        numbers = {name: int(n) for name, n in fields.items()}
        known = read_known(names)
        new = admit(numbers, known)
        kept = join(unpack(packed) if packed else {}, bound(numbers, known | new) | rate)
        told = json.dumps(dict.fromkeys(new, 1))
        self._scripts.run("fold", KEEP_MINUTES * 60_000, minute, pack(kept), told)

    def _find(self, world_s: float) -> list[str]:
        # One that is over for less may still be added to by a call that began in it.
        until = int(world_s // 60) - 1
        found = self._redis.zrangebyscore(
            self._keys.minutes, "-inf", f"({until}", start=0, num=MOST_AT_ONCE
        )
        return cast("list[str]", found)

    def _thin(self, folded: int, now: int) -> None:
        """Look at quarters that are old enough, from where that was done or from a minute on."""
        until = (now - AFTER_MINUTES) // QUARTER * QUARTER
        thinned = int(str(self._redis.hget(self._keys.totals, THINNED) or folded))
        begin = max(min(thinned, folded) // QUARTER * QUARTER, until - KEEP_MINUTES)
        quarters = range(begin, until, QUARTER)[:MOST_QUARTERS]
        for first in quarters:
            self._put_together(first)
        self._redis.hset(self._keys.totals, THINNED, quarters.stop if quarters else begin)

    def _put_together(self, first: int) -> None:
        """Put a quarter of an hour together; two workers that do it at once do the same."""
        keys = [self._keys.history(minute) for minute in range(first, first + QUARTER)]
        rows = cast("list[str | None]", self._redis.mget(keys))
        found = [row for row in rows if row]
        if len(found) <= 1 or sum(map(len, found)) <= MOST_APART:
            return
        together = pack(add_fields(map(unpack, found)) | {MINUTES: QUARTER})
        keep_ms = self._redis.pttl(keys[next(i for i, row in enumerate(rows) if row)])
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.unlink(*keys)
        pipeline.set(keys[0], together, px=max(1, int(str(keep_ms))))
        pipeline.execute()
