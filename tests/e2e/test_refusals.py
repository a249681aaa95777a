"""Redis answers, but refuses: everything that runs stays up, and is at work soon after."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis import Redis

import smsq
from smsq.models import JobState
from tests.e2e.conftest import Deploy, Deployment
from tests.support import free_port, wait_until

PHONE = "375297394567"
BACK_WITHIN_S = 10.0
REFUSED_FOR_S = 3.0

pytestmark = [pytest.mark.real_redis, pytest.mark.timeout(120)]


def refuse_for_a_while(deployment: Deployment, redis: Redis, begin: Any, end: Any) -> None:
    """Let Redis refuse writes with a job in hand, and see all of it end well."""
    queue = deployment.queue
    in_hand = queue.send_quick(PHONE, f"in hand at {time.monotonic()}")
    wait_until(lambda: queue.status(in_hand).state is JobState.SUBMITTING, "it is in hand")
    begin()
    with pytest.raises(smsq.QueueUnavailableError):
        queue.send_quick(PHONE, "refused")
    time.sleep(REFUSED_FOR_S)
    end()
    back_at_s = time.monotonic()
    job = queue.send_quick(PHONE, f"back at {back_at_s}")

    def are_both_settled() -> bool:
        since_s = time.monotonic() - back_at_s
        ticked = (queue.heartbeat_age_s() or since_s) < since_s
        good = {JobState.ACCEPTED, JobState.DONE}
        return ticked and all(queue.status(id_).state in good for id_ in (in_hand, job))

    wait_until(are_both_settled, "all are back at work", deadline_s=BACK_WITHIN_S)
    assert set(deployment.gateway.accepted().values()) == {1}
    deployment.check()


def test_nothing_ends_or_goes_deaf_when_redis_refuses_writes(deploy: Deploy) -> None:
    with deploy("--latency-ms", "1000") as deployment:
        redis = Redis(port=deployment.ports["redis"], decode_responses=True)

        refuse_for_a_while(
            deployment,
            redis,
            begin=lambda: redis.replicaof("127.0.0.1", free_port()),
            end=lambda: redis.replicaof("NO", "ONE"),
        )
        refuse_for_a_while(
            deployment,
            redis,
            begin=lambda: redis.config_set("maxmemory", 1),
            end=lambda: redis.config_set("maxmemory", 0),
        )
        refuse_for_a_while(
            deployment,
            redis,
            begin=lambda: redis.config_set("min-replicas-to-write", 1),
            end=lambda: redis.config_set("min-replicas-to-write", 0),
        )
        redis.close()
