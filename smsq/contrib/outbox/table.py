"""What a relay and an operator ask of a table; each database library has its own answer.

In:  a relay's claims and what became of them. Out: rows.

Every method is one transaction of its own: a relay may be killed between any two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class RowState(StrEnum):
    """Where a row stands."""

    WAITING = "waiting"  #: to be handed over
    STORED = "stored"  #: smsq has it; `job_id` says as what
    FAILED = "failed"  #: smsq refused it, or it is too old to be sent unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A waiting row, as a relay reads it.

    Attributes:
        id: The idempotency key of its message. Random: a database that is restored from a backup
            gives no number out twice, and hands nothing over twice.
        options: JSON, as `write_row` made it.
        created_at_ms: By the database's clock, milliseconds since 1970.
        waiting_since_ms: By the same clock: when it was written, or told to be tried again.
        tries: Claims so far, this one included.
    """

    id: UUID
    phone: str = field(repr=False)
    text: str = field(repr=False)
    options: str
    created_at_ms: int
    waiting_since_ms: int
    tries: int


@dataclass(frozen=True, slots=True)
class Stored:
    """smsq has the message.

    Attributes:
        job_id: What `SmsQueue.status` takes; "" where only its key is known.
    """

    job_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The message is not sent, unless somebody corrects what is wrong and retries it.

    Attributes:
        code: One word, for programs.
        reason: What to do about it; without a text or a full phone.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """The row is to be tried again.

    Attributes:
        at_ms: When, by the database's clock.
    """

    at_ms: int


Outcome = Stored | Failed | Later


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRow:
    """A row that somebody has to look at.

    Attributes:
        phone: Masked.
    """

    id: UUID
    phone: str
    created_at_ms: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus:
    """How the outbox is.

    Attributes:
        waiting: Rows that are to be handed over.
        oldest_waiting_s: How long the oldest of them waits, 0.0 for none. With a relay and a Redis
            it stays below a second.
        failed: Rows that somebody has to look at.
    """

    waiting: int
    oldest_waiting_s: float
    failed: int


class Table(Protocol):
    """The rows of one table, in one database.

    Attributes:
        failures: What its library raises when the database is away, or refuses.
    """

    failures: tuple[type[Exception], ...]

    def now_ms(self) -> int:
        """The database's clock, milliseconds since 1970: one for all hosts."""
        ...

    def claim(self, claim: str, *, now_ms: int, until_ms: int, limit: int) -> Sequence[Row]:
        """Take rows that are due, urgent first and then the oldest first.

        Nobody else takes them before `until_ms`; then they are due again, unless they ended.

        Args:
            claim: Random, 32 characters: names this claim.
            now_ms: By `now_ms()`.
            until_ms: When the claim ends.
            limit: Most rows.
        """
        ...

    def read(self, ids: Sequence[UUID]) -> Sequence[Row]:
        """Read those of these rows that are committed and wait, without a claim."""
        ...

    def settle(self, outcomes: Mapping[UUID, Outcome], *, now_ms: int) -> None:
        """Write down what became of rows; their phone and text go when they are stored.

        `Stored` holds whatever was written before; the others only for a row that waits.
        """
        ...

    def prune(self, *, before_ms: int, limit: int) -> int:
        """Delete rows that ended before a time; returns how many."""
        ...

    def status(self, *, now_ms: int) -> OutboxStatus:
        """Count."""
        ...

    def failed(self, *, limit: int) -> Sequence[FailedRow]:
        """List failed rows, the newest first."""
        ...

    def retry(self, ids: Sequence[UUID] | None, *, now_ms: int) -> int:
        """Have failed rows tried again, all of them for None; returns how many there were."""
        ...

    def drop(self, ids: Sequence[UUID] | None) -> int:
        """Delete failed rows, all of them for None; returns how many there were."""
        ...

    def reconnect(self) -> None:
        """Drop a connection that failed, so that the next call makes a new one."""
        ...
