"""The way of one process to the broker: its connections, and whether they are worth a try.

In:  a Celery app. Out: connections that no failure came after.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from celery import Celery

from smsq.rings.backlog import Backlog
from smsq.rings.breaker import Breaker

#: Most connections of one process, and the longest wait for one of them.
MAX_CONNECTIONS, _CONNECTION_WAIT_S = 10, 0.5

#: After a failure nobody waits for the broker for so long.
PAUSE_S = 2.0


class Line:
    """Connections of one process, at most `most`; whether the broker works and has room."""

    def __init__(self, app: Celery, most: int) -> None:
        self.pool: Any = app.connection_for_write().Pool(limit=most)
        self.breaker = Breaker(PAUSE_S)
        self.backlog = Backlog()
        self._failures_before: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def take(self) -> Any:
        """Take a connection; one from before a failure is dropped, for it may lead to nowhere.

        After a failover each of ten idle ones would fail, and each with a pause after it.
        """
        while True:
            connection = self.pool.acquire(block=True, timeout=_CONNECTION_WAIT_S)
            failures = self.breaker.failures
            if self._failures_before.setdefault(connection, failures) == failures:
                return connection
            self.drop(connection)

    def drop(self, connection: Any) -> None:
        """Take a connection out of the pool that failed, or may have."""
        with suppress(Exception):
            if connection.transport.driver_type == "amqp":
                # Without a goodbye: a silent broker's answer to it would be waited for.
                connection.collect()
        with suppress(Exception):
            self.pool.replace(connection)
