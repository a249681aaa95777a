"""Groups of readers: each has its place in the stream of events.

In:  a group's name. Out: the group, at its place.

Redis forgets a group with its stream, which goes when all of it is old. So groups are remembered
beside it: one that comes back is given what it missed, and only one that is new begins now.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from smsq.names import Start
from smsq.store.keys import Keys

#: A group that nobody joined for so long is new again. Longer than any stream is kept.
REMEMBERED_S = 90 * 24 * 3600

_FROM = {Start.NOW: "$", Start.OLDEST: "0"}


def join_group(redis: Redis, keys: Keys, group: str, *, start: Start, keep_s: int) -> bool:
    """Make a group where it is missing.

    Args:
        redis: The ledger's.
        keys: Of its namespace.
        group: Its name.
        start: Where it begins if it is new.
        keep_s: How long events are kept.

    Returns:
        True when it was missing.

    Raises:
        redis.RedisError: Redis refused, or is away.
    """
    is_missing = not _has_group(redis, keys.events, group)
    if is_missing:
        is_known = redis.zscore(keys.event_groups, group) is not None
        place = _FROM[Start.OLDEST if is_known else start]
        try:
            redis.xgroup_create(keys.events, group, id=place, mkstream=True)
        except ResponseError:
            if not _has_group(redis, keys.events, group):
                raise
        # An empty stream must not stay for ever either.
        redis.expire(keys.events, keep_s)
    _remember(redis, keys, group)
    return is_missing


def _has_group(redis: Redis, stream: str, group: str) -> bool:
    if not redis.exists(stream):
        return False
    groups: Any = redis.xinfo_groups(stream)
    return any(one["name"] == group for one in groups)


def _remember(redis: Redis, keys: Keys, group: str) -> None:
    now_s = redis.time()[0]
    pipeline = redis.pipeline(transaction=False)
    pipeline.zadd(keys.event_groups, {group: now_s})
    pipeline.zremrangebyscore(keys.event_groups, "-inf", now_s - REMEMBERED_S)
    pipeline.expire(keys.event_groups, REMEMBERED_S)
    pipeline.execute()
