"""An hour of constant load: `python -m bench.soak [--for-s 3600]`.

In:  how long. Out: one table; exit code 3 where a message was sent twice or lost.

One request in a hundred fails, and each minute one worker is restarted. What is kept is kept for
five minutes only, so that after ten of them nothing may grow any more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from bench.faults import restart_gracefully
from bench.harness import Bed, Row, bed, show, wait
from bench.producer import Load, Producer
from smsq.models import JobState

WORKERS, PER_S, KEEP_S = 3, 20.0, 300
#: Restarted each minute; the memory of the others is what is compared.
RESTARTED = "worker"
GATEWAY = (
    *("--latency-ms", "50", "--final-after-s", "2"),
    *("--fault", "server_error=0.006", "--fault", "busy=0.004"),
)
SETTINGS: dict[str, Any] = {
    "SMSQ_RATE_PER_S": "100",
    "SMSQ_BURST": "20",
    "SMSQ_RETENTION_S": str(KEEP_S),
    "SMSQ_EVENTS_KEEP_S": str(KEEP_S),
    "SMSQ_POLL_FIRST_S": "3",
    "SMSQ_POLL_MAX_S": "30",
    "SMSQ_POLL_HORIZON_S": "120",
    "SMSQ_BACKOFF_MAX_S": "10",
}
#: Jobs of so long ago are looked for: retention has taken none of them.
LOOK_BACK_S = KEEP_S - 60
ENDED_SOON_S = 120.0


@dataclass
class Minute:
    """What was there at the end of a minute.

    Attributes:
        rss_bytes: Process → memory.
        recent, found: Jobs of the last minutes, and how many of them have a state.
        counted, listed: Jobs by the ledger's counts per state, and as they are there.
    """

    rss_bytes: dict[str, int]
    redis_bytes: int
    recent: int
    found: int
    counted: int
    listed: int


@dataclass
class Soak:
    """The load and what became of it."""

    bed: Bed
    producer: Producer
    minutes: list[Minute] = field(default_factory=list)
    _seen: int = 0
    _recent: list[tuple[float, str]] = field(default_factory=list)

    def run(self, for_s: float) -> None:
        """Load for so long; each minute a worker is restarted, and everything is looked at."""
        began_s = time.monotonic()
        self.producer.start()
        while (passed_s := time.monotonic() - began_s) < for_s:
            until_s = began_s + min(for_s, passed_s // 60 * 60 + 60)
            while time.monotonic() < until_s:
                time.sleep(1)
                self.note_new()
            restart_gracefully(self.bed.stack, RESTARTED)
            self.minutes.append(self.look())
            self.bed.stack.check()
        self.producer.end()
        self.producer.join()

    def note_new(self) -> None:
        """Note when jobs were enqueued."""
        ids, now_s = [*self.producer.orders], time.monotonic()
        self._recent += [(now_s, one) for one in ids[self._seen :]]
        self._seen = len(ids)
        self._recent = [row for row in self._recent if row[0] > now_s - LOOK_BACK_S]

    def look(self) -> Minute:
        """Look at processes, at Redis, and at each job of the last minutes."""
        redis, space = self.bed.redis, self.bed.queue.settings.namespace
        pipeline = redis.pipeline(transaction=False)
        for _, one in self._recent:
            pipeline.hget(
                f"{space}:{'campaign' if one[0] == 'c' else 'job'}:{one}", "created_at_ms"
            )
        found = sum(row is not None for row in pipeline.execute())
        counted, listed = self._count_jobs(space)
        rss = {
            name: psutil.Process(process.pid).memory_info().rss
            for name, process in self.bed.stack.processes.items()
            if name not in {RESTARTED, "simulator", "redis"}
        }
        used = int(redis.info("memory")["used_memory"])
        return Minute(rss, used, len(self._recent), found, counted, listed)

    def _count_jobs(self, space: str) -> tuple[int, int]:
        """Count jobs by state and by name; both move on meanwhile: the nearest of five."""
        tries = []
        for _ in range(5):
            before = sum(self.bed.queue.stats().jobs.values())
            listed = sum(1 for _ in self.bed.redis.scan_iter(f"{space}:job:*", 5000))
            after = sum(self.bed.queue.stats().jobs.values())
            low, high = sorted((before, after))
            counted = min(max(listed, low), high)
            tries.append((abs(counted - listed), counted, listed))
        _, counted, listed = min(tries)
        return counted, listed


def judge_memory(soak: Soak) -> list[Row]:
    """Compare the last quarter's medians with the second quarter's."""
    quarter = max(1, len(soak.minutes) // 4)
    early, late = soak.minutes[quarter : 2 * quarter], soak.minutes[-quarter:]
    rows = []
    for name in sorted(soak.minutes[-1].rss_bytes):
        was, now = (
            statistics.median(minute.rss_bytes[name] for minute in part) for part in (early, late)
        )
        told = f"{was / 1e6:.1f} MB, then {now / 1e6:.1f} MB ({now / was - 1:+.1%})"
        rows.append(Row(f"memory of {name}", WORKERS, told, "± 5 %", abs(now / was - 1) <= 0.05))
    was, now = (statistics.median(minute.redis_bytes for minute in part) for part in (early, late))
    told = f"{was / 1e6:.1f} MB, then {now / 1e6:.1f} MB ({now / was - 1:+.1%})"
    rows.append(Row("memory of Redis", WORKERS, told, "≤ + 5 %", now / was <= 1.05))
    return rows


def judge_sums(soak: Soak) -> list[Row]:
    """Compare sums of states with what was enqueued, minute by minute."""
    lost = [m.recent - m.found for m in soak.minutes]
    apart = [abs(m.counted - m.listed) for m in soak.minutes]
    minutes, looked_for = len(soak.minutes), sum(m.recent for m in soak.minutes)
    return [
        Row(
            f"jobs of the last {LOOK_BACK_S // 60} minutes, each minute",
            WORKERS,
            f"{looked_for} looked for in {minutes} looks, {sum(lost)} missing",
            "0",
            not any(lost),
        ),
        Row(
            "jobs there against the sum of states, each minute",
            WORKERS,
            f"{max(apart)} apart at most, of {max(m.listed for m in soak.minutes)}",
            "0",
            not any(apart),
        ),
    ]


def judge_book(soak: Soak) -> tuple[Row, bool]:
    """Compare the gateway's book with all that was enqueued."""
    book = soak.bed.gateway.accepted()
    wanted = [sms for orders in soak.producer.orders.values() for sms in orders]
    twice = sum(book.get(sms, 0) > 1 for sms in wanted)
    lost = sum(sms not in book for sms in wanted)
    told = f"{len(wanted)} messages: {twice} twice, {lost} lost"
    return Row("by the gateway's book", WORKERS, told, "0, 0", not twice and not lost), bool(
        twice or lost
    )


def main(arguments: Sequence[str]) -> int:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--for-s", type=float, default=3600.0, help="at least 240")
    for_s = max(240.0, parser.parse_args(arguments).for_s)
    load = Load(jobs=10_000_000, per_s=PER_S, campaign_every=10)
    with bed(GATEWAY, workers=WORKERS, **SETTINGS) as b:
        soak = Soak(b, Producer(b.queue, load))
        soak.run(for_s)
        wait(lambda: not sum(open_jobs(b)), at_most_s=ENDED_SOON_S)
        row, is_wrong = judge_book(soak)
        rows = [*judge_memory(soak), *judge_sums(soak), row]
    is_good = show(f"soak, {for_s / 60:.0f} minutes at {PER_S:g}/s", rows)
    return 3 if is_wrong else int(not is_good)


def open_jobs(b: Bed) -> list[int]:
    """How many jobs are still to be sent, by state."""
    jobs = b.queue.stats().jobs
    return [jobs[state] for state in (JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
