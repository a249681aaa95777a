"""Clients follow the primary that sentinels name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.sentinel import MasterNotFoundError

import smsq
from smsq.errors import QueueUnavailableError
from smsq.settings import Settings
from smsq.store import primary
from smsq.store.primary import PrimaryPool
from tests.sentinels import APP, PASSWORD, Watched, watched
from tests.support import free_port

pytestmark = [pytest.mark.real_redis, pytest.mark.long]

PHONE = "+375291234567"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Watched]:
    with watched(tmp_path) as started:
        yield started


def connect(servers: Watched, **more: str) -> smsq.SmsQueue:
    environ = {"SMSQ_REDIS_URL": servers.url, "SMSQ_ALPHANAME_ID": "123", "SMSQ_PER_PHONE": "0"}
    return smsq.SmsQueue(settings=Settings.from_env(environ | more))


@pytest.mark.parametrize("how", ["planned", "killed"])
def test_a_producer_goes_on_with_the_next_primary_and_loses_no_id(
    servers: Watched, how: str
) -> None:
    queue = connect(servers, SMSQ_DURABLE_ENQUEUE="replica")
    given = [queue.send_quick(PHONE, "before")]
    before = servers.primary
    if how == "killed":
        before.stop()
    else:
        servers.fail_over()

    until_s = time.monotonic() + 20
    while servers.primary is before or len(given) < 20:
        assert time.monotonic() < until_s
        with suppress(QueueUnavailableError):
            given.append(queue.send_quick(PHONE, "after"))
    for some_id in given:
        assert queue.status(some_id)
    queue.close()


def test_a_demoted_primary_that_still_answers_is_left_at_the_next_look(
    servers: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(primary, "ASK_EVERY_S", 0)
    queue = connect(servers)
    queue.send_quick(PHONE, "before")
    servers.fail_over()
    some_id = queue.send_quick(PHONE, "after")
    direct = smsq.SmsQueue(servers.primary.url, settings=queue.settings)
    assert direct.status(some_id)
    direct.close()
    queue.close()


def test_sentinels_that_are_all_away_are_told_within_two_seconds() -> None:
    url = f"sentinel://127.0.0.1:{free_port()},127.0.0.1:{free_port()}/mymaster"
    queue = smsq.SmsQueue(url)
    started_s = time.monotonic()
    with pytest.raises(QueueUnavailableError, match="start the sentinels") as caught:
        queue.send_quick(PHONE, "x", alphaname_id="123")

    assert time.monotonic() - started_s < 2
    assert not caught.value.may_be_stored
    queue.close()


def test_without_a_replica_no_call_says_that_its_job_is_safe(servers: Watched) -> None:
    queue = connect(servers, SMSQ_DURABLE_ENQUEUE="replica")
    for server in servers.servers:
        if server is not servers.primary:
            server.stop()
    with pytest.raises(QueueUnavailableError, match="repeat with the same key") as caught:
        queue.send_quick(PHONE, "code", key="login 7")

    assert caught.value.may_be_stored
    queue.close()


def test_a_sentinel_cut_off_beside_the_primary_of_before_stops_nobody(servers: Watched) -> None:
    """It is asked first, and goes on naming a primary whose writes no replica gets."""
    url = servers.url_through_all
    queue = connect(servers, SMSQ_REDIS_URL=url, SMSQ_DURABLE_ENQUEUE="replica")
    queue.send_quick(PHONE, "before")
    servers.cut_off_primary()
    before, after = servers.servers[0], servers.named_by(1)
    pool = queue._producer.redis.connection_pool
    assert isinstance(pool, PrimaryPool)
    pool.primary._ask_at_s = pool.primary._count_at_s = 0.0
    some_id = queue.send_quick(PHONE, "after")

    assert servers.named_by(0) is before
    direct = smsq.SmsQueue(
        after.url.replace("://", f"://{APP}:{PASSWORD}@"), settings=queue.settings
    )
    assert direct.status(some_id)
    direct.close()
    queue.close()


def test_a_connection_of_before_is_not_used_again_and_replicas_are_those_of_the_next(
    servers: Watched,
) -> None:
    """The other replica copies the old primary for a moment more, and would answer WAIT there."""
    queue = connect(servers)
    queue.send_quick(PHONE, "before")
    pool = queue._producer.redis.connection_pool
    assert isinstance(pool, PrimaryPool)
    assert pool.primary.count_replicas() == 2
    in_use = pool.get_connection()
    before = servers.primary
    servers.fail_over()
    # Asked for their number just before anybody looks for the primary.
    pool.primary._ask_at_s, pool.primary._count_at_s = float("inf"), 0.0

    assert pool.primary.count_replicas() < 3
    pool.release(in_use)
    after = pool.get_connection()
    assert before.port != after.port == servers.primary.port
    pool.release(after)
    queue.close()


def test_sentinels_that_were_busy_for_a_moment_are_asked_again_soon(
    servers: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a number of before holds, nothing is sent where one of those replicas is gone."""
    queue = connect(servers)
    queue.send_quick(PHONE, "before")
    pool = queue._producer.redis.connection_pool
    assert isinstance(pool, PrimaryPool)

    def nobody(**_: object) -> None:
        raise MasterNotFoundError

    with monkeypatch.context() as busy:
        busy.setattr(pool.primary._sentinels, "ask", nobody)
        with pytest.raises(MasterNotFoundError):
            pool.primary.count_replicas()
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + 2.1)
    assert pool.primary.count_replicas() == 2
    queue.close()
