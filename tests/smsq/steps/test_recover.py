"""Recover: what is due moves on, and what lost its ring is rung again."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import pytest

from smsq.models import BulkMessage, JobState
from smsq.names import Queue
from smsq.queue import SmsQueue
from smsq.steps.launch import has_campaigns_on_their_way
from smsq.steps.recover import close_gathered, recover_due
from smsq.steps.resources import Resources
from tests.support import wait_until

PHONE = "375291234567"


def count_rings(resources: Resources, queue: Queue) -> int:
    return resources.rings.count_waiting(queue)


def lose_rings(resources: Resources) -> None:
    for queue in Queue:
        resources.redis.delete(f"{resources.keys.namespace}:{queue}")


def age_ready_jobs(resources: Resources, seconds: float) -> None:
    for queue in Queue:
        key = resources.keys.ready(queue)
        for job in resources.redis.zrange(key, 0, -1):
            resources.redis.zincrby(key, -seconds * 1000, str(job))


def test_a_lost_ring_is_rung_again_once(resources: Resources, queue: SmsQueue) -> None:
    for i in range(250):
        queue.send_quick(PHONE, f"code {i}")
    lose_rings(resources)
    age_ready_jobs(resources, 10)

    recover_due(resources)
    assert count_rings(resources, Queue.NORMAL) == 3  # 100, 100, 50
    recover_due(resources)
    assert count_rings(resources, Queue.NORMAL) == 3


def test_what_may_be_on_its_way_is_not_rung_again(resources: Resources, queue: SmsQueue) -> None:
    queue.send_quick(PHONE, "code")
    lose_rings(resources)
    age_ready_jobs(resources, -60)  # however slow this machine is
    recover_due(resources)

    assert count_rings(resources, Queue.NORMAL) == 0


def test_what_has_a_ring_in_the_broker_is_not_rung_again(
    resources: Resources, queue: SmsQueue
) -> None:
    queue.send_quick(PHONE, "code", priority="urgent")
    age_ready_jobs(resources, 10)
    recover_due(resources)

    assert count_rings(resources, Queue.URGENT) == 1


def test_nothing_is_rung_while_a_closed_gate_is_watched(
    resources: Resources, queue: SmsQueue
) -> None:
    queue.send_quick(PHONE, "code")
    lose_rings(resources)
    age_ready_jobs(resources, 10)
    resources.limiter.pause("paused by operator")
    resources.limiter.reserve()  # as the engine does every two seconds

    recover_due(resources)
    assert count_rings(resources, Queue.NORMAL) == 0


def test_a_job_whose_pause_is_over_is_rung(resources: Resources, queue: SmsQueue) -> None:
    job = queue.send_quick(PHONE, "code")
    lose_rings(resources)
    resources.redis.hset(resources.keys.job(job), "state", "waiting")
    resources.redis.zrem(resources.keys.ready("normal"), job)
    resources.redis.zadd(resources.keys.due, {job: 0})

    assert recover_due(resources) == 1
    assert queue.status(job).state is JobState.QUEUED
    assert count_rings(resources, Queue.NORMAL) == 1


def test_each_tick_leaves_a_heartbeat(resources: Resources, queue: SmsQueue) -> None:
    assert queue.heartbeat_age_s() is None
    recover_due(resources)
    wait_until(lambda: (queue.heartbeat_age_s() or 99) < 5, "the heartbeat is fresh")


def test_a_gathered_job_is_rung_when_it_closes_not_at_the_tick_after(
    resources: Resources, queue: SmsQueue
) -> None:
    gathering = replace(resources.settings, gather_s=0.2)
    with closing(SmsQueue(settings=gathering)) as hasty:
        first, patient = hasty.send_personal(PHONE, "code"), queue.send_personal(PHONE, "code")
        began_s = time.monotonic()
        close_gathered(resources, for_s=1)
        assert queue.status(first).state is JobState.QUEUED
        assert time.monotonic() - began_s < 1
        assert queue.status(patient).state is JobState.WAITING
    assert count_rings(resources, Queue.NORMAL) == 1


def test_a_tick_does_not_wait_for_what_closes_after_it(
    resources: Resources, queue: SmsQueue
) -> None:
    queue.send_personal(PHONE, "code")
    began_s = time.monotonic()
    close_gathered(resources, for_s=1)

    assert time.monotonic() - began_s < 0.5


def test_recover_ends_what_a_dead_caller_began(
    resources: Resources, queue: SmsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [BulkMessage(name="Sale", text="hi", phones=[f"37529{1000000 + i}"]) for i in range(3)]
    settings = replace(queue.settings, bulk_max_recipients=1)
    small = SmsQueue(settings=settings)
    campaign = small.send_bulk(texts)
    small.close()
    # Whoever cancelled it died before a single job was brought in line.
    resources.brakes.cancel(campaign, by="ops@host")
    with caplog.at_level("INFO"):
        recover_due(resources)

    assert queue.campaign(campaign).jobs == {JobState.CANCELLED: 3}
    assert f"campaign={campaign} cancelled (by ops@host)" in caplog.text
    assert not has_campaigns_on_their_way(resources)


def test_recover_rings_what_a_good_canary_lets_go(
    resources: Resources, queue: SmsQueue, caplog: pytest.LogCaptureFixture
) -> None:
    phones = [f"37529{1000000 + i}" for i in range(4)]
    message = BulkMessage(name="Sale", text="hi", phones=phones)
    campaign = queue.send_bulk([message], canary=2)
    lose_rings(resources)
    resources.brakes.resume(campaign, by="ops@host", is_anyway=True)
    with caplog.at_level("INFO"):
        recover_due(resources)

    assert queue.campaign(campaign).jobs == {JobState.QUEUED: 2}
    assert count_rings(resources, Queue.BULK) == 1
    assert f"campaign={campaign} resumed (by ops@host)" in caplog.text
