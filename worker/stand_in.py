"""A worker to whom no ticks come, though its ledger answers: it looks for jobs itself.

In:  when a tick was last taken, by the ledger. Out: jobs looked for every second, in a thread.

Only where the broker is not the ledger's own Redis: where it is, both are away.
"""

from __future__ import annotations

import logging
import threading
import time

from redis.exceptions import RedisError

from smsq.names import Task
from smsq.rings.ticks import EVERY_S
from smsq.steps.resources import Resources
from smsq.store.refusals import say
from tasks.stand_in import stand_in

log = logging.getLogger(__name__)

#: Ticks come every second. After so long without, the broker is away, or takes none, or beat is.
WITHOUT_TICKS_S = 3.0

_NO_TICKS, _TICKS_AGAIN = "no ticks come: this worker looks for jobs itself", "ticks come again"


def stand_in_while_needed(resources: Resources) -> None:
    """Look for jobs each second in which nobody takes ticks, until the process stops."""
    began_at_s, is_needed = time.monotonic(), False
    while not resources.stop.wait(EVERY_S):
        try:
            age_s = resources.ticks.age_s(Task.RECOVER)
            waited_s = time.monotonic() - began_at_s
            was_needed = is_needed
            is_needed = min(waited_s, waited_s if age_s is None else age_s) > WITHOUT_TICKS_S
            if is_needed != was_needed:
                log.warning(_NO_TICKS if is_needed else _TICKS_AGAIN)
            if is_needed:
                stand_in(resources)
        except RedisError as error:
            log.warning("nobody stands in: %s", say(error), extra={"repeats": "stand in"})


def start_standing_in(resources: Resources) -> None:
    """Do so in a thread that ends with the process, where the broker is one of its own."""
    if resources.settings.broker_url != resources.settings.redis_url:
        threading.Thread(
            target=stand_in_while_needed, args=(resources,), name="stand-in", daemon=True
        ).start()
