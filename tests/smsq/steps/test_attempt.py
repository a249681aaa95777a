"""One attempt: each answer of the gateway, and what it means for the job."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from smsq.gateway.client import GatewayClient
from smsq.models import BulkMessage, JobState, QuickAccepted, RecipientState
from smsq.operate.stuck_jobs import StuckJobs
from smsq.pacing.slots import Slot
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim
from smsq.settings import Settings
from smsq.simulator.server import RunningSimulator
from smsq.steps.attempt import attempt
from smsq.steps.resources import Resources
from tests.support import wait_until
from tests.tasks.serving import serve

PHONE = "37529123"


def send(resources: Resources, queue: SmsQueue, suffix: str, **options: str) -> str:
    """Send to a phone whose last digits bring about an answer, once."""
    job = queue.send_quick(f"{PHONE}{suffix}", "Your code is 4821", **options)  # type: ignore[arg-type]
    claim_and_attempt(resources)
    return job


def claim_and_attempt(resources: Resources) -> None:
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, Claim)
    attempt(resources, slot, claim, leased_at_s=time.monotonic())


@pytest.mark.parametrize(
    ("suffix", "state", "outcome", "reason"),
    [
        ("4567", JobState.ACCEPTED, "accepted", ""),
        ("0400", JobState.REJECTED, "refused", "http_400"),
        ("0500", JobState.WAITING, "temporary", "http_500"),
        ("0429", JobState.QUEUED, "busy", "http_429"),
    ],
)
def test_who_watches_is_told_of_each_verdict_once(
    suffix: str,
    state: JobState,
    outcome: str,
    reason: str,
    resources: Resources,
    queue: SmsQueue,
) -> None:
    told: list[tuple[str, str, str, str]] = []
    resources.watchers.append(
        lambda claim, verdict, exchange: told.append(
            (claim.job_id, verdict.state, exchange.outcome, exchange.reason)
        )
    )
    job = send(resources, queue, suffix)
    assert told == [(job, state, outcome, reason)]


def test_who_watches_is_not_told_of_a_verdict_that_came_too_late(
    resources: Resources, queue: SmsQueue
) -> None:
    told: list[str] = []
    resources.watchers.append(lambda claim, *_: told.append(claim.job_id))
    queue.send_quick(f"{PHONE}0400", "Your code is 4821")
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, Claim)
    attempt(resources, slot, replace(claim, number=claim.number - 1), leased_at_s=time.monotonic())
    assert told == []


def test_an_accepted_job_knows_its_message_id(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    job = send(resources, queue, "4567")

    status = queue.status(job)
    assert status.state is JobState.ACCEPTED
    assert status.attempts == 1
    assert status.error is None
    assert status.messages[0].message_id in simulator.states()
    assert simulator.accepted() == {(f"{PHONE}4567", "Your code is 4821"): 1}


@pytest.mark.parametrize(
    ("suffix", "state", "attempts", "error"),
    [
        ("0400", JobState.REJECTED, 1, "400: bad request"),
        ("0200", JobState.REJECTED, 1, "Wrong alphaname"),
        ("0401", JobState.QUEUED, 0, "invalid token"),
        ("0404", JobState.WAITING, 0, "404"),
        ("0429", JobState.QUEUED, 0, "429"),
        ("0500", JobState.WAITING, 1, "500"),
        ("0201", JobState.UNKNOWN, 1, "unreadable answer 200"),
        ("0444", JobState.UNKNOWN, 1, "no answer after the request was written"),
        ("0499", JobState.UNKNOWN, 1, "no answer after the request was written"),
        ("0408", JobState.UNKNOWN, 1, "no answer after the request was written"),
    ],
)
def test_each_answer_means_what_the_table_says(
    resources: Resources,
    queue: SmsQueue,
    suffix: str,
    state: JobState,
    attempts: int,
    error: str,
) -> None:
    status = queue.status(send(resources, queue, suffix))

    assert status.state is state
    assert status.attempts == attempts
    assert error in (status.error or "")


def test_a_gateway_that_cannot_be_reached_costs_no_attempt_and_loses_nothing(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    client = GatewayClient("http://127.0.0.1:9", "token", timeout_s=1)
    job = send(replace(resources, gateway=client), queue, "4567")

    status = queue.status(job)
    assert (status.state, status.attempts) == (JobState.WAITING, 0)
    assert "could not be reached" in (status.error or "")
    assert simulator.accepted() == {}


def test_an_unknown_job_is_sent_again_only_where_the_caller_said_so(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    held = send(resources, queue, "0499")
    resent = send(resources, queue, "0499", on_unknown="resend")

    assert queue.status(held).state is JobState.UNKNOWN
    assert queue.status(resent).state is JobState.WAITING


def test_temporary_failures_end_in_a_dead_job_that_says_why(
    resources: Resources, queue: SmsQueue
) -> None:
    job = queue.send_quick(f"{PHONE}0599", "code")
    for _ in range(resources.settings.max_attempts):
        wait_until(lambda: make_ready(resources, queue, job), "the job is ready again")
        claim_and_attempt(resources)

    status = queue.status(job)
    assert status.state is JobState.DEAD
    assert status.error == "gave up after 8 attempts: 500"


def make_ready(resources: Resources, queue: SmsQueue, job: str) -> bool:
    resources.claims.recover(limit=10, max_attempts=8, plan=resources.poll_plan)
    return queue.status(job).state is JobState.QUEUED


def test_a_claim_that_stalled_before_its_request_is_not_sent(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    job = queue.send_quick(f"{PHONE}4567", "code")
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, Claim)
    attempt(resources, slot, claim, leased_at_s=time.monotonic() - resources.lease_s)

    assert queue.status(job).state is JobState.WAITING
    assert simulator.accepted() == {}


def test_a_claim_that_stalled_past_its_lease_leaves_no_doubt_about_a_request_that_was_not_made(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    job = queue.send_quick(f"{PHONE}4567", "code")
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, Claim)
    resources.redis.zadd(resources.keys.due, {job: 0})  # its lease has ended
    resources.claims.recover(limit=10, max_attempts=8, plan=resources.poll_plan)
    assert queue.status(job).state is JobState.UNKNOWN
    attempt(resources, slot, claim, leased_at_s=time.monotonic() - resources.lease_s)

    status = queue.status(job)
    assert (status.state, status.attempts) == (JobState.QUEUED, 0)
    assert simulator.accepted() == {}


def test_a_wrong_token_stops_sending_for_everyone_and_burns_nothing(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    simulator.change(token="another")
    try:
        jobs = [queue.send_quick(f"{PHONE}{1000 + i}", "code") for i in range(5)]
        claim_and_attempt(resources)

        rate = queue.stats().rate
        assert 50 < rate.closed_for_s <= 60
        assert "invalid token" in rate.closed_why
        assert {queue.status(job).state for job in jobs} == {JobState.QUEUED}
        assert simulator.get("/book")["requests"] == {"sendQuickSMS 401": 1}
    finally:
        simulator.change(token="simulator-token")
    resources.limiter.resume()
    assert serve(resources, jobs) == ()
    assert {queue.status(job).state for job in jobs} == {JobState.ACCEPTED}
    assert queue.stats().rate.closed_why == ""


def test_a_bulk_job_is_accepted_by_its_uuid_and_waits_for_its_receipt(
    resources: Resources, queue: SmsQueue
) -> None:
    phones = [f"{PHONE}{1000 + i}" for i in range(3)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=phones)])
    claim_and_attempt(resources)

    status = queue.status(campaign)
    assert status.state is JobState.ACCEPTED
    assert status.messages[0].message_id is None
    assert status.counts == {RecipientState.PENDING: 3}


def test_the_log_reads_as_the_flow_without_text_or_phone(
    resources: Resources, queue: SmsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        job = send(resources, queue, "0400")

    lines = [
        record.getMessage() for record in caplog.records if record.name == "smsq.steps.attempt"
    ]
    assert lines[0] == f"-> send job={job} attempt=1"
    assert lines[1].startswith(f"<- rejected job={job} ")
    assert "4821" not in caplog.text
    assert f"{PHONE}0400" not in caplog.text


def test_parts_that_the_gateway_counts_otherwise_are_counted_and_told(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = send(resources, queue, "4567")
    monkeypatch.setattr(resources.gateway, "send_quick", lambda _: QuickAccepted(77, "NEW", 3))
    other = send(resources, queue, "4568")
    monkeypatch.setattr(resources.gateway, "send_quick", lambda _: QuickAccepted(78, "NEW", 0))
    untold = send(resources, queue, "4569")

    assert queue.stats().oddities["parts_differ"] == 1
    operator = StuckJobs.build(resources.settings)
    details = {job: [n.detail for n in operator.timeline(job)] for job in (same, other, untold)}
    operator.close()
    assert details[other][-1] == "the gateway counts 3, we count 1"
    assert not any("counts" in detail for detail in details[same] + details[untold])


@pytest.mark.parametrize(
    ("timeout_s", "lease_s"), [("0.5", 2.5), ("1", 3), ("5", 10), ("15", 30), ("60", 75)]
)
def test_a_lease_leaves_as_much_time_to_settle_as_a_request_may_take(
    environ: dict[str, str], timeout_s: str, lease_s: float
) -> None:
    settings = Settings.from_env(environ | {"SMSQ_TIMEOUT_S": timeout_s}, needs_gateway=True)
    made = Resources.build(settings)

    assert made.lease_s == lease_s
    assert made.leases.send_ms == lease_s * 1000
    made.close()


def test_a_job_that_expires_between_claim_and_request_is_not_sent(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    job = queue.send_quick(f"{PHONE}4567", "code", expires_in_s=60)
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, Claim)
    assert 50 < (claim.expires_in_s or 0) <= 60

    attempt(resources, slot, replace(claim, expires_in_s=5), leased_at_s=time.monotonic() - 5)

    status = queue.status(job)
    assert (status.state, status.error, status.attempts) == (
        JobState.EXPIRED,
        "not sent in time",
        0,
    )
    assert simulator.accepted() == {}


def test_a_worker_answers_what_the_rules_ask_and_goes_on(
    environ: dict[str, str], queue: SmsQueue, simulator: RunningSimulator
) -> None:
    # Quiet for two minutes that are over, or to come: whatever the hour, it is day now.
    hours = (datetime.now(ZoneInfo("Europe/Minsk")) + timedelta(hours=h) for h in (2, 3))
    quiet = "-".join(f"{hour:%H:%M}" for hour in hours)
    rules = {"SMSQ_QUIET_HOURS": quiet, "SMSQ_CAP_PER_DAY": "1"}
    resources = Resources.build(Settings.from_env(environ | rules, needs_gateway=True))
    queue.optout.add([f"{PHONE}4568"])
    first, second = (
        queue.send_bulk(
            [BulkMessage(name="Sale", text="x", phones=[f"{PHONE}4567", f"{PHONE}4568"])]
        )
        for _ in range(2)
    )
    serve(
        resources, [*queue._producer.views.job_ids(first), *queue._producer.views.job_ids(second)]
    )
    resources.close()

    assert simulator.accepted() == {(f"{PHONE}4567", "x"): 1}
    assert queue.status(first).counts == {RecipientState.PENDING: 1, RecipientState.WITHHELD: 1}
    assert queue.status(second).state is JobState.DONE
    words = sorted(row.gateway_status or "" for row in queue.recipients(second))
    assert words == ["frequency cap", "opted out"]


def send_large(queue: SmsQueue) -> tuple[str, list[str]]:
    """A job of a thousand messages, too large for one call; returns its campaign and phones."""
    phones = [f"37529{1000 + i}077" for i in range(1000)]
    messages = [
        BulkMessage(name=f"Sale {i}", text="Half price", phones=[phone])
        for i, phone in enumerate(phones)
    ]
    return queue.send_bulk(messages), phones


def test_a_large_job_is_prepared_slice_by_slice_before_its_one_request(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    campaign, phones = send_large(queue)
    claim_and_attempt(resources)

    assert queue.status(campaign).state is JobState.ACCEPTED
    assert simulator.accepted() == {(phone, "Half price"): 1 for phone in phones}


def test_a_claim_that_ends_between_two_slices_makes_no_request(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator
) -> None:
    campaign, _ = send_large(queue)
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)
    claim = resources.claims.claim(slot, resources.limiter.pace, resources.leases)
    assert isinstance(claim, Claim)
    # Somebody else has claimed it since.
    resources.redis.hincrby(resources.keys.job(claim.job_id), "claims", 1)
    attempt(resources, slot, claim, leased_at_s=time.monotonic())

    assert simulator.accepted() == {}
    assert queue.status(campaign).state is JobState.SUBMITTING
