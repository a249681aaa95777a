"""A Redis within the process: no server, no port, no thread.

In:  nothing. Out: clients and connections to it, empty at the beginning.

fakeredis runs the real scripts. One server is kept for the next test: it knows them by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakeredis import FakeRedis, FakeRedisConnection, FakeServer
from redis import ConnectionPool, Redis

_spare: list[FakeServer] = []


class _Lent(FakeRedisConnection):
    """A connection that goes back where it came from."""

    lender: RedisWithin

    def give_back(self) -> None:
        """Give it back: its caller's pool has none like it."""
        self.lender.take_back(self)


class RedisWithin:
    """One server and the connections to it. Thread-safe.

    Args:
        on_call: Called when a connection comes back: something may be new.
    """

    def __init__(self, on_call: Callable[[], None]) -> None:
        self._on_call = on_call
        self._server = _spare.pop() if _spare else FakeServer(version=(7, 4))
        options: dict[str, Any] = {"server": self._server, "decode_responses": True}
        self._pool: ConnectionPool = FakeRedis(connection_class=_Lent, **options).connection_pool
        #: A client that nothing is noted of.
        self.client: Redis = FakeRedis(**options)
        self.client.flushall()

    def get_connection(self) -> Any:
        """Get a connection."""
        connection: Any = self._pool.get_connection()
        connection.lender = self
        return connection

    def take_back(self, connection: Any) -> None:
        """Take a connection back."""
        self._pool.release(connection)
        self._on_call()

    def close(self) -> None:
        """Keep the server for whoever comes next."""
        self._pool.disconnect()
        self.client.close()
        _spare.append(self._server)
