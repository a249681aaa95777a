"""What a starting process requires of its ledger; without it the process ends, with what to do.

In:  a Redis client. Out: nothing, or exit code 2 and a line for each thing in the way. A Redis that
is away is waited for, or left for later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from redis import Redis
from redis.exceptions import RedisError

from config.settings import refuse
from smsq.names import Durability
from smsq.rings.channels import find_channel_faults
from smsq.rings.presence import GATEWAY_FREE_AFTER_S, Presence
from smsq.settings import Settings
from smsq.store.connection import WORKER_TIMEOUT_S, connect
from smsq.store.durability import find_obstacle
from smsq.store.fitness import find_faults
from smsq.store.keys import Keys
from smsq.store.refusals import find_refusal, say
from smsq.store.scripts import Scripts

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_OTHER_GATEWAY = (
    "SMSQ_NAMESPACE: workers that send to {} use the same Redis and namespace: give each "
    "installation a namespace of its own; if SMSQ_GATEWAY_URL or SMSQ_SANDBOX has changed, stop "
    "all workers before you start any"
)

#: Pause between two looks for a Redis that is away, and between two lines in the log about it.
OUTAGE_PAUSE_S, TOLD_EVERY_S = 1.0, 60.0


def require_ledger(settings: Settings, *, waits: bool = True, hears: bool = False) -> None:
    """Refuse a Redis that cannot keep the ledger: too old, too few rights, a newer ledger.

    Args:
        settings: Of the process.
        waits: False for a process that works without Redis, too: nothing is looked at then.
        hears: True for a process that is told what all workers are told.
    """
    redis = connect(settings.redis_url, timeout_s=WORKER_TIMEOUT_S)
    try:
        look = partial(find_faults, redis, Keys(settings.namespace).fitness)
        faults = _ask(look, waits=waits)
        if hears and not faults:
            faults = _ask(partial(find_channel_faults, redis, settings), waits=waits)
        if not faults:
            _ask(Scripts.of(redis, settings).look_at_format, waits=waits)
    finally:
        redis.close()
    if faults:
        refuse([f"SMSQ_REDIS_URL: {fault}" for fault in faults])


def require_durability(redis: Redis, keys: Keys, level: Durability) -> None:
    """Refuse a Redis that cannot keep SMSQ_DURABLE_CLAIMS; wait for one that is away.

    A replica may come back at any time, so nobody waits for it here: nothing is sent until then.
    """
    if level is Durability.NONE:
        return
    obstacle = _ask(partial(find_obstacle, redis, keys.disk, level), waits=True)
    if obstacle and level is Durability.REPLICA:
        log.warning("SMSQ_DURABLE_CLAIMS=replica: nothing is sent for now: %s", obstacle)
    elif obstacle:
        refuse([f"SMSQ_DURABLE_CLAIMS: {obstacle}; or set it to 0, see docs/durability.md"])


def require_gateway(presence: Presence, worker: str) -> None:
    """Refuse a ledger whose workers send to another gateway; those that ended are waited for."""
    wait_until_s = time.monotonic() + GATEWAY_FREE_AFTER_S + OUTAGE_PAUSE_S
    is_told = False
    while other := _ask(partial(presence.enter, worker), waits=True):
        if time.monotonic() > wait_until_s:
            refuse([_OTHER_GATEWAY.format(other)])
        if not is_told:
            log.warning("workers that send to %s use this ledger: waiting for their end", other)
        is_told = True
        time.sleep(OUTAGE_PAUSE_S)


def _ask(look: Callable[[], _T], *, waits: bool) -> _T | None:
    told_at_s = float("-inf")
    while True:
        try:
            return look()
        except (RedisError, OSError) as error:
            _refuse_lasting(error)
            if time.monotonic() - told_at_s >= TOLD_EVERY_S:
                told_at_s = time.monotonic()
                log.warning("%s: nothing is known of what it can do", say(error))
        if not waits:
            return None
        time.sleep(OUTAGE_PAUSE_S)


def _refuse_lasting(error: Exception) -> None:
    refusal = find_refusal(error)
    if refusal and refusal.is_lasting:
        refuse([f"SMSQ_REDIS_URL: {refusal.what}: {refusal.fix}"])
