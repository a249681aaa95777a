"""Writes messages in the app's own transaction.

In:  a message, and a connection or session within a transaction. Out: the id of its row.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Unpack
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from smsq.contrib.outbox.relay import Relay
from smsq.contrib.outbox.rows import write_row, write_rows
from smsq.contrib.outbox.table import OutboxStatus, RowState
from smsq.contrib.sqlalchemy.table import SqlTable, outbox_table, read_clock_ms
from smsq.frames import guarded
from smsq.models import QuickMessage
from smsq.options import Phone, QuickOptions, Text
from smsq.queue import SmsQueue


@guarded
class Outbox:
    """The outbox of one database. Thread-safe; make one per process and keep it.

    Args:
        metadata: Yours; the table is added to it.
        queue: Its settings are what messages are checked by.
        table_name: Of the table in the database.

    Attributes:
        table: To read: `id`, `state` (`waiting`, `stored`, `failed`), `job_id`, `code`, `reason`.
    """

    def __init__(
        self, metadata: sa.MetaData, queue: SmsQueue, *, table_name: str = "smsq_outbox"
    ) -> None:
        self.table = outbox_table(metadata, table_name)
        self._queue = queue
        self._relays: dict[sa.Engine, Relay] = {}

    def add(
        self,
        connection: sa.Connection | Session,
        phone: Phone,
        text: Text,
        **options: Unpack[QuickOptions],
    ) -> UUID:
        """Write a message down in the transaction of `connection`: no commit, no message.

        It is checked now, as by `SmsQueue.send_quick`, with the same options but `key` and `again`.
        It goes out once the transaction is committed, at the latest half a second after.
        `expires_in_s` counts from now.

        Returns:
            The id of the row, and the message's idempotency key.

        Raises:
            InvalidMessageError: With every mistake found; the transaction goes on.
        """
        message = QuickMessage(phone=phone, text=text, **options)
        row = write_row(message, self._queue.settings, now=datetime.now(UTC))
        [row_id] = self._insert(connection, [row])
        return row_id

    def add_many(
        self, connection: sa.Connection | Session, messages: Iterable[QuickMessage]
    ) -> list[UUID]:
        """Write many messages down, all of them or none; returns the ids of their rows, in order.

        Raises:
            InvalidMessageError: With the mistakes of all of them.
        """
        written = write_rows(messages, self._queue.settings, now=datetime.now(UTC))
        return self._insert(connection, written)

    def _insert(
        self, connection: sa.Connection | Session, written: Sequence[dict[str, Any]]
    ) -> list[UUID]:
        if not isinstance(connection, sa.Connection):
            connection = connection.connection()
        now_ms = read_clock_ms(connection)
        rows = [
            row
            | {
                "id": uuid.uuid4(),
                "state": RowState.WAITING.value,
                "created_at_ms": now_ms,
                "waiting_since_ms": now_ms,
                "not_before_ms": now_ms,
                "claim": "",
                "tries": 0,
                "job_id": "",
                "code": "",
                "reason": "",
            }
            for row in written
        ]
        try:
            if rows:
                connection.execute(sa.insert(self.table), rows)
        except sa.exc.StatementError as error:
            error.hide_parameters = True  # its words would have the text and the phone in them
            error.params = None
            raise
        return [row["id"] for row in rows]

    def deliver_now(self, engine: sa.Engine, ids: Sequence[UUID]) -> None:
        """Hand rows over at once, without waiting for the relay; call it after the commit.

        Rows that are not committed are left alone. Never raises: whatever fails, the relay does it.
        """
        self.relay(engine).deliver_now(ids)

    def relay(self, engine: sa.Engine) -> Relay:
        """Make the relay of a database: `relay.run(stop.wait)` works until `stop` is set."""
        made = self._relays.get(engine)
        return made or self._relays.setdefault(engine, Relay(self.rows(engine), self._queue))

    def rows(self, engine: sa.Engine) -> SqlTable:
        """What an operator asks: `failed`, `retry`, `drop`, `status`."""
        return SqlTable(engine, self.table)

    def status(self, engine: sa.Engine) -> OutboxStatus:
        """Say how many rows wait, and for how long; how many failed."""
        rows = self.rows(engine)
        return rows.status(now_ms=rows.now_ms())
