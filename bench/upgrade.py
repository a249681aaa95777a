"""A rolling upgrade from an older version and the way back, under load, with a campaign polled.

In:  the older version, as git names it. Out: a table: what was sent twice or lost, and which
recipients have no report. Run: python -m bench.upgrade
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.harness import ROOT, Bed, bed, wait
from bench.producer import Load, Producer
from bench.run import LATENCY, Row, show
from bench.tally import Fate, Tally, is_at_rest, reckon
from smsq.cli.running.children import end_together
from smsq.models import RecipientState

OLDER = "88e5437"

#: Of the campaign; each of its jobs has so many.
RECIPIENTS, EACH = 3000, 1000

#: Quick messages of each half, and their pace.
QUICK, PER_S = 600, 60.0

STOP_S, SETTLE_S, REPORTS_S = 30.0, 120.0, 120.0

_FINAL = {RecipientState.DELIVERED, RecipientState.UNDELIVERED}

#: A web app of whichever version is first on its path; a line a job that it enqueued.
_APP = """
import json, sys, time
from smsq.errors import QueueUnavailableError
from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

half, quick, per_s, recipients = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
queue = SmsQueue(settings=Settings.from_env())


def repeat(call):
    while True:
        try:
            return call()
        except QueueUnavailableError:
            time.sleep(0.2)


def phone(n):  # as of bench.harness: none has a meaning for the simulator
    return f"37529{100 + n // 9000}{1000 + n % 9000}"


def tell(**line):
    print(json.dumps(line), flush=True)


if recipients:
    phones = [phone(100_000 + n) for n in range(recipients)]
    sale = BulkMessage(name="Sale", text="Half price", phones=phones)
    tell(campaign=repeat(lambda: queue.send_bulk([sale], key="sale")))
started_s = time.monotonic()
for n in range(quick):
    time.sleep(max(0.0, started_s + n / per_s - time.monotonic()))
    to, text = phone(int(half) * 10_000 + n), f"code {half} {n}"
    job = repeat(lambda: queue.send_quick(to, text, key=text))
    tell(job=job, phone=to, text=text)
"""


def unpack(commit: str, folder: Path) -> bool:
    """Put an older version into a folder; False where the history does not reach so far."""
    packed = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    if packed.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return True


class Versions:
    """Processes of two versions on one ledger.

    Args:
        made: A deployment of this version, without workers.
        older: Where the older version is.

    Attributes:
        slowest_stop_s: Who takes `STOP_S` is killed, with requests in hand.
    """

    def __init__(self, made: Bed, older: Path) -> None:
        self.bed = made
        self._stack = made.stack
        self._older = older
        self.slowest_stop_s = 0.0

    def run(self, name: str, *, is_old: bool) -> None:
        """Start a worker, beat or web of one version in place of the one of that name."""
        self.stop(name)
        kind = name.rstrip("0123456789")
        if not is_old:
            if kind == "worker":
                self._stack.start_worker(name)
            else:
                self._stack.start(name, [sys.executable, "-m", "smsq.cli", kind])
            return
        how = {
            "worker": ["-m", "celery", "-A", "worker", "worker", "-n", f"{name}@%h"],
            "beat": ["-m", "celery", "-A", "worker", "beat", "-s", f"{self._older}/beat"],
            "web": ["-m", "worker.web"],
        }
        stack = replace(self._stack, root=self._older)
        stack.start(name, [sys.executable, *how[kind]], {"PYTHONPATH": str(self._older)})
        if kind == "worker":
            stack.wait(name, lambda: "ready" in stack.tail(name))

    def stop(self, name: str) -> None:
        """Stop it as an operator does."""
        if process := self._stack.processes.pop(name, None):
            began_s = time.monotonic()
            end_together([process], STOP_S)
            self.slowest_stop_s = max(self.slowest_stop_s, time.monotonic() - began_s)

    def enqueue(self, half: int, recipients: int, *, is_old: bool) -> subprocess.Popen[str]:
        """Have a web app of one version enqueue its half of the load."""
        path = self._older if is_old else ROOT
        numbers = (str(half), str(QUICK), str(PER_S), str(recipients))
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _APP, *numbers],
            cwd=self._stack.folder,
            env={**os.environ, **self._stack.environ, "PYTHONPATH": str(path)},
            stdout=subprocess.PIPE,
            text=True,
        )


def cross(older: Path, *, is_upgrade: bool) -> Row:
    """Replace every process of one version by one of the other while messages come in."""
    started_at_s = time.monotonic()
    settings = {
        "SMSQ_RATE_PER_S": "200",
        "SMSQ_BURST": "10",
        # As by default: on a busy machine the simulator may be silent for 5 s.
        "SMSQ_TIMEOUT_S": "15",
        "SMSQ_POLL_FIRST_S": "2",
        "SMSQ_POLL_MAX_S": "5",
        "SMSQ_BULK_MAX_RECIPIENTS": str(EACH),
    }
    with ExitStack() as stack:
        options = (*LATENCY, "--sent-after-s", "5", "--final-after-s", "20")
        made = stack.enter_context(bed(options, workers=0, **settings))  # type: ignore[arg-type]
        both = Versions(made, older)
        both.stop("beat")
        made.redis.flushall()
        for name in ("web", "beat", "worker", "worker1"):
            both.run(name, is_old=is_upgrade)
        first = both.enqueue(1, RECIPIENTS, is_old=is_upgrade)
        time.sleep(2)
        for name in ("worker", "worker1", "beat", "web"):
            both.run(name, is_old=not is_upgrade)
            time.sleep(1)
        second = both.enqueue(2, 0, is_old=not is_upgrade)
        lines = [
            json.loads(line)
            for app in (first, second)
            for line in app.communicate()[0].splitlines()
        ]
        row = _reckon(made, lines, started_at_s, "upgrade from" if is_upgrade else "back to")
        stops = f"the slowest stop took {both.slowest_stop_s:.1f} s"
        return replace(row, remark=f"{row.remark}; {stops}")


def _reckon(made: Bed, lines: list[dict[str, str]], started_at_s: float, what: str) -> Row:
    [campaign] = [line["campaign"] for line in lines if "campaign" in line]
    producer = Producer(made.queue, Load(jobs=0))
    jobs = [line for line in lines if "job" in line]
    producer.orders = {line["job"]: [(line["phone"], line["text"])] for line in jobs}
    wait(lambda: is_at_rest(made), at_most_s=SETTLE_S)

    def states() -> Counter[RecipientState]:
        return Counter(one.state for one in made.queue.recipients(campaign))

    wait(lambda: set(states()) <= _FINAL, at_most_s=REPORTS_S)
    made.stack.check()
    tally = reckon(made, producer)
    found = states()
    sent = [times for (_, text), times in made.gateway.accepted().items() if text == "Half price"]
    is_whole = found.total() == RECIPIENTS == len(sent) and max(sent) == 1
    told = ", ".join(f"{many} {state}" for state, many in sorted(found.items()))
    return Row(
        f"{what} {OLDER}",
        tally,
        time.monotonic() - started_at_s,
        tally.is_clean and len(jobs) == 2 * QUICK and is_whole and set(found) <= _FINAL,
        f"campaign: {told}; lost are {dict(tally.lost_states)}; unknown are {_why(made, tally)}",
    )


def _why(made: Bed, tally: Tally) -> dict[str, int]:
    """Why jobs are unknown, and how many for that reason."""
    errors = [made.queue.status(job).error for job in tally.jobs(Fate.UNKNOWN)]
    return dict(Counter(map(str, errors)))


def main() -> int:
    """Go there and back; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="smsq-older-") as folder:
        if not unpack(OLDER, Path(folder)):
            print(f"left out: the history of this checkout does not have {OLDER}")
            return 0
        return 0 if show([cross(Path(folder), is_upgrade=way) for way in (True, False)]) else 1


if __name__ == "__main__":
    sys.exit(main())
