"""What is promised to a message that is enqueued now: read from the ledger.

In:  a priority. Out: `Promise`; a handful of reads, whatever waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smsq.domain.waiting import Line, Promise, promise
from smsq.intake.mistakes import refuse
from smsq.ledger.producer import Producer
from smsq.measures.readings import Readings
from smsq.mistakes import Mistake, MistakeCode
from smsq.names import PRIORITIES, QUEUES
from smsq.pacing.slots import read_rate
from smsq.settings import Settings
from smsq.store.clock import ledger_time
from smsq.store.scripts import Scripts

_RATE, _SHARE = "SMSQ_RATE_PER_S", "SMSQ_POLL_SHARE"


def read_promise(producer: Producer, priority: str) -> Promise:
    """Read how long a message of a class waits.

    Raises:
        InvalidMessageError: It is no priority.
    """
    if priority not in PRIORITIES:
        told = f"priority {priority!r:.40}: write one of {', '.join(map(str, PRIORITIES))}"
        refuse([Mistake(told, MistakeCode.PRIORITY_UNKNOWN, "priority")])
    with producer.call(writes=False):
        return promise(priority, _read_line(producer.scripts, producer.settings, priority))


def _read_line(scripts: Scripts, settings: Settings, priority: str) -> Line:
    redis, keys = scripts.redis, scripts.keys
    pipeline = redis.pipeline(transaction=False)
    for queue in QUEUES:
        pipeline.zcard(keys.ready(queue))
    pipeline.hgetall(keys.limiter)
    pipeline.hgetall(keys.settings)
    *ready, limiter, told = pipeline.execute()
    rate = read_rate(
        limiter,
        float(_newest(told, _RATE, settings.rate_per_s)),
        ledger_time(redis, keys).now_s,
    )
    seen = Readings(scripts).last_hour().enqueue_to_request.get(priority)
    return Line(
        ready=dict(zip(map(str, QUEUES), ready, strict=True)),
        per_s=rate.current_per_s,
        poll_share=float(_newest(told, _SHARE, settings.poll_share)),
        closed_s=rate.closed_for_s,
        seen=(
            (seen.count, seen.percentile_s(0.5) or 0.0, seen.percentile_s(0.95) or 0.0)
            if seen
            else (0, 0.0, 0.0)
        ),
    )


def _newest(told: Mapping[str, str], name: str, default: float) -> Any:
    """What workers said last of a setting: a web app need not know it (store/agreement.py)."""
    rows = [
        (float(value.partition(" ")[0]), field.partition("=")[2])
        for field, value in told.items()
        if field.startswith(f"{name}=")
    ]
    return max(rows)[1] if rows else default
