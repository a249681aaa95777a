"""What every call of a web app works with: settings, Redis, rings, and what a failure means.

In:  settings. Out: one object that the rooms' calls share; thread-safe.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TypeVar

from smsq.intake.intake import Intake
from smsq.ledger.ledger import Ledger
from smsq.names import Durability
from smsq.rings.breaker import Breaker, breaker_of
from smsq.settings import Settings
from smsq.status.views import Views
from smsq.store.agreement import Agreement
from smsq.store.connection import PRODUCER_TIMEOUT_S, connect_for, unavailable
from smsq.store.scripts import Scripts

#: Longest wait for a disk, which takes a second with `everysec`, or for a replica; and for an
#: answer of Redis', a little more than that.
KEEP_TIMEOUT_MS = {Durability.DISK: 1500, Durability.REPLICA: 700}
_ANSWER_TIMEOUT_S = {Durability.DISK: 1.8, Durability.REPLICA: 0.9}

_T = TypeVar("_T")


class Producer:
    """A web app's side of the queue; nothing is connected before the first call.

    Attributes:
        settings: As given.
        redis: A client that never hangs (`PRODUCER_TIMEOUT_S`).
        scripts: The ledger's scripts.
        ledger: Where jobs come in.
        views: Where they are read.
        rings: What wakes workers.
    """

    def __init__(self, settings: Settings) -> None:
        # Celery and kombu take as long to import as all the rest: who imports smsq for a name is
        # spared them, and the first message does not wait for them.
        from smsq.rings.rings import Rings  # noqa: PLC0415

        self.settings = settings
        self._durability = settings.durable_enqueue
        timeout_s = _ANSWER_TIMEOUT_S.get(self._durability, PRODUCER_TIMEOUT_S)
        self.redis = connect_for(settings, timeout_s=timeout_s)
        self.scripts = Scripts.of(self.redis, settings)
        self._agreement = Agreement(self.scripts, settings)
        self.ledger = Ledger(self.scripts)
        self.views = Views(self.redis, self.scripts.keys)
        self.rings = Rings.of(settings)

    def intake(self) -> Intake:
        """Check against the settings and the time."""
        return Intake(self.settings, datetime.now(UTC))

    def call(self, *, writes: bool, in_pieces: bool = False) -> AbstractContextManager[None]:
        """Turn Redis' failures in the block into `QueueUnavailableError`.

        After three calls in a row that Redis did not answer, all of this process's fail at once for
        a second; then one is let through, and the others go by how it went (`Breaker`).

        Args:
            writes: True when the block makes something live: a lost answer may be a stored job.
            in_pieces: True when it makes several things live, one after the other.
        """
        if writes:
            self._agreement.look_soon()
        return unavailable(self.redis, writes=writes, in_pieces=in_pieces, tries=self.breaker)

    def ask(self, question: Callable[[Views], _T]) -> _T:
        """Read something; failures of Redis' are what `call` makes of them."""
        with self.call(writes=False):
            return question(self.views)

    @property
    def breaker(self) -> Breaker:
        """Whether Redis is worth a try, as all calls of this process have found it."""
        return breaker_of(self.settings.redis_url)

    def keep(self, *ids: str) -> None:
        """Wait as SMSQ_DURABLE_ENQUEUE says for what a call has stored; use it within `call`."""
        level = self._durability
        if level is not Durability.NONE and ids:
            self.ledger.keep(ids, level, wait_ms=KEEP_TIMEOUT_MS[level])

    def scoped(self, some_id: str, *, whole_job: bool) -> str:
        """Return an id that its caller may ask about.

        Raises:
            NotFoundError: It is the id of a gathered job, which holds sends of others.
        """
        if not whole_job:
            self.views.check_scope(some_id)
        return some_id

    def close(self) -> None:
        """Give the connections back."""
        self._agreement.close()
        self.rings.close()
        self.redis.close()
