"""Hands many independent jobs and sends over: stored in few round trips, rung together.

In:  new jobs, new sends to be gathered. Out: their ids, in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from smsq.errors import KeyConflictError
from smsq.ledger.producer import Producer
from smsq.ledger.stored_id import StoredId
from smsq.names import Queue, Task
from smsq.records.jobs import Idempotency, NewJob, NewSend

#: Jobs stored in one round trip.
SLICE = 100


def store_and_ring(
    new: Sequence[tuple[NewJob | NewSend, Idempotency]], producer: Producer
) -> list[StoredId]:
    """Store and ring quick jobs, and gather sends.

    After a ring that failed the rest is left to `recover`: a silent broker is waited for once.

    Raises:
        KeyConflictError: A key was used before with other content, or may not be used again; the
            others are stored.
    """
    ids: list[StoredId | None] = []
    conflict: KeyConflictError | None = None
    call_rings = producer.rings.of_call()
    for start in range(0, len(new), SLICE):
        part = new[start : start + SLICE]
        results = producer.ledger.enqueue_many(part)
        # Before it is rung, and before a conflict is raised.
        producer.keep(*(one[0] for one in results if not isinstance(one, KeyConflictError)))
        to_ring: dict[tuple[Task, Queue], list[str]] = {}
        for (one, _), result in zip(part, results, strict=True):
            if isinstance(result, KeyConflictError):
                conflict = conflict or result
                ids.append(None)
                continue
            some_id, rung = result
            ids.append(some_id)
            task = Task.SEND_BULK if isinstance(one, NewSend) else Task.SEND_QUICK
            to_ring.setdefault((task, one.priority), []).extend(rung)
        for (task, priority), job_ids in to_ring.items():
            call_rings.ring(task, job_ids, priority)
    stored = [some_id for some_id in ids if some_id is not None]
    if conflict:
        told = f"; the other {len(stored)} messages of this call are stored: see its `stored`"
        raise KeyConflictError(f"{conflict}{told * bool(stored)}", stored=ids)
    return stored
