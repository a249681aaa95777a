"""Hands rows over at once when their transaction is committed; what fails is left to the relay.

In:  ids of rows that were written. Out: after the commit, a hand-over; never an error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from smsq.contrib.django.outbox.table import DjangoTable
from smsq.contrib.django.queue import sms
from smsq.contrib.outbox.relay import BATCH, Relay

#: Rows of each connection's transaction. What was rolled back may be among them: who hands over
#: reads the rows again, and finds those that are there.
_written: WeakKeyDictionary[BaseDatabaseWrapper, list[UUID]] = WeakKeyDictionary()
_relays: dict[str, Relay] = {}
os.register_at_fork(after_in_child=_relays.clear)


def deliver_at_commit(ids: Sequence[UUID], using: str) -> None:
    """Have rows handed over after the commit; of one transaction's, as many as a batch holds."""
    # A request must not wait for the rest: the relay is there in half a second.
    written = _written.setdefault(connections[using], [])
    written.extend(ids[: BATCH - len(written)])
    transaction.on_commit(partial(_deliver, using), using=using)


def get_relay(using: str) -> Relay:
    """Return this process' relay of a database."""
    relay = _relays.get(using)
    return relay or _relays.setdefault(using, Relay(DjangoTable(using), sms))


def _deliver(using: str) -> None:
    if ids := _written.pop(connections[using], []):
        get_relay(using).deliver_now(ids)
