"""What the gateway client costs: `python -m bench.client`.

One process, threads that send one quick message after the other, a gateway that answers after a
fixed time (bench/fast_gateway.py). Beside ours, in turns: a `requests.Session` per thread, as most
programs have it, and a bare `http.client` connection per thread, the least that threads can cost.
CPU is this process', user and system; the gateway's is not in it. On a busy machine the CPU column
is the one to compare.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

import requests
from rich.console import Console
from rich.table import Table

from bench.fast_gateway import fast_gateway
from smsq.gateway.client import GatewayClient
from smsq.models import QuickRequest

QUICK = QuickRequest(phone="375291234567", text="Ваш код: 482193", alphaname_id="123")
TOKEN = "8d7f2c0e5b6a4f1c9d72aa310b55e0c4"
PARAMS = {"token": TOKEN, "message": QUICK.text, "phone": QUICK.phone, "alphaname_id": "123"}
PATH = "/api/v1/sendQuickSMS"

#: Makes what one thread calls for each message.
Maker = Callable[[], Callable[[], object]]


@contextmanager
def ours(url: str) -> Iterator[Maker]:
    """Make what smsq sends with: one client for all threads."""
    client = GatewayClient(url, TOKEN, timeout_s=15)
    try:
        yield lambda: lambda: client.send_quick(QUICK)
    finally:
        client.close()


@contextmanager
def sessions(url: str) -> Iterator[Maker]:
    """Make a session of requests for each thread."""
    made: list[requests.Session] = []

    def make() -> Callable[[], object]:
        session = requests.Session()
        made.append(session)
        return lambda: session.post(url + PATH, params=PARAMS, timeout=15).json()["sms_id"]

    try:
        yield make
    finally:
        for session in made:
            session.close()


@contextmanager
def bare(url: str) -> Iterator[Maker]:
    """Make a connection of http.client for each thread."""
    made: list[http.client.HTTPConnection] = []

    def make() -> Callable[[], object]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=15)
        made.append(connection)

        def send() -> bytes:
            connection.request("POST", f"{PATH}?{urlencode(PARAMS)}")
            return connection.getresponse().read()

        return send

    try:
        yield make
    finally:
        for connection in made:
            connection.close()


CLIENTS = {"smsq": ours, "requests.Session per thread": sessions, "http.client per thread": bare}


def measure(make: Maker, *, threads: int, messages: int) -> tuple[float, float]:
    """Send so many; returns requests per second, and CPU seconds per 1,000."""
    each = messages // threads
    ready = threading.Barrier(threads + 1)

    def work() -> None:
        send = make()
        send()  # connects
        ready.wait()
        for _ in range(each):
            send()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.join()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return each * threads / wall_s, cpu_s * 1000 / (each * threads)


def main() -> None:
    """Measure all in turns; print the medians."""
    parser = argparse.ArgumentParser(description="What the gateway client costs.")
    parser.add_argument("--in-flight", type=int, nargs="+", default=[32, 100], metavar="THREADS")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="the gateway takes so long")
    parser.add_argument("--messages", type=int, default=3000, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    given = parser.parse_args()
    figures: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    with fast_gateway(delay_ms=given.delay_ms) as gateway:
        for _ in range(given.rounds):
            for threads in given.in_flight:
                for name in given.clients:
                    with CLIENTS[name](gateway.url) as make:
                        run = measure(make, threads=threads, messages=given.messages)
                    figures[name, threads].append(run)
    show(figures)
    per_1000 = gateway.tally["cpu_s"] * 1000 / gateway.tally["requests"]
    print(f"the gateway itself: {per_1000:.2f} CPU-s per 1,000")


def show(figures: dict[tuple[str, int], list[tuple[float, float]]]) -> None:
    """Print a row for each client and number of threads."""
    table = Table("client", "in flight", "requests/s", "CPU-s per 1,000", "from - to")
    for (name, threads), runs in sorted(figures.items(), key=lambda item: item[0][1]):
        rates, costs = zip(*runs, strict=True)
        spread = f"{min(costs):.2f} - {max(costs):.2f}"
        cells: Sequence[str] = (
            f"{statistics.median(rates):,.0f}",
            f"{statistics.median(costs):.2f}",
        )
        table.add_row(name, str(threads), *cells, spread)
    Console().print(table)


if __name__ == "__main__":
    main()
