"""SMSQ_LOG=json in whole deployments: each line of each process parses, none says too much."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smsq.models import BulkMessage, JobState, PersonalMessage
from tests.e2e.conftest import ROOT, Deploy, Deployment
from tests.e2e.test_first_lines import environ_of
from tests.e2e.test_up import run
from tests.support import wait_until

pytestmark = pytest.mark.slow

PHONE = "37529739"
TEXT = "canary-text-58213 \u0007 \u2028"
PASSWORD = "flower-password"
SUFFIXES = ("4567", "0400", "0200", "0429", "0201", "0408", "0499", "0500")
RECEIPT = "/receipts/j0/1.notthesignatureofanything"


def read_lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


@pytest.fixture(scope="module")
def flown(deploy: Deploy) -> Iterator[Deployment]:
    """A deployment at DEBUG in which a canary went through every end and a broken Redis."""
    with deploy(
        workers=2,
        has_flower=True,
        has_web=True,
        SMSQ_LOG="json",
        SMSQ_LOG_LEVEL="debug",
        SMSQ_TIMEOUT_S="1",
        SMSQ_GATHER_S="0.2",
        FLOWER_BASIC_AUTH=f"ops:{PASSWORD}",
    ) as deployment:
        queue = deployment.queue
        ids = [queue.send_quick(f"{PHONE}{suffix}", f"{TEXT} {suffix}") for suffix in SUFFIXES]
        phones = [f"{PHONE}{4568 + n}" for n in range(3)]
        ids.append(queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=phones)]))
        texts = [(phone, f"{TEXT} {phone}") for phone in phones]
        ids.append(queue.send_bulk([PersonalMessage(name="Bills", texts=texts)]))
        ids.append(queue.send_personal(phones[0], TEXT))
        post_garbage(deployment)
        wait_until(lambda: queue.status(ids[0]).is_final, "the good one is delivered")
        wait_until(lambda: queue.status(ids[-2]).is_final, "the campaign is delivered")
        wait_until(lambda: "<- queued" in deployment.read_logs(), "one is tried again")
        wait_until(lambda: not queue.stats().jobs[JobState.SUBMITTING], "none is on its way")
        break_redis(deployment)
        yield deployment


def says(log: Path, words: str) -> bool:
    return words in log.read_text()


def post_garbage(deployment: Deployment) -> None:
    for path in (RECEIPT, f"/nothing?phone={PHONE}4567&text={TEXT[:6]}", "/healthz"):
        data = b"phone=" + PHONE.encode() if "receipts" in path else None
        request = urllib.request.Request(deployment.url("web") + path, data=data)
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()


def break_redis(deployment: Deployment) -> None:
    """Kill Redis and start it again: every process has something to say."""
    deployment.processes["redis"].kill()
    deployment.processes.pop("redis").wait()
    wait_until(lambda: "cannot be reached" in deployment.tail("worker", 100), "Redis is missed")
    deployment.start_redis()
    job = deployment.queue.send_quick(f"{PHONE}4999", TEXT)
    wait_until(lambda: deployment.queue.status(job).is_final, "all goes on")


def logs_of(deployment: Deployment) -> dict[str, str]:
    names = ("worker", "worker1", "beat", "web", "flower")
    return {name: deployment.log_path(name).read_text() for name in names}


def test_every_line_of_every_process_is_json(flown: Deployment) -> None:
    for name, log in logs_of(flown).items():
        lines = read_lines(log)
        process = re.sub(r"\d", "", name)
        assert {line["process"] for line in lines} == {process}
        assert all({"ts", "level", "logger", "message"} <= set(line) for line in lines)
        # Whether web's libraries have something to say at DEBUG is up to them.
        assert "DEBUG" in {line["level"] for line in lines} or process == "web", name


def test_a_jobs_attempts_are_fields(flown: Deployment) -> None:
    lines = read_lines(logs_of(flown)["worker"]) + read_lines(logs_of(flown)["worker1"])
    ended = [line for line in lines if line["message"].startswith("<- ") and "ms" in line]
    outcomes = {line["outcome"] for line in ended}

    assert {"accepted", "rejected", "unknown", "queued"} <= outcomes
    assert all(f"<- {line['outcome']} job={line['job']} " in line["message"] for line in ended)
    assert all(isinstance(line["ms"], float) and line["attempt"] >= 1 for line in ended)
    assert any(line.get("campaign", "").startswith("c") for line in ended)
    assert all(re.match("worker1?@", line["worker"]) for line in ended)


def test_no_line_holds_token_text_phone_or_secret_even_at_debug(flown: Deployment) -> None:
    logs = "".join(logs_of(flown).values())
    said = "\n".join(str(line) for line in read_lines(logs))

    assert "urllib3.connectionpool" in logs
    hidden = [
        *(flown.environ["SMSQ_GATEWAY_TOKEN"], flown.environ["SMSQ_CALLBACK_SECRET"]),
        *("canary-text", PHONE, PASSWORD, "notthesignature"),
    ]
    for secret in hidden:
        assert secret not in logs
        assert secret not in said
    assert "'cookie_secret'" not in said


def test_celery_started_by_hand_is_json_down_to_its_banner(flown: Deployment) -> None:
    for command in ("worker", "beat"):
        log = flown.folder / f"by_hand_{command}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "worker", command, "--loglevel=DEBUG"],
                cwd=ROOT,
                env=flown.environ,
                stdout=out,
                stderr=out,
            )
        up = "ready." if command == "worker" else "beat ticks every"
        wait_until(partial(says, log, up), "it is up", deadline_s=60)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        assert read_lines(log.read_text())


@pytest.mark.parametrize("command", ["worker", "beat", "web", "flower", "up"])
def test_settings_that_stop_a_start_are_lines_of_json(
    command: str, environ: dict[str, str], tmp_path: Path
) -> None:
    wrong = {"SMSQ_LOG": "json", "SMSQ_RATE_PER_S": "much"}
    log = tmp_path / "log"
    with run(command, log=log, environ={**environ_of(environ), **wrong}) as process:
        process.wait(timeout=60)

    assert process.returncode == 2
    [line] = read_lines(log.read_text())
    assert "SMSQ_RATE_PER_S: write a number" in line["message"]
    assert line["level"] == "ERROR"


def test_smsq_up_passes_json_on_and_speaks_it(environ: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    said = ('"process": "worker"', '"process": "web"', '"process": "beat"', "Visit me at")
    with run("up", log=log, environ={**environ_of(environ), "SMSQ_LOG": "json"}) as process:
        wait_until(lambda: all(s in log.read_text() for s in said), "all are up", deadline_s=60)
        victim = next(c for c in process.children() if "beat" in c.cmdline())
        os.kill(victim.pid, signal.SIGKILL)
        wait_until(lambda: "is started again" in log.read_text(), "up says so", deadline_s=30)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

    lines = read_lines(log.read_text())
    assert {line["process"] for line in lines} == {"worker", "web", "beat", "flower", "up"}
