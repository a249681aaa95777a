"""The tour's gathered jobs, as full as they can be.

In:  a ledger whose script calls are measured. Out: jobs delivered, left in doubt, and expired.
"""

from __future__ import annotations

import tests.smsq.world as worlds
from smsq.delivery.matching import Matching
from smsq.intake.new_jobs import new_job_id
from smsq.models import JobState, Kind, ReportRow
from smsq.names import Queue
from smsq.records.buckets import bucket_of
from smsq.records.jobs import Idempotency, NewSend, PollClaim
from tests.smsq import sizes
from tests.smsq.sizes import ACCEPTED, PAGE_ROWS, phone, take_job, work_off
from tests.smsq.world import PLAN, World


def _gather(world: World, most: int, *, expires_in_s: float | None = None) -> list[str]:
    """A full gathered job; returns the own ids of its sends."""
    sizes.wait_for_noon(world)
    own: list[str] = []
    for i in range(most):
        send = NewSend(
            job_id=new_job_id(),
            group="g",
            fields={
                "kind": Kind.BULK,
                "priority": Queue.NORMAL,
                "on_unknown": "hold",
                "is_gathered": "1",
            },
            alphaname_id="123",
            priority=Queue.NORMAL,
            phone=phone(i),
            text=f"You owe {i} roubles",
            expires_in_ms=round(expires_in_s * 1000) if expires_in_s else None,
            most=most,
            open_ms=60_000,
            names=f"bill-{i}\nbills",
            has_phone=True,
        )
        key = f"{world.now_us}-{i}"
        own_id, _ = world.ledger.gather(send, Idempotency(key=key, content="c"))
        own.append(own_id)
    assert len({own_id.partition(".")[0] for own_id in own}) == 1
    return own


def deliver(world: World, most: int) -> None:
    """Some are cancelled, some withheld, some reported; the others are given up."""
    own = _gather(world, most)
    job = own[0].partition(".")[0]
    for own_id in own[1::100]:
        world.ledger.cancel(own_id)
    world.claims.settle(take_job(world), ACCEPTED, PLAN)
    Matching(world.scripts, world.polls, PLAN).write(job, {0: 10}, what="looked up")
    world.pass_s(10)
    world.polls.find_due(limit=500)
    while isinstance(claim := world.take(), PollClaim):
        rows = range(claim.offset, claim.offset + PAGE_ROWS)
        reports = [ReportRow(phone(i), "Sent", "2026-11-24 12:00:00") for i in rows]
        is_last = rows.stop >= most
        world.polls.apply_page(
            claim,
            reports,
            next_offset=0 if is_last else rows.stop,
            next_in_s=3600 if is_last else None,
        )
    world.pass_s(PLAN.horizon_ms / 1000 + 60)
    work_off(world)
    assert world.state(job) is JobState.DONE
    _forget(world, job, phone(most - 1))
    world.pass_s(worlds.RETENTION_MS / 1000 + 60)
    work_off(world)
    assert not world.redis.exists(world.keys.job(job))


def _forget(world: World, job: str, whose: str) -> None:
    """The last of a full job: its row is the last one that is looked at."""
    buckets = int(str(world.redis.hget(world.keys.message(job, 1), "buckets")))
    where = (job, 1, bucket_of(whose, buckets), whose)
    assert world.scripts.run("forget", *where, "123456789012") == "forgotten"
    world.scripts.run("forget_limits", whose, "me@here", "+375*******67", "1 message")


def leave_in_doubt(world: World, most: int) -> None:
    """An attempt is lost; then most of its sends are cancelled, and it turns out to have failed."""
    own = _gather(world, most)
    job = own[0].partition(".")[0]
    world.claims.settle(take_job(world), worlds.UNKNOWN, PLAN)
    for own_id in own[2:]:
        world.ledger.cancel(own_id)
    plan = (PLAN.first_ms, PLAN.horizon_ms)
    world.scripts.run("stuck_job", job, "failed", "me@here", "", *plan)
    work_off(world)
    assert world.state(job) is JobState.REJECTED


def expire(world: World, most: int) -> None:
    """The time of all its sends passes before the claim."""
    own = _gather(world, most, expires_in_s=3600)
    world.pass_s(3601)
    while world.take() is not None:
        pass
    work_off(world)
    assert world.state(own[0].partition(".")[0]) is JobState.EXPIRED
