"""The same faults against the peer: one plain Celery task per message (bench/plain_celery.py).

In:  the name of a scenario of bench/chaos.py. Out: how many messages the gateway's book has twice,
and how many not at all.

The peer has what people give it: acks_late, reject_on_worker_lost, autoretry with backoff, and a
caller that repeats a publish that failed. Its load is a tenth of ours: enough to see.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from bench import faults
from bench.harness import Bed, bed, phone
from bench.run import LATENCY
from smsq.cli.running.stack import Stack

JOBS, PER_S, WORKERS = 500, 125.0, 3

#: What the gateway has not seen by then has to wait for the visibility time-out: an hour.
SETTLE_S = 15.0

#: Of the broker's database.
BROKER_DB = 1

PUBLISH = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 1, "interval_max": 0}


@dataclass(frozen=True, slots=True)
class PeerTally:
    """What became of the peer's messages."""

    twice: int
    missing: int

    def __str__(self) -> str:
        return f"{self.twice} twice, {self.missing} missing of {JOBS}"


def run_peer(name: str) -> PeerTally | None:
    """Run one scenario's fault against the peer; None where it has nothing to compare."""
    if name not in FAULTS:
        return None
    with bed(LATENCY, workers=0, broker_db=BROKER_DB) as made:
        for number in range(WORKERS):
            start_worker(made.stack, f"worker{number}")
        producer = threading.Thread(target=enqueue, args=(broker_url(made.stack),), daemon=True)
        producer.start()
        FAULTS[name](made)
        producer.join()
        wait_until_quiet(made)
        times = Counter(made.gateway.accepted().values())
    return PeerTally(sum(n for k, n in times.items() if k > 1), JOBS - sum(times.values()))


def broker_url(stack: Stack) -> str:
    """Where the peer's tasks lie."""
    return f"redis://127.0.0.1:{stack.ports['redis']}/{BROKER_DB}"


def start_worker(
    stack: Stack, name: str, *, pool: str = "prefork", concurrency: int = 8, **environ: str
) -> None:
    """Start one of the peer's workers: processes, as Celery has them by default."""
    command = [sys.executable, "-m", "celery", "-A", "bench.plain_celery", "worker"]
    command += ["--pool", pool, "--concurrency", str(concurrency), "--hostname", f"{name}@%h"]
    stack.start(name, command, {"PLAIN_BROKER_URL": broker_url(stack), **environ})


def enqueue(url: str) -> None:
    """Publish the load; what fails is published again, as callers do."""
    app = Celery("caller", broker=url, set_as_current=False)
    app.conf.broker_transport_options = PUBLISH
    started_at_s = time.monotonic()
    for n in range(JOBS):
        time.sleep(max(0.0, started_at_s + n / PER_S - time.monotonic()))
        while True:
            try:
                app.send_task("bench.plain_celery.send", [phone(n), f"code {n}"])
                break
            except (OperationalError, RedisError, OSError):
                time.sleep(0.2)
    app.close()


def wait_until_quiet(made: Bed) -> None:
    """Wait until all has gone out, or nothing went out for a while."""
    seen, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < SETTLE_S:
        accepted = made.gateway.accepted()
        if len(accepted) == JOBS and sum(accepted.values()) == seen:
            return
        if sum(accepted.values()) != seen:
            seen, since_s = sum(accepted.values()), time.monotonic()
        time.sleep(2)


def _kill_workers(made: Bed) -> None:
    dice = random.Random(4)
    for _ in range(4):
        time.sleep(1)
        name = dice.choice(made.stack.worker_names)
        faults.kill(made.stack, name)
        start_worker(made.stack, name)


def _restart_workers(made: Bed) -> None:
    for name in made.stack.worker_names:
        time.sleep(1)
        made.stack.processes[name].terminate()
        made.stack.processes[name].wait(faults.GRACE_S)
        start_worker(made.stack, name)


def _kill_redis(made: Bed) -> None:
    time.sleep(2)
    faults.kill_redis(made.stack, for_s=3)
    for name in made.stack.worker_names:  # Celery's workers may die with it
        if made.stack.processes[name].poll() is not None:
            start_worker(made.stack, name)


def _freeze_workers(made: Bed) -> None:
    for name in made.stack.worker_names[:2]:
        with faults.frozen(made.stack, name):
            time.sleep(3)


def _flush_broker(made: Bed) -> None:
    time.sleep(3)
    faults.flush_broker(made.stack)


def _lose_answers(made: Bed) -> None:
    made.gateway.change(fault_shares={"drop_after": 0.05})


def _refuse(made: Bed) -> None:
    made.gateway.change(fault_shares={"server_error": 0.05, "busy": 0.1})


FAULTS: Mapping[str, Callable[[Bed], None]] = {
    "kill_workers": _kill_workers,
    "restart_workers": _restart_workers,
    "kill_redis": _kill_redis,
    "freeze_workers": _freeze_workers,
    "flush_broker": _flush_broker,
    "lose_answers": _lose_answers,
    "refuse": _refuse,
}
