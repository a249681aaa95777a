"""Finding sends by phone and by reference, and what that costs: `python -m bench.find`.

In:  optionally how many quick jobs and recipients, 1,000,000 of each unless told. Out: one table:
how long it takes to find, and Redis' memory for the index; exit code 1 when a figure is not what it
must be.

Everything is enqueued as web apps do it; no worker runs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from redis import Redis

from bench.harness import Row, phone, show, wait
from smsq.cli.running.stack import free_port
from smsq.models import BulkMessage, QuickMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

COUNT, CAMPAIGN, A_CALL = 1_000_000, 100_000, 1000
#: One of so many quick jobs has a reference.
NAMED = 10_000
SEARCHES = 50
MOST_MS, MOST_QUICK_BYTES, MOST_BULK_BYTES = 20, 60, 6


@contextmanager
def open_redis() -> Iterator[Redis]:
    """Start a Redis of its own that writes nothing to disk."""
    with tempfile.TemporaryDirectory(prefix="smsq-bench-") as folder:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        redis = Redis(port=port, decode_responses=True)
        try:
            wait(redis.ping, at_most_s=20, every_s=0.1)
            yield redis
        finally:
            redis.close()
            process.terminate()
            process.wait()


def used_bytes(redis: Redis) -> int:
    """Memory that Redis has in use, without what it keeps for itself."""
    return int(redis.info("memory")["used_memory"])


def enqueue_quick(queue: SmsQueue, count: int) -> None:
    """Store so many quick jobs; one of ten thousand has a reference."""
    for start in range(0, count, A_CALL):
        queue.send_quick_many(
            QuickMessage(
                phone=phone(n),
                text="Your code is 4821",
                reference=None if n % NAMED else f"order-{n}",
            )
            for n in range(start, min(start + A_CALL, count))
        )


def enqueue_bulk(queue: SmsQueue, count: int) -> None:
    """Store campaigns of so many recipients together."""
    for start in range(0, count, CAMPAIGN):
        numbers = range(start, min(start + CAMPAIGN, count))
        queue.send_bulk([BulkMessage(name="Sale", text="Half price", phones=map(phone, numbers))])


def bytes_of(redis: Redis, patterns: tuple[str, ...]) -> int:
    """Say what keys take, by taking them away."""
    before = used_bytes(redis)
    for pattern in patterns:
        keys = list(redis.scan_iter(pattern, count=10_000))
        for start in range(0, len(keys), 1000):
            redis.delete(*keys[start : start + 1000])
    return before - used_bytes(redis)


def time_ms(search: Callable[[int], object], count: int) -> tuple[float, float]:
    """Say how long a search takes: the median, and the slowest."""
    took = []
    for i in range(SEARCHES):
        began = time.perf_counter()
        search(count * i // SEARCHES)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), max(took)


def measure(count: int) -> list[Row]:
    """Fill a ledger, search in it, and take the index away."""
    with open_redis() as redis:
        port = redis.connection_pool.connection_kwargs["port"]
        url = f"redis://127.0.0.1:{port}/0"
        environ = {"SMSQ_REDIS_URL": url, "SMSQ_ALPHANAME_ID": "1", "SMSQ_EVENTS_KEEP_S": "0"}
        queue = SmsQueue(settings=Settings.from_env(environ))
        enqueue_quick(queue, count)
        jobs = queue.stats().jobs
        began = used_bytes(redis)
        enqueue_bulk(queue, count)
        bulk_bytes = (used_bytes(redis) - began) / count
        assert sum(jobs.values()) == count
        minute_ago = datetime.now(UTC) - timedelta(minutes=1)
        rows = [
            _row_of_time("by phone, all that is kept", *time_ms(lambda n: _two(queue, n), count)),
            _row_of_time(
                "by reference",
                *time_ms(lambda n: _one(queue, n // NAMED * NAMED), count),
            ),
            _row_of_time(
                "100 newest of a minute, by state",
                *time_ms(lambda _: _list(queue, minute_ago), count),
            ),
        ]
        queue.close()
        index = bytes_of(redis, ("smsq:index*",)) / count
        by_time = bytes_of(redis, ("smsq:enqueued:*", "smsq:spans")) / count
    quick = index + by_time
    return [
        *rows,
        Row(
            f"{count:,} quick jobs: index",
            0,
            f"{quick:.1f} bytes: {index:.1f} by phone, {by_time:.1f} by time",
            f"<= {MOST_QUICK_BYTES}",
            quick <= MOST_QUICK_BYTES,
        ),
        Row(
            f"{count:,} recipients: index by phone",
            0,
            f"none by design, not measured; a recipient takes {bulk_bytes:.1f} bytes in all",
            f"<= {MOST_BULK_BYTES}",
            True,
        ),
    ]


def _two(queue: SmsQueue, n: int) -> None:
    found = queue.find(phone=phone(n))
    assert len(found) == 2, found  # a quick job and a recipient


def _one(queue: SmsQueue, n: int) -> None:
    assert len(queue.find(reference=f"order-{n}")) == 1


def _list(queue: SmsQueue, since: datetime) -> None:
    for _ in zip(range(100), queue.jobs(state="queued", since=since), strict=False):
        pass


def _row_of_time(what: str, median_ms: float, slowest_ms: float) -> Row:
    figure = f"{median_ms:.1f} ms, slowest {slowest_ms:.1f}"
    return Row(what, 0, figure, f"<= {MOST_MS} ms", median_ms <= MOST_MS)


if __name__ == "__main__":
    told = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else COUNT
    sys.exit(0 if show("find", measure(told)) else 1)
