"""What a starting worker refuses, and how it hears that it is to end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import celery.apps.worker
import pytest

from config.settings import EXIT_BAD_SETTINGS
from smsq.settings import Settings
from tasks.resources import Resources
from tests.support import RedisServer
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


@pytest.mark.real_redis
def test_a_redis_that_is_away_is_waited_for(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lifecycle, "OUTAGE_PAUSE_S", 0.05)
    server = RedisServer(tmp_path)
    settings = Settings.from_env(environ | {"SMSQ_REDIS_URL": server.url}, needs_gateway=True)
    resources = Resources.build(settings)
    later = threading.Timer(0.3, server.start)
    later.start()
    with pytest.raises(SystemExit):  # it has no log: told as soon as it is there
        lifecycle.require_durability(resources)
    later.join()
    resources.close()
    server.stop()

    assert "waiting for Redis" in caplog.text


def test_a_signal_is_noted_though_nobody_reads_what_celery_says_of_it() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as broken:
        lifecycle.keep_signals_quiet()
        # Celery's handlers say so first: were it to raise, the signal would never be noted.
        said: Any = celery.apps.worker
        said.safe_say("worker: Warm shutdown (MainProcess)", broken)
