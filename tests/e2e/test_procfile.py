"""Every line of the Procfile starts and does its work under honcho."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from smsq.simulator.options import Options
from smsq.simulator.server import RunningSimulator, start_in_thread
from tests.e2e.conftest import ROOT
from tests.support import free_port, wait_until

PHONE = "375291234567"
BULK = BulkMessage(name="Sale", text="hi", phones=[PHONE, "375291234568"])


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with start_in_thread(Options(sent_after_s=0, final_after_s=0.1)) as running:
        yield running


@pytest.fixture
def environ(environ: dict[str, str], simulator: RunningSimulator) -> dict[str, str]:
    return environ | {
        "SMSQ_GATEWAY_URL": simulator.url,
        "SMSQ_POLL_FIRST_S": "0.5",
        "FLOWER_BASIC_AUTH": "ops:password",
    }


def test_the_four_processes_work_side_by_side(
    environ: dict[str, str], queue: SmsQueue, simulator: RunningSimulator, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = environ | {
        "SMSQ_CALLBACK_URL": url,
        "SMSQ_CALLBACK_SECRET": "sixteen characters or more",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    (tmp_path / "env").touch()  # nobody's .env
    with (tmp_path / "log").open("wb") as log:
        command = ["honcho", "-e", str(tmp_path / "env"), "start"]
        command += ["-p", str(port), "-c", "worker=2"]
        honcho = subprocess.Popen(
            command, cwd=ROOT, env=settings, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: ask(f"{url}/healthz"), "web answers")
        wait_until(lambda: (tmp_path / "log").read_text().count(" ready.") == 2, "two workers")
        job = queue.send_quick(PHONE, "code")
        wait_until(lambda: queue.status(job).is_final, "beat, worker and gateway did their part")
        campaign = queue.send_bulk([BULK])
        wait_until(lambda: queue.status(campaign).is_final, "the receipt came")
        # Each kind of process has a hundred ports of its own: flower is the fourth.
        wait_until(lambda: ask(f"http://127.0.0.1:{port + 300}/tasks"), "Flower answers")
        assert honcho.poll() is None, (tmp_path / "log").read_text()[-3000:]
    finally:
        honcho.send_signal(signal.SIGTERM)
        honcho.wait(30)
    assert set(simulator.accepted().values()) == {1}


def ask(url: str) -> bool:
    request = urllib.request.Request(url)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"ops:password").decode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return bool(answer.status == 200)
