"""Phones in full, of a job, a campaign or one send: who reads them stands in the audit trail.

In:  an id; who asks. Out: recipients, streamed; those who got nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.ledger.producer import Producer
from smsq.status.failed import FailedReader
from smsq.status.status import RecipientStatus


def read_recipients(
    producer: Producer, some_id: str, *, whole_job: bool, by: str | None
) -> Iterator[RecipientStatus]:
    """Read as `SmsQueue.recipients` says."""
    with producer.call(writes=by is not None):
        scope = producer.scoped(some_id, whole_job=whole_job)
        producer.views.job_ids(scope)  # of what is not there, nothing is read
        _record(producer, by, Act.RECIPIENTS, scope)
        yield from producer.views.recipients(scope)


def read_failed(
    producer: Producer,
    some_id: str,
    *,
    cancelled: bool,
    no_report: bool,
    whole_job: bool,
    by: str | None,
) -> FailedReader:
    """Read as `SmsQueue.failed` says."""
    with producer.call(writes=by is not None):
        ids = producer.views.job_ids(producer.scoped(some_id, whole_job=whole_job))
        _record(producer, by, Act.FAILED, some_id)
        redis, keys = producer.redis, producer.scripts.keys
        return FailedReader(redis, keys, ids, cancelled=cancelled, with_no_report=no_report)


def _record(producer: Producer, by: str | None, act: Act, some_id: str) -> None:
    """Write it down before the first phone is read; of a program that names nobody, nothing."""
    if by is not None:
        Audit(producer.scripts).record(by, act, some_id)
