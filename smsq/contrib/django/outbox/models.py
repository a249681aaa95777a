"""The outbox' table as a model, and how messages get into it.

In:  messages, in the app's transaction. Out: rows, of which those that are committed are sent.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar, Unpack

from django.db import models, router

from smsq.contrib.django.outbox.at_commit import deliver_at_commit
from smsq.contrib.django.outbox.clock import read_clock_ms
from smsq.contrib.django.queue import get_queue
from smsq.contrib.outbox.rows import write_row, write_rows
from smsq.contrib.outbox.table import RowState
from smsq.frames import guarded
from smsq.models import QuickMessage
from smsq.options import Phone, QuickOptions, Text
from smsq.text.phones import mask_phone


class OutboxManager(models.Manager["OutboxMessage"]):
    """Writes messages down in the transaction that is open."""

    def add(
        self,
        phone: Phone,
        text: Text,
        *,
        using: str | None = None,
        **options: Unpack[QuickOptions],
    ) -> OutboxMessage:
        """Write a message down in this transaction: no commit, no message.

        It is checked now, as by `SmsQueue.send_quick`, with the same options but `key` and `again`.
        It is handed over right after the commit, and by a relay where that fails. `expires_in_s`
        counts from now. `using` is an alias of DATABASES, that of your own rows.

        Returns:
            The row; its id is the message's idempotency key.

        Raises:
            InvalidMessageError: With every mistake found; the transaction goes on.
        """
        message = QuickMessage(phone=phone, text=text, **options)
        written = write_row(message, get_queue().settings, now=datetime.now(UTC))
        [row] = self._insert([written], using)
        return row

    def add_many(
        self, messages: Iterable[QuickMessage], *, using: str | None = None
    ) -> list[OutboxMessage]:
        """Write many messages down, all of them or none; returns their rows, in order.

        Raises:
            InvalidMessageError: With the mistakes of all of them.
        """
        written = write_rows(messages, get_queue().settings, now=datetime.now(UTC))
        return self._insert(written, using)

    def _insert(self, written: Iterable[dict[str, Any]], using: str | None) -> list[OutboxMessage]:
        using = using or router.db_for_write(self.model)
        now_ms = read_clock_ms(using)
        times = {"created_at_ms": now_ms, "waiting_since_ms": now_ms, "not_before_ms": now_ms}
        rows = [self.model(**row, **times) for row in written]
        made: list[OutboxMessage] = self.using(using).bulk_create(rows)
        deliver_at_commit([row.id for row in made], using)
        return made


class OutboxMessage(models.Model):
    """One message: waiting, stored in smsq, or failed.

    Phone, text and options are emptied once smsq has the message.
    """

    id: Any = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state: Any = models.CharField(max_length=10, default=RowState.WAITING.value)
    rank: Any = models.SmallIntegerField()
    created_at_ms: Any = models.BigIntegerField()
    waiting_since_ms: Any = models.BigIntegerField()
    not_before_ms: Any = models.BigIntegerField()
    ended_at_ms: Any = models.BigIntegerField(null=True)
    claim: Any = models.CharField(max_length=32, default="")
    tries: Any = models.IntegerField(default=0)
    phone: Any = models.CharField(max_length=40)
    text: Any = models.TextField()
    options: Any = models.TextField()
    job_id: Any = models.CharField(max_length=80, default="")
    code: Any = models.CharField(max_length=40, default="")
    reason: Any = models.TextField(default="")

    objects: ClassVar[OutboxManager] = OutboxManager()

    class Meta:
        """An idle relay reads the first index, twice a second; what has ended is not in it."""

        #: As of `smsq.contrib.sqlalchemy`: either relay takes these rows.
        db_table = "smsq_outbox"
        verbose_name = "SMS"
        verbose_name_plural = "SMS"
        indexes = (
            models.Index(
                fields=("rank", "waiting_since_ms"),
                name="smsq_outbox_waiting",
                condition=models.Q(state=RowState.WAITING.value),
            ),
            models.Index(
                fields=("ended_at_ms",),
                name="smsq_outbox_failed",
                condition=models.Q(state=RowState.FAILED.value),
            ),
            models.Index(fields=("ended_at_ms",), name="smsq_outbox_ended"),
        )

    def __str__(self) -> str:
        """Say nothing of what it says, or to whom."""
        return f"{self.id} ({self.state})"

    @property
    def masked_phone(self) -> str:
        """The phone for people who look on; "" once smsq has the message."""
        return mask_phone(self.phone)


# Its methods name the class above.
guarded(OutboxManager)
