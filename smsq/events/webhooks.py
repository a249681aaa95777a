"""The webhook's side of the ledger: news on its way to a receiver, and what was given up.

In:  the stream of events. Out: deliveries to post, one after the other, for as many processes as
there are; each is retried for a day, then kept to be replayed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from smsq.audit.acts import name_person
from smsq.domain.backoff import Backoff
from smsq.errors import NotFoundError
from smsq.events.events import Event, read_entry
from smsq.events.posts import Delivery, Posted
from smsq.names import Start
from smsq.status.gathered_sends import check_id
from smsq.store.scripts import Scripts

log = logging.getLogger(__name__)

#: Changes in one delivery; a single write may bring twice as many.
DELIVERY_CHANGES = 500

#: News is looked for this often; less often while a failing receiver lets deliveries pile up.
LOOK_MS, MANY, MANY_LOOK_MS = 500, 10, 10_000

#: Deliveries that wait; what comes then stays in the stream, as long as that keeps it.
MOST_WAITING = 10_000

#: A delivery is posted again and again for so long.
GIVE_UP_MS = 24 * 3600 * 1000

#: Nothing is kept for longer, should no process run.
KEEP_MS = 3 * GIVE_UP_MS

#: What was given up is kept for so long, and the newest of it.
DEAD_KEEP_MS, MOST_DEAD = 7 * GIVE_UP_MS, 1000

#: Posts are smaller for so long after one was too large.
SMALLER_MS = 3600 * 1000

#: Pauses between the tries of one delivery.
BACKOFF = Backoff(first_s=5, max_s=3600)


class Settled(StrEnum):
    """What became of a delivery after a post."""

    TAKEN = "taken"
    MORE = "more"  #: taken; the rest of it is to be posted
    LATER = "later"  #: it will be tried again
    SMALLER = "smaller"  #: it will be tried again with half as many events
    ENDED = "ended"  #: nothing is posted to this receiver until an operator resumes it
    DEAD = "dead"  #: given up after a day, or a single event was too large
    STALE = "stale"  #: another process took over


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadDelivery:
    """News that the receiver did not take within a day.

    Attributes:
        since: When it was given up, UTC.
        size: Events in it.
        error: What the last try came to.
    """

    id: str
    since: datetime
    size: int
    attempts: int
    error: str


class Webhooks:
    """Deliveries' moves. A failing Redis raises `redis.RedisError`.

    Args:
        scripts: Of the ledger.
        url: The receiver's; "" for who only looks.
        start: Where a webhook begins that is new.
        backoff: Pauses between the tries of one delivery.
    """

    def __init__(
        self,
        scripts: Scripts,
        *,
        url: str = "",
        start: Start = Start.NOW,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._run = scripts.run
        self._redis, self._keys = scripts.redis, scripts.keys
        # The address itself may hold a secret.
        self._receiver = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._start, self._backoff = start, backoff

    def collect(self) -> int:
        """Make a delivery of the next news; returns how many changes are in it."""
        pauses = (LOOK_MS, MANY, MANY_LOOK_MS)
        bounds = (DELIVERY_CHANGES, *pauses, MOST_WAITING, KEEP_MS)
        return int(self._run("webhook_collect", *bounds, self._receiver, self._start))

    def claim(self, *, lease_s: float) -> Delivery | None:
        """Take the right to post the delivery that is due; None when none is."""
        answer = self._run("webhook_claim", round(lease_s * 1000), self._receiver)
        if not answer:
            return None
        delivery_id, attempts, packed, taken, most, failures = answer
        events: list[Event] = []
        for entry_id, fields in json.loads(packed):
            try:
                events += read_entry(entry_id, fields)
            except ValueError as error:
                log.warning("news skipped: %s", error)
        return Delivery(
            id=delivery_id,
            attempts=attempts,
            events=events[taken : taken + most if most else None],
            taken=taken,
            total=len(events),
            failures=failures,
        )

    def settle(self, delivery: Delivery, posted: Posted) -> Settled:
        """Write down what a post came to."""
        is_all = delivery.reaches >= delivery.total
        answer = self._run(
            "webhook_settle",
            delivery.id,
            delivery.attempts,
            posted.answer,
            posted.error,
            "" if is_all else delivery.reaches,
            len(delivery.events),
            self._receiver,
            round(posted.hold_s * 1000),
            round(self._backoff.pause_s(delivery.failures + 1) * 1000),
            *(SMALLER_MS, GIVE_UP_MS, DEAD_KEEP_MS, MOST_DEAD),
        )
        return Settled(answer)

    def ended_at(self) -> datetime | None:
        """Say since when nothing is posted, for the receiver answered 410; None when it did not."""
        ended, at_ms = cast(
            "list[str | None]", self._redis.hmget(self._keys.webhook, "ended", "ended_at_ms")
        )
        return datetime.fromtimestamp(float(at_ms) / 1000, UTC) if ended and at_ms else None

    def has_ended(self) -> bool:
        """Say whether this very receiver answered 410."""
        return self._redis.hget(self._keys.webhook, "ended") == self._receiver

    def resume(self, *, by: str | None = None) -> bool:
        """Post again to a receiver that answered 410 or asked for a pause; False when none did.

        `by`: who, for the audit trail; None is whoever runs this process.
        """
        return bool(self._run("webhook_resume", name_person(by)))

    def count_waiting(self) -> int:
        """Count deliveries that are on their way."""
        return int(str(self._redis.zcard(self._keys.deliveries)))

    def dead(self) -> Sequence[DeadDelivery]:
        """List what was given up, the oldest first."""
        rows: Any = self._redis.zrange(self._keys.dead_deliveries, 0, -1, withscores=True)
        pipeline = self._redis.pipeline(transaction=False)
        for delivery_id, _ in rows:
            pipeline.hmget(self._keys.delivery(delivery_id), "changes", "attempts", "error")
        found = zip(rows, cast("list[list[str | None]]", pipeline.execute()), strict=True)
        return [
            DeadDelivery(
                id=delivery_id,
                since=datetime.fromtimestamp(since_ms / 1000, UTC),
                size=int(changes),
                attempts=int(attempts or 0),
                error=error or "",
            )
            for (delivery_id, since_ms), (changes, attempts, error) in found
            if changes is not None
        ]

    def replay(self, delivery_id: str, *, by: str | None = None) -> None:
        """Post what was given up again, as if it were new; `by` as of `resume`.

        Raises:
            NotFoundError: Nothing of this id was given up.
        """
        if not self._run("webhook_replay", check_id(delivery_id), KEEP_MS, name_person(by)):
            raise NotFoundError(f"no delivery with the id {delivery_id} was given up")
