"""Presence: which workers take rings. Not which processes run: a deaf one runs too.

In:  how long ago a worker's consumer asked for rings. Out: the same, for every worker heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from redis import Redis

from smsq.store.clock import ledger_time
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts

#: A consumer that lives asks at least once a second; one that did not for so long is deaf.
DEAF_AFTER_S = 10.0

#: A worker that was killed is told of for so long.
FORGET_AFTER_S = 900.0


class Presence:
    """What a worker says of itself."""

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run

    def tell(self, worker: str, age_s: float) -> None:
        """Say how long ago a worker's consumer asked for rings."""
        self._run("presence", worker, round(age_s * 1000), round(FORGET_AFTER_S * 1000))

    def leave(self, worker: str) -> None:
        """Say that a worker ended in order."""
        self._run("presence", worker, "", round(FORGET_AFTER_S * 1000))


def read_presence(redis: Redis, keys: Keys) -> Mapping[str, float]:
    """Read how many seconds ago each worker's consumer asked for rings, by the ledger's clock."""
    now_ms = ledger_time(redis, keys).now_ms
    rows = cast(list[tuple[str, float]], redis.zrange(keys.workers, 0, -1, withscores=True))
    return {worker: max(0.0, (now_ms - at_ms) / 1000) for worker, at_ms in rows}
