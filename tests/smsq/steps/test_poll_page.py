"""Polling: page by page, until every recipient is final."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from smsq.gateway.reports import ReportPage
from smsq.models import BulkMessage, JobState, RecipientState
from smsq.pacing.slots import Slot
from smsq.queue import SmsQueue
from smsq.records.jobs import PollClaim
from smsq.simulator.server import RunningSimulator
from smsq.steps.due_polls import ring_due_polls
from smsq.steps.poll_page import MAX_READERS, read_page, store
from smsq.steps.resources import Resources
from tests.support import wait_until
from tests.tasks.serving import serve

PHONE = "3752912"


def refs_in(resources: Resources, key: str) -> list[str]:
    return [str(ref) for ref in resources.redis.zrange(key, 0, -1)]


def accept_campaign(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator, phones: int
) -> str:
    """A campaign that the gateway has, its message id learnt as from a receipt."""
    numbers = [f"{PHONE}{10000 + i}" for i in range(phones)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=numbers)])
    [job] = resources.redis.lrange(resources.keys.campaign_jobs(campaign), 0, -1)
    serve(resources, [str(job)])
    [message_id] = simulator.states()
    resources.polls.apply_receipt(
        str(job), b"{}", {1: message_id}, unmatched=0, plan=resources.poll_plan
    )
    return campaign


def poll_until(resources: Resources, holds: Callable[[], object]) -> None:
    def step() -> bool:
        ring_due_polls(resources)
        serve(
            resources,
            [str(ref) for ref in resources.redis.zrange(resources.keys.ready("poll"), 0, -1)],
        )
        return bool(holds())

    wait_until(step, "the polls show it")


def test_a_quick_job_is_polled_until_it_is_done(resources: Resources, queue: SmsQueue) -> None:
    job = queue.send_quick(f"{PHONE}34567", "code")
    serve(resources, [job])
    poll_until(resources, lambda: queue.status(job).is_final)

    [recipient] = queue.recipients(job)
    assert recipient.state is RecipientState.DELIVERED
    assert recipient.gateway_status == "delivered"
    assert recipient.sent_at is not None
    assert queue.status(job).state is JobState.DONE


@pytest.mark.parametrize("shuffled", [False, True])
def test_pages_are_read_until_a_short_one(
    environ: dict[str, str],
    resources: Resources,
    queue: SmsQueue,
    simulator: RunningSimulator,
    shuffled: bool,
) -> None:
    object.__setattr__(resources.settings, "page_rows", 40)
    simulator.change(shuffle_pages=shuffled)
    campaign = accept_campaign(resources, queue, simulator, phones=100)
    poll_until(resources, lambda: queue.status(campaign).is_final)

    assert queue.status(campaign).counts == {RecipientState.DELIVERED: 100}
    if not shuffled:
        assert simulator.get("/book")["requests"]["getSmsDeliveryList 200"] == 3


@pytest.mark.parametrize(
    ("phones", "rung"), [(40, 0), (80, 0), (81, 1), (240, 4), (4000, MAX_READERS - 1)]
)
def test_a_message_of_many_pages_is_read_by_several_workers(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, phones: int, rung: int
) -> None:
    rings: list[str] = []
    monkeypatch.setattr(resources.rings, "ring", lambda _, refs, __: rings.extend(refs))
    monkeypatch.setattr(resources.polls, "apply_page", lambda *_, **__: phones)
    object.__setattr__(resources.settings, "page_rows", 40)
    page = ReportPage([{"phone": PHONE, "status": "sent"}] * 40)
    first = PollClaim(
        ref="a:1",
        number=1,
        message_id=1,
        offset=0,
        age_s=5,
        size=phones,
        buckets=1,
        is_first=True,
    )
    store(resources, first, page)
    store(resources, replace(first, offset=40, is_first=False), page)

    assert rings == ["a:1"] * rung


def test_pages_that_are_read_side_by_side_leave_none_out(
    environ: dict[str, str],
    resources: Resources,
    queue: SmsQueue,
    simulator: RunningSimulator,
) -> None:
    object.__setattr__(resources.settings, "page_rows", 10)
    campaign = accept_campaign(resources, queue, simulator, phones=105)
    latency_ms = 100
    simulator.change(latency_ms=latency_ms)
    [ref] = refs_in(resources, resources.keys.polls)
    resources.redis.zadd(resources.keys.polls, {ref: 0})
    ring_due_polls(resources)

    serve(resources, [ref])

    assert queue.status(campaign).counts == {RecipientState.DELIVERED: 105}
    seen = simulator.get("/book/requests?since=0")["requests"]
    at_ms = [ms for ms, endpoint, _ in seen if endpoint == "getSmsDeliveryList"]
    gaps_ms = [later - earlier for earlier, later in pairwise(at_ms)]
    assert gaps_ms[0] >= latency_ms  # the first page is read alone,
    assert min(gaps_ms) < latency_ms  # the others are not


def test_a_poll_that_breaks_off_goes_on_from_the_same_page(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    object.__setattr__(resources.settings, "page_rows", 40)
    campaign = accept_campaign(resources, queue, simulator, phones=100)
    simulator.change(fault_shares={"server_error": 1})
    poll_until(resources, lambda: simulator.get("/book")["requests"].get("getSmsDeliveryList 500"))
    [ref] = refs_in(resources, resources.keys.polls)
    due_in_s = float(resources.redis.zscore(resources.keys.polls, ref) or 0) / 1000
    assert due_in_s - float(str(resources.redis.time()[0])) > 5

    simulator.change(fault_shares={})
    resources.redis.zadd(resources.keys.polls, {ref: 0})
    poll_until(resources, lambda: queue.status(campaign).is_final)


def test_a_429_on_a_poll_closes_the_gate_and_the_poll_waits_at_the_front(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    accept_campaign(resources, queue, simulator, phones=1)
    simulator.change(fault_shares={"busy": 1}, retry_after_s=30)
    wait_until(lambda: ring_due_polls(resources), "the poll is due")
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, PollClaim)
    read_page(resources, slot, claim)

    assert 25 < queue.stats().rate.closed_for_s <= 30
    assert refs_in(resources, resources.keys.ready("poll")) == [claim.ref]


def test_a_message_without_an_id_is_not_asked_for(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=[f"{PHONE}34567"])])
    [job] = resources.redis.lrange(resources.keys.campaign_jobs(campaign), 0, -1)
    serve(resources, [str(job)])

    assert queue.status(campaign).state is JobState.ACCEPTED
    assert resources.redis.zcard(resources.keys.polls) == 0


def test_a_page_that_cannot_be_stored_is_asked_for_less_and_less_often(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    campaign = accept_campaign(resources, queue, simulator, phones=1)
    [job] = resources.redis.lrange(resources.keys.campaign_jobs(campaign), 0, -1)
    recipients = resources.keys.recipients(str(job), 1, 0)
    resources.redis.rename(recipients, f"{recipients}:away")
    resources.redis.set(recipients, "no hash")
    [ref] = refs_in(resources, resources.keys.polls)
    pauses_s = []
    for _ in range(14):
        resources.redis.zadd(resources.keys.polls, {ref: 0})
        ring_due_polls(resources)
        serve(resources, [ref])
        due_s = float(resources.redis.zscore(resources.keys.polls, ref) or 0) / 1000
        pauses_s.append(due_s - float(str(resources.redis.time()[0])))

    assert 0 <= pauses_s[0] <= 4
    assert all(later > 1.5 * pause for pause, later in pairwise(pauses_s[3:10]))
    assert 1700 < pauses_s[-1] <= 3601
    resources.redis.rename(f"{recipients}:away", recipients)
    resources.redis.zadd(resources.keys.polls, {ref: 0})
    poll_until(resources, lambda: queue.status(campaign).is_final)
    assert not resources.redis.hexists(resources.keys.message(str(job), 1), "asides")
