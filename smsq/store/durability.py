"""What Redis can promise about its disk, and why not if it cannot.

In:  a Redis client. Out: None where claims can be made durable, else what is in the way and what
to do. `docs/durability.md` says what is lost without it.
"""

from __future__ import annotations

from redis import Redis
from redis.exceptions import ResponseError

#: Longest wait for one small write; a healthy disk takes milliseconds, `everysec` up to a second.
DISK_TIMEOUT_MS = 3000


def find_obstacle(redis: Redis, key: str) -> str | None:
    """Say why SMSQ_DURABLE_CLAIMS cannot work on this server; None when it can.

    Args:
        redis: Client whose time-out is above `DISK_TIMEOUT_MS`.
        key: May be written; goes away by itself.

    Raises:
        RedisError: The server does not answer.
    """
    pipeline = redis.pipeline(transaction=False)
    pipeline.set(key, "1", px=DISK_TIMEOUT_MS)
    pipeline.waitaof(1, 0, DISK_TIMEOUT_MS)
    answers = pipeline.execute(raise_on_error=False)
    return read_waitaof(next((a for a in answers if isinstance(a, ResponseError)), answers[-1]))


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
