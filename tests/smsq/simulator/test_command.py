"""`smsq simulator` as people start it: a process of its own, ended by its pid."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from smsq.errors import BusyError
from smsq.gateway.client import GatewayClient
from smsq.models import QuickRequest
from smsq.simulator.command import simulator
from smsq.simulator.faults import MEANINGS
from smsq.simulator.server import RunningSimulator
from tests.support import DEADLINE_S, free_port

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "smsq.simulator"]
QUICK = QuickRequest(phone="375291234567", text="code", alphaname_id="1")


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


@contextmanager
def command(*options: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *options],
        cwd=ROOT,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_its_address_answers_and_goes_when_told_to(number: signal.Signals) -> None:
    options = ["--port", "0", "--json", "--rate", "0.001", "--burst", "2", "--retry-after-s", "7"]
    with command(*options, SMSQ_GATEWAY_TOKEN="hush-hush") as process:
        document = json.loads(first_line(process))
        client = GatewayClient(document["url"], "hush-hush", timeout_s=20)
        for _ in range(2):
            client.send_quick(QUICK)
        with pytest.raises(BusyError) as busy:
            client.send_quick(QUICK)
        assert RunningSimulator(document["url"]).accepted() == {("375291234567", "code"): 2}
        client.close()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=DEADLINE_S)

    assert list(document) == ["url"]
    assert busy.value.retry_after_s == 7
    assert rest == ""
    assert "Traceback" not in errors
    assert "hush-hush" not in errors
    assert process.returncode == 0


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_an_address_with_colons_is_written_in_brackets() -> None:
    with command("--host", "::1", "--port", "0", "--token", "t", "--json") as process:
        url = json.loads(first_line(process))["url"]
        assert url.startswith("http://[::1]:")
        assert RunningSimulator(url).accepted() == {}


def test_it_tells_people_what_its_phones_do() -> None:
    port = free_port()
    with command("--port", str(port), "--token", "t", "--magic") as process:
        assert first_line(process).startswith(f"gateway simulator at http://127.0.0.1:{port}")
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(len(MEANINGS) + 1)]

    assert lines[0] == "phones ending in"
    assert [line.split()[0] for line in lines[1:]] == [*MEANINGS]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--host", "0.0.0.0"], "16 characters"),
        (["--port", "70000"], "--port"),
        (["--rate", "-1"], "rate_per_s"),
        (["--burst", "0"], "burst"),
        (["--undelivered-share", "2"], "undelivered_share"),
        (["--fault", "busy"], "NAME=SHARE"),
        (["--fault", "burn=0.1"], "fault_shares"),
        (["--fault", "busy=0.1", "--fault", "busy=0.2"], "once"),
        (["--receipt-shape", "xml"], "--receipt-shape"),
    ],
)
def test_a_wrong_option_stops_the_start(options: list[str], named: str) -> None:
    ended = CliRunner().invoke(simulator, ["--token", "t", "--port", "0", *options])

    assert isinstance(ended.exception, SystemExit)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert any(word in ended.stderr for word in named.split("|"))
