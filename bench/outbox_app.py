"""An app with an outbox, to be killed: writes orders and their messages until somebody does.

In:  a database, a journal, the number of its first order. Out: orders in the database, each in one
transaction with its message; some are rolled back. Run by bench/outbox.py.

The journal has each order before its transaction begins. So what is in it and not in the database
was rolled back, by the app or by its death.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from bench.harness import phone
from smsq.contrib.sqlalchemy import Outbox
from smsq.options import Priority
from smsq.queue import SmsQueue

METADATA = sa.MetaData()
ORDERS = sa.Table("orders", METADATA, sa.Column("n", sa.Integer, primary_key=True))

PER_S = 40
ROLLED_BACK_SHARE = 0.25
DELIVERED_NOW_SHARE = 0.5
PRIORITIES: tuple[Priority, ...] = ("urgent", "normal", "bulk")


def text(n: int) -> str:
    """What the nth order's message says."""
    return f"order {n}"


def make_engine(address: str) -> sa.Engine:
    """Connect as an app does; a SQLite that another process writes to is waited for."""
    options = {"timeout": 30} if address.startswith("sqlite") else {"connect_timeout": 5}
    return sa.create_engine(address, connect_args=options, hide_parameters=True)


def write_order(engine: sa.Engine, outbox: Outbox, n: int, dice: random.Random) -> None:
    """Write one order and its message; commit or not, and hand over at once or not."""
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(ORDERS), {"n": n})
        priority = PRIORITIES[n % len(PRIORITIES)]
        row_id = outbox.add(connection, phone(n), text(n), priority=priority)
        if dice.random() < ROLLED_BACK_SHARE:
            transaction.rollback()
            return
    if dice.random() < DELIVERED_NOW_SHARE:
        outbox.deliver_now(engine, [row_id])


def main(address: str, journal: str, first: int) -> None:
    """Write orders until killed."""
    engine, dice = make_engine(address), random.Random(first)
    outbox = Outbox(METADATA, SmsQueue.from_env())
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for n in itertools.count(first):
        os.write(file, b"%d\n" % n)
        try:
            write_order(engine, outbox, n, dice)
        except SQLAlchemyError:
            engine.dispose()
            time.sleep(0.2)
        time.sleep(dice.expovariate(PER_S))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
