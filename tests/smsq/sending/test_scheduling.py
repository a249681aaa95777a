"""Quick jobs for later: cancelled, moved to another time, and never sent too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.models import BulkMessage, JobState, Kind
from smsq.queue import SmsQueue
from tests.smsq.world import ACCEPTED, PLAN, World

PHONE = "375291234567"


def in_s(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def reschedule(world: World, job: str, in_s: float) -> str:
    return str(world.scripts.run("reschedule", job, round(in_s * 1000), "me@here", ""))


def test_a_job_for_later_can_be_cancelled(world: World) -> None:
    job = world.enqueue(due_at_ms=str(world.now_ms + 60_000))

    assert world.ledger.cancel(job) is JobState.CANCELLED
    world.pass_s(61)
    assert world.recover() == []
    assert world.take() is None


@pytest.mark.parametrize("first_s", [0, 60])
@pytest.mark.parametrize("then_s", [5, 600])
def test_a_rescheduled_job_goes_at_its_new_time_and_once(
    world: World, first_s: int, then_s: int
) -> None:
    job = world.enqueue(due_at_ms=str(world.now_ms + first_s * 1000))
    assert reschedule(world, job, then_s) == "ok"
    assert world.state(job) is JobState.WAITING
    world.pass_s(then_s - 1)
    assert world.recover() == []
    assert world.take() is None
    world.pass_s(1)

    assert world.recover() == [job]
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    assert reschedule(world, job, 60) == "accepted"


@pytest.mark.parametrize(
    ("fields", "in_s", "answer"),
    [
        ({}, 0, "past"),
        ({}, -5, "past"),
        ({"expires_at_ms": "1700000060000"}, 60, "expires"),
        ({"expires_at_ms": "1700000060000"}, 59, "ok"),
        ({"kind": Kind.BULK}, 60, "kind"),
    ],
)
def test_not_every_job_can_be_sent_at_any_time(
    world: World, fields: dict[str, Any], in_s: float, answer: str
) -> None:
    assert reschedule(world, world.enqueue(**fields), in_s) == answer


def test_a_job_that_is_being_sent_is_not_rescheduled(world: World) -> None:
    job = world.enqueue()
    world.claim(job)

    assert reschedule(world, job, 60) == "submitting"
    assert reschedule(world, "j0", 60) == "missing"


def test_a_job_waiting_to_be_tried_again_can_be_rescheduled(world: World) -> None:
    job = world.enqueue()
    later = Verdict(state=JobState.WAITING, delay_s=5, error="503")
    world.claims.settle(world.claim(job), later, PLAN)
    assert reschedule(world, job, 100) == "ok"
    world.pass_s(6)

    assert world.recover() == []
    world.pass_s(95)
    assert world.recover() == [job]


def test_the_queue_says_what_is_wrong_with_a_new_time(queue: SmsQueue) -> None:
    job = queue.send_quick(PHONE, "code", expires_in_s=60)
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="x", phones=[PHONE])])

    queue.reschedule(job, in_s(30))
    assert queue.status(job).state is JobState.WAITING
    for some_id, moment, told in (
        (job, in_s(-1), "in the past"),
        (job, in_s(90), "expires"),
        (job, None, "missing"),
        (job, "2030-01-01", "write a datetime"),
    ):
        with pytest.raises(InvalidMessageError, match=told):
            queue.reschedule(some_id, moment)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        queue.reschedule(campaign, in_s(30))
    queue.cancel(job)
    with pytest.raises(InvalidMessageError, match="cancelled: it is too late"):
        queue.reschedule(job, in_s(30))


def test_a_job_expires_while_it_waits_and_at_the_claim(world: World) -> None:
    waits = world.enqueue(
        due_at_ms=str(world.now_ms + 60_000), expires_at_ms=str(world.now_ms + 61_000)
    )
    ready = world.enqueue(expires_at_ms=str(world.now_ms + 5_000))
    world.pass_s(5)
    assert world.take() is None
    assert world.state(ready) is JobState.EXPIRED
    world.pass_s(56)
    world.recover()

    assert world.state(waits) is JobState.EXPIRED


def test_a_claim_knows_how_long_its_request_may_still_begin(world: World) -> None:
    job = world.enqueue(expires_at_ms=str(world.now_ms + 5_000))
    world.pass_s(2)

    assert world.claim(job).expires_in_s == 3.0
    assert world.claim(world.enqueue()).expires_in_s is None
