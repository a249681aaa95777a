"""A worker's watch over the ledger's clock, in a thread of its own.

In:  Redis' time, each second. Out: a ledger whose clock does not step when Redis' does.
"""

from __future__ import annotations

import logging
import threading
from functools import partial

from redis.exceptions import RedisError

from smsq.store.clock import read_clock
from smsq.store.scripts import Scripts

log = logging.getLogger(__name__)

#: Pause between two looks: for so long a step ahead makes the ledger's clock stand still.
LOOK_EVERY_S = 1.0

#: And while another worker looks: should that one stop, the clock is not watched for so long.
STAND_BY_S = 5.0


def watch_while_running(scripts: Scripts, stop: threading.Event) -> None:
    """Look at the ledger's clock until the process stops; an outage of Redis is waited for."""
    while not stop.wait(pause_s(scripts)):
        look(scripts)


def pause_s(scripts: Scripts) -> float:
    """Seconds until the next look: who sees that another worker looks does so less often."""
    return STAND_BY_S if scripts.watch and scripts.watch.others_look else LOOK_EVERY_S


def look(scripts: Scripts) -> None:
    """Look once, and say so when the clock had stepped, or the ledger has forgotten all."""
    if scripts.watch is None:
        return
    was_emptied = scripts.watch.is_emptied
    try:
        is_well = scripts.watch.glance(partial(read_clock, scripts.redis, scripts.keys))
        ahead_s = 0.0 if is_well else scripts.watch.look(scripts.run)
    except RedisError:
        return  # those who need it say so
    if ahead_s:
        log.warning("the clock of Redis went %.1f s ahead: taken off the ledger's time", ahead_s)
    if scripts.watch.is_emptied and not was_emptied:
        log.error("the ledger was emptied: all jobs of before are gone, see docs/operations.md")


def start_watching(scripts: Scripts, stop: threading.Event) -> None:
    """Watch from now on, in a thread that ends with the process."""
    look(scripts)
    threading.Thread(
        target=watch_while_running, args=(scripts, stop), name="watch", daemon=True
    ).start()
