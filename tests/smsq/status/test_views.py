"""Reading the ledger: a status from what is stored, numbers over everything."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.errors import NotFoundError
from smsq.models import (
    FINAL_JOB_STATES,
    JobState,
    Kind,
    MessageRequest,
    RecipientState,
    ReportRow,
)
from smsq.pacing.slots import RateView
from smsq.records.jobs import Claim, Idempotency
from smsq.status.campaigns import campaign_state
from tests.smsq.world import ACCEPTED, PLAN, World

REJECTED = Verdict(state=JobState.REJECTED, error="400: Wrong alphaname")


def commit(world: World, *, jobs: int) -> CampaignDraft:
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=2)
    head = MessageRequest(name="Sale", alphaname_id="1", text="hi", recipients={})
    draft.start_message(head)
    for i in range(jobs * 2):
        draft.add(f"37529{1234567 + i}", None)
    draft.commit(Idempotency())
    return draft


@pytest.mark.parametrize(
    ("jobs", "state"),
    [
        ({}, JobState.DONE),
        ({JobState.QUEUED: 1}, JobState.QUEUED),
        ({JobState.SUBMITTING: 1, JobState.QUEUED: 9, JobState.DONE: 9}, JobState.SUBMITTING),
        ({JobState.QUEUED: 1, JobState.WAITING: 1, JobState.ACCEPTED: 9}, JobState.QUEUED),
        ({JobState.WAITING: 1, JobState.UNKNOWN: 1}, JobState.WAITING),
        ({JobState.UNKNOWN: 1, JobState.ACCEPTED: 9, JobState.DONE: 9}, JobState.UNKNOWN),
        ({JobState.ACCEPTED: 1, JobState.DONE: 9, JobState.DEAD: 9}, JobState.ACCEPTED),
        ({JobState.DONE: 1, JobState.REJECTED: 9}, JobState.DONE),
        ({JobState.DEAD: 1, JobState.REJECTED: 9}, JobState.DEAD),
        ({JobState.REJECTED: 1, JobState.CANCELLED: 9}, JobState.REJECTED),
        ({JobState.EXPIRED: 1, JobState.CANCELLED: 1}, JobState.EXPIRED),
        ({JobState.CANCELLED: 2, JobState.QUEUED: 0}, JobState.CANCELLED),
    ],
)
def test_a_campaign_stands_where_its_least_advanced_job_stands(
    jobs: dict[JobState, int], state: JobState
) -> None:
    assert campaign_state(jobs) is state


@given(st.dictionaries(st.sampled_from(JobState), st.integers(0, 3), min_size=1))
def test_a_campaign_is_final_when_all_of_its_jobs_are(jobs: dict[JobState, int]) -> None:
    present = {state for state, n in jobs.items() if n}
    state = campaign_state(jobs)

    assert not present or state in present
    assert (state in FINAL_JOB_STATES) == (present <= FINAL_JOB_STATES)


def test_a_campaigns_status_adds_its_jobs_up(world: World) -> None:
    draft = commit(world, jobs=3)
    for _ in range(2):
        claim = world.take()
        assert isinstance(claim, Claim)
        world.claims.settle(claim, REJECTED, PLAN)

    status = world.views.status(draft.id)
    assert (status.id, status.kind, status.state) == (draft.id, Kind.CAMPAIGN, JobState.QUEUED)
    assert status.attempts == 2
    assert status.error == "2 of 3 jobs: 400: Wrong alphaname"
    assert status.counts == {RecipientState.PENDING: 2, RecipientState.UNDELIVERED: 4}
    assert [(m.name, m.recipients, m.message_id) for m in status.messages] == [
        ("Sale", 2, None)
    ] * 3
    assert not status.is_final


def test_a_large_campaign_is_read_in_slices(world: World) -> None:
    draft = commit(world, jobs=205)

    assert len(world.views.status(draft.id).messages) == 205
    assert len(list(world.views.recipients(draft.id))) == 410


def test_a_jobs_status_is_read_by_its_own_id_too(world: World) -> None:
    draft = commit(world, jobs=1)
    [job_id] = draft.job_ids

    status = world.views.status(job_id)
    assert (status.id, status.kind, status.attempts) == (job_id, Kind.BULK, 0)
    assert status.error is None
    assert list(world.views.job_ids(job_id)) == [job_id]


@pytest.mark.parametrize("some_id", ["", "jnope", "cnope", "j:1", "*", "я"])
def test_an_id_of_nothing_is_not_found(world: World, some_id: str) -> None:
    for call in (
        world.views.status,
        world.views.job_ids,
        lambda i: list(world.views.recipients(i)),
    ):
        with pytest.raises(NotFoundError, match="no job or campaign has the id"):
            call(some_id)


def test_a_recipient_has_the_gateways_word_and_time_beside_our_state(world: World) -> None:
    job_id = world.enqueue(phones=3)
    world.claims.settle(world.claim(job_id), ACCEPTED, PLAN)
    world.pass_s(5)
    claim = world.claim_poll()
    rows = [
        ReportRow("375291234567", "delivered", "2026-11-24 12:00:00"),
        ReportRow("375291234568", "odd|word", None),
    ]
    world.polls.apply_page(claim, rows, next_offset=0, next_in_s=5)

    delivered, odd, untouched = sorted(world.views.recipients(job_id), key=lambda r: r.phone)
    assert delivered.state is RecipientState.DELIVERED
    assert delivered.gateway_status == "delivered"
    assert delivered.sent_at is not None
    assert delivered.sent_at.isoformat() == "2026-11-24T09:00:00+00:00"
    assert (odd.state, odd.gateway_status, odd.sent_at) == (
        RecipientState.PENDING,
        "odd|word",
        None,
    )
    assert (untouched.state, untouched.gateway_status) == (RecipientState.PENDING, None)
    assert "1234567" not in repr(delivered)


def test_numbers_over_an_empty_ledger_are_zero(world: World) -> None:
    stats = world.views.stats(10)

    assert set(stats.jobs) == set(JobState)
    assert set(stats.recipients) == set(RecipientState)
    assert not any([*stats.jobs.values(), *stats.recipients.values()])
    assert stats.oldest_waiting_s == 0
    assert stats.rate == RateView(ceiling_per_s=10, ceiling_by="", current_per_s=10)
    assert stats.oddities == {}
    assert world.views.heartbeat_age_s() is None


def test_numbers_say_how_long_the_oldest_has_waited_and_why_the_gate_is_closed(
    world: World,
) -> None:
    # Redis' own clock: the views read it, not the clock of the test.
    world.now_us = round((time.time() - 60) * 1e6)
    world.enqueue()
    world.pass_s(60)
    world.enqueue()
    world.limiter.pause("maintenance")

    stats = world.views.stats(10)
    assert 59 < stats.oldest_waiting_s < 90
    assert stats.rate.closed_for_s == math.inf
    assert stats.rate.closed_why == "maintenance"
    assert stats.jobs[JobState.QUEUED] == 2


def test_a_heartbeat_is_as_old_as_it_says(world: World) -> None:
    world.redis.set(world.keys.heartbeat, time.time() - 5, ex=60)

    age_s = world.views.heartbeat_age_s()
    assert age_s is not None
    assert 4.9 < age_s < 35
    world.redis.set(world.keys.heartbeat, time.time() + 1000, ex=60)
    assert world.views.heartbeat_age_s() == 0  # a clock that is ahead
