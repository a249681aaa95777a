"""A process with SMSQ_LOG=json says nothing that is not JSON, from its first line to its last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.log_setup import read_settings
from config.logs import logging_options
from smsq.names import LogForm, LogLevel

ROOT = Path(__file__).parents[2]
SAID = """
import logging, sys, threading, warnings
from config.log_setup import begin, set_up
begin("worker")
print("a banner\\n\\nof two lines")
print("an end that is", end=" ", flush=False)
print("missing", end="")
sys.stdout.flush()
set_up(worker="w1@host")
logging.getLogger("tasks.send").info("-> send job=%(job)s", {"job": "j1"})
logging.getLogger("of.a.library").debug("too much")
warnings.warn("old", DeprecationWarning, stacklevel=1)
logging.getLogger("of.a.library").warning("%d", "no number")
def fail(): raise KeyError("in a thread")
thread = threading.Thread(target=fail, name="t1")
thread.start(); thread.join()
class Odd:
    def __del__(self): raise ValueError("unraisable")
Odd()
sys.stderr.write("by hand\\r\\n")
print('{"ts": "2026-01-01T00:00:00.000Z", "of": "a child"}')
raise RuntimeError("the end\\x1b[31m")
"""


def run(code: str, **environ: str) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in (ended.stdout + ended.stderr).splitlines()]


def test_all_that_a_process_says_is_json() -> None:
    lines = run(SAID, SMSQ_LOG="json")
    said = [line.get("message", "") for line in lines]

    assert said[:3] == ["a banner", "of two lines", "an end that is missing"]
    assert lines[3] == {"ts": "2026-01-01T00:00:00.000Z", "of": "a child"}
    told = {line["logger"]: line for line in lines if "logger" in line}
    assert told["tasks.send"]["job"] == "j1"
    assert told["tasks.send"]["worker"] == "w1@host"
    assert "DeprecationWarning: old" in told["py.warnings"]["message"]
    assert "too much" not in said
    caught = {line["message"]: line["traceback"] for line in lines if line.get("traceback")}
    assert "KeyError: 'in a thread'" in caught["nobody caught KeyError in thread t1"]
    assert caught["nobody caught RuntimeError"].endswith("RuntimeError: the end\x1b[31m")
    assert any("unraisable" in traceback for traceback in caught.values())
    assert "by hand" in said
    assert all(line["process"] == "worker" for line in lines if "logger" in line)


def test_settings_that_stop_the_start_are_told_as_json() -> None:
    code = "import sys; sys.argv = ['celery', '-A', 'worker', 'worker']; import worker.app"
    lines = run(code, SMSQ_LOG="json", SMSQ_RATE_PER_S="much", SMSQ_GATEWAY_URL="")

    assert lines[0]["message"] == "smsq: SMSQ_RATE_PER_S: write a number from 0.001 to 10000"
    assert {line["level"] for line in lines} == {"ERROR"}
    assert len(lines) > 1


def test_another_form_than_these_stops_the_start() -> None:
    code = "from config.settings import load_settings; load_settings()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "SMSQ_LOG": "xml", "SMSQ_LOG_LEVEL": "loud"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert "SMSQ_LOG: write one of: text, json" in ended.stderr
    assert "SMSQ_LOG_LEVEL: write one of: debug, info, warning, error" in ended.stderr


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, (LogForm.TEXT, LogLevel.INFO)),
        ({"SMSQ_LOG": " json ", "SMSQ_LOG_LEVEL": "debug"}, (LogForm.JSON, LogLevel.DEBUG)),
        ({"SMSQ_LOG": "xml", "SMSQ_LOG_LEVEL": ""}, (LogForm.TEXT, LogLevel.INFO)),
    ],
)
def test_form_and_level_come_from_the_environment(
    environ: dict[str, str], expected: tuple[LogForm, LogLevel]
) -> None:
    assert read_settings(environ) == expected


def test_a_level_holds_for_all_loggers_but_for_those_that_would_say_too_much() -> None:
    loud = logging_options(LogLevel.DEBUG)["loggers"]
    quiet = logging_options(LogLevel.ERROR)["loggers"]

    assert loud["urllib3"]["level"] == loud["celery.beat"]["level"] == 10
    assert loud["uvicorn.access"]["level"] == 30
    assert loud["flower.command"]["level"] == 20
    assert {logger["level"] for logger in quiet.values()} == {40}
    assert logging_options(LogLevel.ERROR)["root"]["level"] == "ERROR"
