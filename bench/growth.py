"""Does a message cost more where much waits, or much was sent? `python -m bench.growth [--save]`.

In:  options. Out: CPU seconds of workers and of Redis for each 1,000 messages, beside those of a
small ledger from the same run; exit code 1 when a ratio is above what it must be.

The jobs that wait, and those that are done, are copies that Redis makes of one real job of each.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis

from bench.harness import Row, phone, show
from bench.peers.contenders import Yard, fill_smsq, open_yard
from bench.peers.meter import Figures, Tree, read_figures, take_samples
from bench.record import Spread, load_1min, ratio_by_round, save
from smsq.cli.running.children import ends_in_order
from smsq.queue import SmsQueue
from smsq.settings import Settings

#: Messages of a run that are measured, and what they may cost beside a small ledger's.
MESSAGES, MOST_TIMES = 6000, 1.2

#: Before a run is steady; until its processes are up; of the whole run.
WARM_S, START_S, MOST_S = 1.0, 60.0, 120.0

#: Copies that Redis makes in one call.
A_CALL = 2000

_COPY = """
for i = ARGV[3], ARGV[3] + ARGV[4] - 1 do
  local id = 'jcopy' .. string.format('%011d', i)
  for _, name in ipairs({'job:%s', 'timeline:%s', 'message:%s:1', 'recipients:%s:1:0'}) do
    redis.call('COPY', ARGV[1] .. string.format(name, ARGV[2]), ARGV[1] .. string.format(name, id))
  end
  redis.call('ZADD', KEYS[1], ARGV[5], id)
end
"""


@dataclass(frozen=True, slots=True)
class Size:
    """One ledger, and the workers on it.

    Attributes:
        waiting: Jobs in line beside those that are measured.
        finished: Jobs that are done and still kept.
    """

    name: str
    waiting: int = 1000
    finished: int = 0
    workers: int = 2


SMALL = Size("1,000 wait, none finished, 2 workers")
SIZES = (
    SMALL,
    Size("100,000 wait", waiting=100_000),
    Size("1,000,000 wait", waiting=1_000_000),
    Size("1,000,000 finished", finished=1_000_000),
    Size("1 worker", workers=1),
    Size("4 workers", workers=4),
)


def copy(redis: Redis, job_id: str, line: str, count: int) -> None:
    """Have Redis copy a job so many times, each in the line at the place of the first."""
    place: Any = redis.zscore(f"smsq:{line}", job_id)
    script = redis.register_script(_COPY)
    for start in range(0, count, A_CALL):
        some = min(A_CALL, count - start)
        script(keys=[f"smsq:{line}"], args=["smsq:", job_id, start, some, int(place)])


def grow(yard: Yard, size: Size) -> None:
    """Have so many jobs wait, and so many be over: cancelled, which needs no worker."""
    redis = Redis(port=yard.ports["redis"], decode_responses=True, socket_timeout=60)
    with closing(redis), closing(SmsQueue(settings=Settings.from_env(yard.environ))) as queue:
        over = queue.send_quick(phone(7_000_000), "code")
        queue.cancel(over)
        copy(redis, over, "due", size.finished)
        waits = queue.send_quick(phone(7_000_001), "code")
        copy(redis, waits, "ready:normal", size.waiting)


def run(size: Size) -> Figures:
    """Measure one ledger."""
    with open_yard(delay_ms=0) as (yard, gateway):
        grow(yard, size)
        fill_smsq(yard, MESSAGES)
        yard.start_beat()
        for number in range(size.workers):
            yard.start_worker(f"worker{number}", waits=False)
        samples = take_samples(
            gateway.count,
            workers=Tree(yard.worker_pids),
            redis=Tree([yard.processes["redis"].pid]),
            messages=MESSAGES,
            seconds=MOST_S,
            start_s=START_S,
        )
        yard.check()
    return read_figures(samples, messages=MESSAGES, warm_s=WARM_S)


def cost(one: Figures) -> float:
    """CPU seconds for each 1,000 messages, in all."""
    return one.workers_cpu_s + one.redis_cpu_s


def make_rows(rounds: Mapping[str, Sequence[Figures]]) -> tuple[list[Row], dict[str, float]]:
    """Compare each size with the small one, round by round. Pure."""
    rows, ratios = [], {}
    small = [cost(one) for one in rounds[SMALL.name]]
    for size in SIZES:
        costs = [cost(one) for one in rounds[size.name]]
        times = ratio_by_round(costs, small)
        redis = Spread.of([one.redis_cpu_s for one in rounds[size.name]])
        must = f"≤ {MOST_TIMES} x" if size.workers == SMALL.workers else "shown"
        figure = f"{Spread.of(costs):.2f} CPU-s per 1,000, Redis {redis.median:.2f}: {times:.2f} x"
        holds = must == "shown" or times.median <= MOST_TIMES
        rows.append(Row(size.name, size.workers, figure, must, holds))
        # As all ratios that are kept: the higher, the better.
        ratios[size.name] = 1 / times.median
    return rows, ratios


def main() -> int:
    """Measure, print, and write down if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description="What a message costs as a ledger grows. Takes some ten minutes and 3 GB.",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="write docs/performance/growth.json")
    given = parser.parse_args()
    load_before = load_1min()
    rounds: dict[str, list[Figures]] = defaultdict(list)
    with ends_in_order():
        for number in range(given.rounds):
            for size in SIZES:
                rounds[size.name].append(one := run(size))
                print(f"round {number + 1}, {size.name}: {one}", flush=True)
    rows, ratios = make_rows(rounds)
    if given.save:
        figures = {name: [asdict(one) for one in runs] for name, runs in rounds.items()}
        command = " ".join(["python -m bench.growth", *sys.argv[1:]])
        path = save(
            "growth", command=command, load_before=load_before, ratios=ratios, figures=figures
        )
        print(f"wrote {path}")
    return 0 if show("what a message costs as the ledger grows", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
