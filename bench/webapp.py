"""What a visitor of a web app waits for: `python -m bench.webapp`.

In:  options. Out: p50 and p99 of `send_quick` at a steady pace, and its round trips; how long 40
visitors at once wait while Redis is stopped, in threads and on an event loop; how long that loop is
held up; what `import smsq` costs. Exit code 1 when a figure is not what it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from redis.connection import AbstractConnection

import smsq
from bench.harness import Row, phone, show
from bench.record import load_1min
from tests.support import RedisServer

PER_S, THREADS, VISITORS = 200, 8, 40
MOST_P50_MS, MOST_P99_MS, MOST_TRIPS, MOST_HOLD_MS, MOST_WAIT_S = 2.0, 8.0, 2.0, 5.0, 1.0
MOST_IMPORT_MS, MOST_IMPORT_MB = 150.0, 32.0

#: What a fresh interpreter is asked to import, and what it tells: milliseconds and megabytes.
IMPORT = """
import time; began_s = time.perf_counter()
{}
took_s = time.perf_counter() - began_s
pages = int(open("/proc/self/statm").read().split()[1])
print(took_s * 1000, pages * 4096 / 1e6)
"""
IMPORTS = {
    "import smsq": "import smsq",
    "import smsq; smsq.SmsQueue": "import smsq; smsq.SmsQueue",
    "smsq.SmsQueue(), with Celery": "import smsq; smsq.SmsQueue()",
}


def settings_of(server: RedisServer) -> smsq.Settings:
    return smsq.Settings.from_env({"SMSQ_REDIS_URL": server.url, "SMSQ_ALPHANAME_ID": "123"})


class Trips:
    """Counts what goes out to Redis, the ring with it."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        sent: Any = AbstractConnection.send_packed_command

        def send(connection: Any, *args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return sent(connection, *args, **kwargs)

        kind: Any = AbstractConnection
        kind.send_packed_command = send
        try:
            yield
        finally:
            kind.send_packed_command = sent


def steady(server: RedisServer, calls: int) -> Iterator[Row]:
    """Send at a steady pace from some threads."""
    queue, took_ms, trips = smsq.SmsQueue(settings=settings_of(server)), [], Trips()
    turns, lock, began_s = iter(range(calls)), threading.Lock(), time.perf_counter() + 0.5

    def visit(_: int) -> None:
        while True:
            with lock:
                n = next(turns, None)
            if n is None:
                return
            time.sleep(max(0.0, began_s + n / PER_S - time.perf_counter()))
            at_s = time.perf_counter()
            queue.send_quick(phone(n), "Your code is 4821", priority="urgent")
            took_ms.append((time.perf_counter() - at_s) * 1000)

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda n: queue.send_quick(phone(n), "warm"), range(THREADS)):
            pass
        with trips.counted():
            list(pool.map(visit, range(THREADS)))
    queue.close()
    p50_ms, p99_ms = statistics.median(took_ms), quantile(took_ms, 0.99)
    what = f"send_quick, {PER_S}/s from {THREADS} threads"
    figure, must = f"{p50_ms:.2f} ms, {p99_ms:.2f} ms", f"p50 {MOST_P50_MS:g}, p99 {MOST_P99_MS:g}"
    yield Row(what, 0, figure, must, p50_ms <= MOST_P50_MS and p99_ms <= MOST_P99_MS)
    each = trips.count / calls
    # Once a second a process looks at the clock, and asks an idle connection for a sign of life.
    yield Row("round trips a call", 0, f"{each:.2f}", f"{MOST_TRIPS:g}", round(each) <= MOST_TRIPS)


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[int(part * (len(values) - 1))]


@contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def outage_in_threads(server: RedisServer) -> Iterator[Row]:
    """Stop Redis, and let visitors come at once: on connections in use, and on idle ones."""
    queue = smsq.SmsQueue(settings=settings_of(server))

    def visit(n: int) -> float:
        began_s = time.perf_counter()
        with suppress(smsq.QueueUnavailableError):
            queue.send_quick(phone(n), "code")
        return time.perf_counter() - began_s

    with ThreadPoolExecutor(VISITORS) as visitors:
        for idle_s, name in ((0.0, "in use"), (1.5, "idle")):
            list(visitors.map(visit, range(VISITORS)))
            time.sleep(idle_s)
            with stopped(server):
                first = max(visitors.map(visit, range(VISITORS)))
                second = max(visitors.map(visit, range(VISITORS)))
            time.sleep(1.5)
            yield wait_row(f"threads, Redis stopped, connections {name}", first)
            yield wait_row("  the next 40", second)
    queue.close()


def wait_row(what: str, slowest_s: float) -> Row:
    return Row(
        f"{what}: slowest of {VISITORS}",
        0,
        f"{slowest_s:.3f} s",
        f"{MOST_WAIT_S:g} s",
        slowest_s <= MOST_WAIT_S,
    )


async def held_up(work: Awaitable[object]) -> list[float]:
    """Milliseconds by which a task that wants to run each millisecond was late meanwhile."""
    late_ms: list[float] = []

    async def watch() -> None:
        while True:
            began_s = time.perf_counter()
            await asyncio.sleep(0.001)
            late_ms.append((time.perf_counter() - began_s) * 1000 - 1)

    watching = asyncio.ensure_future(watch())
    await work
    watching.cancel()
    return late_ms


async def on_a_loop(server: RedisServer, recipients: int) -> list[Row]:
    """Measure the loop: alone, with codes, with a campaign, and while Redis is stopped."""
    rows = []
    async with smsq.AsyncSmsQueue(settings=settings_of(server)) as queue:
        await queue.send_quick(phone(0), "warm")

        async def codes() -> None:
            tasks = []
            for n in range(2 * PER_S):
                tasks.append(asyncio.ensure_future(queue.send_quick(phone(n), "code")))
                await asyncio.sleep(1 / PER_S)
            await asyncio.gather(*tasks)

        async def visit(n: int) -> float:
            began_s = time.perf_counter()
            with suppress(smsq.QueueUnavailableError):
                await queue.send_quick(phone(n), "code")
            return time.perf_counter() - began_s

        async def visits() -> None:
            nonlocal rows
            with stopped(server):
                slowest_s = max(await asyncio.gather(*map(visit, range(VISITORS))))
            rows.append(wait_row("event loop, Redis stopped", slowest_s))

        message = smsq.BulkMessage(
            name="Sale", text="Half price", phones=map(phone, range(recipients))
        )
        kinds: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "nothing (the machine)": lambda: asyncio.sleep(2),
            f"{PER_S} codes a second": codes,
            f"a campaign of {recipients:,}": lambda: queue.send_bulk([message]),
            "Redis stopped": visits,
        }
        for name, work in kinds.items():
            late_ms = await held_up(work())
            figures = [quantile(late_ms, part) for part in (0.5, 0.99, 1.0)]
            p50, p99, most = (f"{figure:.2f}" for figure in figures)
            what = f"loop held up by {name}: p50, p99, max"
            holds = name.startswith("nothing") or figures[-1] <= MOST_HOLD_MS
            rows.append(Row(what, 0, f"{p50}, {p99}, {most} ms", f"{MOST_HOLD_MS:g} ms", holds))
    return rows


def imports(rounds: int) -> Iterator[Row]:
    """Import in fresh interpreters; medians."""
    for name, code in IMPORTS.items():
        command = [sys.executable, "-c", IMPORT.format(code)]
        told = [
            subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            for _ in range(rounds)
        ]
        took_ms, took_mb = (statistics.median(float(one[i]) for one in told) for i in (0, 1))
        holds = took_ms <= MOST_IMPORT_MS and took_mb <= MOST_IMPORT_MB
        must = f"{MOST_IMPORT_MS:g} ms, {MOST_IMPORT_MB:g} MB"
        if "Celery" in name:
            holds, must = True, "-"
        yield Row(name, 0, f"{took_ms:.0f} ms, {took_mb:.1f} MB", must, holds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000, help="of send_quick at a steady pace")
    parser.add_argument("--recipients", type=int, default=300_000, help="of the campaign")
    parser.add_argument("--rounds", type=int, default=7, help="of each import")
    chosen = parser.parse_args()
    before = load_1min()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        rows += steady(server, chosen.calls)
        rows += outage_in_threads(server)
        rows += asyncio.run(on_a_loop(server, chosen.recipients))
    rows += imports(chosen.rounds)
    holds = show(f"a web app's calls, load {before:.1f} to {load_1min():.1f}", rows)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
