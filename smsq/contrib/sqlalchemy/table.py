"""The outbox' table, and what a relay asks of it, in SQLAlchemy Core.

In:  an engine. Out: rows, claimed and settled in transactions of their own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from smsq.contrib.outbox.table import (
    Failed,
    FailedRow,
    Later,
    OutboxStatus,
    Outcome,
    Row,
    RowState,
    Stored,
)
from smsq.text.phones import mask_phone

#: What a row that is stored keeps of its message.
_NOTHING = {"phone": "", "text": "", "options": "", "code": "", "reason": ""}


def outbox_table(metadata: sa.MetaData, name: str = "smsq_outbox") -> sa.Table:
    """Make the outbox' table, or return the one that `metadata` has.

    Args:
        metadata: Yours: `create_all` and Alembic then see the table among your own.
        name: Of the table; a schema is the `metadata`'s.
    """
    made = metadata.tables.get(f"{metadata.schema}.{name}" if metadata.schema else name)
    if made is not None:
        return made
    table = sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("waiting_since_ms", sa.BigInteger, nullable=False),
        sa.Column("not_before_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger),
        sa.Column("claim", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("phone", sa.String(40), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("job_id", sa.String(80), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    # An idle relay reads the first, twice a second; what has ended is not in it.
    waiting, failed = (is_state(table, state) for state in (RowState.WAITING, RowState.FAILED))
    first, then = table.c.rank, table.c.waiting_since_ms
    sa.Index(f"{name}_waiting", first, then, sqlite_where=waiting, postgresql_where=waiting)
    ended = table.c.ended_at_ms
    sa.Index(f"{name}_failed", ended, sqlite_where=failed, postgresql_where=failed)
    sa.Index(f"{name}_ended", ended)
    return table


def is_state(table: sa.Table, state: RowState) -> sa.ColumnElement[bool]:
    """Compare, with the word written out: else SQLite does not see which index answers."""
    return table.c.state == sa.literal_column(f"'{state.value}'")


def read_clock_ms(connection: sa.Connection) -> int:
    """Read the database's clock where it may be another than this host's."""
    if connection.dialect.name != "postgresql":
        return round(time.time() * 1000)
    said = connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
    return round(float(said or 0))


class SqlTable:
    """The rows of one table; `smsq.contrib.outbox.table.Table` says what each method means."""

    failures: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)

    def __init__(self, engine: sa.Engine, table: sa.Table) -> None:
        self._engine, self._table, self._c = engine, table, table.c

    def now_ms(self) -> int:
        """Read the database's clock."""
        with self._engine.connect() as connection:
            return read_clock_ms(connection)

    def claim(self, claim: str, *, now_ms: int, until_ms: int, limit: int) -> Sequence[Row]:
        """Take rows that are due."""
        c, is_due = self._c, sa.and_(self._is(RowState.WAITING), self._c.not_before_ms <= now_ms)
        # Only PostgreSQL skips what another relay is about to take. Elsewhere the update takes
        # each row once, for it looks again.
        due = sa.select(c.id).where(is_due).order_by(c.rank, c.waiting_since_ms).limit(limit)
        with self._engine.begin() as connection:
            ids = connection.scalars(due.with_for_update(skip_locked=True)).all()
            if not ids:
                return []
            taken = sa.update(self._table).where(c.id.in_(ids), is_due)
            connection.execute(taken.values(claim=claim, not_before_ms=until_ms, tries=c.tries + 1))
            return self._rows(connection, sa.and_(c.id.in_(ids), c.claim == claim))

    def read(self, ids: Sequence[UUID]) -> Sequence[Row]:
        """Read those that are committed and wait."""
        with self._engine.connect() as connection:
            return self._rows(connection, self._c.id.in_(ids))

    def settle(self, outcomes: Mapping[UUID, Outcome], *, now_ms: int) -> None:
        """Write down what became of rows."""
        stored: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        later: list[dict[str, Any]] = []
        for row_id, outcome in outcomes.items():
            match outcome:
                case Stored(job_id):
                    stored.append({"row_id": row_id, "job": job_id})
                case Failed(code, reason):
                    failed.append({"row_id": row_id, "why": code, "said": reason})
                case Later(at_ms):
                    later.append({"row_id": row_id, "at_ms": at_ms})
        row = sa.update(self._table).where(self._c.id == sa.bindparam("row_id"))
        waiting = row.where(self._is(RowState.WAITING))
        job, why, said = (sa.bindparam(name, type_=sa.Text()) for name in ("job", "why", "said"))
        is_stored = row.values(state=RowState.STORED.value, ended_at_ms=now_ms, job_id=job)
        has_failed = waiting.values(state=RowState.FAILED.value, ended_at_ms=now_ms)
        with self._engine.begin() as connection:
            if stored:
                connection.execute(is_stored.values(_NOTHING), stored)
            if failed:
                connection.execute(has_failed.values(code=why, reason=said), failed)
            if later:
                connection.execute(waiting.values(not_before_ms=sa.bindparam("at_ms")), later)

    def prune(self, *, before_ms: int, limit: int) -> int:
        """Delete rows that ended before a time."""
        old = sa.select(self._c.id).where(self._c.ended_at_ms < before_ms).limit(limit)
        with self._engine.begin() as connection:
            return self._delete(connection, connection.scalars(old).all())

    def status(self, *, now_ms: int) -> OutboxStatus:
        """Count."""
        c = self._c
        waiting = sa.select(sa.func.count(), sa.func.min(c.waiting_since_ms))
        failed = sa.select(sa.func.count()).where(self._is(RowState.FAILED))
        with self._engine.connect() as connection:
            row = connection.execute(waiting.where(self._is(RowState.WAITING))).one()
            oldest_s = max(0, now_ms - row[1]) / 1000 if row[0] else 0.0
            return OutboxStatus(
                waiting=row[0],
                oldest_waiting_s=oldest_s,
                failed=connection.scalar(failed.select_from(self._table)) or 0,
            )

    def failed(self, *, limit: int) -> Sequence[FailedRow]:
        """List failed rows, the newest first."""
        c = self._c
        rows = sa.select(c.id, c.phone, c.created_at_ms, c.code, c.reason)
        rows = rows.where(self._is(RowState.FAILED)).order_by(c.ended_at_ms.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [
                FailedRow(**{**each, "phone": mask_phone(each["phone"])})
                for each in connection.execute(rows).mappings()
            ]

    def retry(self, ids: Sequence[UUID] | None, *, now_ms: int) -> int:
        """Have failed rows tried again."""
        again = sa.update(self._table).where(self._are_failed(ids))
        again = again.values(waiting_since_ms=now_ms, not_before_ms=now_ms, ended_at_ms=None)
        again = again.values(state=RowState.WAITING.value, code="", reason="", tries=0)
        with self._engine.begin() as connection:
            return connection.execute(again).rowcount

    def drop(self, ids: Sequence[UUID] | None) -> int:
        """Delete failed rows."""
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(self._table).where(self._are_failed(ids))).rowcount

    def reconnect(self) -> None:
        """Drop connections: the server may have ended all of them."""
        self._engine.dispose()

    def _is(self, state: RowState) -> sa.ColumnElement[bool]:
        return is_state(self._table, state)

    def _are_failed(self, ids: Sequence[UUID] | None) -> sa.ColumnElement[bool]:
        failed = self._is(RowState.FAILED)
        return failed if ids is None else sa.and_(failed, self._c.id.in_(ids))

    def _rows(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> Sequence[Row]:
        c = self._c
        columns = (c.id, c.phone, c.text, c.options, c.created_at_ms, c.waiting_since_ms, c.tries)
        rows = sa.select(*columns).where(which, self._is(RowState.WAITING))
        rows = rows.order_by(c.rank, c.waiting_since_ms)
        return [Row(**each) for each in connection.execute(rows).mappings()]

    def _delete(self, connection: sa.Connection, ids: Sequence[UUID]) -> int:
        if ids:
            connection.execute(sa.delete(self._table).where(self._c.id.in_(ids)))
        return len(ids)
