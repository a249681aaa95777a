"""A worker is alive while its consumer asks for rings; whether the process runs says nothing."""

from __future__ import annotations

import threading

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from smsq.rings.presence import Presence, read_presence
from smsq.store.scripts import Scripts
from tests.support import free_port, wait_until
from worker import alive, liveness
from worker.consume_strategy import TicksFirst

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


def test_a_worker_whose_ledger_another_gateway_has_taken_ends(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(liveness, "TELL_EVERY_S", 0.02)
    Presence(scripts, "other.example:443").enter("o@h")
    ended, stop = threading.Event(), threading.Event()
    presence = Presence(scripts, GATEWAY)

    liveness.tell_while_running("w@h", presence, stop, end=ended.set)

    assert ended.is_set()
    assert "this worker ends: workers that send to other.example:443 use this ledger" in caplog.text
