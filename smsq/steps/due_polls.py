"""Due polls: messages whose time for a poll has come get in line for a slot.

In:  beat's tick. Out: rings; the messages wait for a slot.
"""

from __future__ import annotations

from smsq.names import RING_MAX_JOBS, Queue, Task
from smsq.rings.ticks import Tick
from smsq.steps.resources import Resources

#: Messages found by one script call: more would block Redis for others.
BATCH = 500

#: Batches in one tick; what is left is found by the next.
MAX_BATCHES = 10

#: Rings of one tick. An engine that is awake polls too, so a few are enough to wake somebody.
MAX_RINGS = 10


def ring_due_polls(resources: Resources, tick: Tick | None = None) -> int:
    """Ring the messages that are due; returns how many there are, of a superseded tick none."""
    refs: list[str] = []
    for n in range(MAX_BATCHES):
        found = resources.polls.find_due(limit=BATCH, tick=None if n else tick)
        refs += found
        if len(found) < BATCH:
            break
    # Few messages are rung one by one, so that several workers share them.
    size = min(RING_MAX_JOBS, max(1, len(refs) // MAX_RINGS))
    for start in range(0, min(len(refs), size * MAX_RINGS), size):
        resources.rings.ring(Task.POLL_MESSAGE, refs[start : start + size], Queue.POLL)
    return len(refs)
