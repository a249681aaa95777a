"""A pool whose connections are fit for use: none that a firewall forgot, none to a former primary.

In:  a Redis address. Out: connections. Whatever fails while one is got has stored nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from redis import ConnectionPool
from redis.connection import Connection
from redis.exceptions import RedisError, ResponseError

from smsq.store.refusals import has_moved

#: A connection that was idle for longer is asked before it is used.
ASK_AFTER_S = 1.0

#: Longest wait for that answer. Together with a new connection and a call it stays below 2 s.
ASK_TIMEOUT_S = 0.4


class _Noticing:
    """What a connection does beside speaking: it notices that its server is the primary no more."""

    on_moved: Callable[[], None]
    mark_for_reconnect: Callable[[], None]

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Read an answer. After a refusal the connection ends when its user gives it back."""
        try:
            speaking: Any = super()
            return speaking.read_response(*args, **kwargs)
        except ResponseError as error:
            if has_moved(error):
                self.mark_for_reconnect()
                self.on_moved()
            raise


class Pool(ConnectionPool):
    """Connections to wherever the address leads now."""

    def __init__(self, connection_class: type[Any] = Connection, **kwargs: Any) -> None:
        noticing = type(connection_class.__name__, (_Noticing, connection_class), {})
        self._idle_since_s: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        super().__init__(connection_class=noticing, **kwargs)

    def make_connection(self) -> Any:
        """Make a connection that tells the pool when its server has been demoted."""
        connection: Any = super().make_connection()
        connection.on_moved = self._drop_idle
        return connection

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Get a connection; one that was idle for long has answered just now, or is new."""
        connection: Any = super().get_connection(*args, **kwargs)
        since_s = self._idle_since_s.pop(connection, None)
        if since_s is None or time.monotonic() - since_s < ASK_AFTER_S or _answers(connection):
            return connection
        try:
            connection.disconnect()
            connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        self._idle_since_s[connection] = time.monotonic()
        super().release(connection)

    def _drop_idle(self) -> None:
        # They lead to the same server. Those in use notice by themselves.
        self.disconnect(inuse_connections=False)


def _answers(connection: Any) -> bool:
    try:
        connection.send_command("PING", check_health=False)
        connection.read_response(timeout=ASK_TIMEOUT_S)
    except ResponseError:
        return True  # a user may lack the right to ask
    except (RedisError, OSError):
        return False
    return True
