"""Redis' memory for each recipient and each quick job once accepted: `python -m bench.memory`.

In:  nothing. Out: one table. All that Redis holds counts: job, timeline, news, indexes, key names.
"""

from __future__ import annotations

import sys

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import BulkMessage, JobState

RECIPIENTS, QUICK_JOBS = 100_000, 5_000


def used_bytes(b: Bed) -> int:
    return int(b.redis.info("memory")["used_memory"])


def has_accepted(b: Bed, jobs: int) -> bool:
    return b.queue.stats().jobs[JobState.ACCEPTED] >= jobs


def memory() -> list[Row]:
    """Have quick jobs accepted, then a campaign; nothing is polled yet."""
    with bed((), workers=2, SMSQ_RATE_PER_S="5000", SMSQ_BURST="100") as b:
        b.fill(100)  # connections, scripts and the like
        wait(lambda: has_accepted(b, 100), at_most_s=30)
        began = used_bytes(b)
        b.fill(QUICK_JOBS, first=100)
        wait(lambda: has_accepted(b, 100 + QUICK_JOBS), at_most_s=120)
        quick = (used_bytes(b) - began) / QUICK_JOBS
        began = used_bytes(b)
        phones = [phone(n) for n in range(RECIPIENTS)]
        campaign = b.queue.send_bulk([BulkMessage(name="Sale", text="Half price", phones=phones)])
        queued = (used_bytes(b) - began) / RECIPIENTS
        wait(lambda: b.queue.status(campaign).state is JobState.ACCEPTED, at_most_s=120)
        bulk = (used_bytes(b) - began) / RECIPIENTS
    return [
        Row(f"{QUICK_JOBS} quick jobs", 2, f"{quick:.0f} bytes", "<= 1500", quick <= 1500),
        Row(
            f"{RECIPIENTS} recipients, {RECIPIENTS // 1000} jobs",
            2,
            f"{bulk:.1f} bytes; queued, with the text, {queued:.1f}",
            "<= 60",
            bulk <= 60,
        ),
    ]


if __name__ == "__main__":
    sys.exit(0 if show("memory", memory()) else 1)
