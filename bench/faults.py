"""What is done to the processes of a deployment: kill, stop, freeze, restart; and their logs.

In:  a running stack. Out: the same stack, hurt.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from smsq.cli.running.stack import Stack, StackError
from smsq.errors import SmsqError

#: A worker that was asked to go finishes the request in hand; it has this long.
GRACE_S = 20.0

#: Its sitecustomize.py is for processes with a wrong clock.
_SLEEP_FIX = Path(__file__).with_name("wrong_clock")

_SEND = re.compile(r"-> send job=(\S+) ")
_ANSWER = re.compile(r"<- \w+ job=(\S+) ")


class MissingToolError(SmsqError):
    """This machine lacks what a fault needs; the scenario is skipped, but never in CI."""


def kill(stack: Stack, name: str) -> None:
    """SIGKILL a process."""
    stack.processes[name].kill()
    stack.processes[name].wait()


def restart_gracefully(stack: Stack, name: str) -> None:
    """SIGTERM a worker, wait until it has gone, and start it again."""
    process = stack.processes[name]
    process.send_signal(signal.SIGTERM)
    code = process.wait(GRACE_S)
    if code:
        raise StackError(f"{name} ended with {code} on SIGTERM:\n{stack.tail(name)}")
    stack.start_worker(name)


@contextmanager
def frozen(stack: Stack, name: str) -> Iterator[None]:
    """SIGSTOP a process, and let it go on when the block ends."""
    process = stack.processes[name]
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def kill_redis(stack: Stack, *, for_s: float) -> None:
    """SIGKILL Redis, and start it later on what it wrote to its disk."""
    kill(stack, "redis")
    time.sleep(for_s)
    stack.start_redis()


def wait_for_consumers(stack: Stack) -> float:
    """Wait until every worker takes rings from Redis again; returns the seconds it took."""
    began_at_s = time.monotonic()
    seen: set[str] = set()
    with Redis(port=stack.ports["redis"]) as redis:
        while len(seen) < len(stack.worker_names) and time.monotonic() < began_at_s + GRACE_S:
            seen |= {row["id"] for row in redis.client_list() if row["cmd"] == "brpop"}
            time.sleep(0.05)
    return time.monotonic() - began_at_s


def flush_broker(stack: Stack) -> int:
    """Empty the broker's database; returns how many rings were in it."""
    with Redis(port=stack.ports["redis"], db=stack.broker_db) as broker:
        rings = sum(broker.llen(name) for name in broker.scan_iter(_type="list"))
        broker.flushdb()
        return int(rings)


def start_door(stack: Stack, port: int, *, shut_share: float) -> None:
    """Start the door that refuses connections for a share of the time (bench/door.py)."""
    upstream = stack.ports["simulator"]
    stack.start(
        "door", [sys.executable, "-m", "bench.door", *map(str, (port, upstream, shut_share))]
    )


def wrong_clock(shift: str) -> dict[str, str]:
    """Environment of a process whose wall clock is wrong, as by "+5m"; its waits stay right.

    Under libfaketime a worker takes fewer rings than others, with a right clock ("+0s") too.

    Raises:
        MissingToolError: libfaketime is not installed.
    """
    path = os.environ.get("PYTHONPATH")
    return {
        "LD_PRELOAD": _find_faketime(),
        "FAKETIME": shift,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": os.pathsep.join([str(_SLEEP_FIX), *filter(None, [path])]),
    }


@dataclass(frozen=True, slots=True)
class SetClock:
    """A wall clock that is set while its process runs.

    Attributes:
        file: Holds by how much it is wrong; libfaketime reads it again and again.
    """

    file: Path

    @property
    def environ(self) -> dict[str, str]:
        """Environment of the process, Redis' or one of ours."""
        self.set("+0s")
        fixed = wrong_clock("+0s")
        del fixed["FAKETIME"]
        return fixed | {
            # With libc's malloc: that of Redis asks for the time before libfaketime is ready.
            "LD_PRELOAD": f"{fixed['LD_PRELOAD']}:libc.so.6",
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
        }

    def set(self, shift: str) -> None:
        """Set the clock, as by "-1h"."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{shift}\n")
        new.replace(self.file)


def _find_faketime() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise MissingToolError("a wrong clock needs libfaketime: apt-get install faketime")
    return str(found[0])


def find_unanswered(stack: Stack) -> list[str]:
    """Jobs, by the workers' logs, whose request was begun and whose answer was never written down.

    In a killed worker these are the requests that were in flight.
    """
    unanswered: list[str] = []
    for name in stack.worker_names:
        is_open: Counter[str] = Counter()
        for line in read_log(stack, name):
            if begun := _SEND.search(line):
                is_open[begun[1]] += 1
            elif ended := _ANSWER.search(line):
                is_open[ended[1]] -= 1
        unanswered += is_open.elements()
    return unanswered


def count_lines(stack: Stack, words: str, *names: str) -> int:
    """Count the lines with some words in the logs of all workers, or of those named."""
    return sum(
        words in line for name in names or stack.worker_names for line in read_log(stack, name)
    )


def read_log(stack: Stack, name: str) -> Sequence[str]:
    """The lines that all processes of a name wrote."""
    return stack.log_path(name).read_text(errors="replace").splitlines()
