"""Messages per request: a campaign against plain Celery, and single sends that are gathered.

    python -m bench.gathering

In:  nothing. Out: one table; exit code 1 when a figure is not what it must be.

Both sides are measured by the gateway's log and with all their messages queued before the first
request: from the first that was accepted to the last. What enqueueing adds is told beside it. The
peer has as many workers, and as many requests at once.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from celery import Celery

from bench import peer
from bench.arguments import read_names
from bench.harness import Bed, Row, bed, phone, show, wait
from smsq.models import PersonalMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

#: As worker_concurrency in config/celeryconfig.py.
CONCURRENCY = 16

LATENCY = ("--latency-ms", "20")
WORKERS = 1
TEXTS, PEER_TEXTS = 100_000, 4_000
MUST_TIMES = 80

#: The last request of the second run is not full, and closes by time.
SENDS = (10_000, 9_600)
PRODUCERS, LIMIT_PER_S = 8, 10
MUST_S, MUST_REQUESTS = 5.0, 25

#: Longest run that is waited for.
MOST_S = 300.0


def text(n: int) -> str:
    """What the nth phone is told."""
    return f"Invoice {n}: 5 BYN"


@dataclass(frozen=True, slots=True)
class Speed:
    """Messages a second: of sending alone, and with the enqueueing before it."""

    sending_per_s: float
    whole_per_s: float


def read_speed(made: Bed, messages: int, per_request: int, enqueue_s: float) -> Speed:
    """Read the gateway's log; the first request only starts the clock."""
    taken = [at_s for at_s, _, status in made.requests() if status == 200]
    took_s = max(taken) - min(taken)
    return Speed((messages - per_request) / took_s, messages / (enqueue_s + took_s))


def measure_ours(workers: int) -> tuple[Speed, int]:
    """Send a campaign of personal texts; returns how fast, and in how many requests."""
    with bed(LATENCY, workers=workers, SMSQ_RATE_PER_S="10000", SMSQ_BURST="1000") as made:
        texts = [(phone(n), text(n)) for n in range(TEXTS)]
        made.controls.pause()
        began_s = time.monotonic()
        made.queue.send_bulk([PersonalMessage(name="Invoices", texts=texts)])
        enqueue_s = time.monotonic() - began_s
        made.controls.resume()
        wait(lambda: count_accepted(made) == TEXTS, at_most_s=MOST_S)
        check_book(made, TEXTS)
        most = Settings.from_env(made.stack.environ).bulk_max_recipients
        return read_speed(made, TEXTS, most, enqueue_s), len(made.requests())


def measure_peer(workers: int, pool: str) -> Speed:
    """Send single messages as people do without smsq."""
    with bed(LATENCY, workers=0, broker_db=peer.BROKER_DB) as made:
        url = peer.broker_url(made.stack)
        producer = Celery("producer", broker=url, set_as_current=False)
        began_s = time.monotonic()
        for n in range(PEER_TEXTS):
            producer.send_task("bench.plain_celery.send", [phone(n), text(n)])
        enqueue_s = time.monotonic() - began_s
        producer.close()
        for number in range(workers):
            peer.start_worker(
                made.stack,
                f"worker{number}",
                pool=pool,
                concurrency=CONCURRENCY,
                PLAIN_RESULT_URL=url,
            )
        wait(lambda: count_accepted(made) == PEER_TEXTS, at_most_s=MOST_S)
        check_book(made, PEER_TEXTS)
        return read_speed(made, PEER_TEXTS, 1, enqueue_s)


def send_singly(environ: dict[str, str], sends: range, start: Barrier, ended: Queue[float]) -> None:
    """One web app's process: a call for each send, one after the other."""
    queue = SmsQueue(settings=Settings.from_env(environ))
    start.wait()
    for n in sends:
        queue.send_personal(phone(n), text(n))
    ended.put(time.monotonic())
    queue.close()


def gathered(workers: int, sends: int) -> Row:
    """Many single sends against a slow gateway."""
    limit = ("--rate", str(LIMIT_PER_S), *LATENCY)
    with bed(limit, workers=workers, SMSQ_RATE_PER_S=str(LIMIT_PER_S)) as made:
        spawn = multiprocessing.get_context("spawn")
        start, ended = spawn.Barrier(PRODUCERS + 1), spawn.Queue()
        environ = dict(made.stack.environ)
        processes = [
            spawn.Process(
                target=send_singly, args=(environ, range(i, sends, PRODUCERS), start, ended)
            )
            for i in range(PRODUCERS)
        ]
        for process in processes:
            process.start()
        start.wait()
        began_s = time.monotonic()
        ended_s = max(ended.get() for _ in processes)
        for process in processes:
            process.join()
        wait(lambda: count_accepted(made) == sends, at_most_s=MOST_S, every_s=0.2)
        check_book(made, sends)
        requests = made.requests()
        offset_s = made.now_s() - time.monotonic()
        after_s = max(at_s for at_s, _, _ in requests) - offset_s - ended_s
    refused = sum(status == 429 for _, _, status in requests)
    figure = (
        f"all accepted {after_s:.1f} s after the last of {ended_s - began_s:.1f} s of calls, in "
        f"{len(requests)} requests ({refused} refused); plain Celery {sends / LIMIT_PER_S:,.0f} s"
    )
    must = f"<= {MUST_S:g} s, <= {MUST_REQUESTS} requests"
    holds = after_s <= MUST_S and len(requests) <= MUST_REQUESTS
    what = f"{sends:,} single sends, {PRODUCERS} processes, {LIMIT_PER_S} requests/s"
    return Row(what, workers, figure, must, holds)


def campaign(workers: int) -> Row:
    """A campaign, and the better of the peer's two pools."""
    ours, requests = measure_ours(workers)
    both = {pool: measure_peer(workers, pool) for pool in ("prefork", "threads")}
    pool, theirs = max(both.items(), key=lambda each: each[1].sending_per_s)
    times = ours.sending_per_s / theirs.sending_per_s
    whole = ours.whole_per_s / theirs.whole_per_s
    figure = (
        f"{ours.sending_per_s:,.0f}/s in {requests} requests, plain Celery ({pool}) "
        f"{theirs.sending_per_s:,.0f}/s: {times:.0f} x; with the enqueueing "
        f"{ours.whole_per_s:,.0f}/s and {theirs.whole_per_s:,.0f}/s: {whole:.0f} x"
    )
    what = f"{TEXTS:,} personal texts, 20 ms, no limit"
    return Row(what, workers, figure, f">= {MUST_TIMES} x", times >= MUST_TIMES)


def count_accepted(made: Bed) -> int:
    """Count what the gateway accepted."""
    return int(made.gateway.get("/book")["accepted"])


def check_book(made: Bed, messages: int) -> None:
    """Raise unless the gateway has each message once."""
    book = made.gateway.get("/book")
    if (book["accepted"], book["distinct"], book["doubled"]) != (messages, messages, []):
        raise RuntimeError(f"the gateway's book: {book['accepted']} of {messages}")


def main(names: Sequence[str]) -> int:
    """Measure what is named, or everything."""
    rows = []
    if "gathered" in names or not names:
        rows += [gathered(WORKERS, sends) for sends in SENDS]
    if "campaign" in names or not names:
        rows.append(campaign(WORKERS))
    return 0 if show("gathering", rows) else 1


if __name__ == "__main__":
    sys.exit(main(read_names("bench.gathering", sys.argv[1:], ("gathered", "campaign"))))
