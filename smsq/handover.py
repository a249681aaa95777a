"""Hands many independent jobs over: stored in few round trips, rung together.

In:  new jobs. Out: their ids, in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from smsq.errors import KeyConflictError
from smsq.jobs import Idempotency, NewJob, Stored
from smsq.ledger import Ledger
from smsq.names import Queue, Task
from smsq.rings import Rings

#: Jobs stored in one round trip.
SLICE = 100


def hand_over(new: Sequence[tuple[NewJob, Idempotency]], ledger: Ledger, rings: Rings) -> list[str]:
    """Store and ring quick jobs.

    Raises:
        KeyConflictError: A key was used before with other content; the other jobs are stored.
    """
    ids: list[str] = []
    conflict: KeyConflictError | None = None
    for start in range(0, len(new), SLICE):
        part = new[start : start + SLICE]
        to_ring: dict[Queue, list[str]] = {}
        for (job, _), result in zip(part, ledger.enqueue_many(part), strict=True):
            if isinstance(result, KeyConflictError):
                conflict = conflict or result
                continue
            ids.append(result[1])
            if result[0] is Stored.NEW and job.due_at_ms is None:
                to_ring.setdefault(job.priority, []).append(result[1])
        for priority, job_ids in to_ring.items():
            rings.ring(Task.SEND_QUICK, job_ids, priority)
    if conflict:
        raise conflict
    return ids
