"""Durability: what stands in the way of a claim that no power loss forgets."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from smsq.settings import Settings
from smsq.store import durability
from smsq.store.connection import WORKER_TIMEOUT_S, connect
from smsq.store.durability import find_obstacle, read_wait, read_waitaof
from smsq.store.scripts import Scripts
from tests.smsq.world import ACCEPTED, PLAN, World
from tests.support import RedisServer


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ResponseError("unknown command 'WAITAOF', with args"), "7.2 or newer"),
        (ResponseError("WAITAOF cannot be used when appendonly is disabled."), "appendonly yes"),
        (ResponseError("OOM command not allowed"), "OOM"),
        ([0, 0], "appendfsync everysec or always"),
    ],
)
def test_each_obstacle_is_told_with_what_to_do(answer: object, says: str) -> None:
    assert says in (read_waitaof(answer) or "")


def test_as_many_replicas_are_asked_for_as_claims_will_wait_for() -> None:
    assert read_wait(2, 2) is None
    assert "1 of 2 replicas" in (read_wait(1, 2) or "")


def test_a_write_on_the_disk_is_no_obstacle() -> None:
    assert read_waitaof([1, 0]) is None


def test_a_server_that_keeps_no_log_is_an_obstacle(scripts: Scripts) -> None:
    # The session's server, which has none: older ones lack the command as well.
    assert find_obstacle(scripts.redis, scripts.keys.disk) is not None


@pytest.mark.real_redis
@pytest.mark.parametrize("fsync", ["everysec", "always"])
def test_a_claim_is_confirmed_once_it_is_on_the_disk(fsync: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", fsync) as server:
        world = World(Settings.from_env({"SMSQ_REDIS_URL": server.url}))
        obstacle = find_obstacle(world.redis, world.keys.disk)
        if obstacle and "no WAITAOF" in obstacle:
            pytest.skip("this redis-server is older than 7.2")
        claim = world.claim(world.enqueue())

        assert obstacle is None
        assert world.claims.confirm(claim, wait_ms=3000)
        world.claims.settle(claim, ACCEPTED, PLAN)
        assert not world.claims.confirm(claim, wait_ms=3000)
        world.redis.close()


@pytest.mark.real_redis
def test_a_log_that_is_never_written_through_is_an_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "DISK_TIMEOUT_MS", 300)
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "no") as server:
        redis = connect(server.url, timeout_s=WORKER_TIMEOUT_S)
        assert find_obstacle(redis, "shop:disk")
        redis.close()


def test_a_claim_that_somebody_else_took_over_is_not_confirmed(world: World) -> None:
    job = world.enqueue()
    old = world.claim(job, lease_s=1)
    confirm = world.scripts.run

    assert confirm("confirm", job, old.number) == "ok"
    world.redis.hset(world.keys.job(job), "state", "queued")  # as a crash of Redis leaves it
    assert confirm("confirm", job, old.number) == "stale"


def test_the_number_of_a_claim_that_redis_forgot_is_not_used_again(world: World) -> None:
    job = world.enqueue()
    before = world.redis.dump(world.keys.job(job))
    assert before is not None
    forgotten = world.claim(job)
    world.redis.restore(world.keys.job(job), 0, before, replace=True)
    world.redis.zadd(world.keys.ready("normal"), {job: 0})
    world.pass_s(1)

    assert world.claim(job).number != forgotten.number


def test_confirming_needs_a_server_that_can(world: World) -> None:
    claim = world.claim(world.enqueue())

    with pytest.raises(ResponseError):
        world.claims.confirm(claim, wait_ms=100)
