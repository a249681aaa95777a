"""What a status says of a send: when, to whom, and whether it was delivered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import smsq
from smsq.domain.outcomes import Verdict
from smsq.models import JobState, Kind, RecipientState, ReportRow
from smsq.status.status import end_unsent, was_delivered
from tests.smsq.world import ACCEPTED, PLAN, World

PHONE = "+375 29 123-45-67"


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, None),
        ({"pending": 1}, None),
        ({"sent": 1}, None),
        ({"no_report": 1}, None),
        ({"delivered": 2}, True),
        ({"delivered": 2, "pending": 1}, None),
        ({"delivered": 2, "no_report": 1}, None),
        ({"undelivered": 1}, False),
        ({"withheld": 1}, False),
        ({"delivered": 99, "undelivered": 1}, False),
        ({"pending": 99, "withheld": 1}, False),
    ],
)
def test_delivered_is_all_of_them_or_false_as_soon_as_one_is_not(counts: Any, told: Any) -> None:
    assert was_delivered({RecipientState(s): n for s, n in counts.items()}) is told


def test_who_never_was_sent_to_is_undelivered_and_nobody_is_lost() -> None:
    counts = {RecipientState.PENDING: 5, RecipientState.DELIVERED: 3}

    assert end_unsent(counts, 0) == counts
    assert end_unsent(counts, 2) == {"pending": 3, "delivered": 3, "undelivered": 2}
    assert end_unsent(counts) == {"delivered": 3, "undelivered": 5}


def test_a_status_says_when_to_whom_and_how_long(queue: smsq.SmsQueue) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    job = queue.send_quick(PHONE, "code", priority="urgent", expires_in_s=300)

    status = queue.status(job)
    assert status.created_at
    assert before <= status.created_at <= datetime.now(UTC) + timedelta(seconds=1)
    assert (status.phone, status.priority, status.send_at) == ("375291234567", "urgent", None)
    assert status.expires_at == status.created_at + timedelta(seconds=300)
    assert status.delivered is None
    assert "1234567" not in repr(status)


def test_a_status_says_when_a_message_is_due(queue: smsq.SmsQueue) -> None:
    at = datetime.now(UTC) + timedelta(hours=4)
    status = queue.status(queue.send_quick(PHONE, "code", send_at=at))

    assert status.send_at
    assert abs(status.send_at - at) < timedelta(seconds=2)
    assert status.expires_at is None


def test_a_gathered_send_and_a_campaign_say_what_they_know(queue: smsq.SmsQueue) -> None:
    send = queue.status(queue.send_personal(PHONE, "code"))
    sale = smsq.BulkMessage(name="Sale", text="half price", phones=[PHONE])
    campaign = queue.status(queue.send_bulk([sale]))

    assert send.created_at
    assert (send.phone, send.priority) == ("375291234567", "normal")
    assert campaign.created_at
    assert (campaign.phone, campaign.priority, campaign.delivered) == (None, None, None)


def test_a_cancelled_message_has_ended_wherever_it_is_read(queue: smsq.SmsQueue) -> None:
    job, send = queue.send_quick(PHONE, "code"), queue.send_personal(PHONE, "code")
    sale = smsq.BulkMessage(name="Sale", text="half price", phones=[PHONE])
    campaign = queue.send_bulk([sale])
    queue.cancel(job)
    queue.cancel(send.partition(".")[0], whole_job=True)
    queue.cancel(campaign)

    for some_id in (job, send, campaign):
        [recipient] = queue.recipients(some_id)
        assert (recipient.state, recipient.gateway_status) == ("undelivered", "cancelled")
        assert recipient.delivered is False
        status = queue.status(some_id)
        assert (status.state, status.delivered) == ("cancelled", False)
        assert status.counts == {"undelivered": 1}
        assert [m.counts for m in status.messages] == [{"undelivered": 1}]
    numbers = queue.campaign(campaign)
    assert (numbers.counts, numbers.unsent) == ({"undelivered": 1}, {"cancelled": 1})
    assert (numbers.settled, numbers.progress, numbers.delivered) == (1, 1.0, False)


def test_a_dead_job_that_is_retried_is_pending_again(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=2)
    dead = Verdict(state=JobState.DEAD, error="gave up", error_class="temporary")
    world.claims.settle(world.claim(job), dead, PLAN)
    assert world.views.status(job).counts == {"undelivered": 2}

    world.scripts.run("stuck_job", job, "retry", "ops", "", PLAN.first_ms, PLAN.horizon_ms)
    assert world.views.status(job).counts == {"pending": 2}


def test_a_job_whose_reports_come_in_is_not_known_yet(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK, phones=2)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow("375291234567", "delivered", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=5)

    assert world.views.status(job).counts == {"pending": 1, "delivered": 1}
    assert world.views.status(job).delivered is None
