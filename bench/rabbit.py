"""RabbitMQ as broker, killed, restarted, emptied and cut off: `python -m bench.rabbit [fault ...]`.

In:  names of faults, all unless named. Out: a table: how long nothing was sent, and how soon sends,
polls and beat went on; what was sent twice or lost; exit code 3 when something was, 1 when a row
does not hold. Takes three minutes.

The load has everything that a ring or a tick brings about: quick messages, campaigns, messages
that are due later, and retries.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.arguments import read_names
from bench.faults import read_log
from bench.harness import wait
from bench.producer import Load, Producer
from bench.run import Run, find_exit_code, under_load
from bench.tally import Fate
from smsq.names import QUEUES
from smsq.rings.broker import name_queue
from tests.rabbit import MISSING, RabbitServer, find_server
from tests.support import MutingProxy

#: Sends, polls and beat go on so soon after RabbitMQ is back.
BACK_WITHIN_S = 10.0

#: Before the first fault, and after each.
QUIET_S, REST_S = 4.0, 14.0

#: How long RabbitMQ is away, or nothing can be heard from it.
AWAY_S = 6.0

#: Every ninth message is due so much later.
LATER_EVERY, LATER_S = 9, 3.0

_POLL = "getSmsDeliveryList"


class MixedProducer(Producer):
    """A producer some of whose messages are due later."""

    def _put(self, n: int, phones: list[str]) -> str:
        if n % LATER_EVERY or self.load.is_campaign(n):
            return super()._put(n, phones)
        due = datetime.now(UTC) + timedelta(seconds=LATER_S)
        return self.queue.send_quick(phones[0], f"code {n}", key=f"job {n}", send_at=due)


@dataclass(frozen=True, slots=True)
class Suffered:
    """What one fault did.

    Attributes:
        gap_s: The longest time in which nothing was sent, from the fault on.
        back_s: What goes on → longest pause of it after RabbitMQ was back.
    """

    name: str
    gap_s: float
    back_s: Mapping[str, float]

    @property
    def holds(self) -> bool:
        """True when everything went on in time."""
        return max(self.back_s.values()) <= BACK_WITHIN_S


@dataclass(frozen=True, slots=True)
class Scene:
    """A deployment whose broker is a RabbitMQ behind a proxy."""

    server: RabbitServer
    proxy: MutingProxy
    run: Run

    def suffer(self, name: str) -> Suffered:
        """Let something happen, and measure how soon everything goes on."""
        bed = self.run.bed
        began_at_s = bed.now_s()
        FAULTS[name](self)
        back_at_s = bed.now_s()
        beat_s = self._wait_for_beat()
        time.sleep(max(0.0, REST_S - beat_s))
        until_s = bed.now_s()
        sends: list[float] = []
        polls: list[float] = []
        for at_s, endpoint, _ in bed.requests(round(1000 * began_at_s)):
            (polls if endpoint == _POLL else sends).append(at_s)
        back_s = {"sends": _longest(back_at_s, sends, until_s)}
        back_s |= {"polls": _longest(back_at_s, polls, until_s), "beat": beat_s}
        return Suffered(name, _longest(began_at_s, sends, until_s), back_s)

    def _wait_for_beat(self) -> float:
        began_at_s = time.monotonic()

        def ticks() -> bool:
            age_s = self.run.bed.queue.heartbeat_age_s()
            return age_s is not None and age_s < time.monotonic() - began_at_s

        wait(ticks, at_most_s=60, every_s=0.05)
        return time.monotonic() - began_at_s


def _longest(since_s: float, times_s: Sequence[float], until_s: float) -> float:
    moments_s = [since_s, *(at_s for at_s in times_s if at_s > since_s), until_s]
    return max(later - first for first, later in itertools.pairwise(moments_s))


def kill(scene: Scene) -> None:
    """`kill -9`; it comes back on what it wrote."""
    scene.server.kill()
    time.sleep(AWAY_S)
    scene.server.start()


def restart(scene: Scene) -> None:
    """A planned restart."""
    scene.server.stop()
    scene.server.start()


def lose_disk(scene: Scene) -> None:
    """`kill -9`; it comes back with nothing: no queue, no ring."""
    scene.server.kill()
    scene.server.forget()
    scene.server.start()


def purge(scene: Scene) -> None:
    """All queues are emptied."""
    scene.server.purge(_queues(scene))


def delete(scene: Scene) -> None:
    """All queues are deleted below their consumers."""
    scene.server.delete(_queues(scene))


def alarm(scene: Scene) -> None:
    """It runs short of memory and takes no messages."""
    scene.server.take_nothing()
    time.sleep(AWAY_S)
    scene.server.take_all()


def cut(scene: Scene) -> None:
    """Nothing passes, and no connection ends: a partition."""
    there = scene.proxy.to
    with socket.create_server(("127.0.0.1", 0)) as nowhere:
        scene.proxy.to = nowhere.getsockname()
        scene.proxy.mute()
        time.sleep(AWAY_S)
        scene.proxy.to = there
        scene.proxy.mute()


FAULTS = {fault.__name__: fault for fault in (kill, restart, lose_disk, purge, delete, alarm, cut)}


def _queues(scene: Scene) -> list[str]:
    settings = scene.run.bed.queue.settings
    return [name_queue(queue, settings.broker_url, settings.namespace) for queue in QUEUES]


@contextmanager
def staged(load: Load) -> Iterator[Scene]:
    """Start RabbitMQ and a deployment under load; everything is stopped at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smsq-rabbit-")))
        server = stack.enter_context(RabbitServer(folder))
        proxy = stack.enter_context(MutingProxy(server.port))
        url = server.url.replace(f":{server.port}/", f":{proxy.port}/")
        settings = {"SMSQ_BROKER_URL": url, "SMSQ_POLL_FIRST_S": "1"}
        run = under_load(load, workers=2, producer_of=MixedProducer, **settings)  # type: ignore[arg-type]
        yield Scene(server, proxy, stack.enter_context(run))


def run_faults(names: Sequence[str], *, per_s: float = 100.0) -> int:
    """Let these faults happen, print what came of them, and return the exit code."""
    jobs = round(per_s * (QUIET_S + len(names) * (REST_S + 2 * AWAY_S)))
    load = Load(jobs=jobs, per_s=per_s, campaign_every=7, magic_every=50, suffixes=("0500",))
    with staged(load) as scene:
        time.sleep(QUIET_S)
        all_suffered = [scene.suffer(name) for name in names]
        tally = scene.run.settle()
        stack = scene.run.stack
        logs = [line for name in (*stack.worker_names, "beat") for line in read_log(stack, name)]
    pages = sum("Traceback" in line for line in logs)
    _show(all_suffered)
    counts = ", ".join(f"{tally.count(fate)} {fate}" for fate in Fate)
    print(f"{len(tally.fates)} jobs: {counts}; {pages} tracebacks in the logs, must be 0")
    holds = tally.is_clean and not pages and all(one.holds for one in all_suffered)
    return find_exit_code([tally], holds=holds)


def _show(all_suffered: Sequence[Suffered]) -> None:
    table = Table(title=f"RabbitMQ as the broker; all must go on within {BACK_WITHIN_S:g} s")
    for heading in ("fault", "nothing sent for", "sends", "polls", "beat", "holds"):
        table.add_column(heading)
    for one in all_suffered:
        back = [f"{seconds:.1f} s" for seconds in one.back_s.values()]
        what = str(FAULTS[one.name].__doc__)
        table.add_row(what, f"{one.gap_s:.1f} s", *back, "yes" if one.holds else "NO")
    Console(width=150).print(table)


def main(names: Sequence[str]) -> int:
    """Run faults; where RabbitMQ is not installed say so, and fail in CI alone."""
    if find_server() is None:
        print(f"bench.rabbit: SKIPPED, {MISSING}", flush=True)
        return 1 if os.environ.get("CI") == "true" else 0
    return run_faults(names or list(FAULTS))


if __name__ == "__main__":
    sys.exit(main(read_names("bench.rabbit", sys.argv[1:], FAULTS)))
