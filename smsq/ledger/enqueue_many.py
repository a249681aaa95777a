"""Hands many independent jobs and sends over: stored in few round trips, rung together.

In:  new jobs, new sends to be gathered. Out: their ids, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from smsq.errors import KeyConflictError, LimitedError
from smsq.ledger.ledger import Refused
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
        LimitedError: The phones of some got as many messages as they may; `limited` counts them
            from 1. The others are stored.
        KeyConflictError: A key was used before with other content, or may not be used again; the
            others are stored.
    """
    ids: list[StoredId | None] = []
    refused: dict[int, Refused] = {}
    call_rings = producer.rings.of_call()
    for start in range(0, len(new), SLICE):
        part = new[start : start + SLICE]
        results = producer.ledger.enqueue_many(part)
        # Before it is rung, and before anything is raised.
        producer.keep(*(one[0] for one in results if not isinstance(one, Refused)))
        to_ring: dict[tuple[Task, Queue], list[str]] = {}
        for (one, _), result in zip(part, results, strict=True):
            if isinstance(result, Refused):
                ids.append(None)
                refused[len(ids)] = result
                continue
            some_id, rung = result
            ids.append(some_id)
            task = Task.SEND_BULK if isinstance(one, NewSend) else Task.SEND_QUICK
            to_ring.setdefault((task, one.priority), []).extend(rung)
        for (task, priority), job_ids in to_ring.items():
            call_rings.ring(task, job_ids, priority)
    if refused:
        _refuse(refused, ids)
    return [some_id for some_id in ids if some_id is not None]


def _refuse(refused: Mapping[int, Refused], ids: Sequence[StoredId | None]) -> NoReturn:
    count = len(ids) - len(refused)
    told = f"; the other {count} messages of this call are stored: see its `stored`" * bool(count)
    limited = {n: e.retry_after_s for n, e in refused.items() if isinstance(e, LimitedError)}
    if not limited:
        raise KeyConflictError(f"{next(iter(refused.values()))}{told}", stored=ids)
    first = refused[min(limited)]
    longest_s = max(limited.values())
    raise LimitedError(f"{first}{told}", longest_s, stored=ids, limited=limited)
