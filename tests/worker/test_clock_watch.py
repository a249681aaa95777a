"""A worker's watch over the ledger's clock."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from smsq.settings import Settings
from smsq.store.clock import Watch, ledger_time
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.support import RedisServer, wait_until
from worker import clock_watch
from worker.clock_watch import look, start_watching

HOUR_US = 3600 * 1_000_000


def test_a_watching_worker_takes_a_step_ahead_off(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clock_watch, "LOOK_EVERY_S", 0.05)
    stop = threading.Event()
    start_watching(scripts, stop)
    try:
        wait_until(
            lambda: scripts.redis.hexists(scripts.keys.limiter, "sure_us"), "the time is sure"
        )
        # As if Redis had gone ahead: all that it was, it was an hour ago.
        for field in ("seen_us", "stepped_us"):
            scripts.redis.hincrby(scripts.keys.limiter, field, -HOUR_US)
        wait_until(lambda: "ahead" in caplog.text, "the step is told")
        assert abs(ledger_time(scripts.redis, scripts.keys).stepped_s) < 2
    finally:
        stop.set()


def test_a_redis_that_is_away_is_left_to_those_who_need_it(settings: Settings) -> None:
    nowhere = connect("redis://127.0.0.1:9/0")
    look(Scripts.of(nowhere, settings))
    nowhere.close()


@pytest.mark.real_redis
def test_a_full_redis_still_tells_the_time(settings: Settings, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        redis = connect(server.url)
        scripts = Scripts.of(redis, settings)
        scripts.run("clock", "", 0)
        redis.config_set("maxmemory", "1")
        assert scripts.watch
        assert scripts.watch.look(scripts.run) == 0
        redis.close()


def test_a_ledger_that_was_emptied_is_told_once(
    scripts: Scripts, caplog: pytest.LogCaptureFixture
) -> None:
    look(scripts)
    assert scripts.watch
    scripts.watch.note_request(ledger_time(scripts.redis, scripts.keys).now_s)
    look(scripts)
    assert "emptied" not in caplog.text
    scripts.redis.delete(scripts.keys.limiter)
    look(scripts)
    look(scripts)

    assert caplog.text.count("the ledger was emptied: all jobs of before are gone") == 1


def test_of_two_workers_one_looks_and_the_other_stands_by(settings: Settings) -> None:
    steady_s = 1000.0
    one, other = (Watch(lambda: steady_s) for _ in range(2))
    redis = connect(settings.redis_url)
    both = [Scripts.of(redis, settings) for _ in range(2)]
    for scripts, watch in zip(both, (one, other), strict=True):
        scripts.watch = watch
        look(scripts)

    look(both[0])
    assert [watch.others_look for watch in (one, other)] == [True, False]  # the other looked last
    one.look(both[0].run)
    look(both[1])
    assert [watch.others_look for watch in (one, other)] == [False, True]
    assert clock_watch.pause_s(both[1]) > clock_watch.pause_s(both[0])
    redis.close()
