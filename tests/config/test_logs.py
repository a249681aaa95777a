"""Logs of the processes: one line per step, on stderr, without what nobody should see."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from amqp.exceptions import RecoverableConnectionError
from redis.exceptions import ReadOnlyError

from config.log_filters import Repeats, Terse, TerseOfBroker, TerseOfRedis

REFUSED = ConnectionError("refused")
ROOT = Path(__file__).parents[2]
LOGGED = """
import logging
from config.log_setup import set_up
earlier = logging.getLogger("of.a.library")
set_up()
earlier.info("still here")
logging.getLogger("tasks.send").info("-> send job=%s attempt=%d", "j1", 2)
logging.getLogger("tasks.send").debug("too much")
for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat", "urllib3",
             "urllib3.connectionpool", "uvicorn.access"):
    logging.getLogger(name).info("noise of %s", name)
    logging.getLogger(name).warning("alarm of %s", name)
"""
#: Its maybe_refresh_binding_expiry of each second.
REFUSED_UPKEEP = """
import logging
from kombu.transport.redis import logger
from redis.exceptions import OutOfMemoryError
from config.log_setup import set_up
set_up()
for _ in range(3):
    logger.warning("Redis error, will retry", exc_info=OutOfMemoryError("command not allowed"))
logger.warning("a fault", exc_info=KeyError("a fault"))
"""


def test_logs_are_lines_on_stderr_with_our_steps_and_everyones_alarms() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOGGED],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ended.stderr.splitlines()

    assert ended.stdout == ""
    assert lines[0].endswith(" INFO    of.a.library still here")
    assert lines[1].endswith(" INFO    tasks.send -> send job=j1 attempt=2")
    assert len(lines) == 8
    assert all(" WARNING " in line and " alarm of " in line for line in lines[2:])


def test_a_broker_that_is_away_is_told_in_one_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("config.log_filters.time.monotonic", lambda: now_s[0])
    beat = logging.getLogger("beat.of.a.test")
    beat.addFilter(Terse())

    def fail(task: str) -> None:
        beat.error("Couldn't apply %s: %s\n%s", task, REFUSED, ["a stack"], exc_info=REFUSED)

    for _ in range(100):
        fail("recover")
    fail("poll")
    assert caplog.messages == [
        "Couldn't apply recover: refused",
        "Couldn't apply poll: refused",
    ]
    assert not any(record.exc_info for record in caplog.records)
    now_s[0] += 61
    fail("recover")
    assert len(caplog.messages) == 3


def test_tries_that_differ_in_numbers_alone_are_told_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = logging.getLogger("connection.of.a.test")
    connection.addFilter(Terse(least=logging.INFO))
    with caplog.at_level(logging.INFO):
        for n in range(10):
            connection.error("Cannot connect to redis. Trying again in %.2f seconds (%d)", n, n)
            connection.info("Connected to redis")

    assert len(caplog.messages) == 2


def test_a_task_that_redis_ended_is_told_in_one_line_and_a_fault_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trace = logging.getLogger("trace.of.a.test")
    trace.addFilter(TerseOfRedis())
    for _ in range(3):
        trace.error("Task raised unexpected\n%s", "a stack", exc_info=ReadOnlyError("no"))
    trace.error("Task raised unexpected\n%s", "a stack", exc_info=KeyError("a fault"))

    refused, fault = caplog.records
    assert refused.getMessage().startswith("a task waits for its next tick: Redis refuses: it is")
    assert not refused.exc_info
    assert fault.exc_info


def test_what_kombu_writes_each_second_to_a_redis_that_refuses_is_told_once() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", REFUSED_UPKEEP], cwd=ROOT, capture_output=True, text=True, check=True
    )
    refused, *fault = ended.stderr.splitlines()

    assert "are kept up later: Redis refuses: it is full" in refused
    assert fault[-1] == "KeyError: 'a fault'"
    assert len(fault) == 2


def test_what_repeats_is_told_once_a_minute_and_all_else_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr("config.log_filters.time.monotonic", lambda: now_s[0])
    told = Repeats()

    def log(**extra: str) -> bool:
        return told.filter(logging.makeLogRecord({"msg": "a line", **extra}))

    assert [log(repeats="one"), log(repeats="one"), log(repeats="two")] == [True, False, True]
    assert all(log() for _ in range(3))
    now_s[0] += 61
    assert log(repeats="one")


def test_a_line_that_does_not_say_what_failed_gets_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer = logging.getLogger("consumer.of.a.test")
    consumer.addFilter(Terse())
    consumer.warning("Connection lost", exc_info=REFUSED)

    assert caplog.messages == ["Connection lost (ConnectionError)"]


def test_what_a_lost_connection_leaves_undone_is_no_page_for_each_ring(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = logging.getLogger("request.of.a.test")
    worker.addFilter(TerseOfBroker())
    lost = RecoverableConnectionError("connection already closed")
    for n in range(100):
        worker.critical("Couldn't ack %r, reason:%r", n, lost, exc_info=lost)
        worker.error("Error cleaning up: %r", lost, exc_info=lost)
    worker.error("Task handler raised error", exc_info=ValueError("a fault"))

    assert len(caplog.messages) == 2
    told, fault = caplog.records
    assert (told.exc_info, fault.exc_info is None) == (None, False)
