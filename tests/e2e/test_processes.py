"""The processes as people start them: tasks registered, Flower, SIGTERM, wrong settings."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from smsq.models import JobState
from smsq.names import Queue, Task
from smsq.rings.backlog import MOST_RINGS
from smsq.rings.rings import Rings
from smsq.settings import Settings
from tests.e2e.conftest import ROOT, Deploy, Deployment, read_flower
from tests.support import wait_until

PHONE = "375297394567"


def inspect(deployment: Deployment, what: str) -> dict[str, Any]:
    asked = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "inspect", what, "--json"],
        cwd=ROOT,
        env=deployment.environ,
        capture_output=True,
        check=True,
        timeout=60,
    )
    answers: dict[str, Any] = json.loads(asked.stdout)
    return answers


@pytest.fixture(scope="module")
def watched(deploy: Deploy) -> Iterator[Deployment]:
    """A deployment that tests only look at, with Flower."""
    with deploy(has_flower=True) as deployment:
        yield deployment


def test_the_worker_registers_five_tasks_and_takes_four_queues(watched: Deployment) -> None:
    [registered] = inspect(watched, "registered").values()
    assert sorted(registered) == sorted(Task)
    [queues] = inspect(watched, "active_queues").values()
    assert {queue["name"] for queue in queues} == {"urgent", "normal", "bulk", "poll"}


def test_flowers_page_for_a_task_is_the_page_for_its_job(watched: Deployment) -> None:
    job = watched.queue.send_quick(PHONE, "code")
    wait_until(lambda: watched.queue.status(job).is_final, "the job is done")

    read = partial(read_flower, watched)
    wait_until(lambda: job in read("/api/tasks"), "Flower knows the task")
    task = json.loads(read(f"/api/task/info/{job}"))
    assert task["name"] == f"{Task.SEND_QUICK}.normal"
    assert task["state"] == "SUCCESS"
    assert task["result"].startswith("accepted parts=1 ")
    assert job in read(f"/task/{job}")

    more = [watched.queue.send_quick(PHONE, f"code {n}") for n in range(20)]

    def tasks() -> list[dict[str, Any]]:
        return list(json.loads(read("/api/tasks")).values())

    wait_until(lambda: set(more) <= {task["uuid"] for task in tasks()}, "Flower knows them all")
    # A lost event would leave a task unfinished for ever.
    wait_until(lambda: {task["state"] for task in tasks()} == {"SUCCESS"}, "all are finished")
    # Beat has ticked for seconds: two rows a second would push the messages out.
    assert not {Task.RECOVER, Task.POLL_DELIVERIES} & {task["name"] for task in tasks()}


def test_sigterm_during_a_hold_ends_the_worker_soon_and_puts_nothing_in_doubt(
    deploy: Deploy,
) -> None:
    with deploy(SMSQ_RATE_PER_S="0.02", SMSQ_BURST="1") as deployment:
        jobs = [deployment.queue.send_quick(PHONE, f"code {i}") for i in range(30)]
        wait_until(lambda: deployment.gateway.accepted(), "the first is sent, the others hold")
        worker = deployment.processes.pop("worker")
        worker.send_signal(signal.SIGTERM)
        started_at_s = time.monotonic()
        assert worker.wait(timeout=20) == 0
        assert time.monotonic() - started_at_s < 5

        counts = deployment.queue.stats().jobs
        assert counts[JobState.UNKNOWN] == counts[JobState.SUBMITTING] == 0
        assert counts[JobState.QUEUED] >= len(jobs) - 2
        deployment.start_worker("worker1")
        deployment.controls.set_rate(1000)
        wait_until(
            lambda: deployment.queue.stats().jobs[JobState.QUEUED] == 0, "the others are sent"
        )
        assert set(deployment.gateway.accepted().values()) == {1}


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("SMSQ_GATEWAY_URL", "SMSQ_GATEWAY_URL: write scheme and host"),
        ("SMSQ_GATEWAY_TOKEN", "SMSQ_GATEWAY_TOKEN: write the gateway's API key"),
    ],
)
def test_a_worker_without_a_gateway_refuses_to_start(
    environ: dict[str, str], missing: str, says: str, tmp_path: Path
) -> None:
    del environ[missing]
    environ["SMSQ_BURST"] = "many"
    ended = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "worker"],
        cwd=ROOT,
        env={"PATH": "", **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert says in ended.stderr.decode()
    assert "SMSQ_BURST: write a whole number" in ended.stderr.decode()


def test_a_lost_broker_is_made_good(deploy: Deploy) -> None:
    with deploy("--latency-ms", "20") as deployment:
        deployment.processes["worker"].send_signal(signal.SIGSTOP)
        for i in range(50):
            deployment.queue.send_quick(PHONE, f"code {i}")
        Redis(port=deployment.ports["redis"]).delete(
            *(f"smsq:{queue}" for queue in ("urgent", "normal", "bulk", "poll"))
        )
        deployment.processes["worker"].send_signal(signal.SIGCONT)

        wait_until(lambda: len(deployment.gateway.accepted()) == 50, "recover rang", deadline_s=60)

        # Rings of jobs long done fill the queue: what comes now has none of its own.
        deployment.processes["worker"].send_signal(signal.SIGSTOP)
        rings = Rings.of(Settings.from_env(deployment.environ))
        for n in range(MOST_RINGS):
            rings.ring(Task.SEND_QUICK, [f"jgone{n}"], Queue.NORMAL)
        for i in range(50, 80):
            deployment.queue.send_quick(PHONE, f"code {i}")
        assert rings.count_waiting(Queue.NORMAL) <= MOST_RINGS + 2
        rings.close()
        deployment.processes["worker"].send_signal(signal.SIGCONT)

        wait_until(lambda: len(deployment.gateway.accepted()) == 80, "all are sent")
        assert set(deployment.gateway.accepted().values()) == {1}
