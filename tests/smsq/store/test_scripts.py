"""Scripts are run on a pool's connection, whatever became of it or of the server's scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis, exceptions

from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.support import MutingProxy, RedisServer

pytestmark = pytest.mark.real_redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def admin(server: RedisServer) -> Iterator[Redis]:
    made = Redis(port=server.port)
    yield made
    made.close()


def make(port: int, timeout_s: float = 5) -> Scripts:
    redis = connect(f"redis://127.0.0.1:{port}/0", timeout_s=timeout_s)
    return Scripts(redis, "shop", retention_ms=1000, events_keep_ms=0)


def read_time(scripts: Scripts) -> int:
    return int(scripts.run("clock", "", "")[0])


def test_a_server_that_forgot_its_scripts_is_given_them_again(
    server: RedisServer, admin: Redis
) -> None:
    scripts = make(server.port)
    assert read_time(scripts)
    admin.script_flush()
    assert read_time(scripts)
    scripts.redis.close()


def test_a_connection_that_was_closed_a_moment_ago_is_not_used(
    server: RedisServer, admin: Redis
) -> None:
    scripts = make(server.port)
    assert read_time(scripts)
    admin.client_kill_filter(_type="normal", skipme=True)
    assert read_time(scripts)
    scripts.redis.close()


def test_an_answer_that_comes_too_late_is_not_taken_for_another_calls(server: RedisServer) -> None:
    with MutingProxy(server.port) as proxy:
        scripts = make(proxy.port, timeout_s=0.2)
        assert read_time(scripts)
        proxy.mute()
        with pytest.raises(exceptions.TimeoutError):
            read_time(scripts)
        assert scripts.redis.ping() is True
        assert read_time(scripts)
        scripts.redis.close()


def test_a_refusal_leaves_the_connection_as_it_is(server: RedisServer) -> None:
    scripts = make(server.port)
    number = scripts.redis.client_id()
    with pytest.raises(exceptions.ResponseError):
        scripts.run("enqueue")
    assert scripts.redis.client_id() == number
    scripts.redis.close()
