"""Settings that must be alike are compared through Redis, and a difference is told once."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from smsq.operate import doctor, process_checks
from smsq.operate.checks import Mark
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.agreement import (
    EVERYWHERE,
    FORGET_S,
    TELL_EVERY_S,
    WORKERS,
    Agreement,
    Difference,
    Role,
    find_differences,
)
from smsq.store.connection import connect
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts
from tests.smsq.world import World
from tests.support import free_port, wait_until

HOST = socket.gethostname()


class Installation:
    """Processes of one installation, each with settings of its own."""

    def __init__(self, world: World, environ: dict[str, str]) -> None:
        self.world, self._environ = world, environ

    def settings(self, **other: str) -> Settings:
        return Settings.from_env(self._environ | {f"SMSQ_{k.upper()}": v for k, v in other.items()})

    def process(self, role: Role = "app", **other: str) -> Agreement:
        settings = self.settings(**other)
        scripts = Scripts(
            self.world.redis,
            settings.namespace,
            retention_ms=settings.retention_s * 1000,
            events_keep_ms=settings.events_keep_s * 1000,
            clock=lambda: self.world.now_us,
        )
        return Agreement(scripts, settings, role=role)


@pytest.fixture
def installation(world: World, environ: dict[str, str]) -> Installation:
    return Installation(world, environ)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


def test_processes_that_agree_say_nothing(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    roles: list[Role] = ["worker", "web", "app"]
    for role in roles:
        assert installation.process(role).look() == []
    # What workers alone go by is nothing to a web app, which seldom has it.
    assert installation.process(rate_per_s="50").look() == []
    assert errors(caplog) == []


@pytest.mark.parametrize("name", EVERYWHERE)
def test_each_setting_of_everybody_is_compared(installation: Installation, name: str) -> None:
    other = {
        "timezone": "Europe/Warsaw",
        "default_region": "PL",
        "accept_unknown_ranges": "1",
        "gather_s": "1.5",
    }.get(name, "600")
    installation.process("worker").look()

    [found] = installation.process("app", **{name: other}).look()
    assert (found.setting, found.mine) == (f"SMSQ_{name.upper()}", other)
    assert found.who == f"worker on {HOST}"


@pytest.mark.parametrize("name", WORKERS)
def test_each_setting_of_workers_is_compared_among_them(
    installation: Installation, name: str
) -> None:
    others = {"poll_share": "0.5", "keep_texts": "1", "sandbox": "1"} | {
        "quiet_hours": "21:00-09:00"
    }
    other = others.get(name, "77")
    if name == "poll_horizon_s":
        other = "7777"
    installation.process("worker").look()

    [found] = installation.process("worker", **{name: other}).look()
    assert (found.setting, found.mine) == (f"SMSQ_{name.upper()}", other)


def test_a_difference_is_told_once_with_both_values_and_hosts(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    worker, app = installation.process("worker"), installation.process(retention_s="600")
    worker.look()
    for _ in range(3):
        app.look()
        worker.look()

    assert errors(caplog) == [
        f"SMSQ_RETENTION_S is 600 here, and 2592000 for the worker on {HOST}: "
        "give all processes of an installation the same value",
        f"SMSQ_RETENTION_S is 2592000 here, and 600 for the app on {HOST}: "
        "give all processes of an installation the same value",
    ]


def test_a_setting_that_was_changed_everywhere_is_forgotten(installation: Installation) -> None:
    """Processes are restarted one by one; those with the old value go on saying it till then."""
    old = [installation.process("worker") for _ in range(2)]
    new = [installation.process("worker", retention_s="600") for _ in range(2)]
    for one in old:
        one.look()
    assert new[0].look()
    installation.world.pass_s(TELL_EVERY_S)
    assert old[1].look()
    assert new[0].look()
    # The last old one is gone.
    for _ in range(3):
        installation.world.pass_s(TELL_EVERY_S)
        assert new[0].look()
    installation.world.pass_s(TELL_EVERY_S)

    assert [one.look() for one in new] == [[], []]
    assert len(installation.world.redis.hgetall(installation.world.keys.settings)) == len(
        (*EVERYWHERE, *WORKERS)
    )


def test_nothing_stays_of_an_installation_that_is_gone(installation: Installation) -> None:
    installation.process("worker").look()

    left_ms = int(str(installation.world.redis.pttl(installation.world.keys.settings)))
    assert 0 < left_ms <= FORGET_S * 1000


def test_doctor_says_what_differs_from_its_own_environment(
    installation: Installation, environ: dict[str, str]
) -> None:
    redis, settings = installation.world.redis, installation.settings()
    keys = installation.world.keys
    installation.world.now_us = int(redis.time()[0]) * 1_000_000
    installation.process("worker", default_region="PL").look()

    found = list(find_differences(redis, settings))
    assert found == [Difference("SMSQ_DEFAULT_REGION", "BY", "PL", f"worker on {HOST}")]
    check = process_checks.check_agreement(found)
    assert check.status is Mark.WARNING
    assert f"SMSQ_DEFAULT_REGION is BY here, and PL for the worker on {HOST}" in check.detail
    assert check in list(doctor.check_ledger(redis, settings))
    long_ago_ms = installation.world.now_ms - round(FORGET_S * 1000) - 5000
    redis.hset(keys.settings, "SMSQ_DEFAULT_REGION=PL", f"{long_ago_ms} worker on {HOST}")
    assert list(find_differences(redis, settings)) == []
    assert process_checks.check_agreement([]).status is Mark.OK


def test_a_web_app_says_so_at_its_first_call_and_waits_for_nothing(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.from_env(environ)
    redis = connect(settings.redis_url)
    Agreement(Scripts.of(redis, settings), settings, role="worker").look()
    queue = SmsQueue(settings=Settings.from_env(environ | {"SMSQ_GATHER_S": "1.5"}))
    assert not [t for t in threading.enumerate() if t.name == "agreement"]
    queue.send_quick("+375291234567", "code")
    wait_until(lambda: errors(caplog), "it was told")
    queue.send_quick("+375291234567", "code")
    queue.close()

    assert len(errors(caplog)) == 1
    assert "SMSQ_GATHER_S is 1.5 here" in errors(caplog)[0]
    redis.close()


def test_who_only_looks_at_a_status_is_no_process_of_the_installation(
    environ: dict[str, str],
) -> None:
    settings = Settings.from_env(environ)
    queue = SmsQueue(settings=settings)
    queue.stats()
    queue.close()
    redis = connect(settings.redis_url)

    assert not redis.exists(Keys(settings.namespace).settings)
    redis.close()


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def counted(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Agreement, Clock, list[int]]]:
    clock, looks = Clock(), list[int]()
    agreement = Agreement(installation.world.scripts, installation.settings(), clock=clock)

    def look() -> list[Difference]:
        looks.append(1)
        if len(looks) == 1:
            raise ConnectionError
        return []

    monkeypatch.setattr(agreement, "look", look)
    yield agreement, clock, looks
    agreement.close()


def test_calls_look_every_five_minutes_and_soon_after_a_failure(
    counted: tuple[Agreement, Clock, list[int]],
) -> None:
    agreement, clock, looks = counted

    def call_at(now_s: float) -> int:
        clock.now_s = now_s
        for _ in range(3):
            agreement.look_soon()
        if agreement._thread:
            agreement._thread.join()
        return len(looks)

    assert [call_at(s) for s in (0, 5, 11, 300, 312)] == [1, 1, 2, 2, 3]
    agreement.close()
    assert call_at(10_000) == 3


def test_a_redis_that_is_away_is_nothing_to_say_here(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    settings = Settings.from_env(environ | {"SMSQ_REDIS_URL": url})
    world = World(settings)
    agreement = Agreement(world.scripts, settings)
    agreement.look_soon()
    agreement.close()

    assert errors(caplog) == []
    world.redis.close()


def test_a_worker_looks_at_once_and_goes_on(installation: Installation) -> None:
    stop = threading.Event()
    installation.process("worker").keep_looking(stop)
    redis, keys = installation.world.redis, installation.world.keys
    wait_until(lambda: redis.exists(keys.settings), "it was said")
    stop.set()
    assert redis.hget(keys.limiter, "events_keep_ms") == "86400000"


def test_news_is_kept_as_the_workers_say_whatever_a_web_app_has(
    environ: dict[str, str],
) -> None:
    """Its own value trimmed everybody's stream: 300 entries became 59 after three calls."""
    settings = Settings.from_env(environ)
    worker = World(settings)
    Agreement(worker.scripts, settings, role="worker").look()
    for keep_s in ("60", "0"):
        app = World(Settings.from_env(environ | {"SMSQ_EVENTS_KEEP_S": keep_s}))
        for world in (worker, app):
            world.now_us = int(world.redis.time()[0]) * 1_000_000
        worker.redis.delete(worker.keys.events)
        worker.enqueue_many(300)
        app.pass_s(3600)
        app.enqueue()
        app.enqueue()
        kept: int = worker.redis.xlen(worker.keys.events)
        assert kept == 302, keep_s
        assert worker.redis.pttl(worker.keys.events) > 80_000_000
        app.redis.close()
    worker.redis.close()


def test_the_worker_that_started_last_decides_how_long_news_is_kept(
    installation: Installation,
) -> None:
    first, second = (
        installation.process("worker"),
        installation.process("worker", events_keep_s="600"),
    )
    first.look()
    second.look()
    first.look()  # it only goes on

    redis, keys = installation.world.redis, installation.world.keys
    assert redis.hget(keys.limiter, "events_keep_ms") == "600000"
