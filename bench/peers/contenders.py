"""Who is compared, how each is filled and started, and one run of one of them.

In:  a gateway's answer time. Out: figures of the run; every process is stopped at its end.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from celery import Celery

from bench.fast_gateway import FastGateway, fast_gateway
from bench.harness import ROOT, phone
from bench.peer import broker_url, start_worker
from bench.peers.meter import Figures, Tree, read_figures, take_samples
from smsq.cli.running.stack import Stack
from smsq.models import QuickMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

#: Workers come up one after the other; only then a run is steady.
WARM_S = 2.0

#: Processes that are not up by then will not come up.
START_S = 60.0

#: No limit, as it were: what is measured is what each side can do.
NO_LIMIT = {"SMSQ_RATE_PER_S": "10000", "SMSQ_BURST": "1000", "SMSQ_POLL_FIRST_S": "3600"}


class Yard(Stack):
    """Redis alone at first; whatever is started is stopped at the end, and its children with it."""

    def _start_all(self) -> None:
        self.start_redis()

    def stop(self) -> None:
        """Stop all; what is left of a pool is killed."""
        children = [
            child
            for process in self.processes.values()
            if process.poll() is None
            for child in psutil.Process(process.pid).children(recursive=True)
        ]
        Stack.stop(self)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    @property
    def worker_pids(self) -> list[int]:
        """Every process but Redis."""
        return [one.pid for name, one in self.processes.items() if name != "redis"]


@contextmanager
def open_yard(delay_ms: float) -> Iterator[tuple[Yard, FastGateway]]:
    """Start a gateway and Redis."""
    with (
        tempfile.TemporaryDirectory(prefix="smsq-peers-") as folder,
        fast_gateway(delay_ms=delay_ms) as gateway,
        Yard(ROOT, Path(folder), (), {**NO_LIMIT, "SMSQ_GATEWAY_URL": gateway.url}) as yard,
    ):
        yield yard, gateway


@dataclass(frozen=True, slots=True)
class Contender:
    """One side.

    Attributes:
        fill: Queues so many messages.
        start: Starts the processes that send them, all at once.
        usual_per_s: By answer time in ms: what it does on a machine of two cores. It only says how
            many messages are queued for a run of so many seconds.
    """

    name: str
    fill: Callable[[Yard, int], None]
    start: Callable[[Yard], None]
    usual_per_s: Mapping[int, int]

    def messages(self, delay_ms: int, seconds: float) -> int:
        """How many last for so long, with a third to spare."""
        nearest = min(self.usual_per_s, key=lambda known_ms: abs(known_ms - delay_ms))
        return round(self.usual_per_s[nearest] * (seconds + WARM_S) * 4 / 3)


def fill_smsq(yard: Yard, messages: int) -> None:
    """Queue in calls of a thousand."""
    queue = SmsQueue(settings=Settings.from_env(yard.environ))
    for start in range(0, messages, 1000):
        queue.send_quick_many(
            QuickMessage(phone=phone(n), text=f"code {n}")
            for n in range(start, min(start + 1000, messages))
        )
    queue.close()


def start_smsq(yard: Yard) -> None:
    """Two workers and beat."""
    yard.start_beat()
    for number in range(2):
        yard.start_worker(f"worker{number}", waits=False)


def fill_celery(yard: Yard, messages: int) -> None:
    """Queue a task for each."""
    app = Celery("producer", broker=broker_url(yard), set_as_current=False)
    for n in range(messages):
        app.send_task("bench.plain_celery.send", [phone(n), f"code {n}"])
    app.close()


def start_celery(yard: Yard) -> None:
    """One worker of eight processes, each of which posts by requests."""
    start_worker(yard, "worker", concurrency=8)


def fill_taskiq(yard: Yard, messages: int) -> None:
    """Queue a task for each, fifty calls at a time."""
    from bench.peers.taskiq_app import make_broker  # noqa: PLC0415 - only who measures has taskiq

    async def fill() -> None:
        broker, kiq = make_broker(broker_url(yard))
        await broker.startup()
        for start in range(0, messages, 50):
            numbers = range(start, min(start + 50, messages))
            await asyncio.gather(*(kiq(phone(n), f"code {n}") for n in numbers))
        await broker.shutdown()

    asyncio.run(fill())


def start_taskiq(yard: Yard) -> None:
    """Two processes with a hundred tasks at a time each."""
    command = [sys.executable, "-m", "taskiq", "worker", "bench.peers.taskiq_app:broker"]
    command += ["--workers", "2", "--max-async-tasks", "100", "--log-level", "WARNING"]
    yard.start("worker", command, {"TASKIQ_BROKER_URL": broker_url(yard)})


SMSQ, CELERY, TASKIQ = CONTENDERS = (
    Contender("smsq", fill_smsq, start_smsq, {0: 2500, 20: 2500, 100: 1800, 300: 650}),
    Contender("plain Celery", fill_celery, start_celery, {0: 650, 20: 320, 100: 78, 300: 27}),
    Contender("taskiq", fill_taskiq, start_taskiq, {0: 3200, 20: 2700, 100: 1800, 300: 650}),
)


def run(contender: Contender, *, delay_ms: int, seconds: float) -> Figures:
    """Queue, start, and measure the steady part of so many seconds.

    Raises:
        StackError: A process ended.
        TimeoutError: Nothing was sent.
    """
    messages = contender.messages(delay_ms, seconds)
    with open_yard(delay_ms) as (yard, gateway):
        contender.fill(yard, messages)
        time.sleep(0.5)  # for Redis to write its file
        contender.start(yard)
        samples = take_samples(
            gateway.count,
            workers=Tree(yard.worker_pids),
            redis=Tree([yard.processes["redis"].pid]),
            messages=messages,
            seconds=WARM_S + seconds,
            start_s=START_S,
        )
        yard.check()
    return read_figures(samples, messages=messages, warm_s=WARM_S)
