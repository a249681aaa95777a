"""The limiter against a gateway with a limit: `python -m bench.limiter [scenario ...]`.

In:  names of scenarios, all unless named. Out: one table; exit code 1 when a row does not hold.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Sequence
from statistics import quantiles

from bench import plain_celery
from bench.arguments import read_names
from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import JobState

LIMIT = ("--rate", "50", "--burst", "5", "--latency-ms", "20")
SENDS, POLLS = "sendQuickSMS", "getSmsDeliveryList"
WORKERS = (1, 2, 4)
URGENT_RATES = (10, 200)


def used(bed_: Bed, rate_per_s: float, since_s: float = 0.0, until_s: float = 1e9) -> float:
    """Share of the gateway's limit that was used between two times of its clock."""
    taken = [at for at, _, status in bed_.requests() if status == 200 and since_s <= at < until_s]
    span_s = min(until_s, max(taken)) - max(since_s, min(taken))
    return (len(taken) - 1) / (rate_per_s * span_s)


def rejected(bed_: Bed) -> float:
    """Share of all requests that the gateway answered with 429."""
    rows = bed_.requests()
    return sum(status == 429 for _, _, status in rows) / len(rows)


def limit_told() -> list[Row]:
    """50/s with a burst of 5, and we know it."""
    rows = []
    peer_used, peer_rejected = plain_celery.run(LIMIT, messages=600, workers=2, limit_per_s=50)
    for workers in WORKERS:
        with bed(LIMIT, workers=workers, SMSQ_RATE_PER_S="50", SMSQ_BURST="5") as b:
            b.fill(3000)
            wait(lambda: len(b.gateway.accepted()) == 3000, at_most_s=120, every_s=2)
            share, refused = used(b, 50), rejected(b)
        rows.append(
            Row(
                "limit told",
                workers,
                f"{share:.1%} used, {refused:.2%} rejected "
                f"(plain Celery, 2 workers: {peer_used:.0%}, {peer_rejected:.0%})",
                "≥ 97 % used, ≤ 1 % rejected",
                share >= 0.97 and refused <= 0.01,
            )
        )
    return rows


def limit_not_told() -> list[Row]:
    """The ceiling is ten times too high."""
    rows = []
    for workers in WORKERS:
        with bed(LIMIT, workers=workers, SMSQ_RATE_PER_S="500", SMSQ_BURST="5") as b:
            b.fill(3000)
            wait(lambda: b.requests(), at_most_s=20)
            began_s = b.requests()[0][0]
            time.sleep(50)
            share, refused = used(b, 50, began_s + 10, began_s + 45), rejected(b)
        rows.append(
            Row(
                "limit not told",
                workers,
                f"{share:.1%} used after 10 s, {refused:.2%} rejected",
                "≥ 90 % used, ≤ 5 % rejected",
                share >= 0.9 and refused <= 0.05,
            )
        )
    return rows


def limit_changes() -> list[Row]:
    """The limit drops to a third midway, and rises again."""
    with bed(LIMIT, workers=2, SMSQ_RATE_PER_S="500", SMSQ_BURST="5") as b:
        b.fill(8000)
        time.sleep(20)
        b.gateway.change(rate_per_s=50 / 3)
        dropped_s = b.now_s()
        time.sleep(30)
        low = used(b, 50 / 3, dropped_s + 10, dropped_s + 30)
        b.gateway.change(rate_per_s=50)
        rose_s = b.now_s()
        time.sleep(85)
        high = used(b, 50, rose_s + 60, rose_s + 85)
        refused = rejected(b)
    return [
        Row(
            "the limit drops to a third, then rises",
            2,
            f"{low:.1%} used 10 s after the drop, {high:.1%} 60 s after the rise, "
            f"{refused:.2%} rejected",
            "follows: ≥ 85 % both times",
            low >= 0.85 and high >= 0.85,
        )
    ]


def retry_after() -> list[Row]:
    """Every 429 says: come back in 20 s."""
    gateway = ("--rate", "10", "--burst", "5", "--latency-ms", "5", "--retry-after-s", "20")
    rows = []
    for workers in WORKERS:
        with bed(gateway, workers=workers, SMSQ_RATE_PER_S="50", SMSQ_BURST="5") as b:
            b.fill(500)
            wait(lambda: rejected(b) if b.requests() else 0, at_most_s=20, every_s=0.1)
            time.sleep(25)
            times = [at for at, _, _ in b.requests()]
            first = next(at for at, _, status in b.requests() if status == 429)
        # What was on its way when the first 429 was answered is no request of the 20 s.
        during = [at for at in times if first + 0.1 < at < first + 19.99]
        rows.append(
            Row(
                "Retry-After: 20 on every 429",
                workers,
                f"{len(during)} requests during the 20 s",
                "0",
                not during and max(times) > first + 20,
            )
        )
    return rows


def measure_delay_ms(bed_: Bed, n: int) -> float:
    """Send one urgent message at any moment between two slots; returns enqueue to request."""
    time.sleep(0.31 + n % 7 * 0.033)
    enqueued_at_s = time.time()
    bed_.queue.send_quick(phone(n), "code", priority="urgent")
    path = f"/book/times?phone={phone(n)}"
    wait(lambda: bed_.gateway.get(path), at_most_s=30, every_s=0.2)
    accepted_at_s: float = bed_.gateway.get(path)[phone(n)]
    return (accepted_at_s - enqueued_at_s) * 1000


def urgent() -> list[Row]:
    """One-time codes while 100,000 bulk-class jobs wait, and answers take 0.3 s."""
    rows = []
    for rate_per_s in URGENT_RATES:
        for workers in WORKERS:
            with bed(
                ("--latency-ms", "300"),
                workers=workers,
                SMSQ_RATE_PER_S=str(rate_per_s),
                SMSQ_BURST="1",
                SMSQ_POLL_FIRST_S="5",
            ) as b:
                b.fill(100_000, priority="bulk")
                delays_ms = [measure_delay_ms(b, 1_000_000 + n) for n in range(100)]
            p50, p99 = quantiles(delays_ms, n=2)[0], quantiles(delays_ms, n=100)[98]
            most_ms = 2 * 1000 / rate_per_s + 100
            rows.append(
                Row(
                    f"urgent while 100,000 bulk jobs wait at {rate_per_s}/s",
                    workers,
                    f"p50 {p50:.0f} ms, p99 {p99:.0f} ms",
                    f"p99 ≤ {most_ms:.0f} ms",
                    p99 <= most_ms,
                )
            )
    return rows


def polls() -> list[Row]:
    """Polls of 5,000 messages are due while sends wait."""
    with bed(
        ("--final-after-s", "3600"),
        workers=2,
        SMSQ_RATE_PER_S="2000",
        SMSQ_BURST="50",
        SMSQ_POLL_FIRST_S="20",
    ) as b:
        b.fill(5000)
        wait(lambda: b.queue.stats().jobs[JobState.ACCEPTED] == 5000, at_most_s=60)
        b.controls.set_rate(50)
        wait(lambda: b.redis.zcard("smsq:ready:poll") > 1000, at_most_s=60)
        b.fill(5000, first=10_000)
        wait(lambda: b.queue.stats().jobs[JobState.QUEUED] > 4000, at_most_s=10)
        since_ms = round(b.now_s() * 1000) + 1000
        time.sleep(32)
        counted = [e for at, e, _ in b.requests(since_ms) if at < since_ms / 1000 + 30]
        send_share = counted.count(SENDS) / len(counted)
        poll_share = counted.count(POLLS) / len(counted)
    return [
        Row(
            "polls due for 5,000 messages while sends wait",
            2,
            f"sends {send_share:.1%}, polls {poll_share:.1%} of {len(counted)} slots",
            "sends ≥ 80 %, polls ≥ 15 %",
            # Of an odd number of slots, four fifths may fall half a slot short.
            send_share >= 0.8 - 0.5 / len(counted) and poll_share >= 0.15,
        )
    ]


def closed() -> list[Row]:
    """The gate is closed for a minute, and 100,000 jobs wait."""
    rows = []
    for workers in WORKERS:
        with bed((), workers=workers, SMSQ_RATE_PER_S="10") as b:
            b.controls.pause()
            b.fill(100_000, priority="bulk")
            time.sleep(10)
            commands, rss = b.count_commands(), b.worker_rss_bytes()
            time.sleep(60)
            per_s = (b.count_commands() - commands) / 60
            grown_mb = max(n - rss[name] for name, n in b.worker_rss_bytes().items()) / 1e6
        rows.append(
            Row(
                "gate closed 60 s, 100,000 queued",
                workers,
                f"{per_s:.0f} Redis commands/s, worker RSS grew {grown_mb:.2f} MB",
                "≤ 50/s in all, < 5 MB",
                per_s <= 50 and grown_mb < 5,
            )
        )
    return rows


def slow() -> list[Row]:
    """One request in two seconds, from many threads."""
    with bed((), workers=4, SMSQ_RATE_PER_S="0.5", SMSQ_BURST="1") as b:
        b.fill(200)
        wait(lambda: b.requests(), at_most_s=20, every_s=0.05)
        began_s = b.requests()[0][0]
        time.sleep(121)
        times = [at for at, _, _ in b.requests() if at < began_s + 120]
        gap_s = min(later - earlier for earlier, later in itertools.pairwise(times))
    return [
        Row(
            "0.5/s for 2 minutes",
            4,
            f"{len(times)} requests, closest two {gap_s:.3f} s apart",
            "60 ± 1, ≥ 1.9 s",
            59 <= len(times) <= 61 and gap_s >= 1.9,
        )
    ]


SCENARIOS: dict[str, Callable[[], list[Row]]] = {
    scenario.__name__: scenario
    for scenario in (
        limit_told,
        limit_not_told,
        limit_changes,
        retry_after,
        urgent,
        polls,
        closed,
        slow,
    )
}


def main(names: Sequence[str]) -> int:
    """Run scenarios and print their table."""
    rows = [row for name in names or SCENARIOS for row in SCENARIOS[name]()]
    return 0 if show("limiter", rows) else 1


if __name__ == "__main__":
    sys.exit(main(read_names("bench.limiter", sys.argv[1:], SCENARIOS)))
