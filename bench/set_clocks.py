"""Chaos: Redis' clock is set back and ahead, time and again, while jobs go out.

In:  a load. Out: a row of the table; see bench/chaos.py.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench import faults
from bench.harness import wait
from bench.producer import Load
from bench.run import Row, Run, under_load
from bench.tally import Fate
from smsq.models import JobState

#: A clock an hour wrong either way, ten years back, and right again.
SHIFTS = ("-1h", "+1h", "-3650d", "+0s", "-1h", "+0s", "+1h", "-90s")

#: So many more jobs go out before jobs are said to go on; they must within so long.
MORE, GO_ON_S = 10, 2.0

#: libfaketime has Redis ask for its time in a file: half of the usual.
LOAD = Load(jobs=2500, per_s=60)


def set_clocks(load: Load = LOAD) -> Row:
    """Set Redis' clock every 4 s."""
    with tempfile.TemporaryDirectory(prefix="smsq-clock-") as folder:
        clock = faults.SetClock(Path(folder) / "clock")
        with under_load(load, redis_environ=clock.environ) as run:
            waits_s = []
            time.sleep(4)
            for shift in SHIFTS:
                clock.set(shift)
                waits_s.append(see_going_on(run))
                time.sleep(4)
            tally = run.settle()
            return run.row(
                f"Redis' clock set {len(SHIFTS)} times: an hour either way, ten years back",
                tally,
                holds=not tally.count(Fate.UNKNOWN) and max(waits_s) <= GO_ON_S,
                remark=f"must be 0 unknown; jobs went on within {max(waits_s):.2f} s",
            )


def see_going_on(run: Run) -> float:
    """Seconds until some more jobs went out."""
    began_at_s, before = time.monotonic(), sent(run)
    wait(lambda: sent(run) >= before + MORE, at_most_s=60, every_s=0.05)
    return time.monotonic() - began_at_s


def sent(run: Run) -> int:
    """Jobs that the gateway has."""
    jobs = run.bed.queue.stats().jobs
    return jobs[JobState.ACCEPTED] + jobs[JobState.DONE]
