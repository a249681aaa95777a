"""What news costs: a quick job's way through the ledger, and a page of reports, with and without.

    python -m bench.events

One Redis of its own, one client, scripts only. Rounds with and without news take turns; the fastest
of each counts, once on the client's clock and once in Redis' processor time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smsq.models import ReportRow
from smsq.settings import Settings
from tests.smsq.world import ACCEPTED, PLAN, World
from tests.support import RedisServer

ROUNDS, JOBS, ROWS = 9, 1000, 1000


def quick_jobs_s(world: World) -> float:
    """Enqueue, claim and settle; seconds per job."""
    began_s = time.perf_counter()
    for _ in range(JOBS):
        world.claims.settle(world.claim(world.enqueue()), ACCEPTED, PLAN)
    return (time.perf_counter() - began_s) / JOBS


def page_s(world: World) -> float:
    """Apply one page in which every recipient changes its state."""
    world.redis.flushdb()
    job = world.enqueue(phones=ROWS)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    claim = world.claim_poll()
    rows = [ReportRow(f"37529{1234567 + i}", "delivered", None) for i in range(ROWS)]
    began_s = time.perf_counter()
    world.polls.apply_page(claim, rows, next_offset=0, next_in_s=None)
    return time.perf_counter() - began_s


def stream_bytes(world: World) -> int:
    size = world.redis.memory_usage(world.keys.events, samples=0)
    assert isinstance(size, int)
    return size


def processor_s(world: World) -> float:
    """Processor time that Redis has used."""
    used: Any = world.redis.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def measure(world: World, act: Callable[[World], float]) -> tuple[float, float]:
    """Seconds on the client's clock, and of Redis' processor, for one unit."""
    world.redis.flushdb()
    before_s = processor_s(world)
    took_s = act(world)
    units = JOBS if act is quick_jobs_s else 1
    return took_s, (processor_s(world) - before_s) / units


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        environ = {"SMSQ_REDIS_URL": server.url}
        without, with_news = (
            World(Settings.from_env(environ | {"SMSQ_EVENTS_KEEP_S": keep_s}))
            for keep_s in ("0", "86400")
        )
        for name, act in (("quick job", quick_jobs_s), ("page of 1000", page_s)):
            rounds = [(measure(without, act), measure(with_news, act)) for _ in range(ROUNDS)]
            print(f"{name}: stream {stream_bytes(with_news)} bytes")
            for n, clock in enumerate(("client", "redis")):
                off, on = (min(one[side][n] for one in rounds) for side in (0, 1))
                print(f"  {clock}: {off * 1e6:.0f} -> {on * 1e6:.0f} us, x {on / off:.2f}")


if __name__ == "__main__":
    main()
