"""Connections to a primary that sentinels name, and that may be another one in a moment.

In:  the sentinels' addresses. Out: a pool whose connections lead to the primary of now.

A demoted primary goes on taking writes until the sentinels reach it, ten seconds in some cases, and
throws them away then. So the sentinels are asked again each second in which Redis is needed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Self

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


class Primary:
    """Who is the primary, as the sentinels say. Thread-safe.

    Args:
        address: Where the sentinels are, and what they call the primary.
        timeout_s: Longest wait for one sentinel.

    Attributes:
        known: Host and port, as said last; None until then.
    """

    def __init__(self, address: SentinelAddress, *, timeout_s: float) -> None:
        self.address = address
        self._sentinels = Sentinels(address, timeout_s=timeout_s)
        self.known: Address | None = None
        self._before: Address | None = None
        # 0 for not known yet.
        self._replicas, self._count_at_s = 0, 0.0
        self._ask_at_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked process must."""
        self._asking = threading.Lock()

    def look(self) -> None:
        """Ask whether it is still the same, once a second, and in one thread at a time."""
        asking = self._asking  # a pool that is made meanwhile replaces it
        if time.monotonic() < self._ask_at_s or not asking.acquire(blocking=False):
            return
        try:
            self._ask_at_s = time.monotonic() + ASK_EVERY_S
            if self.known is not None:  # the first connection asks
                self.find()
        except MasterNotFoundError:
            # What is connected may be good; what is not will be told.
            self._ask_at_s = time.monotonic() + ASK_AGAIN_S
        finally:
            asking.release()

    def find(self) -> Address:
        """Ask who is the primary.

        Raises:
            MasterNotFoundError: None answers, or none that can be believed.
        """
        return self._note(self._sentinels.ask().primary)

    def _note(self, found: Address) -> Address:
        if found != self.known:
            self._before, self.known = self.known, found
        return found

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
        return not (is_down or is_barred or is_deposed or address == self.known)

    def close(self) -> None:
        """Close the connections to sentinels; the next question opens them again."""
        self._sentinels.close()


class OfPrimary(Connection):
    """A connection that asks where to go each time it is made."""

    def __init__(self, *, primary: Primary, **kwargs: Any) -> None:
        self._primary = primary
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        self.host, self.port = self._primary.find()
        return super()._connect()  # type: ignore[no-untyped-call]

    @property
    def is_of_former(self) -> bool:
        """Whether it leads to a server that is the primary no more."""
        is_connected = self._sock is not None
        return is_connected and (self.host, self.port) != self._primary.known


class PrimaryPool(Pool):
    """A pool that follows the primary.

    Args:
        primary: Who it is; other pools may share it.
        connection_class: One that goes there.
        **kwargs: As of `Pool`.
    """

    def __init__(
        self, primary: Primary, connection_class: type[OfPrimary] = OfPrimary, **kwargs: Any
    ) -> None:
        self.primary = primary
        self._led_to: Address | None = None
        login: dict[str, Any] = {"db": primary.address.db, **primary.address.login}
        super().__init__(connection_class, primary=primary, **login, **kwargs)

    @classmethod
    def of(cls, address: SentinelAddress, *, timeout_s: float, **kwargs: Any) -> Self:
        """Make one that has its sentinels for itself.

        Args:
            address: Where the sentinels are, and what they call the primary.
            timeout_s: Longest wait for Redis; the sentinels get less of it.
            **kwargs: As of `Pool`.
        """
        primary = Primary(address, timeout_s=min(timeout_s * _OF_TIMEOUT, _MOST_S))
        return cls(primary, **kwargs)

    def reset(self) -> None:
        """Begin anew, as a forked process must."""
        super().reset()
        self.primary.reset()

    def get_own(self, *args: Any, **kwargs: Any) -> Any:
        """Get a connection to the primary; see `Pool`."""
        self.primary.look()
        if self._led_to != self.primary.known:
            self._led_to = self.primary.known
            self.leave_former()
        return super().get_own(*args, **kwargs)

    def leave_former(self) -> None:
        """Close the connections that nobody uses and that lead to a primary of before."""
        with self._lock:
            for connection in self._available_connections:
                if connection.is_of_former:
                    connection.disconnect()

    def release_own(self, connection: Any) -> None:
        """Take a connection back; one that leads to a primary of before is closed."""
        if connection.is_of_former:
            connection.disconnect()
        super().release_own(connection)

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close connections, those to sentinels too when all are to be closed."""
        super().disconnect(inuse_connections)
        if inuse_connections:
            self.primary.close()
