"""Recover: give every due job its next step, and ring what is ready and was forgotten.

In:  beat's tick. Out: rings, and jobs moved on whose claim, wait or retention has ended.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence

from celery import shared_task

from smsq.jobs import Due
from smsq.models import Kind
from smsq.names import Queue, Task
from tasks.resources import Resources, get_resources

log = logging.getLogger(__name__)

#: Jobs in one script call: more would block Redis for others.
BATCH = 500

#: Batches in one tick; what is left is found by the next.
MAX_BATCHES = 20

#: `doctor` takes beat for dead when this long has passed since the last tick.
HEARTBEAT_TTL_S = 3600

_TASK_OF = {Kind.QUICK: Task.SEND_QUICK, Kind.BULK: Task.SEND_BULK}


@shared_task(name=Task.RECOVER)
def recover() -> None:
    """Work off what is due."""
    recover_due(get_resources())


def recover_due(resources: Resources) -> int:
    """Work off what is due; returns how many jobs were looked at."""
    looked_at = 0
    for _ in range(MAX_BATCHES):
        size, due = resources.ledger.recover(
            limit=BATCH,
            max_attempts=resources.settings.max_attempts,
            plan=resources.poll_plan,
        )
        looked_at += size
        ring_due(resources, due)
        if size < BATCH:
            break
    resources.redis.set(resources.keys.heartbeat, f"{time.time():.3f}", ex=HEARTBEAT_TTL_S)
    if looked_at:
        log.info("recover: %d jobs were due", looked_at)
    return looked_at


def ring_due(resources: Resources, due: Sequence[Due]) -> None:
    """Ring jobs, those of one task and queue together."""
    rings: dict[tuple[Task, Queue], list[str]] = defaultdict(list)
    for job in due:
        rings[_TASK_OF[job.kind], job.priority].append(job.job_id)
    for (task, queue), job_ids in rings.items():
        resources.rings.ring(task, job_ids, queue)
