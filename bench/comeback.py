"""How soon a worker that comes back is at work, after beat was alone for a day: `bench.comeback`.

    python -m bench.comeback

The broker has lost all ticks, and beat sends few, as after a day that nobody took one. A job is
due. What is measured is the time from the worker's own word that it is ready to the first request
at the gateway; how long Python takes to start is printed beside it, and is the machine's.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

from redis import Redis

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.names import Task
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.ticks import leave_untaken

RUNS, MOST_S = 5, 2.0

#: Ticks that nobody took: far more than make beat's pauses the longest.
UNTAKEN = 1000

#: Between two looks at the worker's log and the gateway's book.
LOOK_S = 0.01


def main() -> int:
    """Print the table; 1 when a worker took too long."""
    waits_s, starts_s = [], []
    for _ in range(RUNS):
        with bed([], workers=0, broker_db=1) as made:
            start_s, wait_s = come_back(made)
        starts_s.append(start_s)
        waits_s.append(wait_s)
    figures = ", ".join(f"{one:.2f}" for one in waits_s)
    starts = ", ".join(f"{one:.1f}" for one in starts_s)
    row = Row(
        what=f"a worker comes back, beat was alone (ready after {starts} s)",
        workers=1,
        figure=f"{figures} s from ready to the first request",
        must=f"at most {MOST_S:g} s",
        holds=max(waits_s) <= MOST_S,
    )
    return 0 if show("a worker that comes back", [row]) else 1


def come_back(made: Bed) -> tuple[float, float]:
    """Start a worker; returns seconds until it was ready, and from then to its first request."""
    settings = Settings.from_env(made.stack.environ)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    made.queue.send_quick(phone(1), "code", send_at=soon)
    scripts = Scripts.of(connect(settings.redis_url), settings)
    for task in (Task.RECOVER, Task.POLL_DELIVERIES):
        leave_untaken(scripts, task, UNTAKEN)
    time.sleep(1.5)  # the job is due, and nobody is there
    with Redis.from_url(settings.broker_url) as broker:
        broker.flushdb()
    began_s = time.monotonic()
    made.stack.start_worker(waits=False)
    is_ready = wait(lambda: " ready" in made.stack.tail("worker"), at_most_s=60, every_s=LOOK_S)
    ready_s = time.monotonic()
    is_sent = wait(made.requests, at_most_s=60, every_s=LOOK_S)
    if not (is_ready and is_sent):
        raise SystemExit(f"no request within a minute:\n{made.stack.tail('worker')}")
    return ready_s - began_s, time.monotonic() - ready_s


if __name__ == "__main__":
    sys.exit(main())
