"""A pool whose connections are fit for use: none that a firewall forgot, none to a former primary.

It makes no more than it may: whoever comes when all are in use waits for one.

In:  a Redis address. Out: connections. Whatever fails while one is got has stored nothing.
"""

from __future__ import annotations

import math
import select
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import ConnectionPool
from redis.connection import Connection
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError

from smsq.store import detour
from smsq.store.refusals import has_moved

#: A connection that was idle for longer is asked before it is used.
ASK_AFTER_S = 1.0

#: Longest wait for that answer, and its part of a longest wait for any: after it comes another, for
#: a new connection.
ASK_TIMEOUT_S, _ASK_PART = 0.4, 1 / 3


class _Noticing:
    """What a connection does beside speaking: it notices that its server is the primary no more."""

    on_moved: Callable[[], None]
    mark_for_reconnect: Callable[[], None]
    #: When it was given back, on this machine's own clock; a new one is not idle yet.
    idle_since_s = math.inf

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
    """Connections to wherever the address leads now.

    Args:
        connection_class: As redis-py has it.
        wait_s: Longest wait for a connection when all are in use.
        **kwargs: As of redis-py's pool, `max_connections` among them.
    """

    def __init__(
        self, connection_class: type[Any] = Connection, *, wait_s: float, **kwargs: Any
    ) -> None:
        noticing = type(connection_class.__name__, (_Noticing, connection_class), {})
        self._wait_s = wait_s
        super().__init__(connection_class=noticing, **kwargs)

    def reset(self) -> None:
        """Begin anew, as a forked process must: its parent's connections are the parent's."""
        super().reset()
        self._turns = threading.Semaphore(self.max_connections)

    def make_connection(self) -> Any:
        """Make a connection that tells the pool when its server has been demoted."""
        try:
            connection: Any = super().make_connection()
        except BaseException:
            self._turns.release()
            raise
        connection.on_moved = self._drop_idle
        return connection

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Get a connection; one that was idle for long has answered just now, or is new.

        Raises:
            MaxConnectionsError: All were in use, for as long as a caller may wait.
        """
        if (taken := detour.current) is not None:
            return taken.get_connection()
        return self.get_own(*args, **kwargs)

    def get_own(self, *args: Any, **kwargs: Any) -> Any:
        """Get a connection of this pool."""
        self._checkpid()
        if not self._turns.acquire(timeout=self._wait_s):
            raise MaxConnectionsError("all are in use")
        if (ready := self._take_ready()) is not None:
            return ready
        # What fails from here on gives the turn back: `make_connection` or `release`.
        connection: Any = super().get_connection(*args, **kwargs)
        if time.monotonic() - connection.idle_since_s < ASK_AFTER_S or _answers(connection):
            return connection
        try:
            connection.disconnect()
            connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def _take_ready(self) -> Any:
        """Take the connection that was used last if it is fit as it is.

        redis-py's own way also counts and announces what it hands out, three times as long.
        """
        with self._lock:
            if not self._available_connections:
                return None
            connection: Any = self._available_connections[-1]
            if time.monotonic() - connection.idle_since_s >= ASK_AFTER_S or _is_spent(connection):
                return None
            self._in_use_connections.add(self._available_connections.pop())
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        if not isinstance(connection, _Noticing):
            connection.give_back()  # of a detour
            return
        self.release_own(connection)

    def release_own(self, connection: Any) -> None:
        """Take back a connection of this pool."""
        self._checkpid()
        connection.idle_since_s = time.monotonic()
        with self._lock:
            is_lent = connection in self._in_use_connections
            is_fit = self.owns_connection(connection) and not connection.should_reconnect()
            if is_lent and is_fit:
                self._in_use_connections.remove(connection)
                self._available_connections.append(connection)
        try:
            if not is_fit:
                super().release(connection)
        finally:
            if is_lent:
                self._turns.release()

    def _drop_idle(self) -> None:
        # They lead to the same server. Those in use notice by themselves.
        self.disconnect(inuse_connections=False)


def _is_spent(connection: Any) -> bool:
    """Whether it is closed, or something came that nobody asked for: its end, for instance."""
    # An attribute of redis-py's own; without it, redis-py looks.
    socket = getattr(connection, "_sock", None)
    if socket is None or not hasattr(select, "poll"):
        return True
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


def _answers(connection: Any) -> bool:
    try:
        connection.send_command("PING", check_health=False)
        most_s = connection.socket_timeout or math.inf
        connection.read_response(timeout=min(ASK_TIMEOUT_S, most_s * _ASK_PART))
    except ResponseError:
        return True  # a user may lack the right to ask
    except (RedisError, OSError):
        return False
    return True
