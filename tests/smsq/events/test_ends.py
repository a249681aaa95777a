"""Ends: of each recipient whose job ended unsent, and of a campaign; each told once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.events.events import CampaignEvent, RecipientEvent, read_entry
from smsq.models import JobState, Kind, ReportRow
from smsq.records.jobs import Claim
from tests.smsq.world import ACCEPTED, PLAN, World

REJECTED = Verdict(state=JobState.REJECTED, error="400", error_class="refused")
DEAD = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")
BY = "ops@host"


def events_of(world: World) -> list[Any]:
    entries: Any = world.redis.xrange(world.keys.events)
    return [event for entry in entries for event in read_entry(*entry)]


def ends_of(world: World) -> list[RecipientEvent]:
    return [event for event in events_of(world) if isinstance(event, RecipientEvent)]


def told_of(world: World, campaign: str) -> list[str | None]:
    events = [e for e in events_of(world) if isinstance(e, CampaignEvent)]
    return [e.what for e in events if e.campaign_id == campaign]


def reject(world: World, *, phones: int = 1, kind: Kind = Kind.QUICK) -> str:
    job = world.enqueue(kind=kind, phones=phones)
    world.claims.settle(world.claim(job), REJECTED, PLAN)
    return job


def die(world: World) -> str:
    job = world.enqueue()
    world.claims.settle(world.claim(job), DEAD, PLAN)
    return job


def cancel(world: World) -> str:
    job = world.enqueue()
    world.ledger.cancel(job)
    return job


def expire(world: World) -> str:
    job = world.enqueue(
        due_at_ms=str(world.now_ms + 60_000), expires_at_ms=str(world.now_ms + 1_000)
    )
    world.pass_s(61)
    world.recover()
    return job


@pytest.mark.parametrize(
    ("end", "word"),
    [(reject, "rejected"), (die, "dead"), (cancel, "cancelled"), (expire, "expired")],
)
def test_who_reads_of_recipients_alone_hears_the_end(world: World, end: Any, word: str) -> None:
    job = end(world)

    [told] = ends_of(world)
    assert (told.job_id, told.phone, told.message_number) == (job, "+375*******67", 1)
    assert (told.old_state, told.new_state) == ("pending", "undelivered")
    assert told.gateway_status == word
    world.recover()
    assert len(ends_of(world)) == 1


def test_a_dead_job_that_is_cancelled_ends_once(world: World) -> None:
    job = die(world)
    world.ledger.cancel(job)

    assert [e.gateway_status for e in ends_of(world)] == ["dead"]


def test_a_dead_job_that_is_retried_before_all_is_told_ends_later(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=100)
    world.claims.settle(world.claim(job), DEAD, PLAN)
    world.scripts.run("stuck_job", job, "retry", BY, "", PLAN.first_ms, PLAN.horizon_ms)
    world.recover()
    assert ends_of(world) == []
    world.claims.settle(world.claim(job), REJECTED, PLAN)
    world.recover()

    assert Counter(e.gateway_status for e in ends_of(world)) == {"rejected": 100}


def test_a_thousand_recipients_are_told_in_calls_that_stay_short(world: World) -> None:
    reject(world, phones=1000, kind=Kind.BULK)
    assert ends_of(world) == []  # the call that ended the job is as short as ever

    calls = 0
    while len(ends_of(world)) < 1000:
        world.recover()
        calls += 1
        assert calls < 10
    world.recover()
    assert len(ends_of(world)) == 1000
    assert {e.gateway_status for e in ends_of(world)} == {"rejected"}


def test_nobody_is_told_who_was_reported_or_is_left_to_be_sent(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=3)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow(f"37529{1234567 + i}", "delivered", None) for i in range(3)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=None)

    assert Counter(e.new_state for e in ends_of(world)) == {"delivered": 3}


def settle_next(world: World, verdict: Verdict) -> str:
    claim = world.take()
    assert isinstance(claim, Claim)
    world.claims.settle(claim, verdict, PLAN)
    return claim.job_id


def deliver(world: World, job: str) -> None:
    phones = [recipient.phone for recipient in world.views.recipients(job)]
    rows = [ReportRow(phone, "delivered", None) for phone in phones]
    world.polls.apply_page(world.poll_of(job), rows, next_offset=0, next_in_s=None)


def test_a_campaign_begins_and_is_finished_with_its_last_recipient(world: World) -> None:
    draft = world.start_campaign(30, per_job=10)
    assert told_of(world, draft.id) == ["begun"]

    jobs = [settle_next(world, ACCEPTED) for _ in range(3)]
    for job in jobs:
        assert told_of(world, draft.id) == ["begun"]
        deliver(world, job)

    assert told_of(world, draft.id) == ["begun", "finished"]
    assert isinstance(events_of(world)[-1], CampaignEvent)
    world.pass_s(3600)
    world.recover()
    assert told_of(world, draft.id) == ["begun", "finished"]


@pytest.mark.parametrize("per_job", [10, 30])
def test_a_campaign_that_ends_unsent_is_finished_after_all_of_its_recipients(
    world: World, per_job: int
) -> None:
    draft = world.start_campaign(60, per_job=per_job)
    world.brakes.cancel(draft.id, by=BY)
    world.align()
    for _ in range(10):
        world.recover()

    assert told_of(world, draft.id) == ["begun", "held", "finished"]
    assert len(ends_of(world)) == 60
    assert events_of(world)[-1].what == "finished"


def test_a_campaign_of_refused_and_delivered_jobs_is_finished_once(world: World) -> None:
    draft = world.start_campaign(20, per_job=10)
    settle_next(world, REJECTED)
    accepted = settle_next(world, ACCEPTED)
    assert told_of(world, draft.id) == ["begun"]
    deliver(world, accepted)

    assert told_of(world, draft.id) == ["begun", "finished"]
    assert Counter(e.new_state for e in ends_of(world)) == {"undelivered": 10, "delivered": 10}
