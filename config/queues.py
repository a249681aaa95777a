"""The broker's queues as Celery objects.

In:  `smsq.names`. Out: kombu queues and the route of each task that beat rings.
"""

from __future__ import annotations

from smsq import names
from smsq.rings.rings import make_queue

#: One queue per urgency, never Celery's Redis priorities: those are inverted and need prefetching
#: switched off to mean anything.
QUEUES = tuple(make_queue(queue) for queue in names.QUEUES)

#: Beat's ticks must not stand behind a backlog. Rings for polls are few: a tick makes ten at most,
#: whatever the number of messages.
TICK_QUEUE = names.Queue.POLL
