"""Redis answers, but refuses: everything that runs stays up, and is at work soon after."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

import smsq
from smsq.models import JobState
from tests.e2e.conftest import Deploy, Deployment
from tests.support import free_port, wait_until

PHONES = [f"3752973945{n:02}" for n in range(10)]
BACK_WITHIN_S = 10.0

pytestmark = [pytest.mark.real_redis, pytest.mark.timeout(400)]

Act = Callable[[Redis], object]


def find_dump(redis: Redis) -> Path:
    """Where Redis saves to."""
    return Path(str(redis.config_get("dir")["dir"])) / "dump.rdb"


def stop_saving(redis: Redis) -> None:
    """Let Redis find that it cannot write what it wants to save: a folder has the file's name."""
    (find_dump(redis) / "full").mkdir(parents=True)
    redis.config_set("save", "3600 1")
    redis.bgsave()
    wait_until(lambda: redis.info()["rdb_last_bgsave_status"] == "err", "Redis could not save")


def let_save(redis: Redis) -> None:
    shutil.rmtree(find_dump(redis))
    redis.bgsave()
    wait_until(lambda: redis.info()["rdb_last_bgsave_status"] == "ok", "Redis has saved")


#: How to make Redis refuse what would write, and how to end it.
KINDS: dict[str, tuple[Act, Act]] = {
    "READONLY": (
        lambda redis: redis.replicaof("127.0.0.1", free_port()),
        lambda redis: redis.replicaof("NO", "ONE"),
    ),
    "OOM": (
        lambda redis: redis.config_set("maxmemory", 1),
        lambda redis: redis.config_set("maxmemory", 0),
    ),
    "MISCONF": (stop_saving, let_save),
    "NOREPLICAS": (
        lambda redis: redis.config_set("min-replicas-to-write", 1),
        lambda redis: redis.config_set("min-replicas-to-write", 0),
    ),
}


def refuse_for_a_while(deployment: Deployment, kind: str, for_s: float) -> None:
    """Let Redis refuse writes with jobs in hand, and see all of it end well."""
    begin, end = KINDS[kind]
    queue = deployment.queue
    redis = Redis(port=deployment.ports["redis"], decode_responses=True)
    jobs = [queue.send_quick(phone, f"in hand before {kind}") for phone in PHONES]
    wait_until(
        lambda: all(queue.status(job).state is JobState.SUBMITTING for job in jobs),
        "all are in hand",
    )
    begin(redis)
    until_s = time.monotonic() + for_s
    while True:
        with pytest.raises(smsq.QueueUnavailableError) as caught:
            queue.send_quick(PHONES[0], "refused")
        assert not caught.value.may_be_stored
        if time.monotonic() >= until_s:
            break
        time.sleep(0.5)
    end(redis)
    back_at_s = time.monotonic()
    jobs.append(queue.send_quick(PHONES[0], f"after {kind}"))

    def are_all_settled() -> bool:
        since_s = time.monotonic() - back_at_s
        ticked = (queue.heartbeat_age_s() or since_s) < since_s
        good = {JobState.ACCEPTED, JobState.DONE}
        return ticked and all(queue.status(job).state in good for job in jobs)

    wait_until(are_all_settled, "all are back at work", deadline_s=BACK_WITHIN_S)
    assert set(deployment.gateway.accepted().values()) == {1}
    deployment.check()
    redis.close()


@pytest.mark.parametrize("for_s", [1.5, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_ends_or_goes_deaf_when_redis_refuses_writes(deploy: Deploy, for_s: float) -> None:
    with deploy("--latency-ms", "1000") as deployment:
        for kind in KINDS:
            refuse_for_a_while(deployment, kind, for_s)
        logs = deployment.read_logs()

    assert "Traceback" not in logs
    assert "Frequent restarts" not in logs
    # Each line that repeats is told once a minute.
    assert logs.count("Connection to broker lost") <= len(KINDS) * (1 + for_s / 60)
