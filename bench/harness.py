"""What the measurements start and read: whole deployments, the gateway's log, one table.

In:  options of simulator and settings. Out: running deployments; rows of figures.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil
from redis import Redis
from rich.console import Console
from rich.table import Table

from smsq.cli.running.stack import Stack
from smsq.errors import QueueUnavailableError
from smsq.models import QuickMessage
from smsq.operate.controls import Controls
from smsq.options import Priority
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.simulator.server import RunningSimulator

ROOT = Path(__file__).parents[1]


def phone(n: int) -> str:
    """The nth phone; none ends in digits that the simulator has faults for."""
    return f"37529{100 + n // 9000}{1000 + n % 9000}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, and what it must be."""

    what: str
    workers: int
    figure: str
    must: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Bed:
    """A running deployment to measure."""

    stack: Stack
    queue: SmsQueue
    controls: Controls
    gateway: RunningSimulator
    redis: Redis

    def requests(self, since_ms: int = 0) -> list[tuple[float, str, int]]:
        """Every request the gateway saw: seconds on its clock, endpoint, status."""
        rows = self.gateway.get(f"/book/requests?since={since_ms}")["requests"]
        return [(ms / 1000, endpoint, status) for ms, endpoint, status in rows]

    def now_s(self) -> float:
        """The gateway's clock."""
        return float(self.gateway.get("/book/requests?since=999999999")["now_ms"]) / 1000

    def count_commands(self) -> int:
        """Commands that Redis has worked off since its start."""
        return int(self.redis.info("stats")["total_commands_processed"])

    def worker_rss_bytes(self) -> dict[str, int]:
        """Memory of each worker process."""
        return {
            name: psutil.Process(process.pid).memory_info().rss
            for name, process in self.stack.processes.items()
            if name.startswith("worker")
        }

    def fill(self, count: int, *, priority: Priority = "normal", first: int = 0) -> None:
        """Enqueue so many quick messages, a hundred a call."""
        for start in range(first, first + count, 1000):
            self.queue.send_quick_many(
                QuickMessage(phone=phone(i), text=f"code {i}", priority=priority)
                for i in range(start, min(start + 1000, first + count))
            )


@contextmanager
def bed(
    gateway: Sequence[str],
    *,
    workers: int = 1,
    broker_db: int = 0,
    redis_environ: Mapping[str, str] = MappingProxyType({}),
    **settings: str,
) -> Iterator[Bed]:
    """Start a deployment; everything is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="smsq-bench-") as folder:
        quiet = {"SMSQ_POLL_FIRST_S": "3600", "SMSQ_POLL_MAX_S": "43200"}
        stack = Stack(
            ROOT,
            Path(folder),
            gateway,
            quiet | settings,
            workers=workers,
            has_flower=False,
            broker_db=broker_db,
            redis_environ=redis_environ,
        )
        with stack:
            read = Settings.from_env(stack.environ)
            made = Bed(
                stack,
                SmsQueue(settings=read),
                Controls.build(read),
                RunningSimulator(stack.url("simulator")),
                Redis(port=stack.ports["redis"], decode_responses=True),
            )
            yield made
            made.queue.close()
            made.controls.close()
            made.redis.close()


def wait(holds: Callable[[], object], *, at_most_s: float, every_s: float = 0.5) -> bool:
    """Poll until something holds; False when it never did. A busy Redis is asked again."""
    until_s = time.monotonic() + at_most_s
    while time.monotonic() < until_s:
        with suppress(QueueUnavailableError):
            if holds():
                return True
        time.sleep(every_s)
    return False


def show(title: str, rows: Sequence[Row]) -> bool:
    """Print the table; returns whether every row holds."""
    table = Table(title=title)
    for heading in ("scenario", "workers", "measured", "must", "holds"):
        table.add_column(heading)
    for row in rows:
        mark = "yes" if row.holds else "NO"
        table.add_row(row.what, str(row.workers), row.figure, row.must, mark)
    Console(width=150).print(table)
    return all(row.holds for row in rows)
