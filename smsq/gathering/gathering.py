"""Gathering: single sends that are not urgent share one gateway request.

In:  one recipient at a time. Out: own ids; an open gathered job that takes the next send, too.

Messages that go alone are enqueued here, too: one function takes both kinds.

A gathered job is a bulk job of one personal message. It closes when it is full or SMSQ_GATHER_S
after it was opened, and then goes like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from smsq.errors import KeyConflictError, LimitedError
from smsq.intake.intake import CheckedQuick
from smsq.intake.new_jobs import (
    assemble_quick,
    digest,
    in_ms,
    new_job_id,
    repeatable,
    shared_fields,
)
from smsq.intake.recipients import LeftOut
from smsq.ledger.enqueue_many import store_and_ring
from smsq.ledger.ledger import REFUSED, Refused
from smsq.ledger.producer import Producer
from smsq.ledger.stored_id import StoredId, StoredMany
from smsq.models import Kind, QuickMessage
from smsq.names import Task
from smsq.records.jobs import Idempotency, NewJob, NewSend
from smsq.settings import Settings
from smsq.tracing import enqueueing, traceparent_of

#: Sends in one gathered job: news of it looks for each one's place among all.
MOST_GATHERED = 2000


def assemble_send(checked: CheckedQuick, settings: Settings) -> tuple[NewSend, Idempotency]:
    """Make a send of a checked message, and what lets its call be repeated."""
    [(phone, _)] = checked.request.recipients.items()
    fields = shared_fields(checked.on_unknown, settings)
    fields |= {"kind": Kind.BULK, "priority": checked.priority, "is_gathered": "1"}
    most = min(settings.bulk_max_recipients, MOST_GATHERED)
    open_ms = round(settings.gather_s * 1000)
    shared = [checked.request.alphaname_id, sorted(fields.items()), most, open_ms]
    send = NewSend(
        job_id=new_job_id(),
        group=digest(json.dumps(shared)),
        fields=fields,
        alphaname_id=checked.request.alphaname_id,
        priority=checked.priority,
        phone=phone,
        text=checked.request.text or "",
        expires_in_ms=in_ms(checked.expires_in_s) if checked.expires_in_s else None,
        most=most,
        open_ms=open_ms,
        names=checked.names.pack(),
        has_phone=settings.find_by_phone,
        traceparent=traceparent_of(checked.key),
    )
    return send, repeatable(checked)


def assemble(checked: CheckedQuick, settings: Settings) -> tuple[NewJob | NewSend, Idempotency]:
    """Make a job or a gathered send of a checked message, as it asks for."""
    if checked.is_gathered:
        return assemble_send(checked, settings)
    return assemble_quick(checked, settings)


def put_one(producer: Producer, message: QuickMessage) -> StoredId:
    """Check and enqueue one message, gathered or not, and ring what is ready."""
    return put_checked(producer, producer.intake().check_quick(message))


def put_checked(producer: Producer, checked: CheckedQuick) -> StoredId:
    """Enqueue one message that was checked; its times count from now on."""
    kind = "gathered" if checked.is_gathered else Kind.QUICK
    with enqueueing(kind=kind, priority=checked.priority) as span:
        stored = _put(producer, checked)
        span.note(job=stored, is_new=stored.is_new)
    return stored


def _put(producer: Producer, checked: CheckedQuick) -> StoredId:
    if checked.is_gathered:
        send, once = assemble_send(checked, producer.settings)
        with producer.call(writes=True):
            own_id, closed = producer.ledger.gather(send, once)
            producer.keep(own_id)
        producer.rings.ring(Task.SEND_BULK, closed, checked.priority)
        return own_id
    job, once = assemble_quick(checked, producer.settings)
    with producer.call(writes=True):
        job_id = producer.ledger.enqueue(job, once)
        producer.keep(job_id)
    if job_id.is_new and checked.due_at is None:
        producer.rings.ring(Task.SEND_QUICK, [job_id], checked.priority)
    return job_id


def put_many(
    producer: Producer, messages: Iterable[QuickMessage], on_invalid: object = "refuse"
) -> StoredMany:
    """Enqueue many messages in few round trips; every one is checked before any is stored."""
    left_out = LeftOut.check(on_invalid, "refuse")
    checked = producer.intake().check_quick_many(messages, left_out)
    last = len(checked) + left_out.count
    numbers = [n for n in range(1, last + 1) if n not in left_out.numbers]
    stored = put_many_checked(producer, checked, numbers)
    return StoredMany.of(dict(zip(numbers, stored, strict=True)), left_out)


def put_many_checked(
    producer: Producer, checked: Iterable[CheckedQuick], numbers: Sequence[int] = ()
) -> list[StoredId]:
    """Enqueue messages that were checked; their times count from now on.

    `numbers` are their places in the call, where some were left out.

    Raises:
        LimitedError: Of some; it says of which, by their places.
        KeyConflictError: Of some; it says of which, by their places and their keys.
    """
    listed = list(checked)
    with enqueueing(kind="many", jobs=len(listed)):
        return _put_many(producer, listed, numbers)


def _put_many(
    producer: Producer, listed: Sequence[CheckedQuick], numbers: Sequence[int]
) -> list[StoredId]:
    new = [assemble(one, producer.settings) for one in listed]
    refusal: Refused | None = None
    with producer.call(writes=True, in_pieces=True):
        try:
            return store_and_ring(new, producer)
        except REFUSED as error:
            refusal = error
    places = numbers or range(1, len(new) + 1)
    if isinstance(refusal, LimitedError):
        limited = {places[n - 1]: wait_s for n, wait_s in refusal.limited.items()}
        raise LimitedError(
            f"message {min(limited)}: {refusal.reason}",
            refusal.retry_after_s,
            stored=refusal.stored,
            limited=limited,
        )
    told = zip(places, listed, refusal.stored, strict=True)
    refused = {n: one.key or "" for n, one, some_id in told if some_id is None}
    where = f"message {min(refused)}: " if refused else ""
    raise KeyConflictError(f"{where}{refusal.reason}", stored=refusal.stored, conflicts=refused)
