"""What a web app calls: every public method, each passed on to the room that does it.

In:  messages and ids. Out: ids and statuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Self, Unpack

from smsq.campaigns.bulk_sends import BulkSends
from smsq.campaigns.steering import Steering
from smsq.domain.waiting import Promise
from smsq.events.reader import EventReader
from smsq.events.subscription import EventOptions, Subscription
from smsq.finding.finder import Finder
from smsq.finding.in_full import read_failed, read_recipients
from smsq.finding.summary import JobSummary
from smsq.frames import guarded
from smsq.gathering.gathering import put_many, put_one
from smsq.ledger.producer import Producer
from smsq.ledger.promises import read_promise
from smsq.ledger.reschedule import reschedule
from smsq.ledger.stored_id import StoredCampaign, StoredId, StoredMany
from smsq.models import BulkMessage, PersonalMessage, QuickMessage
from smsq.options import (
    BulkOptions,
    FindOptions,
    JobOptions,
    OnInvalid,
    PersonalOptions,
    Phone,
    Priority,
    QuickOptions,
    Text,
)
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from smsq.status.failed import FailedReader
from smsq.status.status import Campaign, RecipientStatus, Status
from smsq.status.views import Stats


@guarded
class SmsQueue:
    """The queue, seen from the web app. Thread-safe; make one per process and keep it.

    Args:
        redis_url: Ledger and broker; None means what `settings` say. `ConfigError`: it is none.
        settings: None means the defaults.

    Every method may raise these; nothing else comes from Redis, the broker or your arguments:

    - `InvalidMessageError`: an argument is wrong. Nothing was stored; it carries every mistake.
    - `ConfigError`: the call names no sender, and SMSQ_ALPHANAME_ID is not set. Nothing was stored.
    - `NotFoundError`: nothing has this id, or it is a gathered job's, which holds sends of others:
      pass `whole_job=True` to mean all of them, never with an id that a user hands in.
    - `KeyConflictError`: the key was used before with other content, or `again` is refused: the
      earlier message was sent, may have been, or is still to be.
    - `LimitedError`: the phone got as many quick messages as SMSQ_PER_PHONE allows.
    - `QueueUnavailableError`: Redis did not answer within 1 s, or has not for three calls in a row
      and is not asked for a second; it says whether the job may exist.

    A `with` block closes it at its end. `by` says who acts, for the audit trail (`smsq audit`).
    None is whoever runs this process; of what only reads the trail then keeps nothing.
    """

    def __init__(self, redis_url: str | None = None, *, settings: Settings | None = None) -> None:
        settings = settings or Settings.from_env({})
        if redis_url is not None:
            settings = settings.on_redis(redis_url)
        self.settings, self._producer = settings, Producer(settings)
        self._bulk, self._steering = BulkSends(self._producer), Steering(self._producer)
        self._finder = Finder(self._producer)

    @classmethod
    def from_env(cls, *, needs_sender: bool = False) -> Self:
        """Make a queue from the `SMSQ_...` variables; `ConfigError` has every wrong setting.

        `needs_sender`: SMSQ_ALPHANAME_ID must be among them. Write True where calls name no sender.
        """
        return cls(settings=Settings.from_env(needs_sender=needs_sender))

    def __init_subclass__(cls) -> None:
        guarded(cls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send_quick(self, phone: Phone, text: Text, **options: Unpack[QuickOptions]) -> StoredId:
        """Enqueue one text for one phone.

        A phone may have any usual spelling: `+375 29 123-45-67`, `80 29 123 45 67`,
        `375291234567`; a text at most 10 parts. `QuickOptions` says what the options mean.

        Returns the job's id. Once you have it, the job will be handled; it was before where its key
        was used before (`is_new`, `state`).
        """
        return put_one(self._producer, QuickMessage(phone=phone, text=text, **options))

    def send_personal(
        self, phone: Phone, text: Text, **options: Unpack[PersonalOptions]
    ) -> StoredId:
        """Enqueue one text for one phone that may share a gateway request with others.

        It goes out together with all that is gathered for the same sender, at the latest
        SMSQ_GATHER_S later: a thousand such calls cost one request.
        Returns the id of this send alone, `<job id>.<ordinal>.<tag>`; `status`, `recipients` and
        `cancel` take it like a job's. The tag is random: nobody guesses it from another's.
        """
        message = QuickMessage(phone=phone, text=text, gather=True, **options)
        return put_one(self._producer, message)

    def send_quick_many(
        self, messages: Iterable[QuickMessage], *, on_invalid: OnInvalid = "refuse"
    ) -> StoredMany:
        """Enqueue many messages in few round trips; every message is checked before any is stored.

        `on_invalid="skip"` leaves out those that cannot be sent; the list of ids that is returned
        knows which were `rejected`. On `KeyConflictError` the other messages are stored, and it has
        their ids (`stored`) and says which keys (`conflicts`); with keys, repeating is safe.
        """
        return put_many(self._producer, messages, on_invalid)

    def send_bulk(
        self,
        messages: Iterable[BulkMessage | PersonalMessage],
        **options: Unpack[BulkOptions],
    ) -> StoredCampaign:
        """Enqueue a campaign: some texts for many phones, all or nothing.

        Messages are read once, in constant memory, and so are their phones. They share gateway
        requests, or are split, at `SMSQ_BULK_MAX_RECIPIENTS`. `BulkOptions` says what the options
        mean: `on_invalid="skip"` sends to the others where some phones are wrong.

        Returns the campaign's id; `is_new` is False where its key was used. It knows how many
        recipients are `accepted`, and which rows were `rejected`.
        """
        return self._bulk.send(messages, **options)

    def reschedule(self, job_id: str, send_at: datetime, *, by: str | None = None) -> None:
        """Send a quick job, not claimed yet, at another time, an aware one."""
        reschedule(self._producer, job_id, send_at, by=by)

    def cancel(self, some_id: str, *, whole_job: bool = False, by: str | None = None) -> int:
        """Cancel what no worker has claimed yet, of a job, a campaign or one gathered send.

        A campaign is cancelled at once, whatever its size: nothing of it is claimed any more.
        Returns how many jobs were not sent and will not be; 0 when it was too late, or an attempt
        before may have been accepted (`unknown`).
        """
        return self._steering.cancel(some_id, whole_job=whole_job, by=by)

    def pause(self, campaign_id: str, *, by: str | None = None) -> bool:
        """Pause a campaign, retries too, until `resume`; False: nothing is left to be sent."""
        return self._steering.pause(campaign_id, by=by)

    def resume(
        self,
        campaign_id: str,
        *,
        max_failed: float | None = None,
        anyway: bool = False,
        by: str | None = None,
    ) -> bool:
        """Let a campaign go on that was paused or has stopped itself; its jobs keep their order.

        `max_failed` is its new bound, 0.1 for a tenth; with None it keeps its own, and one that
        has stopped itself goes on without. `anyway` does not wait for its canary's reports.
        Returns False when it was not paused, or waits for its canary.
        """
        return self._steering.resume(campaign_id, max_failed, anyway=anyway, by=by)

    def campaigns(self, *, limit: int = 20) -> list[Campaign]:
        """List the newest campaigns, the newest first: at most `limit`, 1 or more."""
        return self._steering.campaigns(limit=limit)

    def campaign(self, campaign_id: str) -> Campaign:
        """Say how far a campaign is, without looking at its jobs."""
        return self._steering.campaign(campaign_id)

    def status(self, some_id: str) -> Status:
        """Say what became of a job, a campaign or one gathered send."""
        return self._producer.ask(lambda views: views.status(some_id))

    def find(self, **what: Unpack[FindOptions]) -> list[JobSummary]:
        """Find sends by your own reference, or by phone, the newest first; see `FindOptions`."""
        return self._finder.find(**what)

    def jobs(self, **which: Unpack[JobOptions]) -> Iterator[JobSummary]:
        """List jobs by state, tag and time, the newest first, streamed; see `JobOptions`."""
        return self._finder.jobs(**which)

    def recipients(
        self, some_id: str, *, whole_job: bool = False, by: str | None = None
    ) -> Iterator[RecipientStatus]:
        """Say what became of each recipient of a job, a campaign or one gathered send, streamed."""
        return read_recipients(self._producer, some_id, whole_job=whole_job, by=by)

    def failed(
        self,
        some_id: str,
        *,
        cancelled: bool = False,
        no_report: bool = False,
        whole_job: bool = False,
        by: str | None = None,
    ) -> FailedReader:
        """Read the recipients of a job or campaign that got nothing, to send to them again.

        Dead jobs that can be retried are left out: `retryable` counts their recipients. `cancelled`
        adds those of cancelled jobs, `no_report` those without a report, who may have got it.
        """
        also = {"cancelled": cancelled, "no_report": no_report}
        return read_failed(self._producer, some_id, whole_job=whole_job, by=by, **also)

    @property
    def optout(self) -> OptOuts:
        """The phones that take no messages; urgent ones they still get."""
        return OptOuts(self._producer.scripts, self.settings, breaker=self._producer.breaker)

    def events(self, **options: Unpack[EventOptions]) -> EventReader:
        """Read each change of a job's or a recipient's state, as it comes.

        Each event comes at least once, again with the same `id`; a job's in order while one
        consumer reads. `EventReader` says when one counts as handled, `EventOptions` what each
        option means. `ConfigError`: SMSQ_EVENTS_KEEP_S is 0.
        """
        return EventReader(self._producer.redis, Subscription(**options), self.settings)

    def stats(self) -> Stats:
        """Count everything in the ledger."""
        known = (self.settings.rate_per_s, self.settings.words)
        return self._producer.ask(lambda views: views.stats(*known))

    def promise(self, priority: Priority = "urgent") -> Promise:
        """Say how soon a message enqueued now is requested: an app can offer a call instead."""
        return read_promise(self._producer, priority)

    def heartbeat_age_s(self) -> float | None:
        """Seconds since workers last took one of beat's ticks; None when nobody remembers."""
        return self._producer.ask(lambda views: views.heartbeat_age_s())

    def close(self) -> None:
        """Give the connections back."""
        self._producer.close()
