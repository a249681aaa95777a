"""Connections to Redis, and what their failures mean to a producer.

In:  a Redis address. Out: a client that never hangs; its failures as `QueueUnavailableError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from smsq.environment.sentinels import is_sentinel, read_sentinels
from smsq.errors import KeyConflictError, LimitedError, NotFoundError, QueueUnavailableError
from smsq.store import detour
from smsq.store.pool import Pool
from smsq.store.primary import PrimaryPool
from smsq.store.refusals import NotKeptError, explain, find_refusal, may_have_written, say

if TYPE_CHECKING:  # a health check needs two settings, and reads no others
    from smsq.settings import Settings

#: A web app's call must end within 1 s when Redis hangs: whatever comes first, a new connection or
#: an answer, is waited for so long. Before it there may be one more wait: half as long for a
#: connection that others use, or a third for a sign of life of one that was idle.
PRODUCER_TIMEOUT_S = 0.6

#: An operator may look at a Redis that is slow, and has no visitor waiting.
OPERATOR_TIMEOUT_S = 0.9

#: What a call is told that fails at once.
NOT_ASKED = (
    "Redis did not answer the last calls, and is not asked again for up to a second: "
    "nothing was stored"
)

#: What a block raises after Redis has answered, and what ends one that reads row by row.
_ANSWERED = (NotFoundError, KeyConflictError, LimitedError, GeneratorExit)

#: As by default of `SMSQ_REDIS_MAX_CONNECTIONS`.
MAX_CONNECTIONS = 50

#: Workers have nobody waiting for them, and a busy Redis may need a moment.
WORKER_TIMEOUT_S = 10.0


class Tries(Protocol):
    """Whether Redis is worth a try, by how the last ones went."""

    def allows(self) -> bool:
        """Say whether to try."""
        ...

    def fail(self) -> None:
        """Learn that Redis did not answer."""

    def succeed(self) -> None:
        """Learn that it did."""


def connect(
    url: str,
    *,
    timeout_s: float = PRODUCER_TIMEOUT_S,
    max_connections: int = MAX_CONNECTIONS,
) -> Redis:
    """Make a client; nothing is connected yet.

    Args:
        url: As in `SMSQ_REDIS_URL`.
        timeout_s: Longest wait for a connection, and for each answer.
        max_connections: Most connections; an address may say otherwise. Whoever needs one more
            waits for half as long as for an answer.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "max_connections": max_connections,
        "wait_s": timeout_s / 2,
        # A silent retry would run a script twice and make the wait twice as long.
        "retry": Retry(NoBackoff(), 0),
        # A local socket has none.
        **({} if url.startswith("unix") else {"socket_keepalive": True}),
    }
    if is_sentinel(url):
        return Redis.from_pool(PrimaryPool.of(read_sentinels(url), timeout_s=timeout_s, **options))
    return Redis.from_pool(Pool.from_url(url, **options))


def connect_for(settings: Settings, *, timeout_s: float) -> Redis:
    """Make a client of the ledger for many threads, with as many connections as settings allow."""
    most = settings.redis_max_connections
    return connect(settings.redis_url, timeout_s=timeout_s, max_connections=most)


@contextmanager
def unavailable(
    redis: Redis, *, writes: bool, in_pieces: bool = False, tries: Tries | None = None
) -> Iterator[None]:
    """Turn Redis' failures within the block into `QueueUnavailableError`.

    Args:
        redis: The client used in the block.
        writes: True when the block stores something: then a lost answer may be a stored job.
        in_pieces: True when some may be stored though another was refused.
        tries: Learns whether Redis answered. Where it does not allow one, the block is not entered.
    """
    failure: QueueUnavailableError | None = None
    if detour.current is not None:
        tries = None  # how Redis is says nothing of what a test leads to
    if tries and not tries.allows():
        raise QueueUnavailableError(NOT_ASKED)
    try:
        # A connection first: what fails here has stored nothing for certain.
        pool = redis.connection_pool
        pool.release(pool.get_connection())
    except (RedisError, OSError) as error:
        _learn(tries, error)
        failure = QueueUnavailableError(_with_fix(say(error), error))
    if failure:
        raise failure from None
    try:
        yield
        _learn(tries, None)
    except _ANSWERED:
        _learn(tries, None)
        raise
    except RedisError as error:
        _learn(tries, error)
        may_be_stored = writes and (in_pieces or may_have_written(error))
        said = _with_fix(say_refusal(error), error)
        failure = QueueUnavailableError(
            said + "; repeat with the same key" * may_be_stored, may_be_stored=may_be_stored
        )
    if failure:
        raise failure from None


def _learn(tries: Tries | None, error: Exception | None) -> None:
    """Tell how a try went: a refusal is an answer, too, and came at once."""
    if tries and error and is_away(error):
        tries.fail()
    elif tries and not isinstance(error, MaxConnectionsError):  # which says nothing of Redis
        tries.succeed()


def is_away(error: Exception) -> bool:
    """Whether Redis could not be reached or did not answer, so that the next call may hang, too."""
    if isinstance(error, MasterNotFoundError):  # after a wait for each sentinel
        return True
    is_silent = isinstance(error, RedisConnectionError | RedisTimeoutError | OSError)
    return is_silent and find_refusal(error) is None


def say_refusal(error: RedisError) -> str:
    """Say what a server that was reached made of a call."""
    if isinstance(error, NotKeptError):
        return str(error)
    if known := explain(error):
        return f"Redis refused: {known[0]}"
    if isinstance(error, ResponseError):
        return f"Redis refused: {error}"
    return f"Redis did not answer ({type(error).__name__})"


def _with_fix(said: str, error: Exception) -> str:
    known = explain(error)
    return f"{said}; {known[1]}" if known else said
