"""Connections that are fit for use: none that a firewall forgot, none to a former primary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis, exceptions

import smsq
from smsq.store import pool
from smsq.store.connection import connect, is_of_data
from smsq.store.pool import has_moved
from tests.support import MutingProxy, RedisServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


@pytest.mark.real_redis
def test_after_a_failover_one_refusal_moves_every_connection_to_the_new_primary(
    server: RedisServer, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as promoted, MutingProxy(server.port) as address:
        client = connect(f"redis://127.0.0.1:{address.port}/0")
        connections = [client.connection_pool.get_connection() for _ in range(3)]
        for connection in connections:
            client.connection_pool.release(connection)
        demoted = Redis(port=server.port)
        demoted.replicaof("127.0.0.1", promoted.port)
        address.to = ("127.0.0.1", promoted.port)

        script = client.register_script("return redis.call('SET', KEYS[1], 1)")
        with pytest.raises(exceptions.RedisError) as caught:
            script(keys=["refused"])
        assert has_moved(caught.value)
        for n in range(4):
            script(keys=[f"taken {n}"])

        direct = Redis(port=promoted.port)
        assert direct.dbsize() == 4
        for used in (client, demoted, direct):
            used.close()


@pytest.mark.real_redis
def test_the_first_call_after_a_firewall_forgot_every_connection_succeeds(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "ASK_AFTER_S", 0)
    with MutingProxy(server.port) as firewall:
        queue = smsq.SmsQueue(f"redis://127.0.0.1:{firewall.port}/0")
        queue.send_quick("+375291234567", "in the evening", alphaname_id="123")
        firewall.mute()

        started_s = time.monotonic()
        stored = queue.send_quick("+375291234567", "in the morning", alphaname_id="123")

        assert time.monotonic() - started_s < 2
        assert queue.status(stored)
        queue.close()


@pytest.mark.real_redis
def test_a_user_who_may_not_ask_keeps_the_connection(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "ASK_AFTER_S", 0)
    admin = Redis(port=server.port)
    admin.execute_command("ACL", "SETUSER", "sms", "on", ">q", "~*", "&*", "+@all", "-ping")
    client = connect(f"redis://sms:q@127.0.0.1:{server.port}/0")

    assert len({client.client_id() for _ in range(3)}) == 1
    client.close()
    admin.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.ReadOnlyError("You can't write against a read only replica."), True),
        (exceptions.MasterDownError("Link with MASTER is down"), True),
        (exceptions.ResponseError("Error running script: -READONLY You can't write"), True),
        (exceptions.OutOfMemoryError("command not allowed"), False),
        (exceptions.ResponseError("MISCONF Redis is configured to save"), False),
        (exceptions.ConnectionError("READONLY"), False),
    ],
)
def test_only_a_server_that_is_the_primary_no_more_has_moved(
    error: exceptions.RedisError, expected: bool
) -> None:
    assert has_moved(error) is expected


@pytest.mark.parametrize(
    "said",
    [
        "BUSY Redis is busy running a script.",
        "UNBLOCKED force unblock from blocking operation, instance state changed",
        "LOADING Redis is loading the dataset in memory",
        "TRYAGAIN Multiple keys request during rehashing of slot",
    ],
)
def test_a_server_that_refuses_for_now_says_nothing_about_a_job(said: str) -> None:
    assert not is_of_data(exceptions.ResponseError(said))
