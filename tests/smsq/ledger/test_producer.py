"""A web app's calls while Redis hangs: answered soon, and truthfully."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import smsq
from smsq.rings import breaker
from smsq.store import pool
from smsq.store.connection import PRODUCER_TIMEOUT_S
from tests.support import RedisServer, wait_until

VISITORS = 40


@contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    """A Redis that takes connections and answers nothing, as on a machine that swaps."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


def send(queue: smsq.SmsQueue, n: int) -> smsq.StoredId | smsq.QueueUnavailableError:
    try:
        return queue.send_quick(f"37529{1234000 + n}", "code", alphaname_id="123", key=f"login-{n}")
    except smsq.QueueUnavailableError as error:
        return error


@pytest.mark.real_redis
def test_while_redis_hangs_visitors_wait_once_and_the_next_ones_not_at_all(
    server: RedisServer,
) -> None:
    queue = smsq.SmsQueue(server.url)
    with ThreadPoolExecutor(VISITORS) as visitors:
        assert isinstance(send(queue, 0), str)
        with stopped(server):
            told = list(visitors.map(lambda n: send(queue, n), range(VISITORS)))
            began_s = time.monotonic()
            later = list(visitors.map(lambda n: send(queue, n), range(VISITORS, 2 * VISITORS)))
            took_s = time.monotonic() - began_s

    assert all(isinstance(one, smsq.QueueUnavailableError) for one in [*told, *later])
    at_once = [one for one in later if "not asked again" in str(one)]
    assert len(later) - len(at_once) <= 1 + took_s  # one is let through each second
    assert not any(one.may_be_stored for one in at_once if not isinstance(one, str))

    wait_until(lambda: isinstance(send(queue, 0), str), "Redis is asked again")
    stored = queue.stats().jobs[smsq.JobState.QUEUED]
    may_be = sum(not isinstance(one, str) and one.may_be_stored for one in told)
    assert 1 <= stored <= 1 + may_be
    ids = [send(queue, n) for n in range(2 * VISITORS)]
    assert len(set(ids)) == 2 * VISITORS == queue.stats().jobs[smsq.JobState.QUEUED]
    queue.close()


@pytest.mark.real_redis
def test_a_queue_made_anew_knows_that_redis_hangs(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "_PAUSE_S", 60)
    with stopped(server):
        for n in range(3):
            queue = smsq.SmsQueue(server.url)
            assert "not asked again" not in str(send(queue, n))
            queue.close()
        late = smsq.SmsQueue(server.url)
        assert "not asked again" in str(send(late, 4))
        with pytest.raises(smsq.QueueUnavailableError, match="not asked again"):
            late.optout.count()
        late.close()


def test_the_waits_of_one_call_are_below_a_second_together() -> None:
    # Half as long for a turn, then no sign of life is asked for; or that, and a new connection.
    assert PRODUCER_TIMEOUT_S * (1 + 1 / 2) < 1
    assert PRODUCER_TIMEOUT_S + min(pool.ASK_TIMEOUT_S, PRODUCER_TIMEOUT_S / 3) < 1
