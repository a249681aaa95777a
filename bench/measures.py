"""Whether `/metrics` tells the truth: 20,000 codes, held against the gateway's own book.

    python -m bench.measures [codes]

Real workers, a simulated gateway that fails now and then, codes that come in bursts. How long each
waited is known twice: by the histogram that Prometheus reads from `/metrics`, and by the moments at
which the code was enqueued and the book has it. Percentiles must lie in the same bucket; counts
must be the same.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import urllib.request
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from prometheus_client.parser import text_string_to_metric_families

from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.errors import QueueUnavailableError
from smsq.measures.histograms import BOUNDS_MS
from smsq.models import JobState, QuickMessage

CODES, WORKERS = 20_000, 2
#: So many come at once, as often as this: waits spread from milliseconds to seconds.
BURSTS, EVERY_S = (20, 200, 60, 400), 2.0
RATE_PER_S = "150"
#: So few fail that the book, which has the last attempt of a code, tells nearly when the first was.
GATEWAY = ("--latency-ms", "20", "--final-after-s", "1", "--fault", "server_error=0.002")
HTTP_OK = 200
#: On a busy machine a call may come to nothing.
MOST_CALLS = 10
SHARES = (0.5, 0.9, 0.95, 0.99)
BOUNDS_S = [bound / 1000 for bound in BOUNDS_MS]


Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 where something is not so."""
    parser = argparse.ArgumentParser(prog="python -m bench.measures")
    parser.add_argument("codes", nargs="?", type=int, default=CODES)
    codes = parser.parse_args(arguments).codes
    with bed(
        GATEWAY,
        workers=WORKERS,
        SMSQ_RATE_PER_S=RATE_PER_S,
        SMSQ_BURST="5",
        SMSQ_POLL_FIRST_S="5",
        SMSQ_PRICE_PER_PART="0.035",
    ) as made:
        enqueued_s = enqueue(made, codes)
        done = wait(lambda: count_open(made) == 0, at_most_s=600)
        # Polls go on for a moment after the last one is final.
        time.sleep(2)
        samples = scrape(made)
        rows = compare(made, samples, enqueued_s)
    rows.append(Row("all codes are done", WORKERS, str(done), "True", done))
    return 0 if show(f"/metrics and the book, {codes:,} codes", rows) else 1


def enqueue(made: Bed, codes: int) -> Mapping[str, float]:
    """Enqueue codes in bursts; returns when each was, by its phone, in seconds since 1970."""
    at_s: dict[str, float] = {}
    n, bursts = 0, itertools.cycle(BURSTS)
    while n < codes:
        burst = next(bursts)
        began_s = time.monotonic()
        some = [phone(i) for i in range(n, min(n + burst, codes))]
        for i in range(0, len(some), 20):
            few = some[i : i + 20]
            if (moment_s := send(made, few)) is not None:
                at_s.update(dict.fromkeys(few, moment_s))
        n += len(some)
        pause_s = max(EVERY_S, len(some) / float(RATE_PER_S) * 2.2)
        time.sleep(max(0.0, pause_s - (time.monotonic() - began_s)))
    return at_s


def send(made: Bed, phones: Sequence[str]) -> float | None:
    """Enqueue codes; returns when that was, None where it took more than one call."""
    messages = [
        QuickMessage(phone=one, text="Your code is 4821", priority="urgent", key=one)
        for one in phones
    ]
    began_s = time.time()
    for times in range(MOST_CALLS):
        with suppress(QueueUnavailableError):
            made.queue.send_quick_many(messages)
            # The call takes milliseconds; its middle is as good as any.
            return None if times else (began_s + time.time()) / 2
        time.sleep(1)
    raise TimeoutError("Redis did not answer")


def count_open(made: Bed) -> int:
    """Jobs that are not done."""
    jobs = made.queue.stats().jobs
    return sum(n for state, n in jobs.items() if state is not JobState.DONE)


def scrape(made: Bed) -> Samples:
    """Read `/metrics` as Prometheus does."""
    with urllib.request.urlopen(f"{made.stack.url('admin')}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def compare(made: Bed, samples: Samples, enqueued_s: Mapping[str, float]) -> list[Row]:
    """Hold all that is known twice against each other."""
    times: Mapping[str, float] = made.gateway.get("/book/times")
    truth_s = sorted(times[one] - enqueued_s[one] for one in times.keys() & enqueued_s.keys())
    rows = [
        compare_percentile(samples, "smsq_enqueue_to_request_seconds", truth_s, share)
        for share in SHARES
    ]
    rows.append(
        same("codes that were requested", _count(samples, "enqueue_to_request"), len(times))
    )
    seen = Counter((endpoint, status) for _, endpoint, status in made.requests())
    for (endpoint, status), truth in sorted(seen.items()):
        reason = "" if status == HTTP_OK else f"http_{status}"
        told = sum(
            value
            for (name, labels), value in samples.items()
            if name == "smsq_requests_total"
            and {("endpoint", endpoint), ("reason", reason)} <= labels
        )
        rows.append(same(f"requests to {endpoint}: {status}", told, truth))
    rows.append(same("delivered", _count(samples, "accepted_to_delivered"), len(times)))
    parts = samples["smsq_parts_total", frozenset({("priority", "urgent")})]
    rows.append(same("parts", parts, len(times)))
    spent = samples["smsq_spent_total", frozenset({("priority", "urgent")})]
    rows.append(same("money, in thousandths", round(spent * 1000), 35 * len(times)))
    return rows


def compare_percentile(samples: Samples, name: str, truth_s: Sequence[float], share: float) -> Row:
    """Hold a percentile of a histogram against the true one."""
    true_s = truth_s[min(len(truth_s) - 1, int(share * len(truth_s)))]
    told_s = estimate(samples, name, share)
    holds = bisect_left(BOUNDS_S, told_s) == bisect_left(BOUNDS_S, true_s)
    figure = f"{told_s * 1000:.0f} ms, by the book {true_s * 1000:.0f} ms"
    return Row(f"{name} {share:.0%}", WORKERS, figure, "the same bucket", holds)


def estimate(samples: Samples, name: str, share: float) -> float:
    """Estimate a percentile from buckets as Prometheus' `histogram_quantile` does."""
    buckets = sorted(
        (float(dict(labels)["le"]), value)
        for (sample, labels), value in samples.items()
        if sample == f"{name}_bucket" and ("priority", "urgent") in labels
    )
    rank, low_s, below = share * buckets[-1][1], 0.0, 0.0
    for bound_s, so_far in buckets:
        if so_far >= rank:
            return low_s + (bound_s - low_s) * (rank - below) / (so_far - below)
        low_s, below = bound_s, so_far
    return low_s


def _count(samples: Samples, name: str) -> float:
    return samples[f"smsq_{name}_seconds_count", frozenset({("priority", "urgent")})]


def same(what: str, told: float, truth: float) -> Row:
    """Hold a count against the true one."""
    return Row(what, WORKERS, f"{told:,.0f}", f"{truth:,.0f}, as the book has it", told == truth)


if __name__ == "__main__":
    sys.exit(main())
