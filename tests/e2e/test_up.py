"""`smsq up` and `smsq demo`: what they start is kept running, and ends with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from smsq.models import JobState
from smsq.queue import SmsQueue
from smsq.simulator.options import Options
from smsq.simulator.server import RunningSimulator, start_in_thread
from tests.e2e.conftest import ROOT
from tests.support import RedisServer, free_port, wait_until

#: `smsq up` with two workers: web, beat, Flower and these.
CHILDREN = 5


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start_in_thread(Options(latency_ms=100)) as running:
        yield running


@contextmanager
def run(
    *arguments: str, log: Path, environ: Mapping[str, str] = os.environ, cwd: Path = ROOT
) -> Iterator[psutil.Popen]:
    """Run `smsq ...`; whatever is left of it is killed by pid at the end."""
    with log.open("wb") as out:
        process = psutil.Popen(
            [sys.executable, "-P", "-m", "smsq.cli", *arguments],
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    started: list[psutil.Process] = [process]
    try:
        yield process
        started += children_of(process)
    finally:
        for each in started:
            if each.is_running():
                each.kill()
        process.wait()


def children_of(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True) if process.is_running() else []


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(
        each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes
    )


def connections_of(process: psutil.Process) -> list[object]:
    return [one for one in process.net_connections() if one.status == psutil.CONN_ESTABLISHED]


def names(processes: list[psutil.Process]) -> set[str]:
    words = {"web", "beat", "flower", "worker"}
    return {word for each in processes for word in each.cmdline() if word in words}


@pytest.fixture
def up_environ(environ: dict[str, str], simulator: RunningSimulator) -> dict[str, str]:
    ports = {"PORT": str(free_port()), "FLOWER_PORT": str(free_port())}
    # What a killed worker has in hand is settled soon: by the end of a short lease.
    gateway = {"SMSQ_GATEWAY_URL": simulator.url, "SMSQ_RATE_PER_S": "100", "SMSQ_TIMEOUT_S": "2"}
    return {**os.environ, **environ, **ports, **gateway}


def test_up_starts_again_what_was_killed_and_stops_all_on_sigterm(
    up_environ: dict[str, str], queue: SmsQueue, simulator: RunningSimulator, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with run("up", "--workers", "2", log=log, environ=up_environ) as process:
        wait_until(lambda: log.read_text().count(" ready.") == 2, "both workers are ready")
        before = children_of(process)
        assert len(before) == CHILDREN
        assert names(before) == {"web", "beat", "flower", "worker"}

        jobs = [queue.send_quick("375291234567", f"code {n}") for n in range(20)]
        for child in before:
            child.kill()
        wait_until(lambda: len(children_of(process)) == CHILDREN, "all run again")
        done = {JobState.ACCEPTED, JobState.DONE, JobState.UNKNOWN}
        wait_until(lambda: {queue.status(job).state for job in jobs} <= done, "all are settled")
        assert max(simulator.accepted().values()) == 1

        after = children_of(process)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: are_gone([process, *after]), "all are gone")
    assert process.returncode == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_nothing_outlives_an_up_that_is_killed(up_environ: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    with run("up", log=log, environ=up_environ) as process:
        wait_until(lambda: " ready." in log.read_text(), "the worker is ready")
        children = children_of(process)
        process.kill()
        wait_until(lambda: are_gone([process, *children]), "all are gone")


def test_up_tells_wrong_settings_once_and_starts_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environ = {**os.environ, "SMSQ_RATE_PER_S": "fast"}
    with run("up", log=log, environ=environ) as process:
        process.wait(timeout=30)
    assert process.returncode == 2
    said = log.read_text()
    assert said.count("SMSQ_RATE_PER_S") == said.count("SMSQ_GATEWAY_URL") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        # `up` is ended by SIGTERM above; a demo that must not clean up itself is the hard case.
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_nothing_outlives_a_demo_that_is_ended_in_its_middle(
    number: signal.Signals, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with run("demo", "--keep", log=log, cwd=tmp_path) as process:
        wait_until(lambda: "send-bulk" in log.read_text(), "the demo is in its middle")
        children = children_of(process)
        assert len(children) > CHILDREN
        process.send_signal(number)
        try:
            wait_until(lambda: are_gone([process, *children]), "all are gone")
        except AssertionError as late:
            left = [each.cmdline() for each in (process, *children) if not are_gone([each])]
            raise AssertionError(f"{left} outlive it: {log.read_text()}") from late


@pytest.mark.slow
@pytest.mark.parametrize("own", ["worker.py", "worker/__init__.py"])
def test_a_worker_started_in_a_web_apps_folder_is_ours(
    own: str, up_environ: dict[str, str], tmp_path: Path
) -> None:
    for name in ("config", "tasks", "worker"):
        path = tmp_path / own.replace("worker", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('this is the web app')\n")
    log = tmp_path / "log"
    with run("worker", log=log, environ=up_environ, cwd=tmp_path) as process:
        wait_until(lambda: " ready." in log.read_text(), "the worker is ready")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert "this is the web app" not in log.read_text()


@pytest.mark.parametrize("given", ["", "ops", "ops:"])
def test_flower_needs_a_password_wherever_it_listens(
    given: str, up_environ: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    environ = {**up_environ, "FLOWER_BASIC_AUTH": given}
    with run("flower", log=log, environ=environ) as process:
        process.wait(timeout=30)
    assert process.returncode == 2
    assert "set FLOWER_BASIC_AUTH=user:password" in log.read_text()


@pytest.mark.slow
@pytest.mark.real_redis
def test_a_worker_whose_output_nobody_reads_any_more_ends_when_it_is_asked_to(
    up_environ: dict[str, str], tmp_path: Path
) -> None:
    """As when its supervisor was killed, and Redis is away: Celery says what it does first."""
    with RedisServer(tmp_path) as redis:
        environ = {**up_environ, "SMSQ_REDIS_URL": redis.url}
        process = psutil.Popen(
            [sys.executable, "-P", "-m", "smsq.cli", "worker"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            next(line for line in process.stdout if " ready." in line)
            process.stdout.close()
            redis.stop()
            # It is in the loop that waits for Redis.
            wait_until(lambda: not connections_of(process), "it has noticed")
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
