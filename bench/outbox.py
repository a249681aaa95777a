"""Each committed row once, each rolled-back one never: `python -m bench.outbox [--rounds 200]`.

In:  a number of rounds, a database. Out: one table; exit code 3 when a message was sent twice, was
lost, or was sent though it was rolled back.

An app writes orders and their messages, two relays hand them over, two workers send them. In every
round one of these, Redis, or PostgreSQL is killed at a random moment and started again a moment
later. The gateway's book is the judge.

A worker that is killed with a request on its way leaves a job `unknown`, which smsq does not send
again unasked. At the end an operator who has read the book resends those that are not in it.

Redis keeps an AOF, with an fsync each second. What it has written outlives its process; on a slow
disk it holds writes back while an fsync lasts, and such a kill loses up to 2 s. TMPDIR=/dev/shm is
no such disk.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bench import faults
from bench.harness import Bed, Row, bed, phone, show, wait
from bench.outbox_app import METADATA, ORDERS, make_engine, text
from bench.run import EXIT_UNSAFE, LATENCY, TIMEOUT_S
from bench.tally import is_at_rest
from smsq.contrib.outbox.table import OutboxStatus
from smsq.contrib.sqlalchemy import Outbox
from smsq.errors import SmsqError
from smsq.models import JobState
from smsq.operate.stuck_jobs import StuckJobs
from tests.postgres import Postgres, find_programs

RELAYS = ("relay", "relay1")
WORKERS = ("worker", "worker1")
DATABASE = "database"

#: After the last kill: leases of relays and workers end, and a busy machine catches up.
SETTLE_S = 180.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the book says about the orders; lists of their numbers."""

    once: Sequence[int]
    twice: Sequence[int]
    lost: Sequence[int]
    ghosts: Sequence[int]  #: accepted though rolled back

    @property
    def holds(self) -> bool:
        """True where each committed order was accepted once, and no other."""
        return not (self.twice or self.lost or self.ghosts)


def judge(
    attempted: Collection[int], committed: Collection[int], book: Mapping[tuple[str, str], int]
) -> Verdict:
    """Compare what was committed with what the gateway accepted. Pure."""
    times = {n: book.get((phone(n), text(n)), 0) for n in attempted}
    kept = set(committed)
    return Verdict(
        once=sorted(n for n in kept if times.get(n) == 1),
        twice=sorted(n for n in kept if times.get(n, 0) > 1),
        lost=sorted(n for n in kept if not times.get(n)),
        ghosts=sorted(n for n in attempted if n not in kept and times[n]),
    )


@dataclass(slots=True)
class Shop:
    """A deployment with an outbox, and how often each of its processes was killed."""

    bed: Bed
    address: str
    server: Postgres | None
    library: str = "sqlalchemy"
    kills: dict[str, int] = field(default_factory=dict)
    engine: sa.Engine = field(init=False)
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.engine = make_engine(self.address)
        self.outbox = Outbox(METADATA, self.bed.queue)
        METADATA.create_all(self.engine)

    @property
    def journal(self) -> Path:
        """Every order that was begun."""
        return self.bed.stack.folder / "journal"

    def attempted(self) -> list[int]:
        """Read the journal; a kill may have cut its last line."""
        lines = self.journal.read_bytes().split(b"\n")[:-1] if self.journal.exists() else []
        return [int(line) for line in lines]

    def start(self, name: str) -> None:
        """Start a process that was killed, or was never there."""
        stack = self.bed.stack
        python = (sys.executable, "-m")
        if name == DATABASE and self.server:
            self.server.start()
        elif name == "redis":
            stack.start_redis()
        elif name in WORKERS:
            stack.start_worker(name, waits=False)
        elif name in RELAYS:
            stack.start(name, (*python, *self._command("relay")))
        else:
            first = max(self.attempted(), default=0) + 1
            order = (str(self.journal), str(first))
            stack.start(name, (*python, *self._command("app"), *order))

    def _command(self, kind: str) -> Sequence[str]:
        if self.library == "django":
            return ("bench.outbox_django", kind, self.address)
        relay = ("smsq.contrib.sqlalchemy", "--database", self.address)
        return relay if kind == "relay" else ("bench.outbox_app", self.address)

    def kill(self, name: str) -> None:
        """Kill it; PostgreSQL by what it calls an immediate shutdown, which is a crash."""
        self.kills[name] = self.kills.get(name, 0) + 1
        if name == DATABASE and self.server:
            self.server.stop(signal.SIGQUIT)
        else:
            faults.kill(self.bed.stack, name)

    def status(self) -> OutboxStatus:
        """Ask the outbox, again and again where its database is just coming up."""
        while True:
            try:
                return self.outbox.status(self.engine)
            except SQLAlchemyError:
                time.sleep(0.1)

    def committed(self) -> list[int]:
        """Read the orders that are there."""
        with self.engine.connect() as connection:
            return list(connection.scalars(sa.select(ORDERS.c.n)))


@contextmanager
def open_shop(database: str, library: str = "sqlalchemy") -> Iterator[Shop]:
    """Start everything; it is stopped at the end."""
    with bed(
        LATENCY,
        workers=len(WORKERS),
        SMSQ_TIMEOUT_S=str(TIMEOUT_S),
        SMSQ_RATE_PER_S="250",
        SMSQ_BACKOFF_MAX_S="2",
    ) as made:
        if database == "sqlite":
            yield Shop(made, f"sqlite:///{made.stack.folder / 'shop.db'}", None, library)
            return
        with Postgres() as server:
            shop = Shop(made, server.create("shop"), server, library)
            yield shop
            shop.engine.dispose()


def run_rounds(shop: Shop, rounds: int, dice: random.Random) -> None:
    """Kill one process a round, at a random moment, and start it again a moment later."""
    names = ["app", *RELAYS, "redis", *WORKERS, *([DATABASE] if shop.server else [])]
    for name in ("app", *RELAYS):
        shop.start(name)
    wait(shop.attempted, at_most_s=30)
    for n in range(rounds):
        name = dice.choice(names)
        time.sleep(dice.uniform(0.05, 1.0))
        shop.kill(name)
        time.sleep(dice.uniform(0.0, 0.5))
        shop.start(name)
        if n % 20 == 0:
            print(f"round {n}: {len(shop.attempted())} orders, killed {name}", flush=True)
    shop.kill("app")


def settle(shop: Shop) -> int:
    """Wait until nothing moves; returns how many unknown jobs an operator resent."""
    wait(lambda: not shop.status().waiting and is_at_rest(shop.bed), at_most_s=SETTLE_S)
    resent = 0
    desk = StuckJobs.build(shop.bed.queue.settings)
    book = {to for to, _ in shop.bed.gateway.accepted()}
    for job in list(desk.find(JobState.UNKNOWN)):
        [recipient] = shop.bed.queue.recipients(job.id)
        if recipient.phone not in book:
            desk.resend(job.id, why="not in the gateway's book")
            resent += 1
    desk.close()
    wait(lambda: is_at_rest(shop.bed), at_most_s=SETTLE_S)
    return resent


def measure(database: str, library: str, rounds: int, seed: int) -> Row:
    """Run one database's rounds; returns its line."""
    began_at_s = time.monotonic()
    with open_shop(database, library) as shop:
        run_rounds(shop, rounds, random.Random(seed))
        resent = settle(shop)
        attempted = shop.attempted()
        verdict = judge(attempted, shop.committed(), shop.bed.gateway.accepted())
        for n in (*verdict.lost[:5], *verdict.twice[:5], *verdict.ghosts[:5]):
            print(f"wrong: {text(n)}", flush=True)
        rolled_back = len(set(attempted) - set(shop.committed()))
        figure = (
            f"{len(verdict.once)} committed rows accepted once, {len(verdict.twice)} twice, "
            f"{len(verdict.lost)} lost; {rolled_back} rolled back, {len(verdict.ghosts)} of them "
            f"accepted; {shop.status().failed} failed; {resent} unknown resent; "
            f"{time.monotonic() - began_at_s:.0f} s; kills: {shop.kills}"
        )
    must = "0 twice, 0 lost, 0 accepted though rolled back"
    what = f"{rounds} SIGKILLs, {library}, {database}"
    return Row(what, len(WORKERS), figure, must, verdict.holds)


def main(arguments: Sequence[str]) -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.outbox")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--library", choices=("sqlalchemy", "django"), default="sqlalchemy")
    parser.add_argument("--seed", type=int, default=16)
    options = parser.parse_args(arguments)
    databases = options.database or ["sqlite", "postgresql"]
    if find_programs() is None and "postgresql" in databases:
        print("postgresql: SKIPPED, apt-get install postgresql", flush=True)
        databases = [each for each in databases if each != "postgresql"]
    rows = [measure(each, options.library, options.rounds, options.seed) for each in databases]
    return 0 if show("outbox", rows) else EXIT_UNSAFE


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SmsqError as error:
        sys.exit(str(error))
