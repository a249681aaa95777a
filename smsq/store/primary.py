"""Connections to a primary that sentinels name, and that may be another one in a moment.

In:  the sentinels' addresses. Out: a pool whose connections lead to the primary of now.

A demoted primary goes on taking writes until the sentinels reach it, ten seconds in some cases, and
throws them away then. So the sentinels are asked again each second in which Redis is needed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from redis.connection import Connection
from redis.sentinel import MasterNotFoundError

from smsq.environment.sentinels import SentinelAddress
from smsq.store.pool import Pool
from smsq.store.sentinels import Sentinels

#: How often sentinels are asked whether the primary is the same, and how often when none answers.
ASK_EVERY_S, ASK_AGAIN_S = 1.0, 2.0

#: Of the wait for Redis, the part that one sentinel may take; and the longest, since an answer of
#: the others is worth more than that of a host which is away.
_OF_TIMEOUT, _MOST_S = 1 / 4, 0.5

Address = tuple[str, int]


class _OfPrimary(Connection):
    """A connection that asks where to go each time it is made."""

    def __init__(self, *, find: Callable[[], Address], **kwargs: Any) -> None:
        self._find = find
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        self.host, self.port = self._find()
        return super()._connect()  # type: ignore[no-untyped-call]


class PrimaryPool(Pool):
    """A pool that follows the primary.

    Args:
        address: Where the sentinels are, and what they call the primary.
        timeout_s: Longest wait for Redis; the sentinels get less of it.
        **kwargs: As of `Pool`.
    """

    def __init__(self, address: SentinelAddress, *, timeout_s: float, **kwargs: Any) -> None:
        self._sentinels = Sentinels(address, timeout_s=min(timeout_s * _OF_TIMEOUT, _MOST_S))
        self._known: Address | None = None
        self._before: Address | None = None
        # 0 for not known yet.
        self._replicas, self._count_at_s = 0, 0.0
        self._ask_at_s = 0.0
        login: dict[str, Any] = {"db": address.db, **address.login}
        super().__init__(_OfPrimary, find=self._find, **login, **kwargs)

    def reset(self) -> None:
        """Begin anew, as a forked process must."""
        super().reset()
        self._asking = threading.Lock()

    def get_own(self, *args: Any, **kwargs: Any) -> Any:
        """Get a connection to the primary; see `Pool`."""
        if time.monotonic() >= self._ask_at_s and self._asking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._asking.release()
        return super().get_own(*args, **kwargs)

    def _look(self) -> None:
        """Drop the connections that lead to a primary of before."""
        self._ask_at_s = time.monotonic() + ASK_EVERY_S
        if self._known is None:
            return  # the first connection asks
        try:
            self._find()
        except MasterNotFoundError:
            # What is connected may be good; what is not will be told.
            self._ask_at_s = time.monotonic() + ASK_AGAIN_S

    def _find(self) -> Address:
        """Ask who is the primary."""
        return self._note(self._sentinels.ask().primary)

    def _note(self, found: Address) -> Address:
        if found != self._known:
            self._before, self._known = self._known, found
            self._drop_idle()
        return found

    def release_own(self, connection: Any) -> None:
        """Take a connection back; one that leads to a primary of before is closed."""
        if (connection.host, connection.port) != self._known:
            connection.disconnect()
        super().release_own(connection)

    def count_replicas(self) -> int:
        """Say how many replicas must have a write, so that whichever comes next has it.

        One is not enough where there are two: the other may be promoted. Whoever is down is not
        promoted, nor is the primary of before until it has been made a replica. What sentinels said
        last holds while none answers.

        The number is that of the primary to which connections lead from now on: after a failover
        the other one has fewer, and those may still copy a primary that is deposed.

        Raises:
            MasterNotFoundError: None has answered yet.
        """
        if time.monotonic() >= self._count_at_s:
            self._count_at_s = time.monotonic() + ASK_EVERY_S
            try:
                told = self._sentinels.ask(for_replicas=True)
                self._note(told.primary)
                self._replicas = max(1, sum(map(self._may_be_next, told.replicas)))
            except MasterNotFoundError:
                self._count_at_s = time.monotonic() + ASK_AGAIN_S
        if not self._replicas:
            raise MasterNotFoundError("no sentinel names a primary yet")
        return self._replicas

    def _may_be_next(self, told: Mapping[str, Any]) -> bool:
        is_down = told["is_sdown"] or told["is_odown"] or told["is_disconnected"]
        is_barred = int(told["slave-priority"]) == 0
        address = str(told["ip"]), int(told["port"])
        is_deposed = told["role-reported"] == "master" and address == self._before
        return not (is_down or is_barred or is_deposed or address == self._known)

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close connections, those to sentinels too when all are to be closed."""
        super().disconnect(inuse_connections)
        if inuse_connections:
            self._sentinels.close()
