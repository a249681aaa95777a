"""How a group of child processes ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from smsq.cli.running.children import end_together

OBEYS = "import time; print('up', flush=True); time.sleep(60)"
REFUSES = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {OBEYS}"


def start(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    process.stdout.close()
    return process


@pytest.mark.long
def test_who_does_not_end_in_time_is_killed_and_the_time_is_one_for_all() -> None:
    obedient, *stubborn = [start(OBEYS), start(REFUSES), start(REFUSES), start(REFUSES)]
    gone = start(OBEYS)
    gone.kill()
    gone.wait()

    started_s = time.monotonic()
    end_together([obedient, *stubborn, gone], within_s=1.0)

    assert obedient.returncode == -signal.SIGTERM
    assert [one.returncode for one in stubborn] == [-signal.SIGKILL] * len(stubborn)
    # Each with a second of its own would take three.
    assert time.monotonic() - started_s < 2.5


def test_a_group_of_nobody_ends_at_once() -> None:
    end_together([], within_s=60.0)
