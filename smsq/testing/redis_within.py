"""A Redis within the process: no server, no port, no thread.

In:  a clock. Out: clients and connections to it, empty at the beginning.

fakeredis runs the real scripts. One server is kept for the next test: it knows them by then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fakeredis import FakeRedis, FakeRedisConnection, FakeServer
from redis import ConnectionPool, Redis

from smsq.testing.clock import Clock


class _Server(FakeServer):
    """A server whose TIME is a test's."""

    clock: Clock

    def tell_time(self) -> list[bytes]:
        """Answer TIME: seconds, and microseconds beside them."""
        return [b"%d" % part for part in divmod(round(self.clock.time_s() * 1_000_000), 1_000_000)]


_spare: list[_Server] = []


class _Lent(FakeRedisConnection):
    """A connection that goes back where it came from.

    Attributes:
        is_used: Whether something was asked for since it was lent.
    """

    lender: RedisWithin
    is_used = False

    def give_back(self) -> None:
        """Give it back: its caller's pool has none like it."""
        self.lender.take_back(self)

    def send_packed_command(self, *args: Any, **options: Any) -> Any:
        """Send a command."""
        self.is_used = True
        speaking: Any = super()
        return speaking.send_packed_command(*args, **options)

    def _connect(self) -> Any:
        socket: Any = super()._connect()
        server: Any = self._server
        # fakeredis looks a command up by its name, scripts' own calls too.
        socket.time = server.tell_time
        return socket


class RedisWithin:
    """One server and the connections to it. Thread-safe.

    Args:
        clock: What its TIME says.
        on_call: Called when a connection comes back: something may be new.
    """

    def __init__(self, clock: Clock, on_call: Callable[[], None]) -> None:
        self._on_call = on_call
        self._server = _spare.pop() if _spare else _Server(version=(7, 4))
        self._server.clock = clock
        options: dict[str, Any] = {"server": self._server, "decode_responses": True}
        self._pool: ConnectionPool = FakeRedis(connection_class=_Lent, **options).connection_pool
        #: A client that nothing is noted of.
        self.client: Redis = FakeRedis(**options)
        self.client.flushall()

    def get_connection(self) -> Any:
        """Get a connection."""
        connection: Any = self._pool.get_connection()
        connection.lender, connection.is_used = self, False
        return connection

    def take_back(self, connection: Any) -> None:
        """Take a connection back."""
        is_used = connection.is_used
        self._pool.release(connection)
        if is_used:
            self._on_call()

    def close(self) -> None:
        """Keep the server for whoever comes next."""
        self._pool.disconnect()
        self.client.close()
        _spare.append(self._server)
