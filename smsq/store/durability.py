"""What Redis can promise about its disk and its replicas, and why not if it cannot.

In:  a Redis client. Out: None where writes can be made durable, else what is in the way and what
to do. `docs/durability.md` says what is lost without it.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from smsq.names import Durability
from smsq.store import detour
from smsq.store.primary import PrimaryPool

#: Longest wait for one small write; a healthy disk takes milliseconds, `everysec` up to a second,
#: a replica milliseconds.
DISK_TIMEOUT_MS = 3000


def wait_for(pipeline: Any, level: Durability, wait_ms: int) -> tuple[Any, bool]:
    """Run a pipeline of one script, and wait until what it wrote is where the level says.

    Returns:
        The script's answer; whether its write is there.
    """
    if detour.current is not None:  # a Redis within a test has neither
        return pipeline.execute()[0], True
    wanted = _add_wait(pipeline, level, wait_ms)
    answer, reached = pipeline.execute()
    return answer, (reached[0] if level is Durability.DISK else reached) >= wanted


def _add_wait(pipeline: Any, level: Durability, wait_ms: int) -> int:
    """Add the wait; returns how many have to have what was written."""
    if level is Durability.DISK:
        pipeline.waitaof(1, 0, wait_ms)
        return 1
    replicas = _count_replicas(pipeline)
    pipeline.wait(replicas, wait_ms)
    return replicas


def _count_replicas(redis: Any) -> int:
    # Only sentinels know more than one; else one is asked for.
    pool = redis.connection_pool
    return pool.primary.count_replicas() if isinstance(pool, PrimaryPool) else 1


def find_obstacle(redis: Redis, key: str, level: Durability = Durability.DISK) -> str | None:
    """Say why a level of durability cannot be had on this server; None when it can.

    Args:
        redis: Client whose time-out is above `DISK_TIMEOUT_MS`.
        key: May be written; goes away by itself.
        level: Any but `NONE`.

    Raises:
        RedisError: The server does not answer.
    """
    pipeline = redis.pipeline(transaction=False)
    pipeline.set(key, "1", px=DISK_TIMEOUT_MS)
    wanted = _add_wait(pipeline, level, DISK_TIMEOUT_MS)
    answers = pipeline.execute(raise_on_error=False)
    answer = next((a for a in answers if isinstance(a, ResponseError)), answers[-1])
    return read_waitaof(answer) if level is Durability.DISK else read_wait(answer, wanted)


def read_wait(answer: object, wanted: int) -> str | None:
    """Read what `WAIT` for so many replicas answered: an obstacle, or None. Pure."""
    if isinstance(answer, ResponseError):
        return f"Redis refuses what it takes ({answer}): fix that"
    if isinstance(answer, int) and answer >= wanted:
        return None
    seconds = DISK_TIMEOUT_MS / 1000
    return (
        f"{answer} of {wanted} replicas took what was written in {seconds:g} s: start those that "
        "are missing, and see INFO replication"
    )


def read_waitaof(answer: object) -> str | None:
    """Read what `WAITAOF` answered: an obstacle, or None. Pure."""
    if isinstance(answer, ResponseError):
        words = str(answer).lower()
        if "unknown command" in words:
            return "this Redis has no WAITAOF: use Redis 7.2 or newer, or Valkey"
        if "appendonly" in words:
            return "Redis keeps no append-only file: set appendonly yes"
        return f"Redis refuses what it takes ({answer}): fix that"
    if isinstance(answer, list) and answer[0]:
        return None
    seconds = DISK_TIMEOUT_MS / 1000
    return (
        f"nothing reached Redis' disk in {seconds:g} s: set appendfsync everysec or always, "
        "and see whether the disk hangs"
    )
