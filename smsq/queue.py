"""What a web app calls: enqueue, ask, cancel.

In:  messages. Out: ids and statuses. The ledger write decides; the ring after it only saves time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Self, Unpack

from smsq.brakes import Brakes
from smsq.bulk_sends import BulkSends
from smsq.compliance import Compliance
from smsq.connection import PRODUCER_TIMEOUT_S, connect, unavailable
from smsq.events import EventReader
from smsq.gathering import Gathering, assemble
from smsq.handover import hand_over
from smsq.intake import Intake
from smsq.ledger import Ledger
from smsq.models import QuickMessage, QuickOptions
from smsq.rings import Rings
from smsq.scripts import Scripts
from smsq.settings import Settings
from smsq.status import RecipientStatus, Status
from smsq.steering import Steering
from smsq.stored_id import StoredId
from smsq.subscription import EventOptions, Subscription
from smsq.views import Stats, Views


class SmsQueue(Gathering, BulkSends, Steering, Compliance):
    """The queue, seen from the web app. Thread-safe; make one per process and keep it.

    Args:
        redis_url: Ledger and broker; None means what `settings` say.
        settings: None means the defaults.

    Raises:
        ConfigError: `redis_url` is no Redis' address.
    """

    def __init__(self, redis_url: str | None = None, *, settings: Settings | None = None) -> None:
        settings = settings or Settings.from_env({})
        if redis_url is not None:
            settings = settings.on_redis(redis_url)
        self.settings = settings
        self._redis = connect(settings.redis_url, timeout_s=PRODUCER_TIMEOUT_S)
        self._scripts = Scripts.of(self._redis, settings)
        self._ledger = Ledger(self._scripts)
        self._brakes = Brakes(self._scripts)
        self._views = Views(self._redis, self._scripts.keys)
        self._rings = Rings(settings.broker_url, settings.namespace)

    @classmethod
    def from_env(cls) -> Self:
        """Make a queue from the `SMSQ_...` environment variables.

        Raises:
            ConfigError: With every wrong setting.
        """
        return cls(settings=Settings.from_env())

    def send_quick(self, phone: str, text: str, **options: Unpack[QuickOptions]) -> StoredId:
        """Enqueue one text for one phone.

        Args:
            phone: In any usual spelling: `+375 29 123-45-67`, `80 29 123 45 67`, `375291234567`.
            text: At most 10 parts.
            **options: `alphaname_id` (sender; else `SMSQ_ALPHANAME_ID`), `key` (makes the call
                repeatable), `again` (sends again what ended unsent for certain under this key:
                cancelled, expired, rejected, dead, withheld), `priority` (`urgent`, `normal`,
                `bulk`), `send_at` (datetime; naive means the gateway's zone), `expires_in_s` (not
                sent later than this),
                `viber_name_id` and `viber_after_min` (5 to 60: forward to Viber what is not
                delivered by then), `on_unknown` (`hold` or `resend`), `gather`
                (as `send_personal` does).

        Returns:
            The job's id, or that of the gathered send. Once you have it, the job will be handled:
            now, or before where its key was used before (`is_new`, `state`).

        Raises:
            InvalidMessageError: Nothing was stored; it carries every mistake.
            KeyConflictError: The key was used before with other content, or `again` is refused:
                the earlier message was sent, may have been, or is still to be.
            QueueUnavailableError: Redis did not answer within 2 s.
        """
        return self.put_quick(QuickMessage(phone=phone, text=text, **options))

    def send_quick_many(self, messages: Iterable[QuickMessage]) -> list[StoredId]:
        """Enqueue many messages in few round trips; every message is checked before any is stored.

        Returns:
            Job ids, in order.

        Raises:
            InvalidMessageError: Nothing was stored; it carries every message's mistakes.
            KeyConflictError: A key was used before with other content, or `again` is refused; the
                other messages are stored, and it has their ids.
            QueueUnavailableError: Redis did not answer; with keys, repeating the call is safe.
        """
        checked = self._intake().check_quick_many(messages)
        new = [assemble(one, self.settings) for one in checked]
        with self.redis_call(writes=True, in_pieces=True):
            return hand_over(new, self._ledger, self._rings)

    def status(self, some_id: str) -> Status:
        """Say what became of a job or a campaign.

        Raises:
            NotFoundError: No job or campaign has this id.
        """
        with self.redis_call(writes=False):
            return self._views.status(some_id)

    def recipients(self, some_id: str, *, whole_job: bool = False) -> Iterator[RecipientStatus]:
        """Say what became of each recipient, streamed.

        Args:
            some_id: A job, a campaign or one gathered send.
            whole_job: True also takes the id of a gathered job, for all of its sends: never for an
                id that a user hands in.

        Raises:
            NotFoundError: No job or campaign has this id, or it is a gathered job's.
        """
        with self.redis_call(writes=False):
            if not whole_job:
                self._views.check_scope(some_id)
            yield from self._views.recipients(some_id)

    def events(self, **options: Unpack[EventOptions]) -> EventReader:
        """Read the news: each change of a job's or a recipient's state, as it comes.

        Each comes at least once, again with the same `id`; a job's in order while one consumer
        reads. `EventReader` says when one counts as handled.

        Args:
            **options: `group` (its consumers share the news; a new one begins with the oldest),
                `consumer` (of one running consumer alone; started again, it goes on where it was),
                `block_s` (ends after so long without news), `count` (most entries taken at once, of
                1 to 1,000 events each), `claim_after_s` (what others have in hand for so long).

        Raises:
            ConfigError: No news is kept (`SMSQ_EVENTS_KEEP_S=0`).
            QueueUnavailableError: Redis did not answer; once reading, for a minute.
        """
        return EventReader(self._redis, Subscription(**options), self.settings)

    def stats(self) -> Stats:
        """Count everything in the ledger."""
        with self.redis_call(writes=False):
            return self._views.stats(self.settings.rate_per_s, self.settings.words)

    def heartbeat_age_s(self) -> float | None:
        """Seconds since beat's ticks were last worked off; None when nobody remembers."""
        with self.redis_call(writes=False):
            return self._views.heartbeat_age_s()

    @contextmanager
    def redis_call(self, *, writes: bool, in_pieces: bool = False) -> Iterator[None]:
        """Turn Redis' failures in the block, as while a campaign is drafted, into ours.

        Args:
            writes: True when the block makes something live: a lost answer may be a stored job.
            in_pieces: True when it makes several things live, one after the other.
        """
        with unavailable(self._redis, writes=writes, in_pieces=in_pieces):
            yield

    def close(self) -> None:
        """Give the connections back."""
        self._rings.close()
        self._redis.close()

    def _intake(self) -> Intake:
        return Intake(self.settings, datetime.now(UTC))
