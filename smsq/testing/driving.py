"""Takes one message to a state, as workers would: by claims, settles and reports.

In:  what workers have, a message, a state. Out: the ledger, moved on by the real scripts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from smsq.delivery.matching import NEVER_SENT
from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Kind, ReportRow
from smsq.names import QUEUES
from smsq.pacing.slots import Slot
from smsq.records.jobs import Claim, PollClaim
from smsq.steps.prepare import prepare
from smsq.steps.recover import recover_due
from smsq.steps.resources import Resources
from smsq.steps.wait_for_slot import claim
from smsq.testing.clock import Clock
from smsq.testing.queued import QueuedSms

_REPORTED = ("sent", "delivered", "undelivered")
_VERDICTS = {
    JobState.REJECTED: Verdict(state=JobState.REJECTED, error="400: refused, as the test asks for"),
    JobState.UNKNOWN: Verdict(state=JobState.UNKNOWN, error="no answer, as the test asks for"),
    JobState.DEAD: Verdict(state=JobState.DEAD, error="gave up, as the test asks for"),
    JobState.EXPIRED: Verdict(state=JobState.EXPIRED, error="not sent in time", is_counted=False),
}
_STATES = (*_REPORTED, "accepted", *_VERDICTS, "cancelled")

#: The gateway's ids of messages.
_message_ids = itertools.count(2_000_001)


def drive(resources: Resources, clock: Clock, message: QueuedSms, state: str) -> None:
    """Take a message to a state; see `QueuedSms.becomes`."""
    if state not in _STATES:
        raise ValueError(f"{state!r} is no state to go to: write one of {', '.join(_STATES)}")
    if state == JobState.CANCELLED:
        is_send = message.id.startswith(f"{message.job_id}.")
        resources.ledger.cancel(message.id if is_send else message.job_id)
    elif state in _REPORTED or state == JobState.ACCEPTED:
        if _read_state(resources, message.job_id) not in {JobState.ACCEPTED, JobState.DONE}:
            _accept(resources, clock, message.job_id)
        if state in _REPORTED:
            _report(resources, clock, message, state)
    else:
        _settle(resources, _claim(resources, clock, message.job_id), _VERDICTS[JobState(state)])
    now, recipient = message.stage.find_states(message)
    if state not in {now, recipient}:
        raise ValueError(f"it is {now}, its recipient {recipient}: from there it is never {state}")


def _read_state(resources: Resources, job_id: str) -> str:
    return str(resources.redis.hget(resources.keys.job(job_id), "state"))


def _accept(resources: Resources, clock: Clock, job_id: str) -> None:
    made = _claim(resources, clock, job_id)
    if made.kind is Kind.QUICK:
        fields = {"gateway_status": "NEW", "parts": "1"}
        verdict = Verdict(
            state=JobState.ACCEPTED, message_id=next(_message_ids), gateway_fields=fields
        )
        _settle(resources, made, verdict)
        return
    fields = {"uuid": f"uuid-{job_id}"}
    _settle(resources, made, Verdict(state=JobState.ACCEPTED, gateway_fields=fields))
    known = resources.matching.read_messages(job_id)
    places = [i for i in range(len(known.names)) if known.ids.get(i) != NEVER_SENT]
    resources.matching.learn(job_id, {i: next(_message_ids) for i in places}, what="receipt")


def _settle(resources: Resources, made: Claim, verdict: Verdict) -> None:
    resources.claims.settle(made, verdict, resources.poll_plan)


def _claim(resources: Resources, clock: Clock, job_id: str) -> Claim:
    """Claim this job and no other; one that is due later is due by then."""
    if _read_state(resources, job_id) == JobState.WAITING:
        due_ms = resources.redis.zscore(resources.keys.due, job_id)
        clock.advance(max(0.0, float(cast(Any, due_ms) or 0) / 1000 - clock.time_s()) + 0.001)
        recover_due(resources)
    with _first_in_line(resources, job_id):
        slot = resources.limiter.reserve()
        turn = claim(resources, slot) if isinstance(slot, Slot) else None
    made = prepare(resources, turn.claim) if turn and isinstance(turn.claim, Claim) else None
    if made is None or made.job_id != job_id:
        state = _read_state(resources, job_id)
        why = slot.why if slot and not isinstance(slot, Slot) else f"it is {state}"
        raise ValueError(f"no worker would send job {job_id} now: {why}")
    return made


@contextmanager
def _first_in_line(resources: Resources, job_id: str) -> Iterator[None]:
    """Have nothing but this job wait; what else does waits again afterwards."""
    redis: Any = resources.redis
    aside: dict[str, dict[str, float]] = {}
    for queue in QUEUES:
        key = resources.keys.ready(queue)
        aside[key] = dict(redis.zrange(key, 0, -1, withscores=True))
        aside[key].pop(job_id, None)
        if aside[key]:
            redis.zrem(key, *aside[key])
    try:
        yield
    finally:
        for key, waiting in aside.items():
            if waiting:
                redis.zadd(key, waiting)


def _report(resources: Resources, clock: Clock, message: QueuedSms, word: str) -> None:
    """Have the gateway report one phone."""
    keys, redis = resources.keys, cast(Any, resources.redis)
    key = keys.message(message.job_id, message.message_number)
    fields = redis.hgetall(key)
    poll = PollClaim(
        ref=f"{message.job_id}:{message.message_number}",
        number=int(redis.hincrby(key, "polls", 1)),
        message_id=int(fields["message_id"]),
        offset=0,
        age_s=1.0,
        size=int(redis.hget(keys.job(message.job_id), "size")),
        buckets=int(fields["buckets"]),
        is_first=True,
    )
    local = datetime.fromtimestamp(clock.time_s(), ZoneInfo(resources.settings.timezone))
    row = ReportRow(message.phone, word, local.strftime("%Y-%m-%d %H:%M:%S"))
    resources.polls.apply_page(poll, [row], next_offset=0, next_in_s=60.0)
