"""Connections that are fit for use: none that a firewall forgot, none to a former primary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis, exceptions

import smsq
from smsq.store import pool
from smsq.store.connection import connect
from smsq.store.refusals import has_moved
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
