"""Durable claims: no request before the claim is on Redis' disk, or on its replicas."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from smsq.models import JobState
from smsq.names import Durability
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim
from smsq.sending.claims import Claims
from smsq.simulator.server import RunningSimulator
from smsq.steps import attempt
from smsq.steps.resources import Resources
from tests.smsq.steps.test_attempt import claim_and_attempt

PHONE = "375291234567"


@pytest.fixture
def careful(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Resources:
    monkeypatch.setattr(attempt, "KEEP_PAUSE_S", 0.01)
    monkeypatch.setattr(attempt, "KEEP_WAIT_MS", 50)
    return make_careful(resources, Durability.DISK)


def make_careful(resources: Resources, level: Durability) -> Resources:
    return replace(resources, settings=replace(resources.settings, durable_claims=level))


@pytest.mark.parametrize(
    ("level", "where"), [(Durability.DISK, "disk"), (Durability.REPLICA, "replica")]
)
def test_a_job_is_handed_back_where_its_claim_may_be_lost(
    careful: Resources,
    queue: SmsQueue,
    simulator: RunningSimulator,
    level: Durability,
    where: str,
) -> None:
    # Truly so: the session's server has no append-only file, and no replica.
    careful = make_careful(careful, level)
    job = queue.send_quick(PHONE, "code")
    claim_and_attempt(careful)

    status = queue.status(job)
    assert (status.state, status.attempts) == (JobState.QUEUED, 0)
    assert where in (status.error or "")
    assert not simulator.accepted()


@pytest.mark.parametrize("answer", [False, RedisConnectionError("gone")])
def test_a_claim_that_may_be_forgotten_sends_nothing_and_costs_no_attempt(
    careful: Resources,
    queue: SmsQueue,
    simulator: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    answer: object,
) -> None:
    answers = [answer, True]

    def stub(self: Claims, claim: Claim, **_: object) -> bool:
        """A stub: no server that the suite may count on has WAITAOF."""
        assert self._redis.hget(careful.keys.job(claim.job_id), "state") == "submitting"
        if isinstance(said := answers.pop(0), Exception):
            raise said
        return bool(said)

    monkeypatch.setattr(Claims, "confirm", stub)
    job = queue.send_quick(PHONE, "code")

    claim_and_attempt(careful)
    assert queue.status(job).state is JobState.QUEUED
    assert not simulator.accepted()
    claim_and_attempt(careful)
    assert queue.status(job).state is JobState.ACCEPTED
    assert queue.status(job).attempts == 1
    assert set(simulator.accepted().values()) == {1}


def test_without_the_setting_nobody_waits_for_the_disk(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Claims, "confirm", None)
    job = queue.send_quick(PHONE, "code")
    claim_and_attempt(resources)

    assert queue.status(job).state is JobState.ACCEPTED
