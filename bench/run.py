"""A deployment under load, and the line in the table that comes of it.

In:  a load, options of simulator and settings. Out: `Run`, to hurt while it goes on; a `Row`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from rich.console import Console
from rich.table import Table

from bench.harness import Bed, bed, wait
from bench.producer import Load, Producer
from bench.tally import Fate, Tally, has_settled, reckon
from smsq.cli.running.stack import Stack
from smsq.models import JobState

#: Of requests: short enough for leases to end, at twice that, within a scenario; long enough for a
#: busy machine, on which each request that times out would be unknown by right.
TIMEOUT_S = 5

#: Every request takes so long, so that some are in flight whenever something happens.
LATENCY = ("--latency-ms", "60")

#: A job was sent twice or lost.
EXIT_UNSAFE = 3

#: All that was enqueued has to be settled so soon after the last job.
SETTLE_S = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    tally: Tally
    took_s: float
    holds: bool
    remark: str
    peer: str = "-"


@dataclass(slots=True)
class Run:
    """A deployment under load."""

    bed: Bed
    producer: Producer
    started_at_s: float = field(default_factory=time.monotonic)

    @property
    def stack(self) -> Stack:
        """The processes."""
        return self.bed.stack

    def settle(self, *, at_most_s: float = SETTLE_S, unsent: Collection[JobState] = ()) -> Tally:
        """Wait until all is enqueued and nothing moves any more, and reckon up.

        Args:
            at_most_s: Longest wait.
            unsent: States in which a job may end unsent.

        Raises:
            StackError: A process went away by itself.
        """
        self.producer.join()
        # Fewer than the load has, where the producer was ended early.
        jobs = len(self.producer.orders)
        wait(lambda: has_settled(self.bed, jobs), at_most_s=at_most_s)
        self.stack.check()
        return reckon(self.bed, self.producer, unsent=unsent)

    def row(self, what: str, tally: Tally, *, holds: bool = True, remark: str = "") -> Row:
        """Make the table's line; a clean tally is always asked for."""
        if tally.lost_states:
            remark += f"; lost are {dict(tally.lost_states)}"
        took_s = time.monotonic() - self.started_at_s
        return Row(what, tally, took_s, tally.is_clean and holds, remark.removeprefix("; "))


@contextmanager
def under_load(
    load: Load,
    *gateway: str,
    workers: int = 3,
    broker_db: int = 0,
    redis_environ: Mapping[str, str] = MappingProxyType({}),
    producer_of: type[Producer] = Producer,
    **settings: str,
) -> Iterator[Run]:
    """Start a deployment, and a producer beside it."""
    ours = {
        "SMSQ_TIMEOUT_S": str(TIMEOUT_S),
        "SMSQ_RATE_PER_S": "250",
        "SMSQ_BURST": "10",
        "SMSQ_BACKOFF_MAX_S": "2",
    }
    options = (*LATENCY, *gateway, *(["--magic"] if load.magic_every else []))
    with bed(
        options,
        workers=workers,
        broker_db=broker_db,
        redis_environ=redis_environ,
        **(ours | settings),
    ) as made:
        producer = producer_of(made.queue, load)
        producer.start()
        yield Run(made, producer)


def show(rows: Sequence[Row]) -> bool:
    """Print the table; returns whether every row holds."""
    table = Table(title="chaos")
    for heading in ("fault", "enqueued", *Fate, "took", "holds", "plain Celery", "remark"):
        table.add_column(heading)
    for row in rows:
        counts = (len(row.tally.fates), *(row.tally.count(fate) for fate in Fate))
        mark = "yes" if row.holds else "NO"
        table.add_row(
            row.what, *map(str, counts), f"{row.took_s:.0f} s", mark, row.peer, row.remark
        )
    Console(width=170).print(table)
    return all(row.holds for row in rows)


def find_exit_code(tallies: Iterable[Tally], *, holds: bool) -> int:
    """Say how a run ends: 0 where all holds, 1 where not, 3 where a job was sent twice or lost."""
    if not all(tally.is_safe for tally in tallies):
        return EXIT_UNSAFE
    return 0 if holds else 1
