"""What an operator may turn: the gate and the rate, for every worker at once.

In:  the settings of one queue. Out: the limiter in Redis, changed; who did it stands beside it.
"""

from __future__ import annotations

from typing import Self

from redis import Redis

from smsq.environment.parsers import number
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace
from smsq.settings import Settings
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts

#: Rates that can be set, as for SMSQ_RATE_PER_S.
LEAST_RATE_PER_S, MOST_RATE_PER_S = 0.001, 10_000


class Controls:
    """The limiter in the hands of an operator.

    Args:
        redis: The ledger's.
        limiter: On the same Redis.
        by: Who turns, as user@host.
    """

    def __init__(self, redis: Redis, limiter: Limiter, *, by: str) -> None:
        self._redis = redis
        self._limiter = limiter
        self._by = by

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Build from settings; the connection is made when first used."""
        redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
        scripts = Scripts.of(redis, settings)
        pace = Pace(rate_per_s=settings.rate_per_s, burst=settings.burst)
        return cls(redis, Limiter(scripts, pace), by=who_am_i())

    def pause(self) -> None:
        """Stop every gateway request, polls too, until `resume`.

        Raises:
            QueueUnavailableError: Redis did not answer.
        """
        with unavailable(self._redis, writes=True):
            self._limiter.pause(f"paused by {self._by}")

    def resume(self) -> None:
        """Open the gate, whatever closed it; after a 429 or a wrong token one probe goes first.

        Raises:
            QueueUnavailableError: Redis did not answer.
        """
        with unavailable(self._redis, writes=True):
            self._limiter.resume()

    def set_rate(self, rate_per_s: float | None) -> None:
        """Set the ceiling of the rate, in place of `SMSQ_RATE_PER_S`, for all workers.

        Args:
            rate_per_s: 0.001 to 10000; None goes back to the setting.

        Raises:
            InvalidMessageError: The rate is none.
            QueueUnavailableError: Redis did not answer.
        """
        if rate_per_s is not None:
            try:
                number(LEAST_RATE_PER_S, MOST_RATE_PER_S)(str(rate_per_s))
            except ValueError as error:
                raise InvalidMessageError([f"rate: {error}"]) from None
        with unavailable(self._redis, writes=True):
            self._limiter.set_rate(rate_per_s, by=self._by)

    def close(self) -> None:
        """Give the connection back."""
        self._redis.close()
