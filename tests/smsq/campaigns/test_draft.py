"""A campaign in the making: packed into jobs, live all at once or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smsq.campaigns.draft import CampaignDraft
from smsq.errors import (
    InvalidMessageError,
    KeyConflictError,
    NotFoundError,
    QueueUnavailableError,
)
from smsq.models import JobState, Kind, MessageRequest, RecipientState
from smsq.names import Queue
from smsq.records.jobs import Idempotency
from smsq.records.packing import STAGE_TTL_MS
from tests.smsq.world import PLAN, RETENTION_MS, World

SALE = MessageRequest(name="Sale", alphaname_id="123", text="Half price", recipients={})
BILLS = MessageRequest(name="Bills", alphaname_id="123", text=None, recipients={})
ONCE = Idempotency(key="k" * 32)


def draft_of(world: World, sizes: Sequence[int], *, most: int = 10) -> CampaignDraft:
    """Draft a campaign of messages of these sizes, each phone another."""
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=most)
    phone = 375290000000
    for size in sizes:
        draft.start_message(SALE)
        for _ in range(size):
            phone += 1
            draft.add(str(phone), None)
    return draft


def test_a_draft_is_out_of_sight_until_it_is_committed(world: World) -> None:
    draft = draft_of(world, [25])

    assert sum(world.views.stats(10).jobs.values()) == 0
    with pytest.raises(NotFoundError):
        world.views.status(draft.id)
    for job_id in draft.job_ids:
        with pytest.raises(NotFoundError):
            world.views.status(job_id)

    assert draft.commit(Idempotency()) == draft.id
    assert world.views.stats(10).jobs[JobState.QUEUED] == 3
    assert world.views.status(draft.id).counts == {RecipientState.PENDING: 25}
    assert list(world.views.job_ids(draft.id)) == draft.job_ids


def test_a_draft_that_is_left_behind_is_taken_away_after_a_day(world: World) -> None:
    draft = draft_of(world, [1990, 15], most=10)
    world.pass_s(STAGE_TTL_MS / 1000 - 1)
    assert world.staging.sweep() == 0
    world.pass_s(2)
    swept = [world.staging.sweep() for _ in range(4)]

    assert swept == [100, 100, 1, 0]  # slice by slice, and the last finds nothing
    assert list(world.redis.scan_iter(f"{world.keys.namespace}:*")) == []
    with pytest.raises(QueueUnavailableError, match="begin again"):
        draft.commit(Idempotency())


@pytest.mark.long
def test_jobs_of_many_messages_end_and_are_taken_away_slice_by_slice(world: World) -> None:
    """More would hold Redis up: each message has keys of its own."""
    draft_of(world, [1] * 4000, most=1000).discard()
    assert len(list(iter(world.staging.sweep, 0))) > 4
    assert list(world.redis.scan_iter(f"{world.keys.namespace}:message:*")) == []

    draft = draft_of(world, [1] * 4000, most=1000)
    draft.commit(Idempotency())
    world.brakes.cancel(draft.id, by="ops@host")
    world.brakes.align(draft.id)
    assert 1 <= world.campaign(draft.id).jobs[JobState.CANCELLED] < 4
    world.align()
    assert world.campaign(draft.id).jobs == {JobState.CANCELLED: 4}
    world.pass_s(RETENTION_MS / 1000 + 1)
    purged = iter(lambda: world.claims.recover(limit=500, max_attempts=8, plan=PLAN)[0], 0)
    assert len(list(purged)) > 4
    with pytest.raises(NotFoundError):
        world.campaign(draft.id)


def test_small_messages_share_a_job_and_large_ones_are_split(world: World) -> None:
    draft = draft_of(world, [4, 6, 3, 12, 1])
    draft.commit(Idempotency())

    sizes = [
        [message.recipients for message in world.views.status(job_id).messages]
        for job_id in draft.job_ids
    ]
    assert sizes == [[4, 6], [3, 7], [5, 1]]


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 15), max_size=6), st.integers(1, 8))
def test_no_recipient_is_lost_and_no_job_is_above_the_limit(
    world: World, sizes: list[int], most: int
) -> None:
    draft = draft_of(world, sizes, most=most)
    if not sum(sizes):
        with pytest.raises(InvalidMessageError, match="no recipients: write at least one"):
            draft.commit(Idempotency())
        return
    draft.commit(Idempotency())

    phones = [recipient.phone for recipient in world.views.recipients(draft.id)]
    assert draft.recipients == len(phones) == len(set(phones)) == sum(sizes)
    per_job = [
        sum(message.recipients for message in world.views.status(job_id).messages)
        for job_id in draft.job_ids
    ]
    # Full but for the last: no request is wasted.
    assert all(size == most for size in per_job[:-1])
    assert 0 < per_job[-1] <= most


def test_each_job_carries_its_campaign_and_its_texts(world: World) -> None:
    draft = CampaignDraft(
        world.staging,
        fields={"on_unknown": "resend", "keep_texts": "1"},
        max_recipients=10,
        priority=Queue.NORMAL,
    )
    draft.start_message(BILLS)
    draft.add("375291234567", "You owe 5")
    draft.add("375291234568", "You owe 7")
    draft.start_message(SALE)
    draft.add("375291234567", None)
    draft.commit(Idempotency())
    [job_id] = draft.job_ids

    job = world.redis.hgetall(world.keys.job(job_id))
    assert job["campaign"] == draft.id
    assert (job["kind"], job["priority"]) == (Kind.BULK, Queue.NORMAL)
    assert (job["on_unknown"], job["keep_texts"]) == ("resend", "1")
    bills, sale = world.claim(job_id).messages
    assert bills.recipients == {"375291234567": "You owe 5", "375291234568": "You owe 7"}
    assert bills.text is None
    assert sale.recipients == {"375291234567": None}
    assert sale.text == "Half price"


def test_the_same_campaign_is_the_same_whatever_the_limit(world: World) -> None:
    first = draft_of(world, [25], most=10)
    assert first.commit(ONCE).is_new

    again = draft_of(world, [25], most=7)
    repeated = again.commit(ONCE)
    assert (repeated, repeated.is_new) == (first.id, False)
    assert again.jobs == 3  # as many as it has
    assert world.views.stats(10).jobs[JobState.QUEUED] == 3


@pytest.mark.parametrize("change", ["phone", "text", "name", "order", "cut", "schedule"])
def test_another_campaign_with_the_key_is_a_conflict(world: World, change: str) -> None:
    def draft(change: str) -> CampaignDraft:
        made = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=10)
        when = "2026-11-24T12:00:00" if change == "schedule" else None
        name = "Bill" if change == "name" else "Bills"
        made.start_message(
            MessageRequest(
                name=name, alphaname_id="1", text=None, recipients={}, schedule_time=when
            )
        )
        rows = [("375291234567", "5"), ("375291234568", "7")]
        rows = rows[::-1] if change == "order" else rows
        rows = rows[:1] if change == "cut" else rows
        for phone, text in rows:
            made.add(
                "375291234569" if change == "phone" else phone, "6" if change == "text" else text
            )
        return made

    first = draft("")
    first.commit(ONCE)

    with pytest.raises(KeyConflictError, match=first.id):
        draft(change).commit(ONCE)
    assert draft("").commit(ONCE) == first.id
    assert world.views.stats(10).recipients[RecipientState.PENDING] == 2


def test_jobs_keep_the_order_in_which_they_were_filled(world: World) -> None:
    draft = draft_of(world, [3000], most=1000)
    draft.commit(Idempotency())

    assert list(world.views.job_ids(draft.id)) == draft.job_ids
    assert [world.views.status(i).counts[RecipientState.PENDING] for i in draft.job_ids] == [
        1000
    ] * 3
