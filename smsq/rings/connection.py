"""How our Celery apps connect to a broker: kombu's way, but for sentinels.

In:  a broker's address. Out: connections; those of sentinels by `sentinel_transport`.

Its name in kombu stays `sentinel`: logs show the address as it was given, and Flower reads it. So
the transport is not registered there, where a web app's own Celery would get it, too.
"""

from __future__ import annotations

from typing import Any

from celery.app.amqp import AMQP
from kombu import connection as kombus
from kombu.transport import get_transport_cls

_SENTINEL, _TRANSPORT = "sentinel", "smsq.rings.sentinel_transport:Transport"

_Connection: Any = kombus.Connection
_Pooled: Any = kombus.PooledConnection
_Pool: Any = kombus.ConnectionPool


class _OwnTransport:
    """What our connections do beside kombu's, pooled or not."""

    transport_cls: Any

    def get_transport_cls(self) -> Any:
        """Say which transport the address stands for."""
        if self.transport_cls == _SENTINEL:
            return get_transport_cls(_TRANSPORT)
        of_kombu: Any = super()
        return of_kombu.get_transport_cls()


class Connection(_OwnTransport, _Connection):  # type: ignore[misc]
    """A connection of ours to a broker."""

    def Pool(self, limit: int | None = None, **kwargs: Any) -> ConnectionPool:  # noqa: N802
        """Make a pool of such connections; kombu's are of its own class."""
        return ConnectionPool(self, limit, **kwargs)


class PooledConnection(_OwnTransport, _Pooled):  # type: ignore[misc]
    """The same in a pool."""


class ConnectionPool(_Pool):  # type: ignore[misc]
    """A pool of connections of ours."""

    def new(self) -> PooledConnection:
        """Make one; it connects when it is used."""
        return PooledConnection(self, **dict(self.connection._info(resolve=False)))


class Amqp(AMQP):
    """Celery's broker side, on such connections."""

    Connection = Connection
