"""Logs of the processes: one line per step, on stderr, without what nobody should see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOGGED = """
import logging, logging.config
from config.logs import LOGGING
earlier = logging.getLogger("of.a.library")
logging.config.dictConfig(LOGGING)
earlier.info("still here")
logging.getLogger("tasks.send").info("-> send job=%s attempt=%d", "j1", 2)
logging.getLogger("tasks.send").debug("too much")
for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat", "urllib3",
             "urllib3.connectionpool", "uvicorn.access"):
    logging.getLogger(name).info("noise of %s", name)
    logging.getLogger(name).warning("alarm of %s", name)
"""


def test_logs_are_lines_on_stderr_with_our_steps_and_everyones_alarms() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOGGED],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ended.stderr.splitlines()

    assert ended.stdout == ""
    assert lines[0].endswith(" INFO    of.a.library still here")
    assert lines[1].endswith(" INFO    tasks.send -> send job=j1 attempt=2")
    assert len(lines) == 8
    assert all(" WARNING " in line and " alarm of " in line for line in lines[2:])
