"""Beat: ticks at even intervals, whatever its machine's clock does, and none that nobody takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from celery import Celery
from celery.beat import SchedulingError, Service
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.celeryconfig import celery_options
from config.queues import TICK_QUEUE
from config.settings import EXIT_BAD_SETTINGS
from smsq import names
from smsq.rings.celery_app import OwnCelery
from smsq.rings.ticks import EVERY_S, Ticks
from smsq.settings import Settings
from smsq.store import primary
from smsq.store.connection import connect
from tests.sentinels import disputed
from tests.smsq.world import World
from tests.ticks import take
from worker import beat
from worker.beat import TickScheduler
from worker.lifecycle import APP_NAME, keep_schedule

MEGABYTE = 2**20

TICKS = (names.Task.RECOVER, names.Task.POLL_DELIVERIES)


class Beat:
    """A scheduler whose process' steady clock is the world's."""

    def __init__(self, scheduler: TickScheduler, world: World) -> None:
        self.scheduler = scheduler
        self.world = world
        self.sent_at_s: dict[str, list[float]] = {
            names.Task.RECOVER: [],
            names.Task.POLL_DELIVERIES: [],
        }
        self.failure: Exception | None = None
        self.send = scheduler.apply_async

    def apply_async(self, entry: Any, **options: Any) -> Any:
        """Stand in for Celery's; `send` is the real one."""
        self.sent_at_s[entry.task].append(self.world.now_us / 1e6)
        if self.failure:
            raise self.failure

    def run_for(self, seconds: float, *, is_taken: bool = True) -> None:
        """Run as Celery's service does; workers take what is sent, or there are none."""
        until_us = self.world.now_us + round(seconds * 1e6)
        while self.world.now_us < until_us:
            wait_s = self.scheduler.tick()
            for task in self.sent_at_s if is_taken else ():
                take(self.world.scripts, task)
            assert 0 < wait_s <= EVERY_S
            self.world.pass_s(wait_s)


@pytest.fixture
def running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beat]:
    world = World(settings)
    monkeypatch.setattr(beat, "steady_s", lambda: world.now_us / 1e6)
    with Celery("smsq", set_as_current=False) as app:
        app.conf.update(celery_options(settings))
        made = Beat(TickScheduler(app, ticks=Ticks(world.scripts)), world)
        monkeypatch.setattr(made.scheduler, "apply_async", made.apply_async)
        yield made
    world.redis.close()


def test_a_tick_that_failed_makes_the_next_one_connect_anew(running: Beat) -> None:
    """A connection to a former primary refuses for ever, and a dead one of RabbitMQ's too."""
    before = running.scheduler.connection
    running.failure = SchedulingError("READONLY")
    running.run_for(1)

    assert running.scheduler.connection is not before


@pytest.mark.parametrize(
    ("broker_url", "told"),
    [
        ("amqp://127.0.0.1//", {"confirm_publish": True, "read_timeout": 2}),
        ("redis://127.0.0.1", {"socket_timeout": 2, "socket_connect_timeout": 2}),
    ],
)
def test_a_tick_waits_no_longer_than_two_seconds_for_the_broker(
    settings: Settings, broker_url: str, told: dict[str, object]
) -> None:
    """Beat would tick for minutes into a connection to RabbitMQ that died without a word."""
    with Celery("smsq", set_as_current=False) as app:
        app.conf.update(celery_options(replace(settings, broker_url=broker_url)))
        connection = TickScheduler(app, lazy=True).connection

        assert connection.transport_options == app.conf.broker_transport_options | told


@pytest.mark.real_redis
@pytest.mark.long
def test_ticks_leave_a_primary_of_before_that_still_takes_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sentinel names it still, and no worker is there."""
    monkeypatch.setattr(primary, "ASK_EVERY_S", 0)
    world = World(settings)
    monkeypatch.setattr(beat, "steady_s", lambda: world.now_us / 1e6)
    with disputed(tmp_path) as brokers, OwnCelery("smsq", set_as_current=False) as app:
        app.conf.update(celery_options(replace(settings, broker_url=brokers.url)))
        scheduler = TickScheduler(app, ticks=Ticks(world.scripts))

        def count() -> list[int]:
            found = []
            for server in (brokers.before, brokers.after):
                with Redis(port=server.port) as client:
                    found.append(client.llen(f"{settings.namespace}:{TICK_QUEUE}"))
            return found

        scheduler.tick()
        assert count() == [len(TICKS), 0]
        brokers.promote()
        world.pass_s(EVERY_S)
        scheduler.tick()
        assert count() == [len(TICKS), len(TICKS)]
        scheduler.connection.release()
    world.redis.close()


def test_every_task_ticks_at_even_intervals(running: Beat) -> None:
    running.run_for(20)

    for sent_at_s in running.sent_at_s.values():
        assert len(sent_at_s) == 20
        assert all(b - a == pytest.approx(EVERY_S) for a, b in pairwise(sent_at_s))


@pytest.mark.parametrize("hours", [-1, 1])
def test_ticks_go_on_evenly_when_the_machines_clock_is_set(
    running: Beat, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    running.run_for(5)
    shift = timedelta(hours=hours)
    now_s = time.time
    monkeypatch.setattr(time, "time", lambda: now_s() + shift.total_seconds())
    entries = running.scheduler.schedule.values()
    monkeypatch.setattr(running.scheduler.app, "now", lambda: datetime.now(UTC) + shift)
    assert entries
    running.run_for(5)

    for sent_at_s in running.sent_at_s.values():
        assert len(sent_at_s) == 10
        assert all(b - a == pytest.approx(EVERY_S) for a, b in pairwise(sent_at_s))


def test_a_beat_that_was_held_up_sends_no_burst(running: Beat) -> None:
    running.run_for(3)
    running.world.pass_s(3600)
    running.run_for(3)

    for sent_at_s in running.sent_at_s.values():
        assert len(sent_at_s) <= 7


def test_ticks_that_the_broker_did_not_take_do_not_slow_beat_down(running: Beat) -> None:
    running.failure = SchedulingError("the broker is away")
    running.run_for(60, is_taken=False)
    assert all(len(sent_at_s) == 60 for sent_at_s in running.sent_at_s.values())


def test_beat_ends_when_a_newer_version_wrote_its_ledger(
    running: Beat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def end(code: int) -> None:
        raise InterruptedError(code)

    monkeypatch.setattr(os, "_exit", end)
    running.world.redis.hset(running.world.keys.limiter, "format", "99")

    with pytest.raises(InterruptedError, match=str(EXIT_BAD_SETTINGS)):
        running.run_for(5)
    assert not any(running.sent_at_s.values())
    assert "this beat ends: a newer version of smsq wrote the ledger" in caplog.text


def test_beat_outlives_a_ledger_that_is_away(
    running: Beat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise RedisConnectionError

    with monkeypatch.context() as away:
        away.setattr(running.scheduler.ticks, "may_send", fail)
        running.run_for(30, is_taken=False)
    assert not any(running.sent_at_s.values())
    running.run_for(2)
    assert all(len(sent_at_s) == 2 for sent_at_s in running.sent_at_s.values())


@pytest.mark.parametrize("named", ["celery.beat:Scheduler", "worker.beat:TickScheduler"])
def test_beat_ticks_by_our_scheduler_whatever_its_command_line_names(
    settings: Settings, named: str
) -> None:
    with Celery(APP_NAME, set_as_current=False) as app:
        app.conf.update(celery_options(settings))
        service = Service(app, scheduler_cls=cast(Any, named))
        keep_schedule(service)

        assert isinstance(service.scheduler, TickScheduler)
        assert {entry.task for entry in service.scheduler.schedule.values()} == set(TICKS)


def fill_broker(
    running: Beat, settings: Settings, monkeypatch: pytest.MonkeyPatch, hours: int
) -> int:
    """Let beat alone for so long; returns the bytes that its ticks take in the broker."""
    monkeypatch.setattr(running.scheduler, "apply_async", running.send)
    running.run_for(hours * 3600, is_taken=False)
    redis = connect(settings.redis_url)
    rows = cast("list[str]", redis.lrange(f"{settings.namespace}:{TICK_QUEUE}", 0, -1))
    redis.close()
    assert rows
    return sum(map(len, rows))


@pytest.mark.long
def test_beat_alone_for_hours_hardly_fills_the_broker(
    running: Beat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fill_broker(running, settings, monkeypatch, 1) < MEGABYTE / 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_beat_alone_for_a_day_leaves_less_than_a_megabyte(
    running: Beat, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fill_broker(running, settings, monkeypatch, 24) < MEGABYTE
