"""The heartbeat SMS: a message to a phone of the operator's own, through the whole path.

In:  recover's tick, SMSQ_HEARTBEAT. Out: one urgent message a period, over all workers; the hash
that says whether it arrived (status/heartbeat_sms.py).

The period's number is the message's idempotency key: whoever is first sends it, and who comes
later, or again after a crash, gets the same job.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from smsq.domain.heartbeat import Heartbeat
from smsq.environment.guards.reach import ALL
from smsq.intake.intake import Intake
from smsq.intake.new_jobs import assemble_quick
from smsq.models import JobState, QuickMessage, RecipientState
from smsq.names import Queue, Task
from smsq.steps.resources import Resources
from smsq.store.clock import LedgerTime, ledger_time

log = logging.getLogger(__name__)

#: The hash goes when nobody has sent for so many periods: the setting was taken back.
KEPT_PERIODS = 10

_UNSENT = frozenset({JobState.REJECTED, JobState.DEAD, JobState.CANCELLED, JobState.EXPIRED})
_NOT_ARRIVED = (RecipientState.UNDELIVERED, RecipientState.NO_REPORT, RecipientState.WITHHELD)


def beat_by_sms(resources: Resources) -> None:
    """Send the period's message where nobody has yet, and look what became of the last."""
    heartbeat = resources.settings.heartbeat
    if heartbeat is None or not resources.heartbeat_pace.is_due():
        return
    now = ledger_time(resources.redis, resources.keys)
    period = int(now.now_s // heartbeat.every_s)
    if period != resources.heartbeat_pace.period:
        send(resources, heartbeat, period, now)
        resources.heartbeat_pace.period = period
    look_at_last(resources, now)


def send(resources: Resources, heartbeat: Heartbeat, period: int, now: LedgerTime) -> None:
    """Enqueue the message of a period, unless it is there."""
    settings, key = resources.settings, resources.keys.heartbeat_sms
    world = datetime.fromtimestamp(now.now_s + now.stepped_s, UTC)
    # The same for all processes, whatever their clocks say: the key goes with the content.
    begun = datetime.fromtimestamp(period * heartbeat.every_s, UTC)
    message = QuickMessage(
        phone=f"+{heartbeat.phone}",
        text=f"smsq heartbeat {begun.astimezone(ZoneInfo(settings.timezone)):%H:%M}",
        key=f"smsq heartbeat {heartbeat.every_s} {period}",
        priority="urgent",
        # One that could not be sent in time says so, and does not come with the next.
        expires_in_s=heartbeat.every_s,
    )
    # What guards against strangers does not keep an operator from a phone of his own.
    freely = replace(settings, allowed_regions=(ALL,), allowed_number_types=(ALL,), per_phone=())
    job, once = assemble_quick(Intake(freely, world).check_quick(message), freely)
    stored = resources.ledger.enqueue(job, once)
    if stored.is_new:
        resources.rings.ring(Task.SEND_QUICK, [str(stored)], Queue.URGENT)
    now_ms = round(now.now_ms)
    pipeline = resources.redis.pipeline(transaction=False)
    pipeline.hset(key, mapping={"job": str(stored), "every_ms": heartbeat.every_s * 1000})
    pipeline.hsetnx(key, "first_ms", now_ms)
    pipeline.pexpire(key, KEPT_PERIODS * heartbeat.every_s * 1000)
    pipeline.execute()


def look_at_last(resources: Resources, now: LedgerTime) -> None:
    """Write down when the last message arrived, or that it did not."""
    redis, keys = resources.redis, resources.keys
    known: Any = redis.hmget(keys.heartbeat_sms, "job", "delivered_job", "failed_job")
    job_id, delivered, failed = cast("list[str | None]", known)
    if not job_id or job_id in {delivered, failed}:
        return
    pipeline = redis.pipeline(transaction=False)
    pipeline.hmget(keys.job(job_id), "state", "error")
    pipeline.hmget(keys.message(job_id, 1), RecipientState.DELIVERED, *_NOT_ARRIVED)
    (state, error), (has_arrived, *others) = pipeline.execute()
    if int(has_arrived or 0) > 0:
        told = {"delivered_job": job_id, "delivered_ms": round(now.now_ms)}
        redis.hset(keys.heartbeat_sms, mapping=cast("dict[Any, Any]", told))
        return
    words = [str(word) for word, n in zip(_NOT_ARRIVED, others, strict=True) if int(n or 0) > 0]
    if state in _UNSENT:
        words = [f"{state}: {error}" if error else state]
    if words:
        redis.hset(keys.heartbeat_sms, mapping={"failed_job": job_id, "failed": words[0]})
        told = {"why": words[0], "job": job_id}
        log.error("the heartbeat SMS did not arrive: %(why)s job=%(job)s", told)
