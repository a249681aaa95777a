"""Kombu's way to a Redis that sentinels watch over, with the primary that all of them name.

In:  the sentinels' addresses, as a transport option. Out: connections to the primary of now.

Kombu asks one sentinel after the other, believes the first, and asks again only for new
connections. Rings and ticks went to a primary of before, until that one was reached and demoted.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as of_kombu
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.retry import Retry

from smsq.environment.sentinels import BROKER_TIMEOUT_S
from smsq.store.primary import Address, OfPrimary, Primary, PrimaryPool

_Channel: Any = of_kombu.SentinelChannel
_Poller: Any = of_kombu.MultiChannelPoller
_Transport: Any = of_kombu.SentinelTransport


class BrokerConnection(OfPrimary):
    """A connection that a refusal of a demoted server ends: kombu's loop would end with it."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Read an answer; see redis-py."""
        try:
            return super().read_response(*args, **kwargs)
        except ReadOnlyError:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise RedisConnectionError("the primary of before is one no more") from None


class Channel(_Channel):  # type: ignore[misc]
    """A channel that follows the primary, with the connections that it keeps, too."""

    connection_class = BrokerConnection

    def _sentinel_managed_pool(self, asynchronous: bool = False) -> PrimaryPool:
        options = self._connparams(asynchronous)
        for name in ("host", "port", "db", "username", "password"):
            del options[name]  # the primary's own say the same
        # Kombu's loop must not wait for a connection that it has in use itself.
        options |= {"wait_s": 0, "retry": Retry(NoBackoff(), 0)}
        return PrimaryPool(self.connection.primary, **options)

    def leave_former(self) -> None:
        """Close what leads to a primary of before; the poller connects it anew."""
        for name in ("client", "subclient"):
            kept = getattr(vars(self).get(name), "connection", None)
            if kept is not None and kept.is_of_former:
                kept.disconnect()
        for pool in filter(None, (self._pool, self._async_pool)):
            pool.leave_former()


class Poller(_Poller):  # type: ignore[misc]
    """Waits for rings, ticks, commands and events: about once a second, whatever comes.

    Args:
        primary: Where all of them come from.
    """

    def __init__(self, primary: Primary) -> None:
        super().__init__()
        self._primary = primary
        self._led_to: Address | None = None

    def on_poll_start(self) -> None:
        """Look for the primary before anything is asked of it."""
        self._primary.look()
        if self._led_to != self._primary.known:
            self._led_to = self._primary.known
            for channel in self._channels:
                channel.leave_former()
        super().on_poll_start()


class Transport(_Transport):  # type: ignore[misc]
    """What all channels of one connection of kombu's share."""

    Channel = Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        address = self.client.transport_options["sentinels"]
        self.primary = Primary(address, timeout_s=BROKER_TIMEOUT_S)
        self.cycle = Poller(self.primary)

    def close_connection(self, connection: Any) -> None:
        """Close everything, the connections to sentinels last."""
        super().close_connection(connection)
        self.primary.close()
