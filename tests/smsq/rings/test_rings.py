"""Rings: Celery messages with ids and nothing else."""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import pytest

from smsq.names import RING_MAX_JOBS, Queue, Task
from smsq.rings.broker import broker_options
from smsq.rings.rings import Rings
from smsq.store.connection import connect
from tests.support import MutingProxy, RedisServer, free_port, wait_until


@pytest.fixture
def rings(redis_url: str, namespace: str) -> Iterator[Rings]:
    made = Rings(redis_url, namespace)
    yield made
    made.close()


def rung(redis_url: str, namespace: str, queue: Queue) -> list[dict[str, Any]]:
    """Read what stands in a queue, oldest first."""
    redis = connect(redis_url)
    raw = redis.lrange(f"{namespace}:{queue}", 0, -1)
    redis.close()
    return [json.loads(message) for message in reversed(list(raw))]


def ids_of(message: dict[str, Any]) -> list[str]:
    (ids,), _, _ = json.loads(base64.b64decode(message["body"]))
    return list(ids)


def test_a_ring_carries_ids_and_the_tasks_name(
    rings: Rings, redis_url: str, namespace: str
) -> None:
    assert rings.ring(Task.SEND_QUICK, ["j1", "j2"], Queue.URGENT)

    [message] = rung(redis_url, namespace, Queue.URGENT)
    assert ids_of(message) == ["j1", "j2"]
    assert message["headers"]["task"] == "smsq.send_quick"
    assert message["headers"]["retries"] == 0
    assert message["headers"]["eta"] is None
    assert message["content-type"] == "application/json"
    assert message["properties"]["delivery_info"]["routing_key"] == "urgent"


def test_a_job_rung_alone_has_its_id_as_the_tasks(
    rings: Rings, redis_url: str, namespace: str
) -> None:
    rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)
    rings.ring(Task.SEND_QUICK, ["j1", "j2"], Queue.NORMAL)

    alone, together = rung(redis_url, namespace, Queue.NORMAL)
    assert alone["headers"]["id"] == "j1"
    assert together["headers"]["id"] not in {"j1", "j2"}


def test_many_jobs_share_rings_of_a_hundred(rings: Rings, redis_url: str, namespace: str) -> None:
    ids = [f"j{i}" for i in range(2 * RING_MAX_JOBS + 1)]
    assert rings.ring(Task.SEND_QUICK, ids, Queue.BULK)

    parts = [ids_of(message) for message in rung(redis_url, namespace, Queue.BULK)]
    assert [len(part) for part in parts] == [RING_MAX_JOBS, RING_MAX_JOBS, 1]
    assert [i for part in parts for i in part] == ids


@pytest.mark.parametrize(
    ("jobs", "sizes"), [(1, [1]), (5, [1] * 5), (100, [7] * 14 + [2]), (2000, [100] * 20)]
)
def test_a_campaigns_jobs_wake_up_many_threads(
    rings: Rings, redis_url: str, namespace: str, jobs: int, sizes: list[int]
) -> None:
    ids = [f"j{i}" for i in range(jobs)]
    assert rings.ring(Task.SEND_BULK, ids, Queue.BULK)

    parts = [ids_of(message) for message in rung(redis_url, namespace, Queue.BULK)]
    assert [len(part) for part in parts] == sizes
    assert [i for part in parts for i in part] == ids


def test_nothing_to_ring_is_rung_by_nobody(rings: Rings, redis_url: str, namespace: str) -> None:
    assert rings.ring(Task.SEND_QUICK, [], Queue.NORMAL)
    assert rung(redis_url, namespace, Queue.NORMAL) == []


@pytest.mark.parametrize("scheme", ["redis", "amqp", "redis+socket"])
def test_a_broker_that_is_away_is_logged_and_left_to_recover(
    scheme: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    where = tmp_path / "none" if scheme == "redis+socket" else f"127.0.0.1:{free_port()}//"
    rings = Rings(f"{scheme}://{where}", "n")
    started_at_s = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert not rings.ring(Task.SEND_QUICK, ["j-secret"], Queue.NORMAL)

    assert time.monotonic() - started_at_s < 2
    assert "ring failed, recover will repeat it" in caplog.text
    assert "j-secret" not in caplog.text
    rings.close()


@pytest.mark.real_redis
def test_a_ring_reaches_a_redis_behind_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with RedisServer(tmp_path, "--unixsocket", str(path)) as server:
        wait_until(path.exists, "the socket")
        rings = Rings(f"redis+socket://{path}?virtual_host=2", "n")
        assert rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)
        rings.close()

        [message] = rung(f"unix://{path}?db=2", "n", Queue.NORMAL)
        assert ids_of(message) == ["j1"]
        assert rung(server.url, "n", Queue.NORMAL) == []


@pytest.mark.parametrize(
    ("broker_url", "prefix"),
    [
        ("redis://127.0.0.1", {"global_keyprefix": "shop:"}),
        ("rediss://127.0.0.1", {"global_keyprefix": "shop:"}),
        ("redis+socket:///run/redis.sock", {"global_keyprefix": "shop:"}),
        ("amqp://127.0.0.1", {}),
    ],
)
def test_the_namespace_stands_before_every_key_of_a_redis_broker(
    broker_url: str, prefix: dict[str, str]
) -> None:
    assert broker_options(broker_url, "shop") == prefix


def test_the_web_apps_own_celery_stays_the_current_one(redis_url: str) -> None:
    own = celery.Celery("shop")
    own.set_current()
    Rings(redis_url, "n").close()

    assert celery.current_app.main == "shop"
    own.close()


@pytest.mark.real_redis
def test_a_closed_queue_leaves_no_connection_and_may_ring_again(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        admin = connect(server.url)
        rings = Rings(server.url, "n")
        assert rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)
        assert len(admin.client_list()) > 1
        rings.close()
        wait_until(lambda: len(admin.client_list()) == 1, "only this test is connected")

        assert rings.ring(Task.SEND_QUICK, ["j2"], Queue.NORMAL)
        rings.close()
        admin.close()


def test_a_forked_process_rings_by_connections_of_its_own(
    rings: Rings, redis_url: str, namespace: str
) -> None:
    assert rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)
    child = os.fork()
    if child == 0:
        is_rung = rings.ring(Task.SEND_QUICK, ["j2"], Queue.NORMAL)
        rings.close()
        os._exit(0 if is_rung else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rings.ring(Task.SEND_QUICK, ["j3"], Queue.NORMAL)

    found = [ids_of(message) for message in rung(redis_url, namespace, Queue.NORMAL)]
    assert found == [["j1"], ["j2"], ["j3"]]


@pytest.mark.real_redis
def test_after_a_failover_one_ring_is_lost_and_not_one_per_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smsq.rings.line.PAUSE_S", 0.0)
    (tmp_path / "new").mkdir()
    with (
        RedisServer(tmp_path) as old,
        RedisServer(tmp_path / "new") as new,
        MutingProxy(old.port) as address,
    ):
        rings = Rings(f"redis://127.0.0.1:{address.port}/0", "n")
        held = [rings._line.take() for _ in range(4)]
        for connection in held:
            assert connection.default_channel.client.ping()
        for connection in held:
            connection.release()
        demoted = connect(old.url)
        address.to = ("127.0.0.1", new.port)
        demoted.replicaof("127.0.0.1", new.port)

        answers = [rings.ring(Task.SEND_QUICK, [f"j{n}"], Queue.URGENT) for n in range(6)]

        assert answers == [False, *[True] * 5]
        assert len(rung(new.url, "n", Queue.URGENT)) == 5
        rings.close()
        demoted.close()
