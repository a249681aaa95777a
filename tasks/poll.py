"""Poll: the tasks that ask the gateway what became of each message, until every phone is final.

In:  beat's tick, and messages to poll, by ring. Out: recipients' states in the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task

from smsq.names import RING_MAX_JOBS, Queue, Task
from tasks.current_engine import get_engine
from tasks.engine import Ring
from tasks.resources import Resources, get_resources

#: Messages found by one script call: more would block Redis for others.
BATCH = 500

#: Batches in one tick; what is left is found by the next.
MAX_BATCHES = 10

#: Rings of one tick. An engine that is awake polls too, so a few are enough to wake somebody.
MAX_RINGS = 10


@shared_task(name=Task.POLL_DELIVERIES.value, send_events=False)  # as recover
def poll_deliveries() -> None:
    """Let the messages that are due wait for a slot, and ring for them."""
    resources = get_resources()
    if resources.ticks.take(Task.POLL_DELIVERIES):
        ring_due_polls(resources)


@shared_task(name=Task.POLL_MESSAGE.value)
def poll_message(refs: Sequence[str]) -> None:
    """See messages polled, each written `<job id>:<n>`; each page brings the next."""
    get_engine(get_resources()).wake(Ring(Task.POLL_MESSAGE, refs, Queue.POLL))


def ring_due_polls(resources: Resources) -> int:
    """Ring the messages that are due; returns how many there are."""
    refs: list[str] = []
    for _ in range(MAX_BATCHES):
        found = resources.polls.find_due(limit=BATCH)
        refs += found
        if len(found) < BATCH:
            break
    # Few messages are rung one by one, so that several workers share them.
    size = min(RING_MAX_JOBS, max(1, len(refs) // MAX_RINGS))
    for start in range(0, min(len(refs), size * MAX_RINGS), size):
        resources.rings.ring(Task.POLL_MESSAGE, refs[start : start + size], Queue.POLL)
    return len(refs)
