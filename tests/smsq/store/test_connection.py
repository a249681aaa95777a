"""Connections to Redis, and what their failures mean to a producer."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from redis import Redis
from redis.exceptions import DataError

import smsq
from smsq.errors import KeyConflictError, NotFoundError, QueueUnavailableError
from smsq.intake.new_jobs import digest
from smsq.models import JobState
from smsq.rings.breaker import Breaker
from smsq.store.connection import PRODUCER_TIMEOUT_S, connect, unavailable
from smsq.store.keys import Keys
from tests.support import RedisServer, free_port, has_at_least


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    client = connect(redis_url)
    yield client
    client.close()


def write_to_the_end(server: RedisServer, client: Redis) -> None:
    """Write, and go on when the server has died."""
    client.set("stored", 1)
    server.stop()
    client.set("lost", 1)


def test_a_client_speaks_text_and_never_repeats_by_itself() -> None:
    redis = connect("redis://127.0.0.1:9/0")
    options = redis.connection_pool.connection_kwargs

    assert options["decode_responses"]
    assert options["socket_timeout"] == options["socket_connect_timeout"] == PRODUCER_TIMEOUT_S
    assert redis.get_retry().get_retries() == 0  # type: ignore[union-attr]


def test_a_block_that_goes_well_is_left_alone(redis: Redis) -> None:
    with unavailable(redis, writes=True):
        assert redis.ping()


@pytest.mark.parametrize("writes", [True, False])
def test_what_fails_before_the_block_has_stored_nothing(writes: bool) -> None:
    client = connect(f"redis://127.0.0.1:{free_port()}/0")
    entered = []

    with (
        pytest.raises(QueueUnavailableError, match="cannot be reached") as caught,
        unavailable(client, writes=writes),
    ):
        entered.append(True)

    assert not entered
    assert not caught.value.may_be_stored
    client.close()


@pytest.mark.real_redis
@pytest.mark.parametrize("writes", [True, False])
def test_a_lost_answer_may_be_a_stored_job(tmp_path: Path, writes: bool) -> None:
    with RedisServer(tmp_path) as server:
        client = connect(server.url)
        with (
            pytest.raises(QueueUnavailableError, match="did not answer") as caught,
            unavailable(client, writes=writes),
        ):
            write_to_the_end(server, client)
        client.close()

    assert caught.value.may_be_stored is writes
    assert ("repeat with the same key" in caught.value.reason) is writes


@pytest.mark.parametrize(("in_pieces", "may_be_stored"), [(False, False), (True, True)])
def test_a_refusal_stores_nothing_unless_it_comes_in_pieces(
    redis: Redis, in_pieces: bool, may_be_stored: bool
) -> None:
    with (
        pytest.raises(QueueUnavailableError, match="Redis refused") as caught,
        unavailable(redis, writes=True, in_pieces=in_pieces),
    ):
        redis.execute_command("SET", "only-a-key")

    assert caught.value.may_be_stored is may_be_stored


@pytest.mark.parametrize(
    ("body", "is_stored"),
    [
        ("redis.call('SET', KEYS[1], 1) error('half way')", True),
        ("redis.call('SET', KEYS[1], 1) return {} + 1", True),
        ("redis.call('SET', KEYS[1], 1) redis.call('INCR', KEYS[1], 'too many')", True),
        ("redis.call('SET', KEYS[1], 1) return redis.error_reply('ERR as told')", True),
        ("this is no Lua", False),
    ],
)
def test_a_script_that_ends_in_an_error_never_says_that_nothing_was_stored(
    redis: Redis, namespace: str, body: str, is_stored: bool
) -> None:
    key = f"{namespace}:half"
    with pytest.raises(QueueUnavailableError) as caught, unavailable(redis, writes=True):
        redis.register_script(body)(keys=[key])

    assert bool(redis.exists(key)) is is_stored
    assert caught.value.may_be_stored or not is_stored
    assert caught.value.may_be_stored is ("repeat with the same key" in str(caught.value))


@pytest.mark.real_redis
def test_a_user_who_may_not_write_news_is_told_whether_the_job_may_be_stored(
    tmp_path: Path,
) -> None:
    """The job is written before its news: before Redis 7 a script cannot look at rights first."""
    with RedisServer(tmp_path) as server:
        admin = Redis(port=server.port, decode_responses=True)
        admin.execute_command("ACL", "SETUSER", "sms", "on", ">q", "~*", "&*", "+@all", "-xadd")
        queue = smsq.SmsQueue(f"redis://sms:q@127.0.0.1:{server.port}/0")
        with pytest.raises(QueueUnavailableError) as caught:
            queue.send_quick("+375291234567", "code", alphaname_id="123")

        asks_first = has_at_least(server.url, 7)
        assert caught.value.may_be_stored is not asks_first
        assert bool(admin.keys("smsq:job:*")) is not asks_first
        assert not asks_first or "ACL SETUSER name +xadd ~smsq:*" in caught.value.reason
        queue.close()
        admin.close()


def test_no_foreign_error_hangs_on_ours(redis: Redis) -> None:
    """A chained exception would bring addresses, and passwords in them, into logs."""
    away = connect(f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    for client in (redis, away):
        with (
            pytest.raises(QueueUnavailableError) as caught,
            unavailable(client, writes=True),
        ):
            client.execute_command("SET", "only-a-key")
        shown = "".join(traceback.format_exception(caught.value))
        assert "redis.exceptions" not in shown
        assert "During handling" not in shown
        assert "hunter2" not in shown
    away.close()


def test_whatever_redis_raises_becomes_ours(redis: Redis) -> None:
    with pytest.raises(QueueUnavailableError), unavailable(redis, writes=False):
        raise DataError("as redis-py raises it")


def test_the_callers_own_errors_pass_through(redis: Redis) -> None:
    with pytest.raises(smsq.KeyConflictError), unavailable(redis, writes=True):
        raise smsq.KeyConflictError("k")


def test_what_is_no_redis_is_unavailable_in_time() -> None:
    def answer_oddly(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            peer.recv(1024)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer_oddly, args=(server,))
        thread.start()
        client = connect(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        started_at_s = time.monotonic()
        with pytest.raises(QueueUnavailableError), unavailable(client, writes=True):
            client.ping()
        assert time.monotonic() - started_at_s < 2
        client.close()
        thread.join()


def test_a_failure_after_the_first_hundred_says_that_some_may_be_stored(
    queue: smsq.SmsQueue, redis: Redis, namespace: str
) -> None:
    # Redis refuses to read this message's key, the 151st, as a string.
    redis.hset(Keys(namespace).idempotency(digest("odd")), "not", "a string")
    messages = [
        smsq.QuickMessage(phone=f"37529{1234000 + i}", text="code", key="odd" if i == 150 else None)
        for i in range(200)
    ]

    with pytest.raises(QueueUnavailableError) as caught:
        queue.send_quick_many(messages)

    assert caught.value.may_be_stored
    assert queue.stats().jobs[JobState.QUEUED] >= 100


@pytest.mark.parametrize(
    "answer", [NotFoundError("no job"), KeyConflictError("used before"), GeneratorExit()]
)
def test_after_an_outage_whatever_redis_answers_says_that_it_is_back(
    answer: BaseException,
) -> None:
    now_s = [0.0]
    tries = Breaker(1.0, clock=lambda: now_s[0])
    tries.fail()
    assert not tries.allows()
    now_s[0] = 2.0
    client: Any = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    with pytest.raises(type(answer)), unavailable(client, writes=False, tries=tries):
        raise answer

    assert tries.allows()
    assert tries.allows()
