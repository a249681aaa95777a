"""What a relay asks of the outbox' table, in Django's ORM.

In:  an alias of DATABASES. Out: rows, claimed and settled in transactions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import Error, connections, transaction
from django.db.models import Case, Count, F, Min, Q, QuerySet, Value, When

from smsq.contrib.django.outbox.clock import read_clock_ms
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

_WAITING = Q(state=RowState.WAITING.value)
_FAILED = Q(state=RowState.FAILED.value)
_COLUMNS = ("id", "phone", "text", "options", "created_at_ms", "waiting_since_ms", "tries")

#: What a row that is stored keeps of its message.
_NOTHING = {"phone": "", "text": "", "options": "", "code": "", "reason": ""}


class DjangoTable:
    """The rows of one database; `smsq.contrib.outbox.table.Table` says what each method means."""

    failures: tuple[type[Exception], ...] = (Error, OSError)

    def __init__(self, using: str) -> None:
        self._using = using
        self._model = apps.get_model("smsq_outbox", "OutboxMessage")

    def now_ms(self) -> int:
        """Read the database's clock."""
        return read_clock_ms(self._using)

    def claim(self, claim: str, *, now_ms: int, until_ms: int, limit: int) -> Sequence[Row]:
        """Take rows that are due."""
        is_due = _WAITING & Q(not_before_ms__lte=now_ms)
        due = self._rows(is_due).order_by("rank", "waiting_since_ms")
        skips = connections[self._using].features.has_select_for_update_skip_locked
        # Only PostgreSQL skips what another relay is about to take. Elsewhere the update takes
        # each row once, for it looks again; SQLite would not let a reader become a writer.
        with transaction.atomic(self._using) if skips else nullcontext():
            if skips:
                due = due.select_for_update(skip_locked=True)
            ids = list(due.values_list("id", flat=True)[:limit])
            if not ids:
                return []
            self._rows(is_due, id__in=ids).update(
                claim=claim, not_before_ms=until_ms, tries=F("tries") + 1
            )
            return _read(self._rows(_WAITING, id__in=ids, claim=claim))

    def read(self, ids: Sequence[UUID]) -> Sequence[Row]:
        """Read those that are committed and wait."""
        return _read(self._rows(_WAITING, id__in=ids))

    def settle(self, outcomes: Mapping[UUID, Outcome], *, now_ms: int) -> None:
        """Write down what became of rows."""
        stored: dict[UUID, str] = {}
        later: dict[int, list[UUID]] = {}
        with transaction.atomic(self._using):
            for row_id, outcome in outcomes.items():
                match outcome:
                    case Stored(job_id):
                        stored[row_id] = job_id
                    case Later(at_ms):
                        later.setdefault(at_ms, []).append(row_id)
                    case Failed(code, reason):
                        self._rows(_WAITING, id=row_id).update(
                            state=RowState.FAILED.value,
                            ended_at_ms=now_ms,
                            code=code,
                            reason=reason,
                        )
            for at_ms, ids in later.items():
                self._rows(_WAITING, id__in=ids).update(not_before_ms=at_ms)
            if stored:
                jobs = [When(id=row_id, then=Value(job)) for row_id, job in stored.items()]
                self._rows(id__in=list(stored)).update(
                    state=RowState.STORED.value, ended_at_ms=now_ms, job_id=Case(*jobs), **_NOTHING
                )

    def prune(self, *, before_ms: int, limit: int) -> int:
        """Delete rows that ended before a time."""
        old = self._rows(ended_at_ms__lt=before_ms).values_list("id", flat=True)
        ids = list(old[:limit])
        self._rows(id__in=ids).delete()
        return len(ids)

    def status(self, *, now_ms: int) -> OutboxStatus:
        """Count."""
        found = self._rows(_WAITING).aggregate(count=Count("id"), since=Min("waiting_since_ms"))
        oldest_s = max(0, now_ms - found["since"]) / 1000 if found["count"] else 0.0
        return OutboxStatus(
            waiting=found["count"],
            oldest_waiting_s=oldest_s,
            failed=self._rows(_FAILED).count(),
        )

    def failed(self, *, limit: int) -> Sequence[FailedRow]:
        """List failed rows, the newest first."""
        return [
            FailedRow(
                id=row.id,
                phone=row.masked_phone,
                created_at_ms=row.created_at_ms,
                code=row.code,
                reason=row.reason,
            )
            for row in self._rows(_FAILED).order_by("-ended_at_ms")[:limit]
        ]

    def retry(self, ids: Sequence[UUID] | None, *, now_ms: int) -> int:
        """Have failed rows tried again."""
        count: int = self._failed(ids).update(
            state=RowState.WAITING.value,
            waiting_since_ms=now_ms,
            not_before_ms=now_ms,
            ended_at_ms=None,
            code="",
            reason="",
            tries=0,
        )
        return count

    def drop(self, ids: Sequence[UUID] | None) -> int:
        """Delete failed rows."""
        count: int = self._failed(ids).delete()[0]
        return count

    def reconnect(self) -> None:
        """Drop the connection; the next query makes another one."""
        connections[self._using].close()

    def _rows(self, *which: Q, **also: object) -> QuerySet[Any]:
        return self._model.objects.using(self._using).filter(*which, **also)

    def _failed(self, ids: Sequence[UUID] | None) -> QuerySet[Any]:
        return self._rows(_FAILED) if ids is None else self._rows(_FAILED, id__in=ids)


def _read(rows: QuerySet[Any]) -> Sequence[Row]:
    return [Row(**each) for each in rows.order_by("rank", "waiting_since_ms").values(*_COLUMNS)]
