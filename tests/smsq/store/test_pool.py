"""Connections that are fit for use: none that a firewall forgot, none to a former primary."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis, exceptions

import smsq
from smsq.errors import QueueUnavailableError
from smsq.store import pool
from smsq.store.connection import connect, unavailable
from smsq.store.refusals import has_moved
from tests.support import MutingProxy, RedisServer, free_port


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


@pytest.mark.real_redis
def test_a_process_makes_no_more_connections_than_it_may_and_the_rest_wait(
    server: RedisServer,
) -> None:
    client = connect(server.url, max_connections=3)
    admin = Redis(port=server.port, decode_responses=True)
    script = client.register_script("return redis.call('SET', KEYS[1], 1)")
    with ThreadPoolExecutor(20) as threads:
        assert all(threads.map(lambda n: script(keys=[str(n)]), range(200)))

    assert len(admin.client_list()) <= 3 + 1
    client.close()
    admin.close()


@pytest.mark.real_redis
def test_a_call_that_gets_no_connection_says_that_nothing_was_stored(server: RedisServer) -> None:
    client = connect(server.url, timeout_s=0.2, max_connections=2)
    held = [client.connection_pool.get_connection() for _ in range(2)]
    started_s = time.monotonic()
    with (
        pytest.raises(QueueUnavailableError, match="SMSQ_REDIS_MAX_CONNECTIONS") as caught,
        unavailable(client, writes=True),
    ):
        client.set("key", 1)

    assert time.monotonic() - started_s < 1
    assert not caught.value.may_be_stored
    for connection in held:
        client.connection_pool.release(connection)
    assert client.ping()
    client.close()


def test_connections_that_could_not_be_made_use_up_no_turns() -> None:
    client = connect(f"redis://127.0.0.1:{free_port()}/0", timeout_s=0.2, max_connections=2)
    for _ in range(5):
        with pytest.raises(exceptions.ConnectionError) as caught:
            client.ping()
        assert not isinstance(caught.value, exceptions.MaxConnectionsError)
    client.close()


@pytest.mark.real_redis
def test_a_forked_process_has_all_turns_of_its_own(server: RedisServer) -> None:
    client = connect(server.url, timeout_s=0.2, max_connections=2)
    held = [client.connection_pool.get_connection() for _ in range(2)]
    pid = os.fork()
    if not pid:
        try:
            os._exit(0 if client.ping() else 1)
        except BaseException:  # noqa: BLE001 - the child must not go on with the tests
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    for connection in held:
        client.connection_pool.release(connection)
    client.close()
