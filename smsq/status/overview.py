"""How everything is at this moment: what waits, what the limiter knows, who works.

In:  nothing but the ledger. Out: `Overview`; a handful of reads, whatever the ledger's size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from smsq.domain.account import Endpoint
from smsq.domain.outcomes import GATEWAY_WORDS
from smsq.models import RecipientState
from smsq.names import QUEUES
from smsq.rings.presence import DEAF_AFTER_S, read_presence, read_versions
from smsq.rings.ticks import LastTick, read_last_tick
from smsq.status.views import Stats, Views
from smsq.store.clock import ledger_time
from smsq.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Line:
    """What is ready to go out, of one class.

    Attributes:
        queue: `urgent`, `normal`, `bulk`, or `poll`.
        ready: Jobs; of `poll` messages.
        oldest_s: How long the first has been ready; 0 for none.
    """

    queue: str
    ready: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that was heard of.

    Attributes:
        age_s: Since it asked for rings.
        version: "" where it does not say.
    """

    name: str
    age_s: float
    version: str

    @property
    def is_deaf(self) -> bool:
        """True where it takes no rings."""
        return self.age_s > DEAF_AFTER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How everything is.

    Attributes:
        learnt_per_s: The rate that the gateway was seen to take; None while it took all.
        closed_by: Endpoint, "" for all → jobs whose failures closed its gate, the newest last.
        beat: None when nobody knows of a tick.
    """

    stats: Stats
    lines: Sequence[Line]
    learnt_per_s: float | None
    closed_by: Mapping[str, Sequence[str]]
    workers: Sequence[Worker]
    beat: LastTick | None


def read_overview(
    redis: Redis,
    keys: Keys,
    setting_per_s: float,
    words: Mapping[str, RecipientState] = GATEWAY_WORDS,
) -> Overview:
    """Read how everything is. A failing Redis raises `redis.RedisError`.

    Args:
        redis: Of the ledger.
        keys: Of its namespace.
        setting_per_s: The ceiling where `smsq rate` set none.
        words: Words of the gateway's that are known by now.
    """
    now_ms = ledger_time(redis, keys).now_ms
    pipeline = redis.pipeline(transaction=False)
    for queue in QUEUES:
        pipeline.zcard(keys.ready(queue))
        pipeline.zrange(keys.ready(queue), 0, 0, withscores=True)
    pipeline.hgetall(keys.limiter)
    *lines, limiter = pipeline.execute()
    stats = Views(redis, keys).stats(setting_per_s, words)
    versions = read_versions(redis, keys)
    return Overview(
        stats=stats,
        lines=[
            _read_line(queue, lines[2 * n], lines[2 * n + 1], now_ms)
            for n, queue in enumerate(QUEUES)
        ],
        learnt_per_s=float(limiter["plateau_per_s"]) if "plateau_per_s" in limiter else None,
        closed_by=_read_closed_by(limiter),
        workers=[
            Worker(name, age_s, versions[name].version if name in versions else "")
            for name, age_s in sorted(read_presence(redis, keys).items())
        ],
        beat=read_last_tick(redis, keys),
    )


def _read_line(queue: str, ready: Any, first: Any, now_ms: float) -> Line:
    oldest_s = max(0.0, (now_ms - first[0][1]) / 1000) if first else 0.0
    return Line(queue, int(ready), oldest_s)


def _read_closed_by(limiter: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    fields = {"closed_by": ""} | {f"closed_by_{one}": one.path for one in Endpoint}
    found = {path: limiter.get(field, "").split() for field, path in fields.items()}
    # A poll is named by its job and its message.
    return {
        path: list(dict.fromkeys(name.partition(":")[0] for name in names))
        for path, names in found.items()
        if names
    }
