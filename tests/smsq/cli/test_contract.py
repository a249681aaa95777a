"""The command line as a process: exit codes, a clean stdout, a Redis that is down or hangs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from smsq.cli import COMMANDS, main
from smsq.cli.commands import Commands
from smsq.queue import SmsQueue
from smsq.store.connection import PRODUCER_TIMEOUT_S
from tests.smsq.cli.conftest import ROOT, start
from tests.support import free_port

pytestmark = pytest.mark.long

#: Where Redis hangs, a command ends within so long of its first question.
PROMISED_S = 2.0

ASKING = (
    ("send-quick", "375291234567", "the text"),
    ("send-bulk", "phones.csv", "--name", "Sale", "--text", "the text"),
    ("status", "j1"),
    ("watch", "j1"),
    ("stats",),
    ("cancel", "j1"),
)


def run(
    *args: str, environ: Mapping[str, str], cwd: Path, stdin: str | None = None
) -> tuple[int, str, str]:
    with start(*args, environ=environ, cwd=cwd, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(stdin, timeout=30)
    return process.returncode, out, err


def test_json_is_all_that_stdout_holds(environ: dict[str, str], tmp_path: Path) -> None:
    args = ("send-quick", "+375 29 123-45-67", "Your code is 4821", "--json")
    code, out, err = run(*args, environ=environ, cwd=tmp_path)

    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert set(json.loads(out)) == {"id", "state", "new"}


def test_a_text_from_stdin_does_not_stand_in_the_process_list(
    environ: dict[str, str], tmp_path: Path, queue: SmsQueue
) -> None:
    args = ("send-quick", "375291234567", "-", "--key", "k", "--json")
    _, out, _ = run(*args, environ=environ, cwd=tmp_path, stdin="Ваш код 4821\n")

    # The same key and content are the same job: the text arrived without the line's end.
    job = queue.send_quick("375291234567", "Ваш код 4821", key="k")
    assert json.loads(out)["id"] == job


@pytest.mark.parametrize("args", ASKING, ids=lambda args: args[0])
def test_a_redis_that_is_down_is_exit_code_3(
    args: tuple[str, ...], environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "phones.csv").write_text("phone\n375291234567\n")
    down = environ | {"SMSQ_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}

    code, out, err = run(*args, "--json", environ=down, cwd=tmp_path)

    assert code == 3
    assert json.loads(out)["error"]["type"] == "QueueUnavailableError"
    assert "Traceback" not in err


def test_a_redis_that_hangs_is_exit_code_3_within_two_waits_for_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "phones.csv").write_text("phone\n375291234567\n")
    with contextlib.ExitStack() as stack:
        started = []
        for args in [*ASKING, ("doctor",)]:
            silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            hung = environ | {"SMSQ_REDIS_URL": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"}
            process = start(*args, "--json", environ=hung, cwd=tmp_path)
            started.append((args, silent, stack.enter_context(process)))
        for _, _, process in started:
            process.communicate(timeout=100)
        codes = {args[0]: process.returncode for args, _, process in started}
        asked = {args[0]: _count_connections(silent) for args, silent, _ in started}

    assert set(codes.values()) == {3}, codes
    # A connection that is not answered is given up after one wait, whose length is set; how long
    # Python takes to start is the machine's.
    assert min(asked.values()) >= 1
    assert {name: n for name, n in asked.items() if n * PRODUCER_TIMEOUT_S > PROMISED_S} == {}


def _count_connections(server: socket.socket) -> int:
    """How often somebody connected to a server that took nobody in."""
    server.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def test_ctrl_c_is_exit_code_130(environ: dict[str, str], tmp_path: Path, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "code")
    with start("send-bulk", "-", "--name", "x", environ=environ, cwd=tmp_path,
               stdin=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdin
        process.stdin.write("phone,text\n")
        process.stdin.flush()
        _wait_until_reading(process.pid)
        # Python drops a Ctrl-C that falls into a destructor; a person presses it again. Only then
        # may the input end: an end of input ends the command otherwise.
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
                break
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Traceback" not in err
    assert queue.status(job).state == "queued"


def _wait_until_reading(pid: int) -> None:
    """Wait until a process has nothing to do but to read its stdin."""
    stack = Path(f"/proc/{pid}/wchan")
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        if "pipe" in stack.read_text():
            return
        os.sched_yield()
    raise AssertionError("it does not read its stdin")


@pytest.mark.parametrize("args", [("--help",), ("status", "ID", "--recipients"), ("stats",)])
def test_a_closed_pipe_is_no_traceback(
    args: tuple[str, ...], environ: dict[str, str], tmp_path: Path, queue: SmsQueue
) -> None:
    job = queue.send_quick("375291234567", "code")
    args = tuple(job if arg == "ID" else arg for arg in args)
    with start(*args, environ=environ, cwd=tmp_path) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        err = process.stderr.read()

    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_help_needs_no_server_and_no_client(tmp_path: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from smsq.cli import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "print(sorted({'starlette', 'uvicorn', 'requests', 'rich.live', 'redis', 'celery'}"
        " & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stdout == "[]\n"


def test_the_help_lists_every_command_with_its_own_first_line() -> None:
    assert isinstance(main, Commands)
    context = main.make_context("smsq", ["stats"])
    for name, (_, line) in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None, name
        assert command.name == name
        assert line.endswith(".")
        assert len(line) <= 60


#: They run until they are ended and have no result.
PROCESSES = {"up", "worker", "beat", "web", "flower", "alive"}


def test_every_command_takes_json() -> None:
    assert isinstance(main, Commands)
    context = main.make_context("smsq", ["stats"])
    for name in set(main.list_commands(context)) - PROCESSES:
        command = main.get_command(context, name)
        assert command
        inner = command.commands.values() if isinstance(command, click.Group) else [command]
        for one in inner:
            assert any("--json" in param.opts for param in one.params), (name, one.name)
