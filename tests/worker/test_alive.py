"""Alive: a worker while its consumer asks for rings, beat while it sends ticks. Not: it runs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from celery.utils.nodenames import default_nodename, host_format
from redis import Redis
from redis.exceptions import OutOfMemoryError

from config.settings import EXIT_BAD_SETTINGS
from smsq.names import Task
from smsq.rings.presence import Presence, read_presence
from smsq.rings.ticks import LATE_BEAT_S, MANY, Ticks
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.support import free_port, wait_until
from tests.ticks import leave_untaken
from worker import alive, liveness
from worker.consume_strategy import TicksFirst

ROOT = Path(__file__).parents[2]
GATEWAY = "gateway.example:443"


@pytest.fixture(autouse=True)
def settings_of_the_process(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("age_s", "code", "says"),
    [(0.5, 0, "w@h: alive"), (9, 0, "w@h: alive"), (11, 1, "w@h: deaf: it asked for rings 11 s")],
)
def test_a_worker_is_deaf_when_it_did_not_ask_for_long(
    scripts: Scripts, age_s: float, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Presence(scripts, GATEWAY).tell("w@h", age_s)

    assert alive.main(["--hostname", "w@h"]) == code
    assert says in capsys.readouterr().out


def test_a_worker_that_nobody_heard_of_is_not_alive(capsys: pytest.CaptureFixture[str]) -> None:
    assert alive.main([]) == 1
    assert "celery@" in capsys.readouterr().out  # as a worker without --hostname is called


def at(settings: Settings, scripts: Scripts, ago_s: float) -> Scripts:
    """The ledger's scripts as a beat runs them that lives so long ago."""
    then_us = round((time.time() - ago_s) * 1e6)
    of_then = Scripts.of(scripts.redis, settings)
    of_then.watch, of_then._clock = None, lambda: then_us
    return of_then


@pytest.mark.parametrize(
    ("ago_s", "untaken", "code", "says"),
    [
        (1, 1, 0, "beat: alive: it sent a tick 1."),
        (LATE_BEAT_S - 5, 1, 0, "beat: alive"),
        (LATE_BEAT_S + 5, 1, 1, "beat: no tick: it sent the last one 35 s ago; restart it"),
        # Nobody takes them, so beat sends few: that is no fault of its own.
        (
            LATE_BEAT_S + 5,
            MANY + 4,
            0,
            f"beat: alive, but no worker took its last {MANY + 4} ticks",
        ),
        (LATE_BEAT_S + 20, MANY + 4, 1, "beat: no tick"),
        (1000, 1000, 1, "beat: no tick"),
    ],
)
def test_beat_is_alive_while_it_sends_ticks_as_often_as_they_are_of_use(
    settings: Settings,
    scripts: Scripts,
    capsys: pytest.CaptureFixture[str],
    ago_s: float,
    untaken: int,
    code: int,
    says: str,
) -> None:
    leave_untaken(at(settings, scripts, ago_s), Task.RECOVER, untaken)

    assert alive.main(["--beat"]) == code
    assert capsys.readouterr().out.startswith(says)


def test_the_tick_that_a_starting_worker_makes_for_itself_is_none_of_beats(
    settings: Settings, scripts: Scripts, capsys: pytest.CaptureFixture[str]
) -> None:
    Ticks(at(settings, scripts, 3600)).may_send(Task.RECOVER)
    scripts.redis.set(scripts.keys.heartbeat, f"{time.time():.3f}")

    assert alive.main(["--beat"]) == 1
    assert "the last one 3600 s ago" in capsys.readouterr().out


def test_a_beat_of_an_older_version_is_judged_by_what_workers_took_of_it(
    scripts: Scripts, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts.redis.set(scripts.keys.heartbeat, f"{time.time() - 5:.3f}")

    assert alive.main(["--beat"]) == 0
    assert "beat: alive: it sent a tick " in capsys.readouterr().out


def test_worker_and_beat_are_asked_about_together_and_both_must_be_alive(
    scripts: Scripts, capsys: pytest.CaptureFixture[str]
) -> None:
    Presence(scripts, GATEWAY).tell("w@h", 0.5)

    assert alive.main(["--hostname", "w@h", "--beat"]) == 1
    worker, beat = capsys.readouterr().out.splitlines()
    assert worker.startswith("w@h: alive: it asked for rings ")
    assert beat == "beat: not heard of: start it (smsq beat)"


@pytest.mark.parametrize("given", ["shop-1@%h", "shop", "%n-2@%d.%h", "a%%h@b", "%h", "worker@"])
def test_a_workers_name_is_written_out_as_celery_does(given: str) -> None:
    assert alive.expand(given) == host_format(default_nodename(given))


@pytest.mark.parametrize(
    ("name", "value"), [("SMSQ_RATE_PER_S", "quick"), ("SMSQ_REDIS_URL", "rediss://h/0?nonsense=1")]
)
def test_wrong_settings_are_told_where_nobody_is_heard(
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        alive.main(["--hostname", "w@h"])

    assert ended.value.code == EXIT_BAD_SETTINGS
    assert f"smsq: {name}: write" in capsys.readouterr().err


@pytest.mark.long
def test_whoever_is_alive_is_asked_without_celery(
    scripts: Scripts, environ: dict[str, str]
) -> None:
    """Asked every 30 s for each process; all that a worker is made of takes three times as long."""
    Presence(scripts, GATEWAY).tell("w@h", 0.5)
    Ticks(scripts).may_send(Task.RECOVER)
    heavy = {"celery", "kombu", "requests", "phonenumbers", "rich.console", "smsq.settings"}
    code = (
        "import sys; from smsq.cli import main;"
        "ended = main(['alive', '--beat', '--hostname', 'w@h'], standalone_mode=False);"
        f"print(ended, sorted({heavy} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.splitlines()[-1] == "0 []"


def test_a_redis_that_is_away_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMSQ_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    assert alive.main(["--hostname", "w@h"]) == 1
    assert capsys.readouterr().out == "w@h: Redis cannot be reached (ConnectionError)\n"


def test_a_rabbitmq_that_is_away_is_told_though_the_worker_was_just_heard(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMSQ_BROKER_URL", f"amqp://127.0.0.1:{free_port()}//")
    Presence(scripts).tell("w@h", 0.5)

    assert alive.main(["--hostname", "w@h"]) == 1
    said = capsys.readouterr().out
    assert said == "w@h: the broker cannot be reached (ConnectionRefusedError)\n"


def test_a_redis_that_takes_no_writes_is_told_and_not_that_the_worker_is_deaf(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OutOfMemoryError

    Presence(scripts, GATEWAY).tell("w@h", 30)
    monkeypatch.setattr(Redis, "set", refuse)

    assert alive.main(["--hostname", "w@h"]) == 1
    assert capsys.readouterr().out == "w@h: Redis refuses: it is full\n"


def test_a_consumer_that_asks_is_heard(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = liveness.LastAsked()
    monkeypatch.setattr(liveness, "last_asked", mine)
    monkeypatch.setattr("worker.consume_strategy.last_asked", mine)
    monkeypatch.setattr(liveness, "TELL_EVERY_S", 0.02)
    stop = threading.Event()
    liveness.start_telling("w@h", Presence(scripts, GATEWAY), stop)

    assert mine.age_s is None
    assert not read_presence(scripts.redis, scripts.keys)
    TicksFirst(["normal"]).consume(1)
    wait_until(lambda: read_presence(scripts.redis, scripts.keys), "it is heard")
    stop.set()


def test_a_worker_whose_ledger_a_newer_version_wrote_ends(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(liveness, "TELL_EVERY_S", 0.02)
    monkeypatch.setattr(liveness, "refused", threading.Event())
    scripts.redis.hset(scripts.keys.limiter, "format", "99")
    ended = threading.Event()

    liveness.tell_while_running("w@h", Presence(scripts, GATEWAY), threading.Event(), end=ended.set)

    assert ended.is_set()
    assert liveness.refused.is_set()
    [line] = caplog.messages
    assert line == (
        "this worker ends: a newer version of smsq wrote the ledger: install that version here, too"
    )


def test_a_worker_whose_ledger_another_gateway_has_taken_ends(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(liveness, "TELL_EVERY_S", 0.02)
    monkeypatch.setattr(liveness, "refused", threading.Event())
    Presence(scripts, "other.example:443").enter("o@h")
    ended, stop = threading.Event(), threading.Event()
    presence = Presence(scripts, GATEWAY)

    liveness.tell_while_running("w@h", presence, stop, end=ended.set)

    assert ended.is_set()
    assert "this worker ends: workers that send to other.example:443 use this ledger" in caplog.text
