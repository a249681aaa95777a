"""What processes say when they start: an operator reads it, and all of it is true."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from smsq.cli.output import Exit
from tests.e2e.test_up import run
from tests.support import free_port, wait_until

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING) +([\w.]+) (.+)")

#: True of a test that runs as root.
AS_ROOT = "the worker runs as root, and need not: start it as another user"

IS_UP = {
    "worker1": " ready.",
    "beat": "beat ticks every 1 s",
    "web": "Uvicorn running on http://127.0.0.1:",
    "flower": "Visit me at http://127.0.0.1:",
}


def environ_of(environ: dict[str, str]) -> dict[str, str]:
    ports = {"PORT": str(free_port()), "FLOWER_PORT": str(free_port())}
    return {**os.environ, **environ, **ports, "FLOWER_BASIC_AUTH": "ops:password"}


def test_all_that_starts_says_once_what_it_is_and_nothing_alarming(
    environ: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def is_up() -> bool:
        text = log.read_text()
        return all(re.search(f"^{name} *\\|.*{said}", text, re.M) for name, said in IS_UP.items())

    with run("up", log=log, environ=environ_of(environ)) as process:
        wait_until(is_up, "all have said that they are up", deadline_s=60)
        text = log.read_text()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

    told = [line.split("| ", 1) for line in text.splitlines()]
    found = {name.strip() for name, _ in told}
    assert found == set(IS_UP)
    lines = [LOG_LINE.fullmatch(line) for name, line in told if not name.startswith("flower")]
    assert all(lines), text
    said = [line[3] for line in lines if line]
    assert [line[3] for line in lines if line and line[1] == "WARNING"] in ([], [AS_ROOT])
    assert not [each for each, times in Counter(said).items() if times > 1]
    for word in ("--pool", "error", "exchange", "[W ", "<Task", "Traceback"):
        assert word not in text, text
    assert f"sends to {environ['SMSQ_GATEWAY_URL']}, at 10/s at most, burst 1" in text


def test_a_pool_that_was_asked_for_is_said_to_be_ignored(
    environ: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with run("worker", "--pool=threads", log=log, environ=environ_of(environ)) as process:
        wait_until(lambda: " ready." in log.read_text(), "the worker is ready", deadline_s=60)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

    assert log.read_text().count("--pool is ignored") == 1


@pytest.mark.parametrize("command", ["web", "flower"])
def test_a_port_that_cannot_be_listened_on_is_one_sentence(
    command: str, environ: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        in_use = f"cannot listen on 127.0.0.1, port {port} (Address already in use)"
        expected = (
            (port, Exit.FAILED, in_use),
            ("abc", Exit.BAD_INPUT, "PORT is abc: write a number up to 65535"),
        )
        for written, code, sentence in expected:
            log = tmp_path / written
            with run(command, log=log, environ={**environ_of(environ), "PORT": written}) as process:
                process.wait(timeout=60)
            assert process.returncode == code
            [said] = log.read_text().splitlines()
            assert sentence in said
