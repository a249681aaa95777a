"""Poll: the tasks that ask the gateway what became of each message, until every phone is final.

In:  beat's tick, and messages to poll, by ring. Out: recipients' states in the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task
from redis.exceptions import RedisError

from smsq.names import RING_MAX_JOBS, Queue, Task
from tasks.resources import Resources, get_resources
from tasks.wait_for_slot import serve

#: Messages found by one script call: more would block Redis for others.
BATCH = 500

#: Batches in one tick; what is left is found by the next.
MAX_BATCHES = 10

#: Rings of one tick. Whoever holds for a slot polls too, so a few are enough to wake somebody.
MAX_RINGS = 10


@shared_task(name=Task.POLL_DELIVERIES.value)
def poll_deliveries() -> None:
    """Let the messages that are due wait for a slot, and ring for them."""
    resources = get_resources()
    if resources.ticks.take(Task.POLL_DELIVERIES):
        ring_due_polls(resources)


@shared_task(name=Task.POLL_MESSAGE.value)
def poll_message(refs: Sequence[str]) -> None:
    """See messages polled, each written `<job id>:<n>`."""
    see_polled(get_resources(), refs)


def see_polled(resources: Resources, refs: Sequence[str]) -> None:
    """Serve messages to poll, and go on while others wait: each page brings the next.

    Another thread may have a message's page in hand just now; if all who were rung for it left,
    one thread would read page after page alone.
    """
    while refs and not resources.stop.is_set():
        serve(resources, refs)
        try:
            refs = resources.polls.find_waiting()
        except RedisError:
            return  # recover rings again


def ring_due_polls(resources: Resources) -> int:
    """Ring the messages that are due; returns how many there are."""
    refs: list[str] = []
    for _ in range(MAX_BATCHES):
        found = resources.polls.find_due(limit=BATCH)
        refs += found
        if len(found) < BATCH:
            break
    # Few messages are rung one by one, so that several threads share them.
    size = min(RING_MAX_JOBS, max(1, len(refs) // MAX_RINGS))
    for start in range(0, min(len(refs), size * MAX_RINGS), size):
        resources.rings.ring(Task.POLL_MESSAGE, refs[start : start + size], Queue.POLL)
    return len(refs)
