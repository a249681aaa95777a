"""What the outbox costs: `python -m bench.outbox_cost`.

In:  nothing. Out: a table: one more row in a transaction, the hand-over after it, a relay's rate.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from uuid import UUID

import sqlalchemy as sa

from bench.harness import Row, phone, show
from bench.outbox_app import METADATA, ORDERS, make_engine
from smsq.contrib.sqlalchemy import Outbox
from smsq.models import QuickMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.postgres import Postgres, find_programs
from tests.support import RedisServer

TIMES = 300
BACKLOG = 5000


def time_ms(work: Callable[[int], object], first: int) -> float:
    """Do it many times; returns the median."""
    took = []
    for n in range(first, first + TIMES):
        began_s = time.perf_counter()
        work(n)
        took.append((time.perf_counter() - began_s) * 1000)
    return median(took)


def measure(address: str, queue: SmsQueue, what: str) -> Row:
    """Measure one database."""
    engine, outbox = make_engine(address), Outbox(METADATA, queue)
    METADATA.create_all(engine)

    def plain(n: int) -> None:
        with engine.begin() as connection:
            connection.execute(sa.insert(ORDERS), {"n": n})

    def with_outbox(n: int) -> None:
        with engine.begin() as connection:
            connection.execute(sa.insert(ORDERS), {"n": n})
            ids.append(outbox.add(connection, phone(n), f"order {n}"))

    ids: list[UUID] = []
    alone_ms = time_ms(plain, 0)
    both_ms = time_ms(with_outbox, TIMES)
    now_ms = time_ms(lambda n: outbox.deliver_now(engine, [ids[n]]), 0)
    with engine.begin() as connection:
        outbox.add_many(
            connection, [QuickMessage(phone=phone(n), text=f"later {n}") for n in range(BACKLOG)]
        )
    began_s = time.perf_counter()
    while outbox.relay(engine).step():
        pass
    rate = BACKLOG / (time.perf_counter() - began_s)
    cpu_s = time.process_time()
    for _ in range(TIMES):
        outbox.relay(engine).step()
    idle_ms = (time.process_time() - cpu_s) / TIMES * 1000
    engine.dispose()
    figure = (
        f"a transaction {alone_ms:.2f} ms, with a message {both_ms:.2f} ms; "
        f"deliver_now {now_ms:.2f} ms; a relay {rate:.0f} rows/s, idle {idle_ms:.2f} ms a look"
    )
    return Row(what, 0, figure, "", holds=True)


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        environ = {"SMSQ_REDIS_URL": redis.url, "SMSQ_ALPHANAME_ID": "123"}
        queue = SmsQueue(settings=Settings.from_env(environ))
        rows = [measure(f"sqlite:///{folder}/shop.db", queue, "sqlite")]
        if find_programs():
            with Postgres(is_durable=True) as server:
                rows.append(measure(server.create("shop"), queue, "postgresql"))
        queue.close()
    show("outbox", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
