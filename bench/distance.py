"""The limit from any distance: `python -m bench.distance [scenario ...]`.

In:  names of scenarios, all unless named. Out: one table; exit code 1 when a row does not hold.

A gateway on loopback answers in no time. Real ones take tenths of a second, and then the limit is
reached only by as many requests on their way as rate times answer time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from statistics import quantiles

from bench.arguments import read_names
from bench.harness import Bed, Row, bed, phone, show, wait
from bench.limiter import SENDS, measure_delay_ms, rejected, used
from smsq.models import BulkMessage, JobState, QuickMessage

RATE_PER_S, JOBS = 50, 1000
WORKERS, ANSWERS_S = (1, 2), (0.3, 1.0)

#: Seconds of polling that are looked at: less than the messages of one round of polls take.
POLLED_S = 15


def distant(
    answer_s: float, workers: int, *, first_poll_s: int = 3600, phones_per_job: int = 1000
) -> AbstractContextManager[Bed]:
    """Start a deployment whose gateway takes 50/s and answers after so long; we know the limit."""
    latency = ("--latency-ms", str(round(answer_s * 1000)))
    return bed(
        ("--rate", str(RATE_PER_S), "--burst", "5", *latency),
        workers=workers,
        SMSQ_RATE_PER_S=str(RATE_PER_S),
        SMSQ_BURST="5",
        SMSQ_POLL_FIRST_S=str(first_poll_s),
        SMSQ_BULK_MAX_RECIPIENTS=str(phones_per_job),
    )


def measure(what: str, fill: Callable[[Bed], None], *, phones_per_job: int = 1000) -> list[Row]:
    """Send what `fill` enqueues, from each distance, with one worker and with two."""
    rows = []
    for answer_s in ANSWERS_S:
        for workers in WORKERS:
            with distant(answer_s, workers, phones_per_job=phones_per_job) as b:
                fill(b)
                wait(lambda: len(b.requests()) >= JOBS, at_most_s=180, every_s=1)
                time.sleep(answer_s)
                rows.append(judge(what, answer_s, workers, used(b, RATE_PER_S), rejected(b)))
    return rows


def judge(what: str, answer_s: float, workers: int, share: float, refused: float) -> Row:
    """Make the line of one measurement."""
    return Row(
        f"{what}, answers in {answer_s:g} s",
        workers,
        f"{share:.1%} used, {refused:.2%} rejected",
        "≥ 97 % used, ≤ 1 % rejected",
        share >= 0.97 and refused <= 0.01,
    )


def many() -> list[Row]:
    """A thousand messages in two calls: ten rings."""

    def fill(bed_: Bed) -> None:
        for start in (0, JOBS // 2):
            bed_.queue.send_quick_many(
                QuickMessage(phone=phone(n), text="code") for n in range(start, start + JOBS // 2)
            )

    return measure("two calls of send_quick_many", fill)


def single() -> list[Row]:
    """A thousand messages in as many calls, each with a ring of its own."""

    def fill(bed_: Bed) -> None:
        for n in range(JOBS):
            bed_.queue.send_quick(phone(n), "code")

    return measure("calls of send_quick", fill)


def campaign() -> list[Row]:
    """A campaign of a thousand requests."""

    def fill(bed_: Bed) -> None:
        phones = [phone(n) for n in range(JOBS)]
        bed_.queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=phones)])

    return measure("a campaign of small jobs", fill, phones_per_job=1)


def polls() -> list[Row]:
    """A thousand messages are due to be polled, and nothing is sent."""
    rows = []
    for answer_s in ANSWERS_S:
        for workers in WORKERS:
            with distant(0, workers, first_poll_s=20) as b:
                rows.append(poll_from(b, answer_s, workers))
    return rows


def poll_from(bed_: Bed, answer_s: float, workers: int) -> Row:
    """Have messages sent at once, and poll them at the limit."""
    bed_.gateway.change(rate_per_s=0, final_after_s=3600)
    bed_.controls.set_rate(1000)
    bed_.fill(JOBS)
    wait(lambda: bed_.queue.stats().jobs[JobState.ACCEPTED] == JOBS, at_most_s=60)
    bed_.gateway.change(rate_per_s=RATE_PER_S, latency_ms=round(answer_s * 1000))
    bed_.controls.set_rate(RATE_PER_S)
    wait(lambda: bed_.requests()[-1][1] != SENDS, at_most_s=60)
    since_s = bed_.now_s() + 1
    time.sleep(POLLED_S + 2)
    share = used(bed_, RATE_PER_S, since_s, since_s + POLLED_S)
    return judge("polls", answer_s, workers, share, rejected(bed_))


def urgent() -> list[Row]:
    """One-time codes while bulk-class jobs wait at 10/s."""
    rows = []
    for workers in WORKERS:
        latency = ("--latency-ms", "300")
        with bed(latency, workers=workers, SMSQ_RATE_PER_S="10", SMSQ_BURST="1") as b:
            b.fill(100_000, priority="bulk")
            delays_ms = [measure_delay_ms(b, 1_000_000 + n) for n in range(100)]
        p99 = quantiles(delays_ms, n=100)[98]
        rows.append(
            Row(
                "urgent while 100,000 bulk jobs wait at 10/s, answers in 0.3 s",
                workers,
                f"p50 {quantiles(delays_ms, n=2)[0]:.0f} ms, p99 {p99:.0f} ms",
                "p99 ≤ 300 ms",
                p99 <= 300,
            )
        )
    return rows


SCENARIOS: dict[str, Callable[[], list[Row]]] = {
    scenario.__name__: scenario for scenario in (many, single, campaign, polls, urgent)
}


def main(names: Sequence[str]) -> int:
    """Run scenarios and print their table."""
    rows = [row for name in names or SCENARIOS for row in SCENARIOS[name]()]
    return 0 if show("distance", rows) else 1


if __name__ == "__main__":
    sys.exit(main(read_names("bench.distance", sys.argv[1:], SCENARIOS)))
