"""What a starting worker refuses, and how it hears that it is to end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import celery.apps.worker
import pytest

from config.settings import EXIT_BAD_SETTINGS
from worker import lifecycle

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_a_worker_refuses_a_redis_that_cannot_keep_durable_claims(environ: dict[str, str]) -> None:
    # Truly so: the session's server keeps no log, and older ones have no WAITAOF.
    ended = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "worker"],
        cwd=ROOT,
        env={"PATH": "", **environ, "SMSQ_DURABLE_CLAIMS": "1"},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == EXIT_BAD_SETTINGS
    [line] = [x for x in ended.stderr.decode().splitlines() if x.startswith("smsq: ")]
    assert line.startswith("smsq: SMSQ_DURABLE_CLAIMS: ")
    assert "or set it to 0, see docs/durability.md" in line


def test_a_signal_is_noted_though_nobody_reads_what_celery_says_of_it() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as broken:
        lifecycle.keep_signals_quiet()
        # Celery's handlers say so first: were it to raise, the signal would never be noted.
        said: Any = celery.apps.worker
        said.safe_say("worker: Warm shutdown (MainProcess)", broken)
