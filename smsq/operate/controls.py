"""What an operator may turn: the gate and the rate, for every worker at once.

In:  the settings of one queue. Out: the limiter in Redis, changed; the audit trail says by whom.
"""

from __future__ import annotations

from typing import Self

from redis import Redis

from smsq.audit.acts import name_person
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
        by: Who turns, as user@host, where a call does not say.
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

    def pause(self, *, by: str | None = None) -> None:
        """Stop every gateway request, polls too, until `resume`.

        Args:
            by: Who, 1 to 100 characters; None is whom this was made for.

        Raises:
            InvalidMessageError: `by` is no name.
            QueueUnavailableError: Redis did not answer.
        """
        person = self._name(by)
        with unavailable(self._redis, writes=True):
            self._limiter.pause(f"paused by {person}", by=person)

    def resume(self, *, by: str | None = None) -> None:
        """Open the gate, whatever closed it; after a 429 or a wrong token one probe goes first.

        Args:
            by: As of `pause`.

        Raises:
            InvalidMessageError: `by` is no name.
            QueueUnavailableError: Redis did not answer.
        """
        person = self._name(by)
        with unavailable(self._redis, writes=True):
            self._limiter.resume(by=person)

    def set_rate(self, rate_per_s: float | None, *, by: str | None = None) -> None:
        """Set the ceiling of the rate, in place of `SMSQ_RATE_PER_S`, for all workers.

        Args:
            rate_per_s: 0.001 to 10000; None goes back to the setting.
            by: As of `pause`.

        Raises:
            InvalidMessageError: The rate is none, or `by` is no name.
            QueueUnavailableError: Redis did not answer.
        """
        person = self._name(by)
        if rate_per_s is not None:
            try:
                number(LEAST_RATE_PER_S, MOST_RATE_PER_S)(str(rate_per_s))
            except ValueError as error:
                raise InvalidMessageError([f"rate: {error}"]) from None
        with unavailable(self._redis, writes=True):
            self._limiter.set_rate(rate_per_s, by=person)

    def _name(self, by: str | None) -> str:
        return name_person(self._by if by is None else by)

    def close(self) -> None:
        """Give the connection back."""
        self._redis.close()
