"""The relay: hands waiting rows over, for as long as it runs; as many may run as you like.

In:  a table and a queue. Out: rows that are stored as jobs, or failed.

What it does may end anywhere. Killed before it hands a row over, it leaves a claim that ends by
itself; killed after that, the row is handed over again, and its key makes that the same job.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from smsq.contrib.outbox.hand_over import hand_over
from smsq.contrib.outbox.rows import NotYet, TooOld, find_origin, read_row
from smsq.contrib.outbox.table import Failed, Later, Outcome, Row, Stored, Table
from smsq.contrib.outbox.trouble import Trouble
from smsq.domain.backoff import Backoff
from smsq.errors import say_unforeseen
from smsq.frames import guarded
from smsq.models import QuickMessage
from smsq.queue import SmsQueue
from smsq.tracing import on_behalf_of

#: Rows of one claim, and of one round trip to Redis.
BATCH = 100

#: Longer than a batch takes where Redis and the broker hang; a killed relay's rows wait so long.
LEASE_MS = 10_000

#: How long an idle relay waits before it looks again.
POLL_S = 0.5

#: Pauses while Redis or the database is away.
OUTAGE = Backoff(first_s=0.5, max_s=5.0)

#: Pauses of one row that nothing can be done with.
ODD = Backoff(first_s=2.0, max_s=300.0)

PRUNE_EVERY_S = 600.0
PRUNE_LIMIT = 1000

_LOG = logging.getLogger("smsq.outbox")

_TOO_OLD = Failed(
    "too_old",
    "it waited for longer than smsq remembers what was sent (SMSQ_RETENTION_S): "
    "find out whether it was sent, then retry or drop it",
)


@guarded
class Relay:
    """Hands waiting rows over.

    Args:
        table: Where they are.
        queue: Where they go.
        clock: Seconds that only go forward; tests pass one of their own.
        host_now: This host's clock, aware.
    """

    def __init__(
        self,
        table: Table,
        queue: SmsQueue,
        *,
        clock: Callable[[], float] = time.monotonic,
        host_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._table, self._queue = table, queue
        self._clock, self._host_now = clock, host_now
        self._redis = Trouble("smsq", _LOG)
        self._database = Trouble("the outbox' database", _LOG)
        self._odd_told = False
        self._pruned_at_s = clock()

    def run(self, stop: Callable[[float], bool]) -> None:
        """Hand over until told to stop; the batch in hand is finished first.

        Args:
            stop: Waits for so many seconds at most, and says whether to stop: `Event.wait` is one.
        """
        pause_s = 0.0
        _LOG.info("the relay of the outbox works")
        while not stop(pause_s):
            pause_s = self.turn()

    def turn(self) -> float:
        """Hand one batch over; returns how many seconds to wait before the next."""
        try:
            found = self.step()
            self._prune_now_and_then()
        except self._table.failures as error:
            self._database.begin(type(error).__name__)
            self._table.reconnect()
            return OUTAGE.pause_s(self._database.times)
        self._database.end()
        if not found:
            return POLL_S
        return OUTAGE.pause_s(self._redis.times) if self._redis.times else 0.0

    def step(self) -> int:
        """Claim a batch, hand it over and write down what became of it.

        Returns how many rows it found; what the database's library raises is the caller's.
        """
        now_ms = self._table.now_ms()
        # While smsq is away one row finds out when it is back.
        limit = 1 if self._redis.times else BATCH
        claim = uuid.uuid4().hex
        rows = self._table.claim(claim, now_ms=now_ms, until_ms=now_ms + LEASE_MS, limit=limit)
        if rows:
            self._deliver(rows, now_ms)
        return len(rows)

    def deliver_now(self, ids: Sequence[UUID]) -> None:
        """Hand these rows over at once, if they are committed; whatever fails is the relay's.

        Of many, one batch: a request must not wait for the rest, which the relay takes.
        Nothing is raised: the caller's transaction is done, and its user waits.
        """
        try:
            if rows := self._table.read(ids[:BATCH]):
                self._deliver(rows, self._table.now_ms())
        except Exception as error:  # noqa: BLE001 - the row is safe, the request must not fail
            self._database.begin(say_unforeseen("rows are left to the relay", error))
            return
        self._database.end()

    def _deliver(self, rows: Sequence[Row], now_ms: int) -> None:
        read = {row.id: self._read(row, now_ms) for row in rows}
        messages = {key: what for key, what in read.items() if isinstance(what, QuickMessage)}
        with on_behalf_of({str(row.id): find_origin(row) for row in rows}):
            handed = hand_over(self._queue, messages)
        if handed.outage is not None:
            self._redis.begin(handed.outage)
        elif any(isinstance(outcome, Stored) for outcome in handed.outcomes.values()):
            self._redis.end()
        ends = {key: what for key, what in read.items() if isinstance(what, Failed | Later)}
        odd = {key: what for key, what in read.items() if isinstance(what, str)} | handed.odd
        self._tell_odd(odd)
        outcomes: dict[UUID, Outcome] = {
            row.id: self._try_again(row, now_ms, is_odd=row.id in odd) for row in rows
        }
        self._table.settle({**outcomes, **ends, **handed.outcomes}, now_ms=now_ms)

    def _read(self, row: Row, now_ms: int) -> QuickMessage | Failed | Later | str:
        try:
            read = read_row(
                row, now_ms=now_ms, host_now=self._host_now(), settings=self._queue.settings
            )
        except Exception as error:  # noqa: BLE001 - a damaged row must not keep others back
            return say_unforeseen("the row cannot be read", error)
        if isinstance(read, NotYet):
            return Later(read.until_ms)
        return _TOO_OLD if isinstance(read, TooOld) else read

    @staticmethod
    def _try_again(row: Row, now_ms: int, *, is_odd: bool) -> Later:
        return Later(now_ms + (round(ODD.pause_s(row.tries) * 1000) if is_odd else 0))

    def _tell_odd(self, odd: dict[UUID, str]) -> None:
        if odd and not self._odd_told:
            row_id, why = next(iter(odd.items()))
            _LOG.error("row %s and %d more are tried again later: %s", row_id, len(odd) - 1, why)
        self._odd_told = bool(odd)

    def _prune_now_and_then(self) -> None:
        now_s = self._clock()
        if now_s - self._pruned_at_s < PRUNE_EVERY_S:
            return
        keep_ms = self._queue.settings.retention_s * 1000
        pruned = self._table.prune(before_ms=self._table.now_ms() - keep_ms, limit=PRUNE_LIMIT)
        # More may be left: then the next turn goes on.
        if pruned < PRUNE_LIMIT:
            self._pruned_at_s = now_s
