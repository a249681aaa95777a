"""What the rules of sending cost a claim: quick and bulk jobs, without rules and with each of them.

    python -m bench.rules

One Redis of its own, one client, scripts only; the fastest of some rounds counts. `list` has
200,000 phones on the list of opt-outs, of which none is sent to.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from smsq.models import Kind
from smsq.names import Queue
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from tests.smsq.world import World
from tests.support import RedisServer

RULES = {
    "no rule": {},
    "list": {},
    "quiet hours": {"SMSQ_QUIET_HOURS": "21:00-09:00"},
    "cap": {"SMSQ_CAP_PER_DAY": "1000"},
}
#: Recipients of a job → how many jobs.
JOBS = {1: 1000, 1000: 60, 100_000: 2}
ROUNDS, OPTED_OUT = 4, 200_000


def measure(world: World, recipients: int) -> tuple[float, float]:
    """Redis' processor time (ms) and its commands for one claim."""
    kind = Kind.QUICK if recipients == 1 else Kind.BULK
    for _ in range(JOBS[recipients] + 1):
        world.enqueue(kind=kind, priority=Queue.BULK, phones=recipients)
    world.take()
    before_s, before = used(world)
    for _ in range(JOBS[recipients]):
        world.pass_s(0.001)
        assert world.take()
    after_s, after = used(world)
    return (after_s - before_s) / JOBS[recipients] * 1000, (after - before) / JOBS[recipients]


def used(world: World) -> tuple[float, int]:
    """Processor time (s) and commands since the server started."""
    cpu: Any = world.redis.info("cpu")
    commands: Any = world.redis.info("commandstats")
    calls = sum(one["calls"] for one in commands.values())
    return float(cpu["used_cpu_user"] + cpu["used_cpu_sys"]), calls


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        for name, environ in RULES.items():
            settings = Settings.from_env({"SMSQ_REDIS_URL": server.url, **environ})
            for recipients in JOBS:
                rounds = []
                for _ in range(ROUNDS):
                    world = World(settings)
                    world.redis.flushall()
                    world.go_to("2026-11-24T12:00")
                    world.redis.config_resetstat()
                    if name == "list":
                        phones = (f"37533{1000000 + i * 7}" for i in range(OPTED_OUT))
                        OptOuts(world.scripts, settings).add(phones)
                    rounds.append(measure(world, recipients))
                took_ms, commands = map(min, zip(*rounds, strict=True))
                told = f"{took_ms:7.2f} ms, {commands:.0f} commands"
                print(f"{name:12} {recipients:7,} recipients: {told}")


if __name__ == "__main__":
    print("Redis' processor time and commands for one claim")
    main()
