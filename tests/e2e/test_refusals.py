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
from tests.support import MutingProxy, RedisServer, free_port, has_at_least, wait_until

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
    jobs = take_in_hand(deployment, kind)
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
    see_settled(deployment, jobs, back_at_s)
    redis.close()


@pytest.mark.parametrize(
    ("kinds", "for_s"),
    [(["MISCONF", "OOM"], 1.5), pytest.param([*KINDS], 60, marks=pytest.mark.slow)],
)
def test_nothing_ends_or_goes_deaf_when_redis_refuses_writes(
    deploy: Deploy, kinds: list[str], for_s: float
) -> None:
    with deploy("--latency-ms", "1000") as deployment:
        if not has_at_least(f"redis://127.0.0.1:{deployment.ports['redis']}", 7):
            kinds = [kind for kind in kinds if kind != "NOREPLICAS"]  # scripts write all the same
        for kind in kinds:
            refuse_for_a_while(deployment, kind, for_s)
        check_log(deployment.read_logs(), lost=len(kinds) * (1 + for_s / 60))


@pytest.mark.slow
def test_everybody_follows_an_address_to_the_new_primary_while_the_old_one_lives(
    deploy: Deploy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = [tmp_path_factory.mktemp(name) for name in ("old", "new")]
    with (
        RedisServer(folders[0]) as old,
        RedisServer(folders[1], "--replicaof", "127.0.0.1", str(old.port)) as new,
        MutingProxy(old.port) as address,
        deploy(
            *("--latency-ms", "1000"),
            SMSQ_REDIS_URL=f"redis://127.0.0.1:{address.port}/0",
            SMSQ_BROKER_URL="",
        ) as deployment,
    ):
        promoted, demoted = Redis(port=new.port, decode_responses=True), Redis(port=old.port)
        jobs = take_in_hand(deployment, "the failover")
        wait_until(lambda: replicates(promoted), "the replica has all")
        promoted.replicaof("NO", "ONE")
        address.to = ("127.0.0.1", new.port)
        demoted.replicaof("127.0.0.1", new.port)
        moved_at_s = time.monotonic()
        jobs.append(send_at_last(deployment, "after the failover"))

        see_settled(deployment, jobs, moved_at_s)
        check_log(deployment.read_logs(), lost=2)
        promoted.close()
        demoted.close()


def replicates(replica: Redis) -> bool:
    info = replica.info("replication")
    return info["master_link_status"] == "up" and not info["master_sync_in_progress"]


def send_at_last(deployment: Deployment, text: str) -> str:
    """Send as an app does that repeats what was not stored: once, for the pool moves at once."""
    try:
        return deployment.queue.send_quick(PHONES[0], text)
    except smsq.QueueUnavailableError as error:
        if error.may_be_stored:
            raise
        return deployment.queue.send_quick(PHONES[0], text)


def take_in_hand(deployment: Deployment, before: str) -> list[str]:
    """Send, and wait until each request is on its way."""
    queue = deployment.queue
    jobs: list[str] = [queue.send_quick(phone, f"in hand before {before}") for phone in PHONES]
    wait_until(
        lambda: all(queue.status(job).state is JobState.SUBMITTING for job in jobs),
        "all are in hand",
    )
    return jobs


def see_settled(deployment: Deployment, jobs: list[str], back_at_s: float) -> None:
    """See every job settled, each sent once, ticks coming, and every process up."""
    queue = deployment.queue

    def are_all_settled() -> bool:
        since_s = time.monotonic() - back_at_s
        ticked = (queue.heartbeat_age_s() or since_s) < since_s
        good = {JobState.ACCEPTED, JobState.DONE}
        return ticked and all(queue.status(job).state in good for job in jobs)

    wait_until(are_all_settled, "all are back at work", deadline_s=BACK_WITHIN_S)
    assert set(deployment.gateway.accepted().values()) == {1}
    deployment.check()


def check_log(logs: str, *, lost: float) -> None:
    """See that each line that repeats was told once a minute."""
    assert "Traceback" not in logs
    assert "Frequent restarts" not in logs
    assert logs.count("Connection to broker lost") <= lost
