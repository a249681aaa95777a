"""A ledger that a newer version of smsq wrote while this one runs: everybody stands back."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from config.settings import EXIT_BAD_SETTINGS
from smsq.errors import QueueUnavailableError
from smsq.models import JobState
from smsq.store.connection import connect
from smsq.store.keys import Keys
from tests.e2e.conftest import Deploy, Deployment
from tests.support import wait_until

NEWER = "99"
JOBS = 60


def ask_health(deployment: Deployment) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{deployment.url('admin')}/healthz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def examine(deployment: Deployment) -> dict[str, str]:
    doctor = subprocess.run(
        [sys.executable, "-m", "smsq.cli", "doctor", "--json"],
        env=deployment.environ,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return {check["name"]: check["detail"] for check in json.loads(doctor.stdout)["checks"]}


@pytest.mark.slow
def test_all_that_runs_stands_back_from_a_ledger_of_a_newer_version(deploy: Deploy) -> None:
    with deploy(
        "--latency-ms", "1500", has_web=True, SMSQ_RATE_PER_S="20", SMSQ_BURST="1"
    ) as deployment:
        redis = connect(deployment.environ["SMSQ_REDIS_URL"])
        jobs = [deployment.queue.send_quick(f"37529100{n:04}", "hi") for n in range(JOBS)]
        wait_until(lambda: len(deployment.gateway.accepted()) > 3, "the gateway has some")

        redis.hset(Keys("smsq").limiter, "format", NEWER)
        with pytest.raises(QueueUnavailableError, match="newer version") as refused:
            deployment.queue.send_quick("375291000099", "hi")
        processes = [deployment.processes.pop(name) for name in ("worker", "beat")]
        codes = [process.wait(timeout=20) for process in processes]
        health, doctor = ask_health(deployment), examine(deployment)

        states = [deployment.queue.status(job).state for job in jobs]
        sent = len(deployment.gateway.accepted())
        log = {name: deployment.tail(name) for name in ("worker", "beat")}

    assert codes == [EXIT_BAD_SETTINGS] * 2
    assert not refused.value.may_be_stored
    assert set(states) <= {JobState.QUEUED, JobState.ACCEPTED}
    assert 0 < states.count(JobState.ACCEPTED) == sent < JOBS
    for name, text in log.items():
        [line] = [line for line in text.splitlines() if " ERROR " in line]
        assert f"this {name} ends: a newer version of smsq wrote the ledger" in line
        assert "Traceback" not in text
    assert health[0] == 503
    assert "newer version of smsq" in health[1]
    assert "newer version of smsq" in doctor["ledger"]
