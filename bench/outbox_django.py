"""bench/outbox_app.py and its relay once more, in Django. Run by bench/outbox.py.

In:  `relay` or `app`, a database; for the app a journal and the number of its first order. Out: as
there.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from typing import Any

import django
import sqlalchemy as sa
from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection, transaction

from bench.harness import phone
from bench.outbox_app import PER_S, PRIORITIES, ROLLED_BACK_SHARE, text


class TakenBackError(Exception):
    """Rolls a transaction back."""


def set_up(address: str) -> None:
    """Make a project of two apps on a database, which SQLAlchemy's address names."""
    url = sa.make_url(address)
    options: dict[str, Any] = {"timeout": 30} if url.host is None else {"connect_timeout": 5}
    database = {
        "ENGINE": f"django.db.backends.{'sqlite3' if url.host is None else 'postgresql'}",
        "NAME": url.database,
        "USER": url.username,
        "HOST": url.host,
        "PORT": url.port,
        "OPTIONS": options | dict(url.query),
    }
    apps = ["smsq.contrib.django", "smsq.contrib.django.outbox"]
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=apps, USE_TZ=True)
    django.setup()


def write_order(n: int, dice: random.Random) -> None:
    """Write one order and its message; what is committed is handed over at once."""
    from smsq.contrib.django.outbox.models import OutboxMessage  # noqa: PLC0415 - after the set-up

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders (n) VALUES (%s)", [n])
        priority = PRIORITIES[n % len(PRIORITIES)]
        OutboxMessage.objects.add(phone(n), text(n), priority=priority)
        if dice.random() < ROLLED_BACK_SHARE:
            raise TakenBackError


def write_orders(journal: str, first: int) -> None:
    """Write orders until killed."""
    dice = random.Random(first)
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for n in itertools.count(first):
        os.write(file, b"%d\n" % n)
        try:
            write_order(n, dice)
        except TakenBackError:
            pass
        except Error:
            connection.close()
            time.sleep(0.2)
        time.sleep(dice.expovariate(PER_S))


if __name__ == "__main__":
    set_up(sys.argv[2])
    if sys.argv[1] == "relay":
        call_command("smsq_relay")
    else:
        write_orders(sys.argv[3], int(sys.argv[4]))
