"""Two addresses of one process: what is in use or cannot be is one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from config.settings import EXIT_BAD_SETTINGS
from smsq.environment.page.listen import Listen
from tests.support import free_port, wait_until
from worker.page.serving import bind


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_an_address_that_cannot_be_taken_says_what_to_set(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            bind(Listen(host, port))

    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"smsq: cannot listen on {host}:{port} (")
    assert "set another SMSQ_ADMIN_LISTEN" in said


def start(environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "smsq.cli", "web"],
            env={**os.environ, **environ},
            stdout=out,
            stderr=out,
        )


@pytest.mark.slow
def test_several_installations_stand_on_one_machine_each_with_two_addresses(
    environ: dict[str, str], tmp_path: Path
) -> None:
    ports = [(free_port(), free_port()) for _ in range(2)]
    started = [
        start(
            environ | {"PORT": str(public), "SMSQ_ADMIN_LISTEN": f"127.0.0.1:{admin}"},
            tmp_path / str(public),
        )
        for public, admin in ports
    ]
    try:
        for public, admin in ports:
            for url in (f"http://127.0.0.1:{public}/healthz", f"http://127.0.0.1:{admin}/login"):
                wait_until(partial(is_up, url), url)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
    # uvicorn raises the signal again once all is closed.
    assert {process.wait(30) for process in started} <= {0, -signal.SIGTERM}


@pytest.mark.slow
def test_one_port_for_both_is_a_mistake(environ: dict[str, str], tmp_path: Path) -> None:
    port = free_port()
    both = {"PORT": str(port), "SMSQ_ADMIN_LISTEN": f"127.0.0.1:{port}"}
    process = start(environ | both, tmp_path / "log")

    assert process.wait(60) == EXIT_BAD_SETTINGS
    told = (tmp_path / "log").read_text()
    assert (
        told == f"smsq: SMSQ_ADMIN_LISTEN and PORT are both {port}: write another for one of them\n"
    )


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
