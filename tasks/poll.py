"""Poll: the tasks that ask the gateway what became of each message, until every phone is final.

In:  beat's tick, and messages to poll, by ring. Out: the engine of this process, awake.
"""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task

from smsq.names import Queue, Task
from smsq.rings.ticks import Tick
from smsq.steps.due_polls import ring_due_polls
from tasks.current_engine import get_engine
from tasks.current_resources import get_resources
from tasks.engine import Ring
from tasks.rung import read_ids


@shared_task(name=Task.POLL_DELIVERIES.value, send_events=False)  # as recover
def poll_deliveries() -> None:
    """Let the messages that are due wait for a slot, and ring for them."""
    ring_due_polls(get_resources(), Tick(Task.POLL_DELIVERIES))


@shared_task(name=Task.POLL_MESSAGE.value, send_events=False)
def poll_message(refs: Sequence[str]) -> None:
    """See messages polled, each written `<job id>:<n>`; each page brings the next."""
    if ids := read_ids(Task.POLL_MESSAGE, refs):
        get_engine(get_resources()).wake(Ring(Task.POLL_MESSAGE, ids, Queue.POLL))
