"""Connections to Redis, and what their failures mean to a producer.

In:  a Redis address. Out: a client that never hangs; its failures as `QueueUnavailableError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    DataError,
    MaxConnectionsError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from smsq.errors import QueueUnavailableError
from smsq.store.pool import Pool

#: A producer must fail within 2 s when Redis hangs: one wait to connect, one to be answered.
PRODUCER_TIMEOUT_S = 0.9

#: Workers have nobody waiting for them, and a busy Redis may need a moment.
WORKER_TIMEOUT_S = 10.0


def connect(url: str, *, timeout_s: float = PRODUCER_TIMEOUT_S) -> Redis:
    """Make a client; nothing is connected yet.

    Args:
        url: As in `SMSQ_REDIS_URL`.
        timeout_s: Longest wait for a connection, and for each answer.
    """
    pool = Pool.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        # A silent retry would run a script twice and make the wait twice as long.
        retry=Retry(NoBackoff(), 0),
        # A local socket has none.
        **({} if url.startswith("unix") else {"socket_keepalive": True}),
    )
    return Redis.from_pool(pool)


#: Redis' own refusals, which mean "not now" or "not here", whichever script they hit.
_REFUSALS = (
    *("READONLY", "MISCONF", "OOM", "NOREPLICAS", "MASTERDOWN", "NOPERM", "CLUSTERDOWN"),
    *("LOADING", "BUSY ", "UNBLOCKED", "TRYAGAIN", "max number of clients"),
)


def is_of_data(error: Exception) -> bool:
    """Whether a command failed at what is stored, and not because Redis is away or refuses."""
    return type(error) is ResponseError and not any(word in str(error) for word in _REFUSALS)


#: Redis' word that it did nothing: not what was asked for, or not a script's first write. redis-py
#: has classes of its own for some; of the others the first word tells.
_DID_NOTHING = (
    AuthenticationError,
    BusyLoadingError,
    DataError,
    MaxConnectionsError,
    NoScriptError,
    ReadOnlyError,
)
_DID_NOTHING_WORDS = ("MISCONF ", "NOREPLICAS ", "wrong number of arguments", "unknown command")


@contextmanager
def unavailable(redis: Redis, *, writes: bool, in_pieces: bool = False) -> Iterator[None]:
    """Turn Redis' failures within the block into `QueueUnavailableError`.

    Args:
        redis: The client used in the block.
        writes: True when the block stores something: then a lost answer may be a stored job.
        in_pieces: True when it stores more than one thing: then some may be stored though another
            was refused.
    """
    failure: QueueUnavailableError | None = None
    try:
        # A connection first: what fails here has stored nothing for certain.
        pool = redis.connection_pool
        pool.release(pool.get_connection())
    except (RedisError, OSError) as error:
        failure = QueueUnavailableError(f"Redis cannot be reached ({_name(error)})")
    if failure:
        raise failure from None
    try:
        yield
    except RedisError as error:
        is_refused = isinstance(error, ResponseError)
        may_be_stored = writes and (in_pieces or may_have_written(error))
        said = f"Redis refused: {error}" if is_refused else f"Redis did not answer ({_name(error)})"
        failure = QueueUnavailableError(
            said + "; repeat with the same key" * may_be_stored, may_be_stored=may_be_stored
        )
    if failure:
        raise failure from None


def may_have_written(error: RedisError) -> bool:
    """Say whether what was asked of Redis may have been done, though it ended in this error.

    A refusal comes before anything runs, or at a script's first write. Any other error may be what
    a script ended in half way through: Redis does not take back what it has written.
    """
    if isinstance(error, _DID_NOTHING) or str(error).startswith(_DID_NOTHING_WORDS):
        return False
    is_at_the_door = isinstance(error, NoPermissionError) and "script" not in str(error)
    return not is_at_the_door


def _name(error: Exception) -> str:
    return type(error).__name__
