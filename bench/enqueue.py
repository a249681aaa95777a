"""What a web app waits for: enqueueing, beside plain Celery: `python -m bench.enqueue [--save]`.

In:  options. Out: messages a second of one producer, one call after the other, and CPU seconds of
the producer and of Redis for each 1,000; exit code 1 when a ratio is not what it must be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import plain_celery
from bench.harness import ROOT, Row, phone, show
from bench.peer import broker_url
from bench.peers.contenders import Yard
from bench.peers.meter import Tree
from bench.record import Spread, load_1min, ratio_by_round, save
from smsq.cli.running.children import ends_in_order
from smsq.models import QuickMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

#: Messages of one call of `send_quick_many`, and how many times the others' it gets in a round.
A_CALL, MANY_TIMES = 1000, 10

DELAY, SINGLE, MANY = ".delay of plain Celery", "send_quick", "send_quick_many"
MUST_TIMES = {SINGLE: 1.5, MANY: 15.0}

#: Enqueues messages first, first + 1, ...
Enqueue = Callable[[range], None]


@dataclass(frozen=True, slots=True)
class Cost:
    """Messages a second, CPU seconds for each 1,000 of the producer's process and of Redis'."""

    per_s: float
    producer_cpu_s: float
    redis_cpu_s: float


@contextmanager
def open_sides(yard: Yard) -> Iterator[Mapping[str, Enqueue]]:
    """Make what is compared; each has sent a message already, and so is connected."""
    queue = SmsQueue(settings=Settings.from_env(yard.environ))
    plain_celery.app.conf.update(broker_url=broker_url(yard))

    def single(numbers: range) -> None:
        for n in numbers:
            queue.send_quick(phone(n), f"code {n}")

    def delay(numbers: range) -> None:
        for n in numbers:
            plain_celery.send.delay(phone(n), f"code {n}")

    def many(numbers: range) -> None:
        for start in numbers[::A_CALL]:
            queue.send_quick_many(
                QuickMessage(phone=phone(n), text=f"code {n}")
                for n in range(start, min(start + A_CALL, numbers.stop))
            )

    sides = {DELAY: delay, SINGLE: single, MANY: many}
    for side in sides.values():
        side(range(20))
    try:
        yield sides
    finally:
        queue.close()
        plain_celery.app.close()


def measure_one(enqueue: Enqueue, numbers: range, redis: Tree) -> Cost:
    """Enqueue, and see what it took."""
    began_s, cpu_s, redis_s = time.perf_counter(), time.process_time(), redis.cpu_s()
    enqueue(numbers)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    thousands = len(numbers) / 1000
    return Cost(len(numbers) / took_s, cpu_s / thousands, (redis.cpu_s() - redis_s) / thousands)


def measure(*, rounds: int, messages: int) -> dict[str, list[Cost]]:
    """Measure all sides in turns, on one Redis with AOF."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="smsq-enqueue-"))
        yard = stack.enter_context(Yard(ROOT, Path(folder)))
        sides = stack.enter_context(open_sides(yard))
        redis = Tree([yard.processes["redis"].pid])
        first = 1000
        for _ in range(rounds):
            for name, enqueue in sides.items():
                count = messages * MANY_TIMES if name == MANY else messages
                costs[name].append(measure_one(enqueue, range(first, first + count), redis))
                first += count
    return costs


def compare(costs: Mapping[str, Sequence[Cost]]) -> dict[str, Spread]:
    """How many times the messages a second of `.delay`."""
    base = [one.per_s for one in costs[DELAY]]
    return {
        name: ratio_by_round([one.per_s for one in costs[name]], base) for name in (SINGLE, MANY)
    }


def name_ratios(costs: Mapping[str, Sequence[Cost]]) -> dict[str, float]:
    """The medians by name, as they are recorded."""
    return {f"{name} against .delay": one.median for name, one in compare(costs).items()}


def make_rows(costs: Mapping[str, Sequence[Cost]]) -> list[Row]:
    """Say whether each ratio is what it must be."""
    return [
        Row(
            f"{name} against .delay",
            0,
            f"{spread:.2f} x",
            f"≥ {MUST_TIMES[name]:g} x",
            spread.median >= MUST_TIMES[name],
        )
        for name, spread in compare(costs).items()
    ]


def print_costs(costs: Mapping[str, Sequence[Cost]]) -> None:
    """Print medians, with the least and the most of all rounds."""
    table = Table("one producer", "messages/s", "its CPU-s per 1,000", "Redis CPU-s per 1,000")
    for name, runs in costs.items():
        table.add_row(
            name,
            f"{Spread.of([one.per_s for one in runs]):,.0f}",
            f"{Spread.of([one.producer_cpu_s for one in runs]):.3f}",
            f"{Spread.of([one.redis_cpu_s for one in runs]):.3f}",
        )
    Console(width=120).print(table)


def main() -> int:
    """Measure, print, and write down if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.enqueue", description="Enqueueing, half a minute."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=2000, help="single calls of a round")
    parser.add_argument("--save", action="store_true", help="write docs/performance/enqueue.json")
    given = parser.parse_args()
    load_before = load_1min()
    with ends_in_order():
        costs = measure(rounds=given.rounds, messages=given.messages)
    print_costs(costs)
    if given.save:
        figures = {name: [asdict(one) for one in runs] for name, runs in costs.items()}
        save(
            "enqueue",
            command=" ".join(["python -m bench.enqueue", *sys.argv[1:]]),
            load_before=load_before,
            ratios=name_ratios(costs),
            figures=figures,
        )
    return 0 if show("enqueueing", make_rows(costs)) else 1


if __name__ == "__main__":
    sys.exit(main())
